"""A message as it travels: its envelope, its octets, and what they ask of a server; no header is understood here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from smtplab.wire.address import Mailbox

BodyKind = Literal["7bit", "8bit"]


class Envelope(msgspec.Struct, frozen=True):
    reverse_path: Mailbox | None
    """None is the null reverse-path `<>`."""
    recipients: tuple[Mailbox, ...]
    content: bytes
    """Header, empty line and body with CR LF line ends, dots not stuffed."""
    body: BodyKind = "7bit"
    smtputf8: bool = False
    """An address or the header holds UTF-8: only a server that announces SMTPUTF8 may have it (RFC 6531 3.2)."""

    @property
    def sender(self) -> str:
        """The reverse-path's text, empty for the null one."""
        return "" if self.reverse_path is None else str(self.reverse_path)


def make_envelope(reverse_path: Mailbox | None, recipients: Sequence[Mailbox], content: bytes) -> Envelope:
    """Reads what the message needs: 8-bit transport (RFC 6152), internationalised addresses (RFC 6531)."""
    people = [*recipients] if reverse_path is None else [reverse_path, *recipients]
    return Envelope(
        reverse_path=reverse_path,
        recipients=tuple(recipients),
        content=content,
        body="7bit" if content.isascii() else "8bit",
        smtputf8=any(not f"{who.local}{who.domain}".isascii() for who in people) or _is_utf8_header(content),
    )


def _is_utf8_header(content: bytes) -> bool:
    """8-bit octets that are no UTF-8 belong to an older habit, for which SMTPUTF8 is no remedy."""
    header = content.partition(b"\r\n\r\n")[0]
    if header.isascii():
        return False
    try:
        header.decode()
    except UnicodeDecodeError:
        return False
    return True
