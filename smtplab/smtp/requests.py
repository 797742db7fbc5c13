"""What a server's half asks to be answered, and the bounds within which it listens."""

from __future__ import annotations

from typing import Literal

import msgspec

from smtplab.wire.command import Command
from smtplab.wire.flaw import Flaw
from smtplab.wire.reply import Reply

LineEndings = Literal["strict", "repair", "keep"]


class Asked(msgspec.Struct, frozen=True, gc=False):
    """A command that wants a reply."""

    verb: str
    command: Command
    flaws: tuple[Flaw, ...]
    refusal: Reply | None
    """What RFC 5321 has a server answer where the command is out of order or can't be read; None where it stands."""


class AuthAnswered(msgspec.Struct, frozen=True, gc=False):
    """A line of an AUTH exchange, decoded; None where it was no base64. `cancelled` for a lone `*`."""

    response: bytes | None
    cancelled: bool = False
    too_long: bool = False
    """What fits into no line of an exchange was not kept."""


class ContentReceived(msgspec.Struct, frozen=True, gc=False):
    """A whole message: dots unstuffed, the final CR LF dot CR LF off. It wants a reply (LMTP: one per recipient)."""

    content: bytes
    transfer: Literal["DATA", "BDAT"]
    flaws: tuple[Flaw, ...] = ()
    refusal: Reply | None = None
    """For instance 552 where it is larger than allowed: the content is then empty."""
    is_ascii: bool = True


class ClientGone(msgspec.Struct, frozen=True, gc=False):
    clean: bool
    """True after QUIT."""


class Limits(msgspec.Struct, frozen=True):
    """Bounds, each with its reason."""

    command_octets: int = 2048
    """RFC 5321 4.5.3.1.4 has 512 with CR LF; ESMTP parameters add to it (RFC 5321 4.1.1.11, RFC 6152, 3461)."""
    auth_octets: int = 12288
    """RFC 4954 4: a base64 line of an exchange must be allowed 12288."""
    message_octets: int = 10485760
    recipients: int = 1000
    """RFC 5321 4.5.3.1.8 demands at least 100."""


Request = Asked | AuthAnswered | ContentReceived | ClientGone
