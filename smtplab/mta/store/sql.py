"""A queue's store in a database, SQLite in WAL mode unless a URL says otherwise, with large contents in a spool."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from sqlalchemy import URL, Connection, Engine, create_engine, event, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from smtplab.mta.store import rows
from smtplab.mta.store.lock import FolderLock, lock_folder
from smtplab.mta.store.port import Change, Entry, Put, Remove, StoreFailed, Trouble, Update, number_of
from smtplab.mta.store.schema import NEWEST, contents, migrate
from smtplab.mta.store.spool import Place, Spool
from smtplab.mta.store.writer import InlineWriter, Writer

ROW_OCTETS_MAX = 65536
"""Larger contents go to the spool: of 100 KB in rows the slowest commits took 13 ms, in a spool 2.3."""

BUSY_S = 10.0
"""How long a statement waits for another process that has the database: one that reads it, or orders something."""

Found = TypeVar("Found")
_Job = tuple[Change, ...] | Callable[[Connection], Any]


def open_store(folder: Path, url: str = "", *, threaded: bool = True) -> SqlStore | Trouble:
    """The store of one queue below `folder`, which is made where it is missing and is this process' alone until it
    closes the store or ends. `url` names another database (SQLAlchemy's form); the lock and the spool stay here.
    Without its thread a store blocks whoever asks it, and commits for each by itself."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = lock_folder(folder)
    except OSError as error:
        return unopened(folder, error)
    if lock is None:
        return Trouble("locked", str(folder))
    engine = make_engine(url or url_of(place_of(folder)))
    try:
        with engine.begin() as connection:
            found = migrate(connection)
            held = connection.scalars(select(contents.c.segment).where(contents.c.segment.is_not(None))).all()
        if found <= NEWEST:
            return SqlStore(engine, Spool(folder / "spool", held), lock, threaded=threaded)
        trouble = Trouble("newer-schema", f"{folder}: {found}")
    except (DBAPIError, OSError) as error:
        trouble = unopened(folder, error)
    engine.dispose()
    lock.release()
    return trouble


def place_of(folder: Path) -> Path:
    """The database's file."""
    return folder / "queue.sqlite"


def url_of(place: Path) -> URL:
    """As a text a `?` in a folder's name would begin the options."""
    return URL.create("sqlite", database=str(place))


def make_engine(url: str | URL) -> Engine:
    """With SQLite every commit synced, in WAL mode so that others may read meanwhile."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
    return engine


def reading_engine(place: Path) -> Engine:
    """For a visitor: as `make_engine`, or else one that can only read, where the file or its folder can't be written.

    Raises DBAPIError.
    """
    engine = make_engine(url_of(place))
    try:
        engine.connect().close()
    except DBAPIError as error:
        engine.dispose()
        if getattr(error.orig, "sqlite_errorname", "").startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")):
            return _read_only_engine(place)
        raise
    return engine


def _read_only_engine(place: Path) -> Engine:
    # Without its log no process has the database open; SQLite itself would have to make one to find that out.
    log = place.with_name(f"{place.name}-wal")
    uri = f"{place.absolute().as_uri()}?{'mode=ro' if log.exists() else 'immutable=1'}"
    return create_engine("sqlite://", creator=lambda: sqlite3.connect(uri, uri=True), poolclass=NullPool)


class SqlStore:
    """A `Store`; made by `open_store`. One thread has the database, and commits at once all that has come."""

    def __init__(self, engine: Engine, spool: Spool, lock: FolderLock, *, threaded: bool) -> None:
        self._engine = engine
        self._spool = spool
        self._lock = lock
        self._connection: Connection | None = None
        self._writer: Writer[_Job, Any] | InlineWriter[_Job, Any] = (
            Writer(self._work, "queue store") if threaded else InlineWriter(self._work)
        )

    async def apply(self, changes: Sequence[Change]) -> Trouble | None:
        """As `Store.apply`, with whatever else is asked for now in one synced transaction."""
        trouble: Trouble | None = await self._writer.do(tuple(changes))
        return trouble

    async def recover(self) -> tuple[Entry, ...]:
        """As `Store.recover`."""
        return await self._read(rows.recover)

    async def claim(self, now: float, limit: int) -> tuple[Entry, ...]:
        """As `Store.claim`."""
        return await self._read(lambda connection: rows.claim(connection, now, limit))

    async def next_due(self) -> float | None:
        """As `Store.next_due`."""
        return await self._read(rows.next_due)

    async def get(self, queue_id: str) -> Entry | None:
        return await self._read(lambda connection: rows.get(connection, number_of(queue_id)))

    async def content(self, queue_id: str) -> bytes | None:
        """As `Store.content`."""
        try:
            return await self._read(lambda connection: self._content(connection, number_of(queue_id)))
        except StoreFailed:
            return None

    async def entries(self, after: str = "", limit: int = 1000) -> tuple[Entry, ...]:
        """As `Store.entries`."""
        return await self._read(lambda connection: rows.entries(connection, number_of(after), limit))

    async def count(self) -> int:
        return await self._read(rows.count)

    async def take_orders(self) -> tuple[tuple[str, str], ...]:
        """As `OrderBook.take_orders`."""
        return await self._read(rows.take_orders)

    async def close(self) -> None:
        """As `Store.close`; the folder is free afterwards."""
        if isinstance(self._writer, Writer):
            await asyncio.to_thread(self._writer.close)
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()
        self._spool.leave()
        self._lock.release()

    # In the caller's thread

    async def _read(self, reading: Callable[[Connection], Found]) -> Found:
        """Raises StoreFailed where the database can't be read, or can't note what was read: a full disk, a lock."""
        found: Found | DBAPIError = await self._writer.do(reading)
        if isinstance(found, DBAPIError):
            raise StoreFailed(trouble_of(found)) from found
        return found

    # In the writer's thread

    def _work(self, jobs: Sequence[_Job]) -> list[Any]:
        """Changes first, all in one transaction; then what is read, each by itself."""
        if self._connection is None:
            self._connection = self._engine.connect()
        results: dict[int, Any] = {}
        changes = {index: job for index, job in enumerate(jobs) if isinstance(job, tuple)}
        if changes:
            trouble = self._commit([change for job in changes.values() for change in job])
            results = dict.fromkeys(changes, trouble)
            if trouble is not None and len(changes) > 1:
                # One of them may spoil it for the others.
                results = {index: self._commit(job) for index, job in changes.items()}
        for index, job in enumerate(jobs):
            if not isinstance(job, tuple):
                results[index] = self._found(job)
        return [results[index] for index in range(len(jobs))]

    def _found(self, reading: Callable[[Connection], Any]) -> Any:
        assert self._connection is not None
        try:
            with self._connection.begin():
                return reading(self._connection)
        except DBAPIError as error:
            return error

    def _commit(self, changes: Sequence[Change]) -> Trouble | None:
        assert self._connection is not None
        places: dict[int, Place] = {}
        unwanted: list[int] = []
        try:
            for change in changes:
                if isinstance(change, Put) and len(change.content) > ROW_OCTETS_MAX:
                    places[change.entry.number] = self._spool.append(change.content)
            if places:
                # What a row points at is on disk before the row is.
                self._spool.sync()
            with self._connection.begin():
                unwanted = _write(self._connection, changes, places)
        except (DBAPIError, OSError) as error:
            self._spool.leave()
            self._forget(place.segment for place in places.values())
            return trouble_of(error)
        self._forget(unwanted)
        return None

    def _forget(self, segments: Iterable[int]) -> None:
        for segment in segments:
            try:
                self._spool.forget(segment)
            except OSError:
                # The file stays until the next start, which looks for such.
                continue

    def _content(self, connection: Connection, number: int) -> bytes | None:
        row = rows.content_row(connection, number)
        if row is None or row.segment is None:
            return None if row is None else bytes(row.octets)
        try:
            octets = self._spool.read(Place(row.segment, row.start, row.length))
        except OSError:
            return None
        return octets if len(octets) == row.length else None


def _write(connection: Connection, changes: Sequence[Change], places: dict[int, Place]) -> list[int]:
    """The spool's segments that lose a content."""
    puts = [change for change in changes if isinstance(change, Put)]
    updates = [change.entry for change in changes if isinstance(change, Update)]
    removes = [number_of(change.queue_id) for change in changes if isinstance(change, Remove)]
    if puts:
        rows.insert(connection, [put.entry for put in puts], [_content_row(put, places) for put in puts])
    if updates:
        rows.replace(connection, updates)
    return rows.remove(connection, removes) if removes else []


def _content_row(put: Put, places: dict[int, Place]) -> dict[str, Any]:
    place = places.get(put.entry.number)
    if place is None:
        return {"number": put.entry.number, "octets": put.content, "segment": None, "start": None, "length": None}
    return {"number": put.entry.number, "octets": None, **msgspec.structs.asdict(place)}


def _set_up_sqlite(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    # FULL syncs the log at each commit; NORMAL would lose what was promised with a power cut.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA busy_timeout = {int(BUSY_S * 1000)}")


def unopened(folder: Path, error: Exception) -> Trouble:
    """What went wrong as a store was opened."""
    return Trouble("not-now" if may_pass(error) else "unreadable", f"{folder}: {words_of(error)}")


def trouble_of(error: Exception) -> Trouble:
    """What went wrong with a store that was well when it was opened."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    full = _has_no_room(cause) or getattr(cause, "sqlite_errorname", "") == "SQLITE_FULL"
    return Trouble("disk-full" if full else "failed", words_of(error))


def may_pass(error: Exception) -> bool:
    """Another process has the database, or there is no room: nothing is wrong with the database itself."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    name = getattr(cause, "sqlite_errorname", "")
    return _has_no_room(cause) or name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL"))


def _has_no_room(cause: BaseException | None) -> bool:
    return isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)


def words_of(error: Exception) -> str:
    """What the system or the database said, without SQLAlchemy's."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error.orig if isinstance(error, DBAPIError) else error)
