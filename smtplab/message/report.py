"""A multipart/report (RFC 6522): words for people, the status for programs, and what is returned of the message."""

from __future__ import annotations

import random

import msgspec

from smtplab.message.dsn import DeliveryStatus, format_status, parse_status
from smtplab.message.header import find_first
from smtplab.message.mime import Part, encode_quoted_printable, parse_part, parts_of

DEPTH_MAX = 5
"""A report inside a forwarded message inside a digest; deeper is made to exhaust a reader."""

_STATUS_KINDS = ("message/delivery-status", "message/global-delivery-status")
_RETURNED_KINDS = ("message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers")


class Report(msgspec.Struct, frozen=True):
    words: str
    """For a person, with line feeds."""
    status: DeliveryStatus
    returned: bytes
    """The whole message, or its header alone; empty where nothing was returned."""
    whole: bool = False
    """All of the message was returned, not its header alone."""
    languages: tuple[str, ...] = ()
    """Of the words (RFC 3282)."""


class Formatted(msgspec.Struct, frozen=True):
    content_type: str
    """Value of the message's own field."""
    body: bytes


# Writing


def format_report(report: Report, chance: random.Random, *, utf8: bool = False) -> Formatted:
    """Seven bits throughout, but for a returned message that has eight. With `utf8` by RFC 6533, whose types need
    SMTPUTF8 on the way. The boundary is drawn until no part holds it."""
    parts = (_words(report), _status(report, utf8=utf8), *(_returned(report, utf8=utf8) if report.returned else ()))
    while (boundary := f"=_{chance.getrandbits(96):024x}").encode() in b"".join(parts):
        pass
    mark = f"--{boundary}".encode()
    body = b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts) + mark + b"--\r\n"
    return Formatted(f'multipart/report; report-type=delivery-status;\r\n\tboundary="{boundary}"', body)


def _words(report: Report) -> bytes:
    language = f"Content-Language: {', '.join(report.languages)}\r\n" if report.languages else ""
    text = report.words.replace("\n", "\r\n").encode("utf-8", "replace")
    return _part("text/plain; charset=utf-8", text, language)


def _status(report: Report, *, utf8: bool) -> bytes:
    text = format_status(report.status, utf8=utf8)
    # Its ASCII has one meaning in both types, and older readers know but one of them.
    return _part_as_is("message/delivery-status" if text.isascii() else "message/global-delivery-status", text)


def _returned(report: Report, *, utf8: bool) -> tuple[bytes]:
    if report.whole:
        return (_part_as_is("message/global" if utf8 else "message/rfc822", report.returned),)
    if utf8:
        return (_part_as_is("message/global-headers", report.returned),)
    return (_part("text/rfc822-headers", report.returned),)


def _part(kind: str, content: bytes, more: str = "") -> bytes:
    """A text: what is not ASCII, or too long for a line, is encoded, so that no server on the way need announce
    8BITMIME for a notice."""
    if content.isascii() and max(map(len, content.split(b"\r\n")), default=0) <= 998:
        return f"Content-Type: {kind}\r\n{more}\r\n".encode() + content
    head = f"Content-Type: {kind}\r\n{more}Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    return head.encode() + encode_quoted_printable(content)


def _part_as_is(kind: str, content: bytes) -> bytes:
    """A message inside a message takes no other encoding (RFC 2046 5.2.1)."""
    eight = "" if content.isascii() else "Content-Transfer-Encoding: 8bit\r\n"
    return f"Content-Type: {kind}\r\n{eight}\r\n".encode() + content


# Reading


def parse_report(content: bytes) -> Report | None:
    """From a whole message; None where it holds no delivery status. Never raises."""
    return _find(parse_part(content), DEPTH_MAX)


def _find(whole: Part, depth: int) -> Report | None:
    parts = parts_of(whole)
    status = next((part for part in parts if part.content_type.kind in _STATUS_KINDS), None)
    if status is not None:
        return _read(parts, status)
    if not depth:
        return None
    inner = (_find(part, depth - 1) for part in parts)
    return next((report for report in inner if report is not None), None)


def _read(parts: tuple[Part, ...], status: Part) -> Report:
    words = next((part for part in parts if part.content_type.kind == "text/plain"), None)
    returned = next((part for part in parts if part.content_type.kind in _RETURNED_KINDS), None)
    language = find_first(words.fields, "Content-Language") if words else ""
    return Report(
        words=_text(words) if words else "",
        status=parse_status(status.octets),
        returned=returned.octets if returned else b"",
        whole=returned is not None and not returned.content_type.kind.endswith("headers"),
        languages=tuple(filter(None, (word.strip() for word in language.split(",")))),
    )


def _text(part: Part) -> str:
    charset = part.content_type.parameters.get("charset", "utf-8")
    try:
        text = part.octets.decode(charset if "escape" not in charset.lower() else "utf-8", "replace")
    except (LookupError, ValueError):
        text = part.octets.decode("utf-8", "replace")
    return text.replace("\r\n", "\n")
