"""Replies (RFC 5321 4.2) and the enhanced status codes in front of their texts (RFC 2034, RFC 3463)."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence

import msgspec

from smtplab.wire.flaw import Flaw, shorten

LINE_OCTETS_MAX = 512
"""RFC 5321 4.5.3.1.5, with code and CR LF. Longer lines are noted and read: a diagnosis wants to see them."""
LINES_MAX = 1000
"""Far above any list of extensions or help text, and few enough to be looked at."""
OCTETS_MAX = 65536
"""A whole reply: 128 lines of full length; what is longer is no answer but a flood."""
REMEMBERED_MAX = 256
"""Replies kept as they were read: a server says the same to everybody."""
REMEMBERED_OCTETS_MAX = 2048
"""Each at most so long, which is more than any list of extensions; all of them are some hundred kilobytes."""

# Greeting    = "220 " ... ; Reply-line = *( Reply-code "-" [ textstring ] CRLF )     ; RFC 5321 4.2
#                                           Reply-code [ SP textstring ] CRLF
# Reply-code  = %x32-35 %x30-35 %x30-39
# textstring  = 1*(%d09 / %d32-126)
_REPLY_LINE = re.compile(rb"([0-9]{3})(?:([ -])(.*)|([^0-9 -].*)|)", re.DOTALL)
_PLAIN_REPLY = re.compile(rb"([2-5][0-5][0-9])(?:-[\t -~]*\r\n\1)* [\t -~]+\r\n")
_PLAIN_LINE = re.compile(rb"([2-5][0-5][0-9]) ([\t -~]{1,%d})\r\n" % (LINE_OCTETS_MAX - len(b"250 \r\n")))
"""What most replies are."""
_REPLY_CODE = re.compile(rb"[2-5][0-5][0-9]")
_TEXT = re.compile(rb"[\t -~]*")

# status-code = class "." subject "." detail                                          ; RFC 3463 2
# class       = "2" / "4" / "5"
# subject     = 1*3digit
# detail      = 1*3digit                      ; without leading zeros
_ENHANCED = re.compile(r"([245])\.(?:0|[1-9][0-9]{0,2})\.(?:0|[1-9][0-9]{0,2})(?=[ \t]|$)")


class Reply(msgspec.Struct, frozen=True, gc=False, cache_hash=True):
    code: int | None
    """None where the line had no code that can be read."""
    lines: tuple[str, ...]
    """The texts without the code, enhanced codes left in (they are part of the text on the wire)."""
    enhanced: str | None = None
    """`5.7.1`, of the first line that has one."""
    raw: bytes | None = None
    """The bytes as they came, where they were not plain ASCII lines ending in CR LF."""

    @property
    def severity(self) -> int:
        """The first digit, 0 where there is no code."""
        return (self.code or 0) // 100


Read = tuple[Reply, tuple[Flaw, ...]]
"""A reply, and what is wrong with how it was written."""

Plain = tuple[tuple[Read, int], ...]
"""Replies of which nothing is wrong, each with its octets."""


class ReplyReader:
    """Takes bytes in any pieces and gives whole replies, bounded in lines and octets."""

    def __init__(self) -> None:
        self.broken = False
        """A reply passed the bounds: nothing more is read."""
        self.unread = b""
        """What has come behind the last reply that was given, or the last line of one that is not whole."""
        self._scanned = 0
        """Up to here no line end has been missed in it."""
        self._plain: Plain = ()
        """What it begins with, where that has been read already."""
        self._lines: list[bytes] = []
        """Of the reply that is not whole yet, each with its line end."""
        self._octets = 0
        """Of `_lines`."""

    @property
    def pending(self) -> bytes:
        """What has come and was not given out."""
        return b"".join(self._lines) + self.unread

    def receive(self, data: bytes) -> None:
        if not self.broken:
            self.unread += data

    def next_reply(self) -> Read | None:
        """The next whole reply and what is wrong with how it was written; None until more bytes come.

        A reply that passes the bounds is given once as it stands, flawed `reply-too-long`, and the reader is
        then `broken`: it reads no more.
        """
        unread = self.unread
        if not unread:
            return None
        plain = self._plain
        if not plain and not self._scanned and not self._lines and len(unread) <= REMEMBERED_OCTETS_MAX:
            plain = _read_plain(unread)
        if plain:
            read, octets = plain[0]
            self._plain = plain[1:]
            self.unread = unread[octets:]
            return read
        return self._next_by_lines()

    def _next_by_lines(self) -> Read | None:
        while not self.broken:
            end = self.unread.find(b"\n", self._scanned)
            length = end + 1 if end >= 0 else len(self.unread)
            if self._octets + length > OCTETS_MAX or len(self._lines) == LINES_MAX:
                return self._break_off()
            if end < 0:
                self._scanned = length
                return None
            line, self.unread = self.unread[:length], self.unread[length:]
            self._scanned = 0
            self._lines.append(line)
            self._octets += length
            if self._is_last(line):
                return self._finish()
        return None

    def _is_last(self, line: bytes) -> bool:
        """A line without a code ends a reply only where it is all of it; inside one it is taken as more text."""
        if line[3:4] == b"-" and line[:3].isdigit():
            return False
        found = _REPLY_LINE.fullmatch(_without_end(line))
        return found[2] != b"-" if found else len(self._lines) == 1

    def _finish(self, *flaws: Flaw) -> Read:
        read = (_read_again if self._octets <= REMEMBERED_OCTETS_MAX else _read)(tuple(self._lines))
        self._lines, self._octets = [], 0
        return read[0], (*read[1], *flaws)

    def _break_off(self) -> Read:
        room = OCTETS_MAX - self._octets
        if len(self._lines) < LINES_MAX and room:
            self._lines.append(self.unread[:room])
        self.broken = True
        self.unread = b""
        return self._finish(Flaw("reply-too-long", f"{LINES_MAX} lines, {OCTETS_MAX} octets", "RFC 5321 4.5.3.1.5"))


def make_reply(code: int, *texts: str, enhanced: str | None = None) -> Reply:
    """A reply of ours: `enhanced` is put in front of each text (RFC 2034 4)."""
    if enhanced is None:
        return Reply(code, texts or ("",))
    return Reply(code, tuple(f"{enhanced} {text}" for text in texts) or (enhanced,), enhanced)


def without_enhanced(reply: Reply) -> Reply:
    """The same for whoever has never heard of enhanced codes."""
    if reply.enhanced is None:
        return reply
    return Reply(reply.code, tuple(split_enhanced(line, reply.code)[1] for line in reply.lines))


# A server says the same few things to everybody.
@functools.lru_cache(maxsize=REMEMBERED_MAX)
def format_reply(reply: Reply) -> bytes:
    """All lines with CR LF, made anew from code and texts. Raises ValueError where a text holds CR or LF."""
    return _write(reply)


def _write(reply: Reply) -> bytes:
    for text in reply.lines:
        if "\r" in text or "\n" in text:
            raise ValueError("CR or LF inside a reply's text")
    if len(reply.lines) == 1 and reply.code is not None:
        return f"{reply.code:03} {reply.lines[0]}\r\n".encode()  # most replies are one line
    if reply.code is None:
        return "".join(f"{text}\r\n" for text in reply.lines).encode("utf-8")
    *more, last = reply.lines or ("",)
    written = [f"{reply.code:03}-{text}\r\n" for text in more]
    # With the blank also where no text follows (RFC 5321 4.2); a challenge must have it (RFC 4954 4).
    written.append(f"{reply.code:03} {last}\r\n")
    return "".join(written).encode("utf-8")


def split_enhanced(text: str, code: int | None) -> tuple[str | None, str]:
    """`("5.7.1", "No")` from `5.7.1 No`; the class must agree with the reply code's first digit (RFC 2034 4)."""
    found = _ENHANCED.match(text)
    if not found or code is None or int(found[1]) != code // 100:
        return None, text
    return found[0], text[found.end() + 1 :]


def enhanced_of(lines: Sequence[str], code: int | None) -> str | None:
    """The enhanced status code of the first text that has one."""
    return next((found for text in lines if (found := split_enhanced(text, code)[0])), None)


@functools.lru_cache(maxsize=REMEMBERED_MAX)
def _read_plain(data: bytes) -> Plain:
    """The replies that these bytes are, and nothing more or less, where nothing is wrong about any of them; as nearly
    always: to look for what may be wrong costs more than the rest of a delivery's reading."""
    alone = _PLAIN_LINE.fullmatch(data)
    if alone is not None:
        code, text = int(alone[1]), alone[2].decode("ascii")
        return (((Reply(code, (text,), split_enhanced(text, code)[0]), ()), len(data)),)
    found: list[tuple[Read, int]] = []
    at = 0
    while at < len(data):
        plain = _PLAIN_REPLY.match(data, at)
        lines = plain[0].decode("ascii").split("\r\n")[:-1] if plain is not None else []
        if plain is None or max(map(len, lines)) + 2 > LINE_OCTETS_MAX:
            return ()
        code, texts = int(plain[1]), tuple([line[4:] for line in lines])
        found.append(((Reply(code, texts, enhanced_of(texts, code)), ()), plain.end() - at))
        at = plain.end()
    return tuple(found)


def _read(lines: tuple[bytes, ...]) -> Read:
    """Whole lines become a reply. Its code is that of the last line, by which a client must act (RFC 5321 4.2.1)."""
    raw = b"".join(lines)
    bare = [_without_end(line) for line in lines]
    found = [_REPLY_LINE.fullmatch(line) for line in bare]
    codes = [match[1] for match in found if match]
    texts = tuple(
        _decode((match[3] or match[4] or b"") if match else line) for match, line in zip(found, bare, strict=True)
    )
    code = int(codes[-1]) if codes else None
    reply = Reply(code, texts, enhanced_of(texts, code))
    # A text that came without a code may still hold CR, which our own writing refuses.
    exact = b"\r" not in b"".join(bare) and _write(reply) == raw
    plain = exact and raw.isascii()
    flaws = (*_code_flaws(codes, len(lines)), *_text_flaws(lines, bare))
    if any(match and match[4] is not None for match in found):
        flaws = (*flaws, Flaw("reply-separator", "", "RFC 5321 4.2"))
    return (reply if plain else msgspec.structs.replace(reply, raw=raw)), flaws


_read_again = functools.lru_cache(maxsize=REMEMBERED_MAX)(_read)


def _code_flaws(codes: Sequence[bytes], lines: int) -> Iterable[Flaw]:
    if len(codes) < lines:
        yield Flaw("reply-code-missing", str(lines - len(codes)), "RFC 5321 4.2")
    if len(set(codes)) > 1:
        yield Flaw("reply-codes-differ", b" ".join(dict.fromkeys(codes)).decode("ascii")[:80], "RFC 5321 4.2.1")
    if odd := next((code for code in codes if not _REPLY_CODE.fullmatch(code)), None):
        yield Flaw("reply-code-range", odd.decode("ascii"), "RFC 5321 4.2")


def _text_flaws(lines: Sequence[bytes], bare: Sequence[bytes]) -> Iterable[Flaw]:
    unended = sum(not line.endswith(b"\r\n") for line in lines if line.endswith(b"\n"))
    if unended:
        yield Flaw("bare-lf", str(unended), "RFC 5321 2.3.8")
    if any(b"\r" in line for line in bare):
        yield Flaw("bare-cr", "", "RFC 5321 2.3.8")
    if longest := max((len(line) for line in lines if len(line) > LINE_OCTETS_MAX), default=0):
        yield Flaw("reply-line-too-long", str(longest), "RFC 5321 4.5.3.1.5")
    if odd := next((line for line in bare if not _TEXT.fullmatch(line.replace(b"\r", b""))), None):
        # RFC 6531 3.7.4 allows UTF-8 after a client that asked for SMTPUTF8.
        rule = "reply-not-ascii" if not odd.isascii() else "reply-control"
        yield Flaw(rule, shorten(_decode(odd)), "RFC 5321 4.2")


def _without_end(line: bytes) -> bytes:
    return line[:-2] if line.endswith(b"\r\n") else line.removesuffix(b"\n")


def _decode(text: bytes) -> str:
    """Latin-1 takes every byte, so that no banner is a crash."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")
