"""The parts of a message as a tree, each out of its encoding, with a name that is safe to save under (RFC 2045, 2046).

The message is a stranger's: whatever it says, the tree is there, it is bounded, and what is wrong stands in `flaws`.
"""

from __future__ import annotations

import email.message
import email.utils
from collections.abc import Iterator

import msgspec

from smtplab.message.charset import codec_of, decode_text, whole_characters
from smtplab.message.file_name import safe_file_name
from smtplab.message.header import Field, decode_words, find_first, parse_fields, split_message
from smtplab.message.mime import decode_transfer, split_multipart

DEPTH_MAX = 20
"""Of multiparts and messages in each other: forwarding a forward goes three or four deep."""
PARTS_MAX = 500
"""Of the whole tree: a newsletter with all its pictures has some dozens."""
FIELD_CHARACTERS_MAX = 8192
"""Of a field that is read for its parameters, which takes quadratic time; a line of them has 998 at most."""
TEXT_OCTETS_MAX = 1_048_576
"""Of a part that is shown as text: some 20,000 lines."""


class MimePart(msgspec.Struct, frozen=True, kw_only=True):
    number: str
    """As IMAP numbers parts, `1`, `2.1` (RFC 9051 6.4.5); a message that is a multipart is `0`, and `3.0` where part 3
    is a message and that one is a multipart."""
    kind: str
    """`text/plain`, in lower case."""
    charset: str = ""
    """As named; empty where none is."""
    name: str = ""
    """The file name as it was sent, decoded and untrusted; empty where there is none."""
    file_name: str
    """For saving: never empty, never a path."""
    disposition: str = ""
    """`inline`, `attachment` or whatever was said, in lower case."""
    content_id: str = ""
    """Without its angle brackets: what `cid:` in HTML names."""
    encoding: str = ""
    """The transfer encoding, in lower case."""
    fields: tuple[Field, ...] = ()
    """Of its own header; for a message, that one's header is its only child's."""
    content: bytes = b""
    """Out of its transfer encoding; empty for a multipart."""
    parts: tuple[MimePart, ...] = ()
    """Of a multipart, or the one message in a `message/rfc822`."""
    flaws: tuple[str, ...] = ()
    """`no-parts`, `too-deep`, `too-many-parts`, `bad-base64`, `encoding-unknown`, `charset-unknown`."""

    @property
    def octets(self) -> int:
        """Out of its transfer encoding; of a multipart, those of all its parts."""
        return len(self.content) if not self.parts or self.content else sum(part.octets for part in self.parts)

    @property
    def text(self) -> str:
        """Its beginning, `TEXT_OCTETS_MAX`, in its charset, with plain line feeds; empty where it is no text."""
        if not self.kind.startswith("text/"):
            return ""
        decoded = decode_text(self.content[:TEXT_OCTETS_MAX], self.charset, cut=self.is_cut)
        return decoded.replace("\r\n", "\n").replace("\r", "\n")

    @property
    def is_cut(self) -> bool:
        """Is `text` not all of it?"""
        return len(self.content) > TEXT_OCTETS_MAX

    @property
    def is_attachment(self) -> bool:
        """To be saved rather than shown in its place."""
        if self.parts and not self.content:
            return False
        return self.disposition == "attachment" or bool(self.name) or not self.kind.startswith("text/")


def parts_of_message(content: bytes) -> MimePart:
    """The root of the tree."""
    return _Reader().read(content, "", 0)


def walk(part: MimePart) -> Iterator[tuple[int, MimePart]]:
    """Itself and all below, in the order of the message, each with its depth."""
    waiting = [(0, part)]
    while waiting:
        depth, one = waiting.pop()
        yield depth, one
        waiting.extend((depth + 1, below) for below in reversed(one.parts))


def part_at(root: MimePart, number: str) -> MimePart | None:
    """By its number."""
    return next((part for _, part in walk(root) if part.number == number), None)


def part_called(root: MimePart, content_id: str) -> MimePart | None:
    """By what `cid:` names (RFC 2392)."""
    return next((part for _, part in walk(root) if content_id and part.content_id == content_id), None)


def body_of(root: MimePart, kind: str) -> MimePart | None:
    """The first part of that kind that is meant to be read in its place, not one within an attached message."""
    if root.kind == kind and not root.parts and root.disposition != "attachment":
        return root
    if not root.kind.startswith("multipart/"):
        return None
    return next((found for part in root.parts if (found := body_of(part, kind)) is not None), None)


def attachments_of(root: MimePart) -> tuple[MimePart, ...]:
    """What a reader offers to save; nothing of what lies within an attached message."""
    if root.is_attachment:
        return (root,)
    return tuple(found for part in root.parts for found in attachments_of(part))


class _Reader:
    """Of one message: counts what it has made."""

    def __init__(self) -> None:
        self._made = 0

    def read(self, content: bytes, number: str, depth: int) -> MimePart:
        """`number` is empty for a message, which gets one by what it is."""
        self._made += 1
        header, body = split_message(content)
        fields = parse_fields(header)
        said = _Said(fields)
        is_multipart = said.kind.startswith("multipart/")
        number = number or ("0" if is_multipart else "1")
        decoded, flaws = _decoded(body, "" if is_multipart else said.encoding)
        parts: tuple[MimePart, ...] = ()
        if is_multipart or said.kind == "message/rfc822":
            parts, more = self._below(decoded, said, number, depth)
            flaws += more
        if said.kind.startswith("text/") and said.charset and codec_of(said.charset) is None:
            flaws += ("charset-unknown",)
        return MimePart(
            number=number,
            kind=said.kind,
            charset=said.charset,
            name=said.name,
            file_name=safe_file_name(said.name, number, said.kind),
            disposition=said.disposition,
            content_id=said.content_id,
            encoding=said.encoding,
            fields=fields,
            content=b"" if is_multipart and parts else decoded,
            parts=parts,
            flaws=flaws,
        )

    def _below(
        self, content: bytes, said: _Said, number: str, depth: int
    ) -> tuple[tuple[MimePart, ...], tuple[str, ...]]:
        if depth >= DEPTH_MAX:
            return (), ("too-deep",)
        if said.kind == "message/rfc822":
            if self._made >= PARTS_MAX:
                return (), ("too-many-parts",)
            inner = _Said(parse_fields(split_message(content)[0]))
            last = "0" if inner.kind.startswith("multipart/") else "1"
            return (self.read(content, f"{number}.{last}", depth + 1),), ()
        stem = number[:-1] if number == "0" or number.endswith(".0") else f"{number}."
        parts: list[MimePart] = []
        for at, piece in enumerate(split_multipart(content, said.boundary, PARTS_MAX + 1), 1):
            if self._made >= PARTS_MAX:
                return tuple(parts), ("too-many-parts",)
            parts.append(self.read(piece, f"{stem}{at}", depth + 1))
        return tuple(parts), () if parts else ("no-parts",)


class _Said:
    """What a part's header says of it; the parameters are read by the standard library (RFC 2231)."""

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self._message = email.message.Message()
        for name in ("Content-Type", "Content-Disposition"):
            if value := find_first(fields, name):
                self._message[name] = value[:FIELD_CHARACTERS_MAX]
        self.kind = self._message.get_content_type()
        self.charset = self._parameter("charset")
        self.boundary = self._parameter("boundary")
        self.name = decode_words(self._parameter("filename", "Content-Disposition") or self._parameter("name"))
        self.disposition = (self._message.get_content_disposition() or "").strip()
        self.encoding = find_first(fields, "Content-Transfer-Encoding").partition(";")[0].strip().lower()
        self.content_id = find_first(fields, "Content-ID").strip().removeprefix("<").removesuffix(">")

    def _parameter(self, name: str, field: str = "Content-Type") -> str:
        try:
            value = self._message.get_param(name, "", field)
            text = email.utils.collapse_rfc2231_value(value) if isinstance(value, tuple) else str(value)
            return whole_characters(text)
        except (ValueError, TypeError, LookupError, AttributeError):
            return ""  # Continuations with numbers of a thousand digits, charsets that are none, and their like.


def _decoded(body: bytes, encoding: str) -> tuple[bytes, tuple[str, ...]]:
    decoded = decode_transfer(body, encoding)
    if encoding == "base64":
        # What base64 can't be is left as it is.
        bad = decoded == body and bool(body.strip())
        return decoded, ("bad-base64",) if bad else ()
    known = encoding in ("", "7bit", "8bit", "binary", "quoted-printable")
    return decoded, () if known else ("encoding-unknown",)
