"""The header of a message: where it ends, its fields in order, and their text for display; bodies it never reads."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable

import msgspec

from smtplab.message.charset import codec_of, whole_characters

HEADER_OCTETS_MAX = 1_048_576
"""Of a header that is read: no honest one comes near (Postfix keeps a tenth of that of each field), and a hostile one
shall not hold up a reader."""

# ftext = %d33-57 / %d59-126                                                          ; RFC 5322 3.6.8
# unstructured fields and obs-fields allow white space before the colon               ; RFC 5322 4.5
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_END_OF_HEADER = re.compile(rb"\r\n\r\n|\n\n|\n\r\n|\r\r(?!\n)")

# encoded-word = "=?" charset "?" encoding "?" encoded-text "?="                      ; RFC 2047 2
# charset "*" language                                                                ; RFC 2231 5
_WORD = r"=\?([!-)+->@-~]{1,40})(?:\*[A-Za-z0-9\-]*)?\?([BbQq])\?([!->@-~]*)\?="
_ONE_WORD = re.compile(_WORD)
_WORDS = re.compile(r"=\?[!->@-~]{1,80}\?[BbQq]\?[!->@-~]*\?=(?:[ \t]+=\?[!->@-~]{1,80}\?[BbQq]\?[!->@-~]*\?=)*")
WORD_OCTETS_MAX = 45
"""Of text in one encoded-word: in base64 and with its frame it stays below 75 characters (RFC 2047 2)."""


class Field(msgspec.Struct, frozen=True, gc=False):
    name: str
    """As written; empty where the line is no field."""
    value: str
    """Unfolded and stripped; octets that are no UTF-8 as U+FFFD."""
    raw: bytes
    """With its line ends, as it stands in the message."""


def header_octets(content: bytes) -> int:
    """Where the header ends, without the empty line. What has none so far is not looked through to its end: 50 MB of
    text would keep a server for half a second."""
    end = content.find(b"\r\n\r\n", 0, HEADER_OCTETS_MAX)
    return end if end >= 0 else min(len(content), HEADER_OCTETS_MAX)


def split_message(content: bytes) -> tuple[bytes, bytes]:
    """The header with the end of its last line, and the body behind the empty line. Any kind of line end will do."""
    if content.startswith((b"\r\n", b"\n")):
        return b"", content[2 if content.startswith(b"\r\n") else 1 :]
    end = _END_OF_HEADER.search(content)
    if end is None:
        return content, b""
    last = 2 if end[0].startswith(b"\r\n") else 1
    return content[: end.start() + last], content[end.end() :]


def parse_fields(header: bytes) -> tuple[Field, ...]:
    """In the order of the header, none left out: a line that is no field is kept with an empty name."""
    return tuple(_parse_field(lines) for lines in _folded(header[:HEADER_OCTETS_MAX]))


def fields_of(content: bytes) -> tuple[Field, ...]:
    """Of a whole message."""
    return parse_fields(split_message(content)[0])


def find_all(fields: Iterable[Field], name: str) -> tuple[str, ...]:
    """The values of every field of that name, whatever its case."""
    wanted = name.lower()
    return tuple(field.value for field in fields if field.name.lower() == wanted)


def find_first(fields: Iterable[Field], name: str) -> str:
    """Empty where there is none."""
    return next(iter(find_all(fields, name)), "")


def _folded(header: bytes) -> Iterable[list[bytes]]:
    """The lines of each field: one that begins with a blank belongs to the field before (RFC 5322 2.2.3)."""
    lines: list[bytes] = []
    for line in header.splitlines(keepends=True):
        if lines and line[:1] not in (b" ", b"\t"):
            yield lines
            lines = []
        lines.append(line)
    if lines:
        yield lines


def _parse_field(lines: list[bytes]) -> Field:
    raw = b"".join(lines)
    text = _LINE_END.sub(b"", raw)
    name = _FIELD.match(text)
    if name is None:
        return Field("", text.decode("utf-8", "replace"), raw)
    return Field(name[1].decode("ascii"), text[name.end() :].strip().decode("utf-8", "replace"), raw)


# Encoded words


def decode_words(text: str) -> str:
    """For a person to read (RFC 2047). A word that cannot be decoded stays as it is written."""
    return _WORDS.sub(lambda run: _decode_run(run[0]), text)


def _decode_run(run: str) -> str:
    """Blanks between words vanish (RFC 2047 6.2); a character may, against the rules, be split between two of them."""
    whole: list[tuple[str, bytes, str]] = []
    for word in _ONE_WORD.finditer(run):
        charset, octets = word[1].lower(), _octets_of(word[2], word[3])
        if octets is None:
            return run
        if whole and whole[-1][0] == charset:
            whole[-1] = (charset, whole[-1][1] + octets, whole[-1][2] + word[0])
        else:
            whole.append((charset, octets, word[0]))
    return "".join(_decode(*piece) for piece in whole)


def _decode(charset: str, octets: bytes, written: str) -> str:
    codec = codec_of(charset)
    if codec is None:
        return written
    try:
        return whole_characters(octets.decode(codec, "replace"))
    except ValueError:
        return written


def _octets_of(encoding: str, text: str) -> bytes | None:
    if encoding in "Qq":
        return binascii.a2b_qp(text.replace("_", " "), header=False)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None


def encode_words(text: str) -> str:
    """For a field's value: as it is where it is ASCII, else in UTF-8 and base64, folded between words."""
    if text.isascii() and "=?" not in text:
        return text
    words = (base64.b64encode(piece.encode()).decode() for piece in _pieces(text))
    return "\r\n ".join(f"=?utf-8?B?{word}?=" for word in words)


def _pieces(text: str) -> list[str]:
    """No character is split between two words (RFC 2047 5)."""
    pieces = [""]
    for character in text:
        if len((pieces[-1] + character).encode()) > WORD_OCTETS_MAX:
            pieces.append("")
        pieces[-1] += character
    return pieces
