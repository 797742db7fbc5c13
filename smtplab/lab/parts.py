"""What a message is made of, as values and files; MIME is not known here."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from smtplab.lab.bad_input import BadInput

_LONE_LF = re.compile(rb"(?<!\r)\n")
_MIME_TYPE = re.compile(r"[A-Za-z0-9][!#$&^_.+A-Za-z0-9-]*/[A-Za-z0-9][!#$&^_.+A-Za-z0-9-]*")  # RFC 6838 4.2
FILE_OCTETS_MAX = 512 * 1024 * 1024
"""It is held whole; without a bound a device that never ends would take all memory."""


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in a message beside its text, or for it."""

    place: Literal["body", "inline", "attached"]
    """A body's alternative, worst first; a picture that the HTML names as `cid:NAME`; an attachment."""
    content: bytes
    name: str = ""
    """Of the file; empty for none."""
    kind: str = ""
    """The MIME type; empty for what the name says."""


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
    """Files' paths."""
    html: str | None = None
    """Beside the text, which is drawn from it where none is given."""
    pieces: tuple[Piece, ...] = ()
    copies: str = ""
    """What Cc says."""
    added: tuple[tuple[str, str], ...] = ()
    """Fields beside those of the same name."""


def crlf(text: bytes) -> bytes:
    """Every line ends with CR LF, the last one too; a bare CR stays, for the person may want it there."""
    ended = _LONE_LF.sub(b"\r\n", text)
    return ended if ended.endswith(b"\r\n") or not ended else ended + b"\r\n"


def attachment(path: str) -> Piece:
    """Raises BadInput."""
    return Piece(place="attached", content=file_content(path), name=Path(path).name)


def file_content(path: str) -> bytes:
    """Raises BadInput."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(FILE_OCTETS_MAX + 1)
    except (OSError, ValueError) as trouble:
        reason = getattr(trouble, "strerror", None) or str(trouble)
        raise BadInput("cli.cannot-read", file=path, reason=reason) from trouble
    if len(content) > FILE_OCTETS_MAX:
        raise BadInput("cli.too-large", file=path, limit=FILE_OCTETS_MAX)
    return content


def mime_type(text: str) -> str:
    """Raises BadInput for what is none."""
    if not _MIME_TYPE.fullmatch(text):
        raise BadInput("cli.not-a-mime-type", value=text)
    return text.lower()
