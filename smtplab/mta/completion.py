"""The header lines that a submission server adds where a program left them out (RFC 6409 8.2, 8.3)."""

from __future__ import annotations

import re
from random import Random

from smtplab.message.dates import format_date
from smtplab.message.header import header_octets

_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
_DATE = re.compile(rb"^date[ \t]*:", re.IGNORECASE | re.MULTILINE)
_MESSAGE_ID = re.compile(rb"^message-id[ \t]*:", re.IGNORECASE | re.MULTILINE)


def missing_lines(content: bytes, hostname: str, now: float, chance: Random) -> bytes:
    """Date and Message-ID, each where there is none; nothing where the content does not begin with a header.

    `now` in seconds since the epoch. They go before what the client sent, which stays as it is.
    """
    if not _FIELD.match(content) and not content.startswith(b"\r\n"):
        return b""
    header = content[: header_octets(content)]
    lines = b""
    if not _DATE.search(header):
        lines += f"Date: {format_date(now)}\r\n".encode()
    if not _MESSAGE_ID.search(header):
        lines += f"Message-ID: <{chance.getrandbits(96):024x}@{hostname}>\r\n".encode()
    return lines
