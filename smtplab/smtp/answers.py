"""What a client sends and what it hears, as values: lines by hand, answers, and what is still owed one."""

from __future__ import annotations

import msgspec

from smtplab.wire.command import Command
from smtplab.wire.reply import Reply


class RawLine(msgspec.Struct, frozen=True):
    """Bytes to be sent as they are, by hand: any line end, any order, NUL too."""

    data: bytes


class Answered(msgspec.Struct, frozen=True, gc=False):
    """A reply and the command that it answers."""

    reply: Reply
    command: Command | RawLine | None
    """None for the greeting, for the end of the content and for a reply that nobody asked for."""
    verb: str
    """As in `events.ReplyReceived.verb`."""
    recipient: int | None = None
    """LMTP: which accepted recipient (from 0) this reply to the content is about."""


class Closed(msgspec.Struct, frozen=True):
    """The peer's bytes ended, or the reader gave up."""

    reason: str = ""
    """Empty for an end of stream; `reply-too-long` where the peer passed a bound."""


class Owed(msgspec.Struct, frozen=True, gc=False):
    """What was sent and has no answer yet."""

    verb: str
    row: str
    """The verb in the table of states: the last BDAT has a row of its own."""
    at: float
    command: Command | RawLine | None = None
    parsed: Command | None = None
