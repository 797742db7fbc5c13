"""A server's reply on its way out: what it is on the wire, and where it leads the dialogue."""

from __future__ import annotations

import functools

import msgspec

from smtplab.events import Event, ReplySent, StateChanged
from smtplab.smtp.states import LAST_CHUNK, State, advance
from smtplab.wire.reply import Reply, format_reply, without_enhanced

REMEMBERED_MAX = 1024
"""A server says the same few things in the same few states, to everybody."""


class Said(msgspec.Struct, frozen=True, gc=False):
    """The same for every reply of these words, in this state, to this command."""

    data: bytes
    told: ReplySent
    """Of an answer that was given at once."""
    state: State
    """Afterwards."""
    changed: StateChanged | None
    """None where it leads nowhere else."""
    facts: tuple[Event, ...]
    """Both of them, of a whole answer that was given at once; none where it has to be looked at what may be shown."""
    granted: bool
    """2xx."""
    noted: bool
    """It makes something true beside the state."""


@functools.lru_cache(maxsize=REMEMBERED_MAX)
def say(reply: Reply, state: State, row: str) -> Said:
    """`row` is that of the table of states. Raises ValueError where a text of the reply holds CR or LF."""
    data, new = format_reply(reply), advance(state, row, reply.code)
    verb = "BDAT" if row == LAST_CHUNK else row
    told = ReplySent(reply.code, reply.enhanced, reply.lines, 0.0, verb, reply.raw)
    changed = None if new == state else StateChanged(state, new)
    facts = () if verb == "AUTH" else (told,) if changed is None else (told, changed)
    granted = reply.severity == 2
    return Said(data, told, new, changed, facts, granted, verb == "MAIL" or (granted and verb in _NOTED))


def say_as_ever(reply: Reply, state: State, row: str) -> Said:
    """RFC 821 had no enhanced codes, which came in 1996 (RFC 1893)."""
    return say(without_enhanced(reply), state, row)


_NOTED = frozenset({"RCPT", "QUIT", "AUTH"})
"""Where they are granted; of MAIL, which others may follow unasked, a refusal is noted too."""
