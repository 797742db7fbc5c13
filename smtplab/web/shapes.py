"""The JSON that the API takes and answers, as values; the OpenAPI description is made from these."""

from __future__ import annotations

import msgspec

from smtplab.lab.inbox import MessageRow


class MessageList(msgspec.Struct, frozen=True):
    messages: tuple[MessageRow, ...]
    """Newest first."""
    unread: tuple[str, ...]
    """The ids of those of them that nobody has looked at."""
    total: int
    """In the inbox, found or not."""
    next: str | None
    """For `before`, to read on; null at the end. A search may read on though it found less than `limit`."""


class HeaderField(msgspec.Struct, frozen=True):
    name: str
    """Empty where the line is no header field."""
    value: str
    """Unfolded, and decoded (RFC 2047)."""


class PartRow(msgspec.Struct, frozen=True):
    number: str
    """As IMAP numbers parts, `1`, `2.1`; a message that is a multipart is `0` (RFC 9051 6.4.5)."""
    depth: int
    """In the tree; 0 for the message itself."""
    kind: str
    """The media type, `text/plain`."""
    charset: str
    name: str
    """The file name as it was sent; a stranger's words."""
    file_name: str
    """A name that is safe to save under."""
    disposition: str
    content_id: str
    encoding: str
    """The transfer encoding."""
    size: int
    """Octets, out of the transfer encoding."""
    attachment: bool
    """To be saved rather than shown in its place."""
    flaws: tuple[str, ...]


class PartList(msgspec.Struct, frozen=True):
    parts: tuple[PartRow, ...]
    """In the order of the message, each before what it holds."""


class MessageWhole(msgspec.Struct, frozen=True):
    message: MessageRow
    headers: tuple[HeaderField, ...]
    """In their order, at most 1,000."""
    text: str | None
    """Of the first text/plain part that is meant to be read, its beginning; null where there is none."""
    text_cut: bool
    """Is `text` not all of it?"""
    html: str | None
    """Of the first text/html part, its beginning as it was sent: harmless in a sandbox only; null without one."""
    parts: tuple[PartRow, ...]


class SessionEnded(msgspec.Struct, frozen=True):
    id: str
    started: str
    """ISO 8601 with Z."""
    protocol: str
    client: str
    messages: tuple[str, ...]
    """Those that were taken."""
    ended: str
    """`taken`, `refused`, `broken`, `left`, `collected`, `early`."""
    stage: str
    """The last one before QUIT."""
    reply: str
    """The refusal that came last; empty where nothing was refused."""
    helo: str


class SessionList(msgspec.Struct, frozen=True):
    sessions: tuple[SessionEnded, ...]
    """Newest first; those that have ended."""
    total: int
    next: str | None
    """For `before`, to read on; null at the end."""


class SessionWhole(msgspec.Struct, frozen=True):
    session: SessionEnded
    records: int
    """How many are kept."""
    left_out: int
    """How many between the first and the last were too many to keep."""


class DeletionRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ids: tuple[str, ...] = ()
    """At most 1,000."""
    all: bool = False
    """Every message; `ids` is empty then."""


class Deletion(msgspec.Struct, frozen=True):
    deleted: int
    """How many of them were there."""


class SeenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    seen: bool


class ReleaseRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    server: str
    """`HOST` or `HOST:PORT`; port 25 where none is named."""
    recipients: tuple[str, ...] | None = None
    """Those of the envelope where none are named; at most 100."""
    sender: str | None = None
    """That of the envelope where none is named."""


class Released(msgspec.Struct, frozen=True):
    """What became of one recipient."""

    recipient: str
    result: str
    """`accepted`, `deferred`, `refused`, `unreachable`."""
    code: int | None
    enhanced: str | None
    detail: str
    """The server's own words, or a reason."""


class Release(msgspec.Struct, frozen=True):
    result: str
    """The worst of them."""
    recipients: tuple[Released, ...]


class Health(msgspec.Struct, frozen=True):
    status: str
    """`ok`."""
    version: str
    messages: int
    sessions: int


class MessagesGone(msgspec.Struct, frozen=True):
    """In the stream of live updates."""

    ids: tuple[str, ...]
