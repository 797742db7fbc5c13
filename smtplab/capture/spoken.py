"""The bytes of a recorded line on the wire, and bytes that stand in for a content which was not recorded."""

from __future__ import annotations

import re

from smtplab import events as ev
from smtplab.wire.reply import Reply, format_reply

STAND_IN_OCTETS_MAX = 256 * 1024
"""A longer content is shortened: nobody reads filler, and a file of it helps nobody."""

_LINE_OCTETS = 76
"""Below the 78 that RFC 5322 2.1.1 asks of a writer."""

_BDAT = re.compile(r"BDAT[ \t]+(\d{1,18})(?:[ \t]|$)", re.IGNORECASE)


def spoken(event: ev.CommandSent | ev.CommandReceived | ev.ReplySent | ev.ReplyReceived) -> bytes:
    """A command or a reply with its line ends; a chunk's content, not recorded, is filled in behind its BDAT."""
    match event:
        case ev.CommandSent(raw=raw, line=line) | ev.CommandReceived(raw=raw, line=line):
            said = raw if raw is not None else _encoded(line) + b"\r\n"
            chunk = _BDAT.match(line) if event.verb == "BDAT" else None
            return said + _filler(int(chunk[1])) if chunk else said
        case ev.ReplySent(raw=raw) | ev.ReplyReceived(raw=raw):
            said = raw if raw is not None else _reply(event.code, event.lines)
            return said + _rest_of_response(event) if event.code is None else said


def content_stand_in(octets: int) -> bytes:
    """What DATA carries, with its end (RFC 5321 4.1.1.4); `octets` as SIZE counts them (RFC 1870 3)."""
    return _filler(octets) + b".\r\n"


def _reply(code: int | None, lines: tuple[str, ...]) -> bytes:
    try:
        return format_reply(Reply(code, lines))
    except ValueError:
        # A text with a line end inside, in a capture that somebody has mended: no server said so.
        return format_reply(Reply(code, tuple(" ".join(text.split()) for text in lines)))


def _rest_of_response(event: ev.ReplySent | ev.ReplyReceived) -> bytes:
    """What follows the lines of a POP3 response that are recorded: a message, and the dot that ends it (RFC 1939 3)."""
    if event.verb not in _LONG_RESPONSES or not event.lines or not event.lines[0].startswith("+OK"):
        return b""
    if event.verb not in ("RETR", "TOP"):
        return b".\r\n"
    octets = re.search(r"\d{1,9}", event.lines[0])
    return content_stand_in(int(octets[0]) if octets else 0)


_LONG_RESPONSES = frozenset({"CAPA", "LIST", "UIDL", "RETR", "TOP"})


def _filler(octets: int) -> bytes:
    """A message of this length whose header says what it is, where there is room for one."""
    octets = min(max(octets, 0), STAND_IN_OCTETS_MAX)
    header = b"Comments: %d octets of content, not recorded\r\n\r\n" % octets
    if octets < len(header) + 2:
        return b"~" * (octets - 2) + b"\r\n" if octets >= 2 else b"~" * octets
    line = b"~" * (_LINE_OCTETS - 2) + b"\r\n"
    whole, rest = divmod(octets - len(header), _LINE_OCTETS)
    # A last line needs room for its CR LF; one octet less is the line's before it.
    if rest == 1:
        return header + line * (whole - 1) + b"~" * (_LINE_OCTETS - 1) + b"\r\n" if whole else header[:-2] + b"~\r\n"
    return header + line * whole + (b"~" * (rest - 2) + b"\r\n" if rest else b"")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
