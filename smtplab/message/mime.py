"""As much of MIME as a delivery report needs: content types, parts of a multipart, transfer encodings (RFC 2045)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping

import msgspec

from smtplab.message.header import Field, find_first, parse_fields, split_message

PARTS_MAX = 100
"""Of one multipart: a report has three."""
BOUNDARY_CHARACTERS_MAX = 70
"""RFC 2046 5.1.1."""

# parameter := attribute "=" value                                                    ; RFC 2045 5.1
# value     := token / quoted-string
_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))', re.DOTALL)
_COMMENT = re.compile(r"\([^()]*\)")


class ContentType(msgspec.Struct, frozen=True):
    kind: str
    """`text/plain`, in lower case."""
    parameters: Mapping[str, str]
    """Names in lower case."""


class Part(msgspec.Struct, frozen=True):
    fields: tuple[Field, ...]
    content: bytes
    """As it stands, still in its transfer encoding."""

    @property
    def content_type(self) -> ContentType:
        return parse_content_type(find_first(self.fields, "Content-Type"))

    @property
    def octets(self) -> bytes:
        """The content out of its transfer encoding."""
        return decode_transfer(self.content, find_first(self.fields, "Content-Transfer-Encoding"))


def parse_content_type(value: str) -> ContentType:
    """What names no type is `text/plain` (RFC 2045 5.2)."""
    kind = _COMMENT.sub("", value.partition(";")[0]).strip().lower()
    found = _PARAMETER.finditer(value)
    parameters = {
        match[1].lower(): match[3] if match[2] is None else re.sub(r"\\(.)", r"\1", match[2]) for match in found
    }
    return ContentType(kind if kind.count("/") == 1 else "text/plain", parameters)


def parse_part(content: bytes) -> Part:
    """A part, or a whole message."""
    header, body = split_message(content)
    return Part(parse_fields(header), body)


def parts_of(whole: Part) -> tuple[Part, ...]:
    """Those of a multipart; none for what is no multipart. A closing delimiter that is missing is not missed."""
    content_type = whole.content_type
    if not content_type.kind.startswith("multipart/"):
        return ()
    boundary = content_type.parameters.get("boundary", "")
    return tuple(map(parse_part, split_multipart(whole.content, boundary)))


def split_multipart(content: bytes, boundary: str, parts_max: int = PARTS_MAX) -> tuple[bytes, ...]:
    """The parts between the delimiters, header and all; none where the boundary can't be one."""
    if not 0 < len(boundary) <= BOUNDARY_CHARACTERS_MAX:
        return ()
    mark = re.escape(boundary.encode("utf-8", "replace"))
    # The line end before a delimiter belongs to it, not to the part (RFC 2046 5.1.1).
    pieces = re.split(rb"(?:\A|\r?\n)--" + mark + rb"(--)?[ \t]*(?=\r?\n|\Z)", content, maxsplit=parts_max)
    parts = []
    for closing, text in zip(pieces[1::2], pieces[2::2], strict=True):
        if closing:
            break
        parts.append(re.sub(rb"\A\r?\n", b"", text))
    return tuple(parts)


def decode_transfer(content: bytes, encoding: str) -> bytes:
    """An unknown encoding, or base64 that is none, leaves the content as it is."""
    match encoding.strip().lower():
        case "quoted-printable":
            return binascii.a2b_qp(content)
        case "base64":
            try:
                return base64.b64decode(content + b"==")
            except (binascii.Error, ValueError):
                return content
        case _:
            return content


def encode_quoted_printable(content: bytes) -> bytes:
    """With CR LF line ends, each line at most 76 octets (RFC 2045 6.7); UTF-8 text that any server passes on."""
    lines = binascii.b2a_qp(content.replace(b"\r\n", b"\n"), istext=True)
    return lines.replace(b"\n", b"\r\n")
