"""The trace lines that a server puts before a message (RFC 5321 4.4), and the count of those that are there already."""

from __future__ import annotations

import datetime as dt
import email.utils
import re

from smtplab.mta.arrival import Arrival
from smtplab.mta.rules import Caller
from smtplab.smtp.client import Dialect
from smtplab.wire.address import Mailbox, format_path

_RECEIVED = re.compile(rb"^received[ \t]*:", re.IGNORECASE | re.MULTILINE)
_UNSAFE = re.compile(r"[^\x21-\x27\x2a-\x7e]")
"""What would end or comment out a word of the line: blanks, controls, parentheses."""


def received_line(arrival: Arrival, hostname: str, queue_id: str, now: float) -> bytes:
    """`Received: from ... by ... with ... id ... for ...; date`, folded, with CR LF; `now` in seconds of the epoch."""
    caller = arrival.caller
    address = f"IPv6:{caller.address}" if ":" in caller.address else caller.address
    recipients = arrival.envelope.recipients
    # RFC 5321 7.6: with several recipients the clause would show one of them to the others.
    addressee = f"\r\n\tfor {format_path(recipients[0])}" if len(recipients) == 1 else ""
    tls = f"\r\n\t({caller.tls})" if caller.tls else ""
    line = (
        f"Received: from {_UNSAFE.sub('?', caller.helo) or 'unknown'} ([{address}]){tls}"
        f"\r\n\tby {hostname} with {arrival.protocol} id {queue_id}{addressee};\r\n\t{format_date(now)}\r\n"
    )
    return line.encode()


def return_path_line(reverse_path: Mailbox | None) -> bytes:
    """Put on top at final delivery."""
    return f"Return-Path: {format_path(reverse_path)}\r\n".encode()


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


def received_lines(content: bytes) -> int:
    """How many servers have had it before (RFC 5321 6.3)."""
    end = content.find(b"\r\n\r\n")
    return len(_RECEIVED.findall(content, 0, end if end >= 0 else len(content)))


def format_date(now: float) -> str:
    """RFC 5322 3.3, in UTC."""
    return email.utils.format_datetime(dt.datetime.fromtimestamp(now, dt.UTC))


def iso_time(now: float) -> str:
    """ISO 8601 with Z, to the microsecond."""
    return dt.datetime.fromtimestamp(now, dt.UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
