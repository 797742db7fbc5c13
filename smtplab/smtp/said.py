"""A server's reply on its way out: what it is on the wire, and where it leads the dialogue."""

from __future__ import annotations

import functools

import msgspec

from smtplab.events import StateChanged
from smtplab.smtp.states import State, advance
from smtplab.wire.reply import Reply, format_reply

REMEMBERED_MAX = 1024
"""A server says the same few things in the same few states, to everybody."""


class Said(msgspec.Struct, frozen=True, gc=False):
    """The same for every reply of these words, in this state, to this command."""

    data: bytes
    welcome: bool
    """2xx."""
    state: State
    """Afterwards."""
    changed: StateChanged | None
    """None where it leads nowhere else."""


@functools.lru_cache(maxsize=REMEMBERED_MAX)
def say(reply: Reply, state: State, row: str) -> Said:
    """`row` is that of the table of states. Raises ValueError where a text of the reply holds CR or LF."""
    new = advance(state, row, reply.code)
    return Said(format_reply(reply), reply.severity == 2, new, None if new == state else StateChanged(state, new))
