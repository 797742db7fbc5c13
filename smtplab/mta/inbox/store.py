"""The inbox of a server at work: one thread has the database and commits at once all that has come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from smtplab.journal import Record
from smtplab.mta.inbox import tables
from smtplab.mta.inbox.ageing import Keep, let_go
from smtplab.mta.inbox.port import Kept, Sitting, number_of
from smtplab.mta.inbox.schema import metadata
from smtplab.mta.store.lock import FolderLock, lock_folder
from smtplab.mta.store.port import Trouble
from smtplab.mta.store.spool import Place, Spool
from smtplab.mta.store.sql import ROW_OCTETS_MAX, make_engine, unopened, url_of, words_of
from smtplab.mta.store.writer import Writer

Found = TypeVar("Found")


Play = Callable[[], tuple[Sequence[Record], int]]
"""The records of a session that has ended, and how many are left out between them; called in the writer's thread."""


class _Put(msgspec.Struct, frozen=True):
    entry: Kept
    content: tuple[bytes, ...]
    """In pieces: to put a large one together takes the loop long, and this thread lets others run meanwhile."""


class _PutSession(msgspec.Struct, frozen=True):
    sitting: Sitting
    play: Play


_Job = _Put | _PutSession | Callable[[Connection], Any]


def place_of(folder: Path) -> Path:
    """The database's file."""
    return folder / "inbox.sqlite"


def spool_of(folder: Path) -> Path:
    """Where large contents lie."""
    return folder / "spool"


def open_inbox(folder: Path) -> InboxStore | Trouble:
    """Below `folder`, which is made where it is missing. Several servers may share it: the first has the spool, and
    the others keep large contents in rows."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = lock_folder(folder)
        engine = make_engine(url_of(place_of(folder)))
        metadata.create_all(engine)
        with engine.connect() as connection:
            spool = Spool(spool_of(folder), tables.spooled(connection)) if lock is not None else None
    except (DBAPIError, OSError) as error:
        return unopened(folder, error)
    return InboxStore(engine, spool, lock)


class InboxStore:
    """Made by `open_inbox`. Whoever reads raises DBAPIError where the database fails."""

    def __init__(self, engine: Engine, spool: Spool | None, lock: FolderLock | None) -> None:
        self._engine = engine
        self._spool = spool
        self._lock = lock
        self._connection: Connection | None = None
        self._folder = spool_of(Path(engine.url.database or "").parent)
        self._writer: Writer[_Job, Any] = Writer(self._work, "inbox store")

    async def put(self, entry: Kept, *content: bytes) -> Trouble | None:
        """Its content in one piece or several. After None it survives whatever happens to the process."""
        trouble: Trouble | None = await self._writer.do(_Put(entry, content))
        return trouble

    async def put_session(self, sitting: Sitting, play: Play) -> Trouble | None:
        """Its `left_out` is what `play` says."""
        trouble: Trouble | None = await self._writer.do(_PutSession(sitting, play))
        return trouble

    async def remove(self, entry_id: str) -> None:
        """A message that is nobody's concern any more."""
        await self.let_go(lambda connection: tables.remove(connection, number_of(entry_id)) or [])

    async def content(self, entry_id: str) -> bytes | None:
        return await self.do(lambda connection: tables.content(connection, number_of(entry_id), self._folder))

    async def do(self, work: Callable[[Connection], Found]) -> Found:
        """In a transaction of its own."""
        found: Found | DBAPIError = await self._writer.do(work)
        if isinstance(found, DBAPIError):
            raise found
        return found

    async def let_go(self, work: Callable[[Connection], Sequence[int]]) -> None:
        """In a transaction of its own; `work` returns the spool's segments of the contents that it removed."""
        if segments := await self.do(work):
            await self.do(lambda _: self._forget(segments))

    async def age(self, keep: Keep, now: float) -> Trouble | None:
        """Lets go of what is too much, page by page, so that messages that come meanwhile wait for one page only."""
        while True:
            try:
                gone, segments = await self.do(lambda connection: let_go(connection, keep, now))
                await self.do(lambda _: self._forget(segments))  # noqa: B023 - awaited at once
            except (DBAPIError, OSError) as error:
                return Trouble("failed", words_of(error))
            if gone == 0:
                return None

    def _forget(self, segments: Sequence[int]) -> None:
        """Their rows are gone for good."""
        if self._spool is not None:
            for segment in segments:
                self._spool.forget(segment)

    async def close(self) -> None:
        """What was asked for before is done first."""
        await asyncio.to_thread(self._writer.close)
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()
        if self._spool is not None:
            self._spool.leave()
        if self._lock is not None:
            self._lock.release()

    # In the writer's thread

    def _work(self, jobs: Sequence[_Job]) -> list[Any]:
        """What is kept first, all in one transaction; then everything else, each by itself."""
        if self._connection is None:
            self._connection = self._engine.connect()
        kept = [job for job in jobs if isinstance(job, _Put | _PutSession)]
        trouble = self._keep(kept) if kept else None
        alone = trouble is not None and len(kept) > 1
        # One of them may spoil it for the others.
        return [
            self._do(job) if not isinstance(job, _Put | _PutSession) else (self._keep([job]) if alone else trouble)
            for job in jobs
        ]

    def _do(self, work: Callable[[Connection], Any]) -> Any:
        assert self._connection is not None
        try:
            with self._connection.begin():
                return work(self._connection)
        except DBAPIError as error:
            return error

    def _keep(self, jobs: Sequence[_Put | _PutSession]) -> Trouble | None:
        assert self._connection is not None
        puts = [job for job in jobs if isinstance(job, _Put)]
        ended = [_played(job) for job in jobs if isinstance(job, _PutSession)]
        try:
            content_rows = [self._content_row(put) for put in puts]
            if self._spool is not None and any(row["octets"] is None for row in content_rows):
                # What a row points at is on disk before the row is.
                self._spool.sync()
            with self._connection.begin():
                if puts:
                    tables.keep(self._connection, [put.entry for put in puts], content_rows)
                if ended:
                    tables.keep_sessions(self._connection, ended)
        except (DBAPIError, OSError) as error:
            if self._spool is not None:
                self._spool.leave()
            full = "full" in words_of(error) or "No space" in words_of(error)
            return Trouble("disk-full" if full else "failed", words_of(error))
        return None

    def _content_row(self, put: _Put) -> dict[str, Any]:
        number = number_of(put.entry.id)
        if self._spool is None or sum(map(len, put.content)) <= ROW_OCTETS_MAX:
            octets = b"".join(put.content)
            return {"number": number, "octets": octets, "segment": None, "start": None, "length": None}
        place: Place = self._spool.append(*put.content)
        return {"number": number, "octets": None, **msgspec.structs.asdict(place)}


def _played(job: _PutSession) -> tuple[Sitting, Sequence[Record]]:
    records, left_out = job.play()
    return msgspec.structs.replace(job.sitting, left_out=left_out), records
