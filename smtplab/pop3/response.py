"""Responses of POP3 (RFC 1939 3): a status line, and behind some of them lines up to a lone dot."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from smtplab.wire.flaw import Flaw, shorten
from smtplab.wire.framing import ContentReader, LineReader, bare_line_ends, stuff

Status = Literal["+OK", "-ERR", "+"]
"""`+` alone asks for the next line of an AUTH exchange (RFC 5034 4)."""

LINE_OCTETS_MAX = 512
"""RFC 2449 4, with CR LF. Longer lines are noted and read: a diagnosis wants to see them."""

LINE_OCTETS_KEPT = 12288
"""A challenge of AUTH may be as long as in SMTP (RFC 4954 4); of what is longer the rest is dropped."""

LISTING_OCTETS_MAX = 8 * 1024 * 1024
"""A listing of 100,000 messages whose unique-ids have all of the 70 characters of RFC 1939 7."""

# single-line  = status [SP text] CRLF                                 ; RFC 2449 3
# status       = "+OK" / "-ERR"                                        ; upper case only, RFC 1939 3
# text         = *schar / resp-code *CHAR                              ; schar: any CHAR but "[" to begin with
# resp-code    = "[" resp-level *("/" resp-level) "]"
# continuation = "+" SP [base64] CRLF                                  ; RFC 5034 4
_STATUS_LINE = re.compile(rb"(\+OK|-ERR|\+)(?: (.*)|(.*))", re.DOTALL | re.IGNORECASE)
_PLAIN = re.compile(rb"[ -~]*")
_CODE = re.compile(r"\[([!-.0-Z\\^-~]+(?:/[!-.0-Z\\^-~]+)*)\]")
_STATUSES: dict[bytes, Status] = {b"+OK": "+OK", b"-ERR": "-ERR", b"+": "+"}


class Response(msgspec.Struct, frozen=True, gc=False):
    status: Status | None
    """None where the line does not begin with one."""
    text: str = ""
    """What follows the status; the whole line where there is none."""
    content: bytes | None = None
    """The lines behind it, dots unstuffed, without the dot that ends them; None where it is a line alone."""
    raw: bytes | None = None
    """The status line's bytes where `line` does not give them back, or is not plain ASCII."""

    @property
    def ok(self) -> bool:
        return self.status == "+OK"

    @property
    def code(self) -> str | None:
        """`IN-USE` of `[IN-USE] Locked` (RFC 2449 8); in any case on the wire, in capitals here."""
        found = _CODE.match(self.text)
        return found[1].upper() if found else None

    @property
    def line(self) -> str:
        """The status line as it stands on the wire."""
        if self.status is None:
            return self.text
        # RFC 5034 4: the space of a continuation stands even where nothing follows it.
        return f"{self.status} {self.text}" if self.text or self.status == "+" else self.status

    @property
    def listing(self) -> tuple[str, ...]:
        """The content as lines of text."""
        return tuple(decode(line) for line in (self.content or b"").split(b"\r\n")[:-1])


def ok(text: str = "", content: bytes | None = None) -> Response:
    return Response("+OK", text, content)


def err(text: str, code: str = "") -> Response:
    return Response("-ERR", f"[{code}] {text}" if code else text)


def of_lines(*lines: str) -> bytes:
    """A content of these lines; none at all are an empty one."""
    return "".join(f"{line}\r\n" for line in lines).encode("utf-8")


def format_response(response: Response) -> bytes:
    """With CR LF; the content stuffed and ended. Raises ValueError where the text would split the line."""
    if "\r" in response.text or "\n" in response.text:
        raise ValueError("CR or LF inside a response")
    first = response.line.encode("utf-8") + b"\r\n"
    return first if response.content is None else first + stuff(response.content)


LONG_OCTETS = 262_144
"""A content beyond leaves in pieces of so much: to stuff one of 50 MB and hand it over takes a fifth of a second."""


class LongContent:
    """Of a response: stuffed and ended as `format_response` does it, but piece by piece."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0
        self._ended = False
        self._bare_cr = self._bare_lf = 0

    def next_piece(self) -> bytes:
        """Empty when all of it has been given."""
        content, start = self._content, self._at
        if start >= len(content):
            return self._end()
        end = start + LONG_OCTETS
        end += content[end - 1 : end + 1] == b"\r\n"  # A line end is not parted.
        piece = content[start:end]
        self._at = end
        bare_cr, bare_lf = bare_line_ends(piece)
        self._bare_cr += bare_cr
        self._bare_lf += bare_lf
        begins_line = start == 0 or content[start - 2 : start] == b"\r\n"
        first = b"." if begins_line and piece.startswith(b".") else b""
        return first + piece.replace(b"\r\n.", b"\r\n..")

    def _end(self) -> bytes:
        if self._ended:
            return b""
        self._ended = True
        return b".\r\n" if self._content.endswith(b"\r\n") or not self._content else b"\r\n.\r\n"

    @property
    def flaws(self) -> tuple[Flaw, ...]:
        """Of its line ends, as far as it was given."""
        return flaws_of_ends(self._bare_cr, self._bare_lf)


def flaws_of_ends(bare_cr: int, bare_lf: int) -> tuple[Flaw, ...]:
    """Clients that end lines at a bare LF may take what follows one for the dot that ends a message."""
    counted = (("bare-cr", bare_cr), ("bare-lf", bare_lf))
    return tuple(Flaw(rule, str(number), "RFC 1939 3") for rule, number in counted if number)


def parse_status_line(line: bytes) -> tuple[Response, tuple[Flaw, ...]]:
    """A line without its end, and what is wrong with how it was written. Never raises."""
    found = _STATUS_LINE.fullmatch(line)
    flaws = _flaws_of_line(line, continuation=line.startswith(b"+ "))
    if not found:
        response = Response(None, decode(line))
        flaws.insert(0, Flaw("reply-status", shorten(decode(line)), "RFC 1939 3"))
    else:
        status = _STATUSES[found[1].upper()]
        response = Response(status, decode(found[2] or found[3] or b""))
        if found[1] != status.encode():
            flaws.append(Flaw("reply-status", shorten(decode(found[1])), "RFC 1939 3"))
        if found[3]:
            flaws.append(Flaw("reply-separator", "", "RFC 2449 3"))
    plain = _PLAIN.fullmatch(line) and response.line.encode() == line
    return (response if plain else msgspec.structs.replace(response, raw=line + b"\r\n")), tuple(flaws)


def _flaws_of_line(line: bytes, *, continuation: bool) -> list[Flaw]:
    flaws = []
    if len(line) + 2 > LINE_OCTETS_MAX and not continuation:
        flaws.append(Flaw("reply-line-too-long", str(len(line) + 2), "RFC 2449 4"))
    if not line.isascii():
        flaws.append(Flaw("reply-not-ascii", shorten(decode(line)), "RFC 1939 3"))
    elif not _PLAIN.fullmatch(line):
        flaws.append(Flaw("reply-control", shorten(decode(line)), "RFC 1939 3"))
    return flaws


class ResponseReader:
    """Takes bytes in any pieces and gives whole responses, bounded in octets."""

    def __init__(self) -> None:
        self.broken = False
        """A content passed its bound: nothing more is read."""
        # Nothing can be smuggled by a status line, so that what other clients read is read here too, and noted.
        self._lines = LineReader(LINE_OCTETS_KEPT, bare_lf_ends=True)
        self._first: tuple[Response, tuple[Flaw, ...]] | None = None
        self._content: ContentReader | None = None

    @property
    def pending_octets(self) -> int:
        """Of what has come and was not given out."""
        behind = max(0, self._content.octets) if self._content is not None else 0
        return len(self._first[0].line) + behind if self._first is not None else len(self._lines.pending)

    def receive(self, data: bytes) -> None:
        if self.broken:
            return
        if self._content is not None:
            self._read_content(self._content, data)
        else:
            self._lines.receive(data)

    def next_response(self, octets_max: int | None) -> tuple[Response, tuple[Flaw, ...]] | None:
        """The next whole response; `octets_max` bounds the content behind a `+OK`, None for a line alone.

        A content that passes the bound is given once without it, flawed `reply-too-long`, and the reader is then
        `broken`.
        """
        if self.broken and self._first is None:
            return None
        if self._first is None:
            found = self._lines.next_line()
            if found is None:
                return None
            response, flaws = parse_status_line(found[0])
            self._first = response, (*(_of_pop3(flaw) for flaw in found[1]), *flaws)
            if octets_max is not None and response.ok:
                self._content = ContentReader(octets_max)
                self._read_content(self._content, self._lines.take())
        return self._whole()

    def _read_content(self, content: ContentReader, data: bytes) -> None:
        after = content.receive(data)
        if content.too_large:
            self.broken = True
        elif after is not None and self._first is not None:
            response, flaws = self._first
            given = msgspec.structs.replace(response, content=content.content)
            self._first = given, (*flaws, *(_of_pop3(flaw) for flaw in content.flaws))
            self._content = None
            self._lines.receive(after)

    def _whole(self) -> tuple[Response, tuple[Flaw, ...]] | None:
        if self._first is None or (self._content is not None and not self.broken):
            return None
        response, flaws = self._first
        if self.broken:
            response = msgspec.structs.replace(response, content=None)
            flaws = (*flaws, Flaw("reply-too-long", "", ""))
        self._first = self._content = None
        return response, flaws


def _of_pop3(flaw: Flaw) -> Flaw:
    """What the readers of lines and contents note holds here by other documents."""
    rfc = "RFC 2449 4" if flaw.rule == "line-too-long" else "RFC 1939 3"
    return Flaw(flaw.rule, flaw.detail, rfc)


def decode(text: bytes) -> str:
    """Latin-1 takes every byte, so that no banner is a crash."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")
