"""Delivery status notifications: the fields of a message/delivery-status, written and read (RFC 3464, RFC 6533)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

import msgspec

from smtplab.message.dates import format_date, parse_date
from smtplab.message.header import Field, find_first, parse_fields
from smtplab.wire.xtext import decode_utf8_address, encode_utf8_address

Action = Literal["failed", "delayed", "delivered", "relayed", "expanded"]
"""RFC 3464 2.3.3."""

RECIPIENTS_MAX = 10_000
"""Of a notice that is read: more than any server takes for one message."""

DIAGNOSTIC_OCTETS_MAX = 900
"""A line of a message holds 998 octets (RFC 5322 2.1.1), its name included; a server's words may be longer."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_EMPTY_LINE = re.compile(rb"(?:\r\n|\n|\r(?!\n))[ \t]*(?:\r\n|\n|\r(?!\n))")
_STATUS = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}")
_COMMENT = re.compile(r"\([^()]*\)")


class Typed(msgspec.Struct, frozen=True):
    """`rfc822; b@hust.example`, `dns; mx1.hust.example`, `smtp; 550 5.1.1 No such user`."""

    kind: str
    """In lower case; empty where the writer left it out."""
    text: str


class AboutMessage(msgspec.Struct, frozen=True):
    """RFC 3464 2.2."""

    reporting_mta: Typed
    envid: str = ""
    """Original-Envelope-Id, decoded (RFC 3461 4.4)."""
    arrival: float | None = None
    """Seconds since the epoch."""
    received_from: Typed | None = None


class AboutRecipient(msgspec.Struct, frozen=True):
    """RFC 3464 2.3."""

    final_recipient: Typed
    action: str
    """One of `Action`; whatever stands there in a notice that was read."""
    status: str
    """Enhanced status code, `5.1.1`; empty where a notice that was read has none."""
    original_recipient: Typed | None = None
    remote_mta: Typed | None = None
    diagnostic: Typed | None = None
    last_attempt: float | None = None
    will_retry_until: float | None = None


class DeliveryStatus(msgspec.Struct, frozen=True):
    message: AboutMessage
    recipients: tuple[AboutRecipient, ...]


def address_of(mailbox: str) -> Typed:
    """An address with its type: what is not ASCII is `utf-8` (RFC 6533 3)."""
    return Typed("rfc822" if mailbox.isascii() else "utf-8", mailbox)


# Writing


def format_status(status: DeliveryStatus, *, utf8: bool = False) -> bytes:
    """The content of a message/delivery-status, all ASCII, or with `utf8` of a message/global-delivery-status."""
    groups = [_message_lines(status.message), *(_recipient_lines(one) for one in status.recipients)]
    text = "\r\n".join("".join(_line(name, value, utf8=utf8) for name, value in group) for group in groups)
    return text.encode("utf-8" if utf8 else "ascii")


_Lines = Iterable[tuple[str, Typed | str | float | None]]


def _message_lines(about: AboutMessage) -> _Lines:
    yield "Original-Envelope-Id", about.envid
    yield "Reporting-MTA", about.reporting_mta
    yield "Received-From-MTA", about.received_from
    yield "Arrival-Date", about.arrival


def _recipient_lines(about: AboutRecipient) -> _Lines:
    yield "Original-Recipient", about.original_recipient
    yield "Final-Recipient", about.final_recipient
    yield "Action", about.action
    yield "Status", about.status
    yield "Remote-MTA", about.remote_mta
    yield "Diagnostic-Code", about.diagnostic
    yield "Last-Attempt-Date", about.last_attempt
    yield "Will-Retry-Until", about.will_retry_until


def _line(name: str, value: Typed | str | float | None, *, utf8: bool) -> str:
    match value:
        case None | "":
            return ""
        case Typed():
            text = f"{value.kind}; {_plain(value.text, utf8=utf8)}"
            if name == "Diagnostic-Code":
                text = text.encode()[:DIAGNOSTIC_OCTETS_MAX].decode("utf-8", "ignore")
        case str():
            text = _plain(value, utf8=utf8)
        case _:
            text = format_date(value)
    return f"{name}: {text}\r\n"


def _plain(text: str, *, utf8: bool) -> str:
    """One line, whatever it held; without `utf8` what is not ASCII is escaped by the rule of RFC 6533 3."""
    line = _CONTROL.sub("?", text)
    if utf8 or line.isascii():
        return line.encode("utf-8", "replace").decode()
    return "".join(c if c.isascii() else encode_utf8_address(c) for c in line)


# Reading


def parse_status(content: bytes) -> DeliveryStatus:
    """Never refuses: what is missing is empty, a recipient without any address is left out."""
    groups = [fields for group in _EMPTY_LINE.split(content) if (fields := parse_fields(group.lstrip(b"\r\n")))]
    first = groups[0] if groups else ()
    message = AboutMessage(
        reporting_mta=_typed(first, "Reporting-MTA") or Typed("", ""),
        envid=find_first(first, "Original-Envelope-Id"),
        arrival=parse_date(find_first(first, "Arrival-Date")),
        received_from=_typed(first, "Received-From-MTA"),
    )
    people = (_recipient(group) for group in groups[: RECIPIENTS_MAX + 1])
    return DeliveryStatus(message, tuple(one for one in people if one is not None))


def _recipient(fields: tuple[Field, ...]) -> AboutRecipient | None:
    original = _typed(fields, "Original-Recipient")
    final = _typed(fields, "Final-Recipient") or original
    if final is None:
        return None
    status = _STATUS.search(find_first(fields, "Status"))
    return AboutRecipient(
        final_recipient=final,
        action=_COMMENT.sub("", find_first(fields, "Action")).strip().lower(),
        status=status[0] if status else "",
        original_recipient=original,
        remote_mta=_typed(fields, "Remote-MTA"),
        diagnostic=_typed(fields, "Diagnostic-Code"),
        last_attempt=parse_date(find_first(fields, "Last-Attempt-Date")),
        will_retry_until=parse_date(find_first(fields, "Will-Retry-Until")),
    )


def _typed(fields: tuple[Field, ...], name: str) -> Typed | None:
    value = find_first(fields, name)
    if not value:
        return None
    kind, semicolon, text = value.partition(";")
    if not semicolon:
        return Typed("", value)
    kind, text = kind.strip().lower(), text.strip()
    if name.endswith("-Recipient"):
        text = text.removeprefix("<").removesuffix(">")
    return Typed(kind, decode_utf8_address(text) if kind == "utf-8" else text)
