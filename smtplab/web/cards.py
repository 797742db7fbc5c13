"""What a page shows of a message, a session and a list, as values ready for its templates."""

from __future__ import annotations

import msgspec

from smtplab.lab.inbox import MessageRow
from smtplab.lab.inbox_pages import SessionItem
from smtplab.message.header import decode_words, find_first
from smtplab.message.parts import MimePart, attachments_of, body_of, walk
from smtplab.view.safe import safe, safe_bytes
from smtplab.view.texts import Texts

SOURCE_OCTETS_MAX = 524_288
"""Of the source that a page shows; the whole is saved."""
FIELDS_MAX = 500


class MessageLine(msgspec.Struct, frozen=True):
    """In the list."""

    id: str
    sender: str
    recipients: str
    more: int
    """Recipients that are not named."""
    subject: str
    received: str
    size: str
    tls: bool
    unread: bool


class SessionLine(msgspec.Struct, frozen=True):
    id: str
    client: str
    helo: str
    protocol: str
    started: str
    kind: str
    """As `view.sitting` has it."""
    ending: str
    """In words."""
    reply: str
    failed: bool
    messages: tuple[str, ...]


class Attachment(msgspec.Struct, frozen=True):
    number: str
    name: str
    """Safe to save under."""
    sent_name: str
    """As it was sent, where that differs."""
    kind: str
    size: str


class Part(msgspec.Struct, frozen=True):
    depth: int
    number: str
    kind: str
    name: str
    facts: str
    flaws: tuple[str, ...]
    size: str
    leaf: bool


class FieldLine(msgspec.Struct, frozen=True):
    name: str
    value: str


class MessageCard(msgspec.Struct, frozen=True, kw_only=True):
    """One message, opened."""

    row: MessageRow
    subject: str
    author: str
    """The From field."""
    to: str
    date: str
    sender: str
    recipients: tuple[str, ...]
    size: str
    attachments: tuple[Attachment, ...]
    has_html: bool
    has_text: bool


def message_line(row: MessageRow, *, unread: bool, texts: Texts) -> MessageLine:
    return MessageLine(
        row.id,
        safe(row.sender) or texts("web.null-sender"),
        safe(", ".join(row.recipients[:2])),
        len(row.recipients) - 2 if len(row.recipients) > 2 else 0,
        safe(row.subject) or texts("web.no-subject"),
        row.received,
        size_of(row.size, texts),
        row.tls is not None,
        unread,
    )


def session_line(item: SessionItem, texts: Texts) -> SessionLine:
    ending = item.ending
    stage = texts(f"stage.{ending.stage}")
    return SessionLine(
        item.row.id,
        safe(item.row.client),
        safe(ending.helo),
        item.row.protocol,
        item.row.started,
        ending.kind,
        texts(f"web.ending.{ending.kind}", stage=stage),
        safe(ending.reply),
        ending.failed,
        item.row.messages,
    )


def message_card(row: MessageRow, root: MimePart, texts: Texts) -> MessageCard:
    def field(name: str) -> str:
        return safe(decode_words(find_first(root.fields, name)))[:1000]

    return MessageCard(
        row=row,
        subject=safe(row.subject) or texts("web.no-subject"),
        author=field("From"),
        to=field("To"),
        date=field("Date"),
        sender=safe(row.sender) or "<>",
        recipients=tuple(map(safe, row.recipients)),
        size=size_of(row.size, texts),
        attachments=tuple(_attachment(part, texts) for part in attachments_of(root) if not _stands_within(part)),
        has_html=body_of(root, "text/html") is not None,
        has_text=body_of(root, "text/plain") is not None,
    )


def header_lines(root: MimePart) -> tuple[FieldLine, ...]:
    return tuple(
        # A field folded at a tab has one in it; it means no more than a blank (RFC 5322 2.2.3).
        FieldLine(field.name, safe(decode_words(field.value).replace("\t", " ")))
        for field in root.fields[:FIELDS_MAX]
    )


def part_lines(root: MimePart, texts: Texts) -> tuple[Part, ...]:
    return tuple(
        Part(
            depth,
            part.number,
            part.kind,
            safe(part.name),
            " · ".join(filter(None, (part.charset, part.encoding, part.disposition))),
            tuple(texts(f"web.flaw.{flaw}") for flaw in part.flaws),
            size_of(part.octets, texts),
            not part.parts,
        )
        for depth, part in walk(root)
    )


def source_of(content: bytes) -> tuple[str, bool]:
    """Line by line, safe to show; and whether it is not all of it."""
    shown = content[:SOURCE_OCTETS_MAX]
    return "\n".join(map(safe_bytes, shown.replace(b"\r\n", b"\n").split(b"\n"))), len(content) > len(shown)


def size_of(octets: int, texts: Texts) -> str:
    """`812 B`, `1.4 KB`, `2.0 MB`, in powers of ten as networks count."""
    for unit, worth in (("MB", 1_000_000), ("KB", 1_000)):
        if octets >= worth:
            return f"{texts.number(octets / worth, 1)} {unit}"
    return f"{octets} B"


def _stands_within(part: MimePart) -> bool:
    """A picture that the HTML shows in its place: it is saved from the tree of parts."""
    return bool(part.content_id) and part.kind.startswith("image/") and part.disposition != "attachment"


def _attachment(part: MimePart, texts: Texts) -> Attachment:
    sent = safe(part.name)
    return Attachment(
        part.number,
        part.file_name,
        "" if sent == part.file_name else sent,
        part.kind,
        size_of(part.octets, texts),
    )
