"""The trace lines that a server puts before a message (RFC 5321 4.4), and the count of those that are there already."""

from __future__ import annotations

import datetime as dt
import re

from smtplab.message.dates import format_date as format_date  # noqa: PLC0414 - re-exported beside its ISO sister
from smtplab.message.header import header_octets
from smtplab.message.received import Received, format_received
from smtplab.mta.arrival import Arrival
from smtplab.mta.rules import Caller
from smtplab.smtp.client import Dialect
from smtplab.wire.address import Mailbox, format_path

_RECEIVED = re.compile(rb"^received[ \t]*:", re.IGNORECASE | re.MULTILINE)
# field = name ":" body, folded where a line begins with a space or a tab; RFC 5322 2.2
_FIELD = re.compile(rb"[!-9;-~]++[ \t]*+:")
_FIELDS = re.compile(rb"(?:[!-9;-~]++[ \t]*+:[^\n]*+\n(?:[ \t][^\n]*+\n)*+)*+")
_DELIVERED_TO = re.compile(rb"^delivered-to[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE | re.MULTILINE)


def received_line(arrival: Arrival, hostname: str, queue_id: str, now: float) -> bytes:
    """`Received: from ... by ... with ... id ... for ...; date`, folded, with CR LF; `now` in seconds of the epoch.

    Behind it the lines that a submission server adds.
    """
    caller = arrival.caller
    recipients = arrival.envelope.recipients
    line = format_received(
        Received(
            from_name=caller.helo,
            from_address=caller.address,
            by=hostname,
            protocol=arrival.protocol,
            id=queue_id,
            # RFC 5321 7.6: with several recipients the clause would show one of them to the others.
            addressee=str(recipients[0]) if len(recipients) == 1 else "",
            time=now,
            tls=caller.tls,
        )
    )
    return line + arrival.additions


def return_path_line(reverse_path: Mailbox | None) -> bytes:
    """Put on top at final delivery."""
    return f"Return-Path: {format_path(reverse_path)}\r\n".encode()


def delivered_to_line(recipient: Mailbox) -> bytes:
    """Who has had the message on this host, so that he does not get it again in a circle."""
    return f"Delivered-To: {recipient}\r\n".encode()


def delivered_to(content: bytes) -> frozenset[str]:
    """The addresses, in lower case, that have had the message."""
    end = content.find(b"\r\n\r\n")
    header = content[:end] if end >= 0 else content
    if b"delivered-to" not in header.lower():
        return frozenset()  # as nearly always, and seen ten times as quickly
    found = _DELIVERED_TO.findall(header)
    return frozenset(address.decode("utf-8", "replace").strip().lower() for address in found)


def protocol_of(caller: Caller, dialect: Dialect, *, smtputf8: bool) -> str:
    """The word after `with` (RFC 3848; RFC 6531 4.3)."""
    if dialect == "lmtp":
        base = "UTF8LMTP" if smtputf8 else "LMTP"
    elif smtputf8:
        base = "UTF8SMTP"
    elif caller.extended:
        base = "ESMTP"
    else:
        return "SMTP"
    return base + ("S" if caller.secure else "") + ("A" if caller.user else "")


def is_looping(content: bytes, received_max: int) -> bool:
    """Have so many servers had it before (RFC 5321 6.3)?"""
    end = header_octets(content)
    if end < received_max * len(b"Received:"):
        return False  # There is no room for so many lines.
    return len(_RECEIVED.findall(content, 0, end)) >= received_max


def has_endless_header(content: bytes, octets_max: int) -> bool:
    """Is there more of it than any reader takes? It ends with its last field, with or without an empty line; what
    never began like one is all body."""
    if len(content) <= octets_max or content.find(b"\r\n\r\n", 0, octets_max) >= 0:
        return False
    fields = _FIELDS.match(content, 0, octets_max)
    end = fields.end() if fields is not None else 0
    cut = content[end:octets_max]
    return b"\n" not in cut and (end > 0 or _FIELD.match(cut) is not None)


def iso_time(now: float) -> str:
    """ISO 8601 with Z, to the microsecond."""
    return dt.datetime.fromtimestamp(now, dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
