"""Hands messages over to the durable queue below a home folder, and works it off where no server does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from smtplab.events import AttemptStarted, Bounced, Deferred, Dequeued, Queued
from smtplab.journal import Journal, Record
from smtplab.lab.bad_input import NotNow
from smtplab.lab.exits import DONE, FAILED, TEMPORARY
from smtplab.lab.notice_words import notice_words
from smtplab.lab.sending import Preparation
from smtplab.lab.stores import bad_store
from smtplab.mta.envelope import Envelope
from smtplab.mta.mailbox import Mailboxes
from smtplab.mta.queue.identifier import QueueIds
from smtplab.mta.queue.manager import Queue
from smtplab.mta.queue.office import Office
from smtplab.mta.queue.orders import LOOK_S as ORDERS_S
from smtplab.mta.queue.orders import obey_once
from smtplab.mta.store.port import Entry, Put, StoreFailed, Trouble, Update
from smtplab.mta.store.sql import SqlStore, open_store
from smtplab.mta.store.visit import visit_store

PUT_AT_ONCE = 500
"""Messages in one synced transaction: a disk syncs some hundred times a second."""

LOOK_S = 0.1
"""Between two looks whether all has been tried."""

LOOKS_MAX = 20
"""For a database that somebody else is about to make."""

GRACE_S = 10.0
"""After a Ctrl-C for what is under way; then it stays queued, and is tried again."""


class QueuedMail(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a hand-over; the keys of `send --queue --json`."""

    queued: tuple[str, ...]
    """The ids of the messages that were new."""
    server_at_work: bool
    """A server has this queue, and sends them on by its own settings."""
    relayed: int = 0
    """Messages that other hosts have taken."""
    bounced: int = 0
    """Recipients who will not get theirs; the sender is told by a notice."""
    waiting: int = 0
    """Messages that are still queued."""
    next_attempt: float | None = None
    """Seconds since the epoch."""

    @property
    def exit_code(self) -> int:
        if self.bounced:
            return FAILED
        return TEMPORARY if self.waiting and not self.server_at_work else DONE


class QueueRun:
    """One hand-over; `stop` ends the work in good order, and what is queued stays so."""

    def __init__(
        self,
        home: Path,
        preparation: Preparation,
        messages: Callable[[], Iterable[Envelope]],
        on_record: Callable[[Record], None] | None = None,
        *,
        language: str = "en",
    ) -> None:
        """`language`: in which its notices to senders begin."""
        self._language = language
        self._folder = home / "queue"
        self._preparation = preparation
        self._messages = messages
        self._on_record = on_record
        self._net = preparation.net
        self._ids = QueueIds(self._net.clock, self._net.chance("queue-id"))
        self._queued: list[str] = []
        self._open: set[str] = set()
        """Not tried yet, or under way."""
        self._notices: set[str] = set()
        """Written by the queue itself, and not waited for beyond what is under way."""
        self._relayed = self._bounced = 0
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """No delivery is begun any more."""
        self._stopped.set()

    async def __call__(self) -> QueuedMail:
        """Raises BadInput where there is no queue to be had."""
        store = open_store(self._folder)
        if isinstance(store, Trouble) and store.reason == "locked":
            await self._leave_to_the_server()
            store = open_store(self._folder)
            if isinstance(store, Trouble) and store.reason == "locked":
                return QueuedMail(queued=tuple(self._queued), server_at_work=True)
            # It was a run like this one, which may have ended without these.
            self._messages = lambda: ()
        if isinstance(store, Trouble):
            raise bad_store(store)
        try:
            return await self._work_off(store)
        except StoreFailed as failed:
            raise self._no_more(failed.trouble) from failed
        finally:
            await store.close()

    # A server has it

    async def _leave_to_the_server(self) -> None:
        visit = visit_store(self._folder)
        for _ in range(LOOKS_MAX):
            if not isinstance(visit, Trouble):
                break
            await asyncio.sleep(LOOK_S)
            visit = visit_store(self._folder)
        if isinstance(visit, Trouble):
            raise bad_store(visit)
        try:
            for puts in self._puts():
                if (trouble := await visit.put(puts)) is not None:
                    raise self._no_more(trouble)
                self._queued += [put.entry.queue_id for put in puts]
        finally:
            visit.close()

    # Nobody has it

    async def _work_off(self, store: SqlStore) -> QueuedMail:
        # By a queue of its own: what is put into the store below the other one does not count.
        await obey_once(Queue(self._office(), store), store)
        await self._retry_all(store)
        for puts in self._puts():
            if self._stopped.is_set():
                break
            if (trouble := await store.apply(puts)) is not None:
                raise self._no_more(trouble)
            self._queued += [put.entry.queue_id for put in puts]
            self._open |= {put.entry.queue_id for put in puts}
        # What others hand over meanwhile, at the very end too, is nobody's but ours.
        while await self._run_queue(store) and await self._is_due(store):
            pass
        return QueuedMail(
            queued=tuple(self._queued),
            server_at_work=False,
            relayed=self._relayed,
            bounced=self._bounced,
            waiting=await store.count(),
            next_attempt=await store.next_due(),
        )

    async def _run_queue(self, store: SqlStore) -> bool:
        """Until nothing is due. False where it ended before."""
        queue = Queue(self._office(), store)
        running, obeying = asyncio.create_task(queue.run()), asyncio.create_task(self._obey(queue, store))
        try:
            while (self._open or await self._is_due(store)) and not self._stopped.is_set() and not running.done():
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self._stopped.wait()
            return not (self._stopped.is_set() or running.done())
        finally:
            obeying.cancel()
            queue.stop()
            await asyncio.wait({running}, timeout=GRACE_S)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _is_due(self, store: SqlStore) -> bool:
        due_at = await store.next_due()
        return due_at is not None and due_at <= self._net.clock.now()

    async def _obey(self, queue: Queue, store: SqlStore) -> None:
        """Until cancelled. What is held now, or gone, is not waited for."""
        while True:
            with contextlib.suppress(StoreFailed):
                for queue_id in await obey_once(queue, store):
                    entry = await store.get(queue_id)
                    if entry is None or entry.state == "hold":
                        self._open.discard(queue_id)
            await asyncio.sleep(ORDERS_S)

    def _no_more(self, trouble: Trouble) -> NotNow:
        """What is queued stays so: to give all of it again would send some of it twice."""
        return NotNow("queue.no-more", place=str(self._folder), reason=trouble.detail, number=len(self._queued))

    async def _retry_all(self, store: SqlStore) -> None:
        """What an earlier run left is tried now: whoever comes back wants it gone."""
        after = ""
        now = self._net.clock.now()
        while entries := await store.entries(after):
            due = [entry for entry in entries if entry.state != "hold"]
            again = [msgspec.structs.replace(entry, next_attempt_at=min(now, entry.next_attempt_at)) for entry in due]
            if again:
                await store.apply([Update(entry) for entry in again])
            self._open |= {entry.queue_id for entry in due}
            after = entries[-1].queue_id

    def _office(self) -> Office:
        preparation, net = self._preparation, self._net
        options = msgspec.structs.replace(preparation.options, pipeline=None)
        journal = Journal(net.clock.now, self._told, keep=False)
        return Office(
            hostname=options.helo,
            options=options,
            routing=preparation.routing,
            mailboxes=Mailboxes(),
            scope=journal.scope(node=options.helo, hop=0, span="", stage="queue"),
            net_at=lambda _hop: net,
            words=notice_words(self._language),
        )

    def _told(self, record: Record) -> None:
        match record.event:
            case Queued(queue_id=queue_id):
                self._notices.add(queue_id)
            case AttemptStarted(queue_id=queue_id) if queue_id not in self._notices:
                self._open.add(queue_id)
            case Dequeued(queue_id=queue_id, reason=reason):
                self._open.discard(queue_id)
                self._relayed += reason in ("relayed", "delivered")
            case Deferred(queue_id=queue_id):
                self._open.discard(queue_id)
            case Bounced():
                self._bounced += 1
            case _:
                pass
        if self._on_record is not None:
            self._on_record(record)

    def _puts(self) -> Iterator[list[Put]]:
        puts: list[Put] = []
        for envelope in self._messages():
            puts.append(self._put(envelope))
            if len(puts) == PUT_AT_ONCE:
                yield puts
                puts = []
        if puts:
            yield puts

    def _put(self, envelope: Envelope) -> Put:
        now = self._net.clock.now()
        entry = Entry(
            queue_id=self._ids.next_id(),
            envelope=msgspec.structs.replace(envelope, content=b""),
            octets=len(envelope.content),
            hop=1,
            arrived_at=now,
            next_attempt_at=now,
        )
        return Put(entry, envelope.content)
