"""The notice that a message could not be delivered, as a delivery status notification (RFC 3464)."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from smtplab.mta.envelope import Envelope, make_envelope
from smtplab.mta.trace import format_date
from smtplab.wire.address import Mailbox

HEADER_OCTETS_MAX = 65536
"""Of the returned header: enough for any honest one, and a notice must not be a way to send large mail to others."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Failure(msgspec.Struct, frozen=True):
    """One recipient's end."""

    recipient: Mailbox
    status: str
    """Enhanced status code (RFC 3463)."""
    diagnostic: str
    """What the server said, or the id of what happened."""
    remote: str = ""
    """The host that said it; empty where none did."""


class Notice(msgspec.Struct, frozen=True):
    """What a notice is made of."""

    hostname: str
    queue_id: str
    """Of the message that failed; the notice's boundary and Message-ID are made from it."""
    envelope: Envelope
    failures: Sequence[Failure]
    arrived_at: float
    now: float
    """Seconds since the epoch, both."""


def make_bounce(notice: Notice) -> Envelope | None:
    """To the sender, from the null reverse-path; None where that was the sender: a notice never answers a notice
    (RFC 5321 6.1)."""
    sender = notice.envelope.reverse_path
    if sender is None:
        return None
    return make_envelope(None, (sender,), _message(notice, sender))


def _message(notice: Notice, sender: Mailbox) -> bytes:
    boundary = f"{notice.queue_id}.bounce/{notice.hostname}"
    status = "\r\n".join([_about_message(notice), *(_about_recipient(failure) for failure in notice.failures)])
    parts = (
        ("text/plain; charset=utf-8", _words(notice).encode()),
        ("message/delivery-status", status.encode()),
        ("text/rfc822-headers", _header_of(notice.envelope.content)),
    )
    header = (
        f"From: <MAILER-DAEMON@{notice.hostname}>\r\nTo: <{sender}>\r\n"
        f"Subject: Undelivered mail returned to sender\r\nDate: {format_date(notice.now)}\r\n"
        f"Message-ID: <{notice.queue_id}.bounce@{notice.hostname}>\r\n"
        # RFC 3834 5: so that no robot answers.
        "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary="{boundary}"\r\n\r\n'
    )
    mark = f"--{boundary}".encode()
    body = b"".join(
        mark + f"\r\nContent-Type: {kind}\r\n{_encoding(text)}\r\n".encode() + text + b"\r\n" for kind, text in parts
    )
    return header.encode() + body + mark + b"--\r\n"


def _encoding(text: bytes) -> str:
    return "" if text.isascii() else "Content-Transfer-Encoding: 8bit\r\n"


def _words(notice: Notice) -> str:
    lines = [
        f"This is the mail server {notice.hostname}.",
        "",
        "Your message could not be delivered to:",
        "",
        *(f"<{failure.recipient}>: {failure.status} {_plain(failure.diagnostic)}" for failure in notice.failures),
        "",
    ]
    return "\r\n".join(lines)


def _about_message(notice: Notice) -> str:
    """RFC 3464 2.2."""
    arrived = format_date(notice.arrived_at)
    return f"Reporting-MTA: dns; {notice.hostname}\r\nArrival-Date: {arrived}\r\n"


def _about_recipient(failure: Failure) -> str:
    """RFC 3464 2.3."""
    address = str(failure.recipient)
    kind = "rfc822" if address.isascii() else "utf-8"  # RFC 6533 3
    remote = f"Remote-MTA: dns; {failure.remote}\r\n" if failure.remote else ""
    said = "smtp" if failure.diagnostic[:3].isdigit() else "x-smtplab"
    return (
        f"Final-Recipient: {kind}; {address}\r\nAction: failed\r\nStatus: {failure.status}\r\n{remote}"
        f"Diagnostic-Code: {said}; {_plain(failure.diagnostic)}\r\n"
    )


def _header_of(content: bytes) -> bytes:
    header = content.partition(b"\r\n\r\n")[0]
    if len(header) > HEADER_OCTETS_MAX:
        header = header[: header.rfind(b"\r\n", 0, HEADER_OCTETS_MAX)]
    return header + b"\r\n"


def _plain(text: str) -> str:
    """A server's words may hold anything; here they are one line."""
    return _CONTROL.sub("?", text)[:900]
