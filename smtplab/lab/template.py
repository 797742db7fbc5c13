"""A message given whole: swaks' tokens in it are replaced, its header is edited, and nothing else is understood."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from smtplab import __version__

_END_OF_HEADER = re.compile(rb"\r?\n\r?\n")
_NAME = re.compile(rb"([!-9;-~]+):")
_NEW_HEADERS = b"%NEW_HEADERS%"
_FROM_LINE = re.compile(rb"\AFrom [^\n]*\n")


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What stands for swaks' tokens."""

    sender: str
    recipients: str
    date: datetime
    message_id: str
    """Without angle brackets."""
    body: str = "This is a test message made by smtplab."

    def replaced(self, text: str) -> str:
        """All but `%BODY%` and `%NEW_HEADERS%`, which belong to a whole message."""
        if "%" not in text:
            return text
        for token, value in self._values():
            text = text.replace(token, value)
        return text

    def replaced_in(self, content: bytes) -> bytes:
        """Likewise in octets."""
        if b"%" not in content:
            return content
        for token, value in self._values():
            content = content.replace(token.encode(), value.encode("utf-8", "surrogateescape"))
        return content

    def _values(self) -> Iterable[tuple[str, str]]:
        from email.utils import format_datetime  # noqa: PLC0415 (it takes a while to import)

        return (
            ("%NEWLINE%", "\r\n"),
            ("%FROM_ADDRESS%", self.sender),
            ("%TO_ADDRESS%", self.recipients),
            ("%MESSAGEID%", self.message_id),
            ("%SWAKS_VERSION%", f"smtplab {__version__}"),
            ("%DATE%", format_datetime(self.date)),
        )


def fixed_up(
    content: bytes,
    tokens: Tokens,
    *,
    replace: Sequence[tuple[str, str]] = (),
    add: Sequence[tuple[str, str]] = (),
    strip_from: bool = True,
) -> bytes:
    """The message as it is sent: swaks' order of things. `replace`: fields that take the place of their namesakes, or
    are added where there are none; `add`: fields that are added in any case; `strip_from`: an mbox's first line."""
    if strip_from:
        content = _FROM_LINE.sub(b"", content)
    if b"%BODY%" in content:
        content = content.replace(b"%BODY%", tokens.body.encode("utf-8", "surrogateescape"))
    if replace or add or _NEW_HEADERS in content:
        content = _edited(content, replace, add)
    return tokens.replaced_in(content)


def _edited(content: bytes, replace: Sequence[tuple[str, str]], add: Sequence[tuple[str, str]]) -> bytes:
    ended = _END_OF_HEADER.search(content)
    header, rest = (content[: ended.start()], content[ended.end() :]) if ended else (content.rstrip(b"\r\n"), b"")
    fields = _fields(header)
    new = [_field(name, value) for name, value in add]
    for name, value in replace:
        place = next((place for place, field in enumerate(fields) if _named(field, name)), None)
        if place is None:
            new.append(_field(name, value))
        else:
            fields[place] = _field(name, value)
    if _NEW_HEADERS in header:
        text = b"\r\n".join(new)
        fields = [field for each in fields if (field := each.replace(_NEW_HEADERS, text))]
    else:
        fields += new
    return b"\r\n".join(fields) + b"\r\n\r\n" + rest


def _fields(header: bytes) -> list[bytes]:
    """Each with its continuation lines (RFC 5322 2.2.3); what is no field is kept like one."""
    fields: list[bytes] = []
    for line in re.split(rb"\r?\n", header):
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1] += b"\r\n" + line
        else:
            fields.append(line)
    return fields


def _named(field: bytes, name: str) -> bool:
    found = _NAME.match(field)
    return found is not None and found[1].lower() == name.lower().encode()


def _field(name: str, value: str) -> bytes:
    """RFC 2047 where the value is no ASCII."""
    if value.isascii():
        return f"{name}: {value}".encode()
    from email.message import EmailMessage  # noqa: PLC0415 (a fifth of a second's start-up that few messages need)
    from email.policy import SMTP  # noqa: PLC0415

    message = EmailMessage(SMTP)
    message[name] = value
    return bytes(message).rstrip(b"\r\n")
