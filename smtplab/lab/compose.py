"""Makes the octets of a message: a test message from its parts, or a person's own text brought to CR LF line ends."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime

from smtplab.lab.bad_input import BadInput
from smtplab.lab.parts import Parts, Piece, attachment, crlf

OCTETS = "application/octet-stream"


def compose(parts: Parts) -> bytes:
    """A message by RFC 5322 and MIME. Raises BadInput for a header that can't stand or a file that can't be read."""
    # Only an address that needs it puts UTF-8 into the header (RFC 6532): few servers announce SMTPUTF8.
    plain = f"{parts.sender}{parts.recipient}{parts.copies}".isascii()
    message = EmailMessage(SMTP if plain else SMTPUTF8)
    day = format_datetime(parts.date)
    message["Date"] = day
    message["From"] = parts.sender or f"MAILER-DAEMON@{parts.host}"
    message["To"] = parts.recipient
    if parts.copies:
        message["Cc"] = parts.copies
    message["Message-ID"] = f"<{parts.token}@{parts.host}>"
    _set_header(message, "Subject", f"test {day}" if parts.subject is None else parts.subject)
    for name, value in parts.headers:
        _set_header(message, name, value)
    for name, value in parts.added:
        _set_header(message, name, value, beside=True)
    _set_bodies(message, parts)
    for piece in (*parts.pieces, *map(attachment, parts.attachments)):
        if piece.place == "attached":
            _attach(message, piece)
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        if part.get_content_maintype() == "multipart":
            part.set_boundary(f"=_{parts.token}{f'_{number}' if number else ''}")
    return crlf(message.as_bytes())


def text_of_html(html: str) -> str:
    """What a reader without HTML is shown: the words, with a line end where a block ends."""
    from html import unescape  # noqa: PLC0415 (only for messages in HTML)

    text = re.sub(r"(?is)<(style|script|head)\b.*?</\1>", "", html)
    text = re.sub(r"(?i)<(br|/p|/div|/h[1-6]|/li|/tr)\b[^>]*>", "\n", re.sub(r"\s+", " ", text))
    lines = [line.strip() for line in unescape(re.sub(r"<[^>]*>", "", text)).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def set_text(message: EmailMessage, text: str, subtype: str = "plain") -> None:
    """As the body; what is no ASCII leaves as quoted-printable, which every server takes."""
    text = text if text.endswith("\n") else text + "\n"
    message.set_content(text, subtype=subtype, cte=None if text.isascii() else "quoted-printable")


# Inside


def _set_bodies(message: EmailMessage, parts: Parts) -> None:
    given = [piece for piece in parts.pieces if piece.place == "body"]
    if given:
        _set_given(message, given)
        return
    if parts.html is None:
        set_text(message, "This is a test message made by smtplab.\n" if parts.body is None else parts.body)
        return
    set_text(message, text_of_html(parts.html) if parts.body is None else parts.body)
    html = EmailMessage(message.policy)
    set_text(html, parts.html, "html")
    pictures = [piece for piece in parts.pieces if piece.place == "inline"]
    for piece in pictures:
        maintype, _, subtype = (piece.kind or _kind_of(piece.name)).partition("/")
        html.add_related(
            piece.content, maintype, subtype, cid=f"<{piece.name}>", filename=piece.name, disposition="inline"
        )
    message.make_alternative()
    _drop_version(html)
    message.attach(html)


def _set_given(message: EmailMessage, given: Sequence[Piece]) -> None:
    """One body, or alternatives of it, of whatever types."""
    if len(given) == 1:
        _fill(message, given[0])
        return
    for piece in given:
        part = EmailMessage(message.policy)
        _fill(part, piece)
        _drop_version(part)
        if not message.is_multipart():
            message["MIME-Version"] = "1.0"
            message.make_alternative()
        message.attach(part)


def _fill(message: EmailMessage, piece: Piece) -> None:
    kind = piece.kind or "text/plain"
    maintype, _, subtype = kind.partition("/")
    text = _as_text(piece.content) if maintype == "text" else None
    if text is not None:
        set_text(message, text, subtype)
    else:
        message.set_content(piece.content, maintype=maintype, subtype=subtype)


def _as_text(content: bytes) -> str | None:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _drop_version(part: EmailMessage) -> None:
    """It belongs to the whole message alone (RFC 2045 4)."""
    del part["MIME-Version"]


def _set_header(message: EmailMessage, name: str, value: str, *, beside: bool = False) -> None:
    if not re.fullmatch(r"[!-9;-~]+", name) or re.search(r"[\r\n\0]", value):
        raise BadInput("cli.bad-header", value=f"{name}: {value}")
    if not beside:
        del message[name]
    try:
        message[name] = value
    except (ValueError, IndexError) as trouble:
        raise BadInput("cli.bad-header", value=f"{name}: {value}") from trouble


def _attach(message: EmailMessage, piece: Piece) -> None:
    maintype, _, subtype = (piece.kind or _octets_unless_known(piece.name)).partition("/")
    if maintype in ("message", "multipart"):
        # Their content could be rewritten on the way through the email package; octets stay octets.
        maintype, subtype = OCTETS.split("/")
    message.add_attachment(piece.content, maintype=maintype, subtype=subtype, filename=piece.name or None)


def _octets_unless_known(name: str) -> str:
    """Text by its name only is octets too, for the same reason."""
    kind = _kind_of(name)
    return OCTETS if kind.startswith("text/") else kind


def _kind_of(name: str) -> str:
    return mimetypes.guess_type(name)[0] or OCTETS
