"""What a server has received, as another process reads it: listed, read, searched, removed, while it may be at work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from smtplab.capture.codec import decode_record
from smtplab.journal import Record
from smtplab.message.header import decode_words
from smtplab.mta.inbox import tables
from smtplab.mta.inbox.port import Kept, Sitting, number_of
from smtplab.mta.inbox.schema import metadata
from smtplab.mta.inbox.store import place_of, spool_of
from smtplab.mta.store.sql import make_engine, words_of
from smtplab.mta.trace import iso_time


class UnreadableInbox(Exception):  # noqa: N818 (the inbox is in error, not the program)
    """Its database can't be used; the argument names it and says why."""


class MessageRow(msgspec.Struct, frozen=True):
    """The keys of `inbox list --json`, in its order."""

    id: str
    received: str
    """ISO 8601 with Z."""
    sender: str
    recipients: tuple[str, ...]
    size: int
    subject: str
    """Decoded (RFC 2047)."""
    client: str
    tls: str | None
    """Version and cipher; None for a session in clear."""
    session: str
    """Its id, for `inbox show`."""


class SessionRow(msgspec.Struct, frozen=True):
    """The keys of `inbox list --sessions --json`."""

    id: str
    started: str
    protocol: str
    client: str
    messages: tuple[str, ...]
    """Those that were taken; none for a session that was given up, or refused in everything."""


class Inbox:
    """Made by `opened_inbox`; a server may be at work in it meanwhile."""

    def __init__(self, connection: Connection, folder: Path) -> None:
        self._connection = connection
        self._folder = folder

    def messages(self, after: str = "") -> Iterator[MessageRow]:
        """Oldest first, those behind the id `after`."""
        return map(_row, tables.entries(self._connection, number_of(after)))

    def sessions(self) -> Iterator[SessionRow]:
        """Oldest first: those that have ended."""
        return map(_session_row, tables.sittings(self._connection))

    def message(self, name: str) -> MessageRow | None:
        found = tables.get(self._connection, number_of(name))
        return None if found is None else _row(found)

    def raw(self, name: str) -> bytes | None:
        return tables.content(self._connection, number_of(name), spool_of(self._folder))

    def session(self, name: str) -> tuple[SessionRow, tuple[Record, ...], int] | None:
        """With its records, and how many are missing between them; None where there is none, or it goes on yet."""
        found = tables.sitting(self._connection, number_of(name))
        if found is None:
            return None
        sitting, lines = found
        decoded = (decode_record(line) for line in lines.splitlines())
        return _session_row(sitting), tuple(one for one in decoded if isinstance(one, Record)), sitting.left_out

    def delete(self, name: str) -> bool:
        """False where there is no such message."""
        return tables.remove(self._connection, number_of(name))

    def search(self, text: str) -> Iterator[MessageRow]:
        """In any case: in the addresses, the decoded subject, and the stored bytes as they are."""
        wanted = text.casefold()
        for row in self.messages():
            head = "\n".join((row.id, row.sender, *row.recipients, row.subject, row.client)).casefold()
            if wanted in head or wanted in (self.raw(row.id) or b"").decode("utf-8", "replace").casefold():
                yield row


@contextmanager
def visit_inbox(folder: Path) -> Iterator[Inbox]:
    """One transaction, undone where the caller raises. Nothing is made on disk where nothing was ever received.

    Raises UnreadableInbox.
    """
    place = place_of(folder)
    engine = make_engine(f"sqlite:///{place}" if place.exists() else "sqlite://")
    try:
        with engine.begin() as connection:
            metadata.create_all(connection)
            yield Inbox(connection, folder)
    except DBAPIError as trouble:
        raise UnreadableInbox(f"{folder}: {words_of(trouble)}") from trouble
    finally:
        engine.dispose()


def _row(entry: Kept) -> MessageRow:
    return MessageRow(
        entry.id,
        iso_time(entry.received_at),
        entry.sender,
        entry.recipients,
        entry.octets,
        decode_words(entry.subject),
        entry.client,
        entry.tls or None,
        entry.session,
    )


def _session_row(sitting: Sitting) -> SessionRow:
    return SessionRow(sitting.id, iso_time(sitting.started_at), sitting.protocol, sitting.client, sitting.messages)
