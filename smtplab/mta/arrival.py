"""A message as a server took it in, and the callback that takes it over."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from smtplab.mta.envelope import Envelope
from smtplab.mta.rules import Caller, Word
from smtplab.mta.store.port import Trouble
from smtplab.wire.reply import Reply, make_reply


class Arrival(msgspec.Struct, frozen=True):
    envelope: Envelope
    caller: Caller
    """As it was when the message was complete."""
    protocol: str
    """For the trace line: `SMTP`, `ESMTP`, `ESMTPS`, `ESMTPSA`, `LMTP`, `UTF8SMTP` ... (RFC 3848, RFC 6531 4.3)."""
    hop: int
    """The hop on which it came; it goes on with the next one."""
    additions: bytes = b""
    """Header lines that its sender's program left to us (RFC 6409 8)."""


Accept = Callable[[Arrival], Awaitable[Word | tuple[Reply, ...]]]
"""Who takes complete messages. After a 250 the message is theirs. LMTP: one reply for each recipient."""


def not_stored(trouble: Trouble) -> Reply:
    """RFC 3463 3.4: X.3.1, mail system full."""
    if trouble.reason == "disk-full":
        return make_reply(452, "Insufficient system storage", enhanced="4.3.1")
    return make_reply(451, "Could not store the message", enhanced="4.3.0")
