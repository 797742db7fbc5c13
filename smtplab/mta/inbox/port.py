"""What is kept of a message and of a session, as values; nothing here says where they lie."""

from __future__ import annotations

import msgspec

from smtplab.mta.store.port import number_of

__all__ = ["Kept", "Sitting", "number_of"]


class Verdict(msgspec.Struct, frozen=True):
    """What a check said of a message, as `Judged` has it."""

    check: str
    verdict: str
    detail: str = ""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it came, without its content, which the store keeps apart."""

    id: str
    """Hexadecimal, growing with time: its number orders the store."""
    received_at: float
    """Seconds since the epoch: when the content was complete."""
    sender: str
    """Empty for the null reverse-path."""
    recipients: tuple[str, ...]
    mailboxes: tuple[str, ...] = ()
    """The local parts, in lower case, whose reader over POP3 has not taken it away yet."""
    octets: int
    """Of what is stored: the trace lines, then what the client sent."""
    unended: bool = False
    """Its last line has no end, as BDAT allows."""
    subject: str = ""
    """As it stands in the header, unfolded; encoded words are decoded where it is shown."""
    client: str = ""
    """Its address."""
    helo: str = ""
    user: str = ""
    tls: str = ""
    """`TLSv1.3 TLS_AES_256_GCM_SHA384`; empty for a session in clear."""
    protocol: str = ""
    """As in the trace line (RFC 3848)."""
    session: str = ""
    """The id of the session in which it came."""
    verdicts: tuple[Verdict, ...] = ()
    """Of the checks that were made as it came; none are made yet."""


class Sitting(msgspec.Struct, frozen=True, kw_only=True):
    """A session from its connection to its end, without its records."""

    id: str
    started_at: float
    """Seconds since the epoch."""
    protocol: str
    """The listener's: `smtp`, `submission`, `smtps`, `lmtp`, `pop3`."""
    client: str
    messages: tuple[str, ...] = ()
    """The ids of what was taken in it; none for one that was given up or refused."""
    left_out: int = 0
    """Records between the first and the last that were too many to keep."""
