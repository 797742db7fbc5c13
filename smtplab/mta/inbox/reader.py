"""What a server has received, as another process reads it: listed, read, searched, removed, while it may be at work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from smtplab.message.header import decode_words
from smtplab.mta.inbox import tables
from smtplab.mta.inbox.port import Kept, Sitting, number_of
from smtplab.mta.inbox.schema import metadata
from smtplab.mta.inbox.sessions import Sessions
from smtplab.mta.inbox.store import place_of, spool_of
from smtplab.mta.store.sql import make_engine, may_pass, reading_engine, words_of
from smtplab.mta.trace import iso_time


class UnreadableInbox(Exception):  # noqa: N818 (the inbox is in error, not the program)
    """Its database can't be used; the argument names it and says why."""

    def __init__(self, folder: Path, trouble: DBAPIError) -> None:
        self.folder = folder
        self.reason = words_of(trouble)
        self.may_pass = may_pass(trouble)
        super().__init__(f"{folder}: {self.reason}")


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


class Removed(msgspec.Struct, frozen=True):
    """A message or a session that was taken out, whole."""

    id: str
    octets: bytes
    """The message's content, or the session's records."""
    message: Kept | None = None
    session: Sitting | None = None


class Inbox:
    """Made by `opened_inbox`; a server may be at work in it meanwhile."""

    def __init__(self, connection: Connection, folder: Path) -> None:
        self.sessions = Sessions(connection)
        self._connection = connection
        self._folder = folder

    def messages(self, after: str = "") -> Iterator[MessageRow]:
        """Oldest first, those behind the id `after`."""
        return map(row_of, tables.entries(self._connection, number_of(after)))

    def counts(self) -> tuple[int, int]:
        """Messages and sessions."""
        return tables.counts(self._connection)

    def numbers(self) -> tuple[set[int], set[int]]:
        """Of all messages and of all sessions: their ids as `number_of` reads them."""
        return tables.numbers(self._connection)

    def seen(self) -> set[int]:
        """The numbers of messages and sessions that were marked as looked at."""
        return tables.seen_numbers(self._connection)

    def seen_among(self, names: Iterable[str]) -> set[str]:
        """Those of these ids that were marked."""
        return {f"{number:X}" for number in tables.seen_among(self._connection, [number_of(name) for name in names])}

    def mark_seen(self, name: str, *, seen: bool = True) -> None:
        if (number := number_of(name)) >= 0:
            tables.mark_seen(self._connection, number, is_seen=seen)

    def latest(self, before: str = "") -> Iterator[MessageRow]:
        """Newest first, those that came before the id `before`; all of them where none is named."""
        return map(row_of, tables.latest(self._connection, number_of(before) if before else None))

    def count(self) -> int:
        """How many messages."""
        return tables.count(self._connection)

    def newest(self) -> int:
        """A number that grows with each message that comes."""
        return tables.newest(self._connection)

    def message(self, name: str) -> MessageRow | None:
        found = tables.get(self._connection, number_of(name))
        return None if found is None else row_of(found)

    def raw(self, name: str) -> bytes | None:
        return tables.content(self._connection, number_of(name), spool_of(self._folder))

    def delete(self, name: str) -> bool:
        """False where there is no such message."""
        return tables.remove(self._connection, number_of(name)) is not None

    def take_out(self, name: str) -> Removed | None:
        """Removes a message, or a session that brought none; what comes back can be put back."""
        number = number_of(name)
        entry, content = tables.get(self._connection, number), self.raw(name)
        if entry is not None and content is not None:
            tables.remove(self._connection, number)
            return Removed(name, message=entry, octets=content)
        if (found := tables.sitting(self._connection, number)) is not None:
            tables.remove_sitting(self._connection, number)
            return Removed(name, session=found[0], octets=found[1])
        return None

    def put_back(self, removed: Removed) -> None:
        """What was taken out, under its own id."""
        if removed.message is not None:
            row = {"number": number_of(removed.id), "octets": removed.octets, "segment": None}
            tables.keep(self._connection, [removed.message], [{**row, "start": None, "length": None}])
        if removed.session is not None:
            tables.restore_sitting(self._connection, removed.session, removed.octets)


class Visitor:
    """Comes again and again: a screen or a page that shows the inbox while a server works in it. For one thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._engine: Engine | None = None
        self._connection: Connection | None = None
        self._version: int | None = None

    @contextmanager
    def visit(self) -> Iterator[Inbox]:
        """As `visit_inbox`."""
        if not place_of(self._folder).exists():
            with visit_inbox(self._folder) as inbox:
                yield inbox
            return
        try:
            connection = self._connected()
            with connection.begin():
                yield Inbox(connection, self._folder)
        except DBAPIError as trouble:
            self.close()
            raise UnreadableInbox(self._folder, trouble) from trouble

    def has_news(self) -> bool:
        """May anything have changed by other hands since this was asked last? Raises UnreadableInbox."""
        if not place_of(self._folder).exists():
            return False
        try:
            connection = self._connected()
            with connection.begin():
                version = tables.data_version(connection)
        except DBAPIError as trouble:
            self.close()
            raise UnreadableInbox(self._folder, trouble) from trouble
        known, self._version = self._version, version
        return version is None or version != known

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._engine is not None:
            self._engine.dispose()
        self._engine = self._connection = self._version = None

    def _connected(self) -> Connection:
        if self._connection is None:
            engine = self._engine = reading_engine(place_of(self._folder))
            metadata.create_all(engine)
            self._connection = engine.connect()
        return self._connection


@contextmanager
def visit_inbox(folder: Path) -> Iterator[Inbox]:
    """One transaction, undone where the caller raises. Nothing is made on disk where nothing was ever received.

    Raises UnreadableInbox.
    """
    place = place_of(folder)
    try:
        engine = reading_engine(place) if place.exists() else make_engine("sqlite://")
    except DBAPIError as trouble:
        raise UnreadableInbox(folder, trouble) from trouble
    try:
        with engine.begin() as connection:
            metadata.create_all(connection)
            yield Inbox(connection, folder)
    except DBAPIError as trouble:
        raise UnreadableInbox(folder, trouble) from trouble
    finally:
        engine.dispose()


def row_of(entry: Kept) -> MessageRow:
    """As it is listed."""
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
