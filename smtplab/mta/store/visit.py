"""What another process may do with a store that a queue is working with: read it, and leave an order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from smtplab.mta.store import rows
from smtplab.mta.store.port import Entry, Put, StoreFailed, Trouble, number_of
from smtplab.mta.store.sql import make_engine, place_of, reading_engine, trouble_of, unopened

Found = TypeVar("Found")


def visit_store(folder: Path, url: str = "") -> Visit | Trouble:
    """`folder` and `url` as in `open_store`; no lock is taken. A store that was never opened is unreadable."""
    if not url and not place_of(folder).exists():
        return Trouble("unreadable", str(folder))
    engine: Engine | None = None
    try:
        engine = make_engine(url) if url else reading_engine(place_of(folder))
        with engine.connect() as connection:
            rows.count(connection)
    except DBAPIError as error:
        if engine is not None:
            engine.dispose()
        return unopened(folder, error)
    return Visit(engine)


class Visit:
    """Made by `visit_store`. Raises StoreFailed where the database fails."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def entries(self, after: str = "", limit: int = 1000) -> tuple[Entry, ...]:
        """As `Store.entries`."""
        return await self._do(lambda: self._entries(number_of(after), limit))

    async def leave_orders(self, queue_ids: Sequence[str], verb: str) -> str | None:
        """For the queue at work, which looks for such; all at once, for each transaction waits for the disk. Returns
        the first id that it does not hold: those before it are ordered then."""
        return await self._do(lambda: self._leave_orders(queue_ids, verb))

    async def put(self, puts: Sequence[Put]) -> Trouble | None:
        """New messages, for the queue at work; after None they survive whatever happens to any process. Their contents
        stand in their rows, for the spool is the queue's own."""
        return await asyncio.to_thread(self._put, puts)

    def close(self) -> None:
        """Nothing is open afterwards."""
        self._engine.dispose()

    async def _do(self, work: Callable[[], Found]) -> Found:
        try:
            return await asyncio.to_thread(work)
        except DBAPIError as error:
            raise StoreFailed(trouble_of(error)) from error

    def _put(self, puts: Sequence[Put]) -> Trouble | None:
        empty = {"segment": None, "start": None, "length": None}
        contents = [{"number": put.entry.number, "octets": put.content, **empty} for put in puts]
        try:
            with self._engine.begin() as connection:
                rows.insert(connection, [put.entry for put in puts], contents)
                # It looks for orders once a second, and for new messages only where it took them itself. One order
                # wakes it for all: whatever is due is begun then.
                rows.leave_order(connection, puts[-1].entry.queue_id, "release")
        except DBAPIError as error:
            return trouble_of(error)
        return None

    def _entries(self, after: int, limit: int) -> tuple[Entry, ...]:
        with self._engine.connect() as connection:
            return rows.entries(connection, after, limit)

    def _leave_orders(self, queue_ids: Sequence[str], verb: str) -> str | None:
        with self._engine.begin() as connection:
            for queue_id in queue_ids:
                entry = rows.get(connection, number_of(queue_id))
                if entry is None:
                    return queue_id
                rows.leave_order(connection, entry.queue_id, verb)
        return None
