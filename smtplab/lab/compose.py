"""Makes the octets of a message: a test message from its parts, or a person's own text brought to CR LF line ends."""

from __future__ import annotations

import mimetypes
import re
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime
from pathlib import Path

import msgspec

from smtplab.lab.bad_input import BadInput

_LONE_LF = re.compile(rb"(?<!\r)\n")


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """What a test message is made of."""

    sender: str
    recipient: str
    date: datetime
    """With its offset."""
    token: str
    """Makes the Message-ID and the boundaries: drawn by chance, so that a simulation repeats it."""
    host: str
    """The right side of the Message-ID."""
    subject: str | None = None
    body: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    """In addition; one that the message has already takes its place."""
    attachments: tuple[str, ...] = ()


def compose(parts: Parts) -> bytes:
    """A message by RFC 5322 and MIME. Raises BadInput for a header that can't stand or a file that can't be read."""
    # Only an address that needs it puts UTF-8 into the header (RFC 6532): few servers announce SMTPUTF8.
    plain = f"{parts.sender}{parts.recipient}".isascii()
    message = EmailMessage(SMTP if plain else SMTPUTF8)
    day = format_datetime(parts.date)
    message["Date"] = day
    message["From"] = parts.sender or f"MAILER-DAEMON@{parts.host}"
    message["To"] = parts.recipient
    message["Message-ID"] = f"<{parts.token}@{parts.host}>"
    _set_header(message, "Subject", f"test {day}" if parts.subject is None else parts.subject)
    for name, value in parts.headers:
        _set_header(message, name, value)
    body = "This is a test message made by smtplab.\n" if parts.body is None else parts.body
    message.set_content(
        body if body.endswith("\n") else body + "\n", cte=None if body.isascii() else "quoted-printable"
    )
    for path in parts.attachments:
        _attach(message, path)
    if parts.attachments:
        message.set_boundary(f"=_{parts.token}")
    return crlf(message.as_bytes())


def crlf(text: bytes) -> bytes:
    """Every line ends with CR LF, the last one too; a bare CR stays, for the person may want it there."""
    ended = _LONE_LF.sub(b"\r\n", text)
    return ended if ended.endswith(b"\r\n") or not ended else ended + b"\r\n"


def _set_header(message: EmailMessage, name: str, value: str) -> None:
    if not re.fullmatch(r"[!-9;-~]+", name) or re.search(r"[\r\n\0]", value):
        raise BadInput("cli.bad-header", value=f"{name}: {value}")
    del message[name]
    try:
        message[name] = value
    except (ValueError, IndexError) as trouble:
        raise BadInput("cli.bad-header", value=f"{name}: {value}") from trouble


def _attach(message: EmailMessage, path: str) -> None:
    try:
        content = Path(path).read_bytes()
    except OSError as trouble:
        raise BadInput("cli.cannot-read", file=path, reason=trouble.strerror or str(trouble)) from trouble
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    maintype, _, subtype = kind.partition("/")
    if maintype in ("text", "message", "multipart"):
        # Their content could be rewritten on the way through the email package; octets stay octets.
        maintype, subtype = "application", "octet-stream"
    message.add_attachment(content, maintype=maintype, subtype=subtype, filename=Path(path).name)
