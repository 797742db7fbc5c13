"""How lines of POP3 are shown in the records: as text, secrets masked, messages left out."""

from __future__ import annotations

import re

from smtplab.pop3.response import Response

MASK = "***"

LISTING_LINES_SHOWN_MAX = 1000
"""A record is made to be read: beyond this a listing says nothing that its first lines don't."""

_LISTED = frozenset({"CAPA", "LIST", "UIDL"})

_SECRET = re.compile(rb"(\s*PASS\W?).+|(\s*(?:AUTH|APOP)\s+\S+\s+)\S.*", re.IGNORECASE | re.DOTALL)


def shown_line(line: bytes, end: bytes = b"\r\n", *, show_secrets: bool = False) -> tuple[str, bytes | None]:
    """Text and raw bytes for `CommandSent` and `CommandReceived`; `line` is without its line end.

    The argument of PASS, the digest of APOP and the initial response of AUTH are masked; a masked line has no raw
    bytes, they would tell it.
    """
    if not show_secrets and (secret := _SECRET.fullmatch(line)):
        return _text(secret[1] or secret[2]) + MASK, None
    if end == b"\r\n" and line.isascii():
        text = line.decode("ascii")
        if text.isprintable():
            return text, None
    return _text(line), line + end


def shown_response(line: bytes, *, show_secrets: bool = False) -> tuple[str, bytes | None]:
    """A line of an AUTH exchange: `***`, but a cancelling `*` is no secret."""
    if show_secrets or line == b"*":
        return shown_line(line, show_secrets=True)
    return MASK, None


def shown_lines(response: Response, verb: str) -> tuple[str, ...]:
    """The status line, and behind it the lines of a listing; those of a message are no fact of the dialogue."""
    if verb not in _LISTED or response.content is None:
        return (response.line,)
    return (response.line, *response.listing[:LISTING_LINES_SHOWN_MAX])


def _text(line: bytes) -> str:
    return line.decode("utf-8", "backslashreplace")
