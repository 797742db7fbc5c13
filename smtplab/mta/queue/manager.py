"""The queue: it keeps each message it took until every recipient is delivered, relayed or bounced."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

import msgspec

from smtplab.events import Dequeued, Judged, Queued
from smtplab.mta.arrival import Arrival, not_stored
from smtplab.mta.bounce import NoticeWriter
from smtplab.mta.envelope import Envelope
from smtplab.mta.kept import Kept
from smtplab.mta.outcome import RecipientOutcome
from smtplab.mta.queue.alarm import Alarm
from smtplab.mta.queue.carrier import Carrier
from smtplab.mta.queue.cohort import Limits, Traffic
from smtplab.mta.queue.identifier import QueueIds
from smtplab.mta.queue.news import Letter, is_news, tell, tell_of_notices, write_notices
from smtplab.mta.queue.office import Office
from smtplab.mta.queue.order import Answer, Order, ordered
from smtplab.mta.queue.round import Round, Trip, diagnostic, put_off
from smtplab.mta.queue.schedule import Schedule
from smtplab.mta.store.memory import MemoryStore
from smtplab.mta.store.port import Change, Entry, Put, Remove, Store, StoreFailed, Update, recovered
from smtplab.mta.trace import received_line
from smtplab.wire.reply import Reply, make_reply

__all__ = ["Limits", "Office", "Order", "Queue", "Schedule"]

CLAIMED_AT_ONCE = 1000
"""A store answers other questions between two such helpings."""

FLUSHED_AT_ONCE = 500
"""Looked at between two breaths of the loop."""

SLACK_S = 0.001
"""What is due so soon is due: a clock that was asked to wait may show a little less than it was told."""

STORE_AGAIN_S = 10.0
"""An outcome that could not be written is written again after so long: it can't be taken back."""


_RETRY: Order = "retry"


class Queue:
    """`accept` is what a `Receiver` hands messages to; `run` delivers until `stop` or cancelled."""

    def __init__(self, office: Office, store: Store | None = None) -> None:
        """Without a store it keeps everything in memory."""
        self._office = office
        self._store = MemoryStore() if store is None else store
        net = office.net_at(office.scope.hop)
        self._clock = net.clock
        self._ids = QueueIds(net.clock, net.chance("queue-id"))
        self._writer = NoticeWriter(net.chance("notice"), office.words)
        self._carrier = Carrier(office, self._store)
        self._traffic: Traffic[Trip] = Traffic(office.limits, net.clock.now, self._depart, self._suspend)
        self._rounds: dict[str, Round] = {}
        self._orders: dict[str, Order] = {}
        """For messages whose round has not ended yet."""
        self._held: int | None = None
        """Messages in the store; None until it was asked."""
        self._cached_octets = 0
        self._claiming = asyncio.Lock()
        """An order must not meet a message between the store and its round."""
        self._recovered = False
        self._stopping = False
        self._alarm = Alarm(net.clock)
        self._empty = asyncio.Event()
        self._empty.set()
        self._group: asyncio.TaskGroup | None = None

    async def accept(self, arrival: Arrival) -> Reply:
        """Takes the message over and answers 250 with the queue id once it is stored; 452 where it can't be."""
        held = self._held
        try:
            if (await self._count() if held is None else held) >= self._office.messages_max:
                return make_reply(452, "Queue is full", enhanced="4.3.1")
        except StoreFailed as failed:
            return not_stored(failed.trouble)
        queue_id = self._ids.next_id()
        trace = received_line(arrival, self._office.hostname, queue_id, self._clock.now())
        entry = self._new_entry(queue_id, arrival.envelope, arrival.hop + 1, len(trace))
        content = trace + arrival.envelope.content
        self._add(1)
        if (trouble := await self._store.apply((Put(entry, content),))) is not None:
            self._add(-1)
            return not_stored(trouble)
        self._take(entry, content)
        return make_reply(250, f"Queued as {queue_id}", enhanced="2.0.0")

    async def send(self, envelope: Envelope, hop: int) -> None:
        """A notice that somebody else has written; given up where it can't be stored."""
        if await self._count() >= self._office.messages_max:
            return
        put = Put(self._new_entry(self._ids.next_id(), envelope, hop, 0), envelope.content)
        if await self._store.apply((put,)) is None:
            self._send_off((put,))

    async def run(self) -> None:
        """Owns every delivery; ends after `stop` once those under way are done. What is still queued stays queued.

        Fact, for each delivery that a crash of an earlier run interrupted when the recipient's server may have taken
        the message already: Judged `delivery-in-doubt`. It is tried again, and may arrive twice.
        """
        while not (self._recovered or self._stopping):
            try:
                await self._recover()
            except StoreFailed:
                await self._alarm.sleep(self._clock.now() + STORE_AGAIN_S)
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                while not self._stopping:
                    await self._alarm.sleep(await self._begin_what_is_due())
            finally:
                self._group = None
                self._traffic.close()
        await self.lay_down()

    async def lay_down(self) -> None:
        """After `run`, for one that was cancelled too: what was claimed waits again, and what was ordered is done."""
        self._rounds.clear()
        with contextlib.suppress(StoreFailed):  # The next start will see to it.
            await self._store.recover()
            await self.order_all([*self._orders.items()])

    def stop(self) -> None:
        """No delivery is begun any more."""
        self._stopping = True
        self._alarm.wake()

    def look_at_clock(self) -> None:
        """As `Alarm.look`."""
        self._alarm.look()

    async def drain(self) -> None:
        """Waits until nothing is queued: every message relayed, delivered, bounced or deleted."""
        await self._count()
        await self._empty.wait()

    async def entries(self) -> tuple[Entry, ...]:
        """All that is queued, oldest first; for queues that are known to be small."""
        return await self._store.entries(limit=self._office.messages_max)

    async def order(self, queue_id: str, order: Order) -> Answer:
        """Fact: Dequeued where deleted."""
        (answer,) = await self.order_all(((queue_id, order),))
        return answer

    async def order_all(self, orders: Sequence[tuple[str, Order]]) -> list[Answer]:
        """As `order`, one after the other, in one transaction."""
        await self._recover()
        async with self._claiming:
            found = await asyncio.gather(*(self._store.get(queue_id) for queue_id, _ in orders))
            there = {entry.queue_id: entry for entry in found if entry is not None}
            answers: list[Answer] = []
            changes: list[Update | Remove] = []
            for known, (_, order) in zip(found, orders, strict=True):
                entry = None if known is None else there.get(known.queue_id)
                answers.append("unknown" if entry is None else "later" if entry.queue_id in self._rounds else "done")
                if entry is not None and entry.queue_id in self._rounds:
                    self._orders[entry.queue_id] = order
                elif entry is not None:
                    change = ordered(self._undoubted(entry), order, self._clock.now())
                    changes.append(change)
                    if isinstance(change, Update):
                        there[entry.queue_id] = change.entry
                    else:
                        del there[entry.queue_id]
            if changes:
                await self._apply_surely(changes)
        for answer, known, (_, order) in zip(answers, found, orders, strict=True):
            if answer == "done" and known is not None:
                self._after_order(known, order)
        return answers

    async def flush(self, wanted: Callable[[str], bool]) -> int:
        """Tries now what waits for a domain; how many messages that are. What is held goes on waiting (RFC 4865)."""
        found, after = 0, ""
        while page := await self._store.entries(after, FLUSHED_AT_ONCE):
            after, now = page[-1].queue_id, self._clock.now()
            free = (entry for entry in page if entry.state != "hold" and entry.envelope.hold_until <= now)
            meant = [one for one in free if any(wanted(who.domain.lower()) for who in one.envelope.recipients)]
            # What is on its way needs none, and has perhaps an order that must not be undone.
            waiting = [(entry.queue_id, _RETRY) for entry in meant if entry.state != "active"]
            found += len(meant) - len(waiting)
            found += sum(answer != "unknown" for answer in await self.order_all(waiting))
        return found

    async def _recover(self) -> None:
        """Once, before the first delivery and the first order: what an earlier run left behind."""
        async with self._claiming:
            if self._recovered:
                return
            if in_doubt := await self._store.recover():
                await self._apply_surely([Update(self._undoubted(entry)) for entry in in_doubt])
            self._recovered = True
        await self._count()

    def _undoubted(self, entry: Entry) -> Entry:
        """Somebody may have it already: that is told now."""
        if not entry.delivering:
            return entry
        for mark in entry.delivering:
            for recipient in mark.recipients:
                self._office.scope_of(entry)(Judged("delivery-in-doubt", "unknown", f"{recipient} {mark.host}"))
        return recovered(entry)

    # A message's life

    def _take(self, entry: Entry, content: bytes) -> None:
        """It is stored."""
        self._office.scope_of(entry)(Queued(entry.queue_id))
        if entry.state == "active" and self._group is not None and not self._stopping:
            at_hand = self._cached_octets + len(content) <= self._office.cached_octets_max
            self._begin(entry, content if at_hand else None)
        else:
            self._alarm.wake_by(entry.next_attempt_at)

    def _new_entry(self, queue_id: str, envelope: Envelope, hop: int, trace_octets: int) -> Entry:
        now = self._clock.now()
        # RFC 4865: whatever counts from a message's arrival counts from its release.
        released = max(now, envelope.hold_until)
        full = self._stopping or len(self._rounds) >= self._office.active_max
        waits = self._group is None or full or self._office.rest_s > 0 or released > now
        return Entry(
            queue_id=queue_id,
            # Who is named twice gets it once.
            envelope=msgspec.structs.replace(
                envelope, recipients=tuple(dict.fromkeys(envelope.recipients)), content=b""
            ),
            octets=trace_octets + len(envelope.content),
            hop=hop,
            arrived_at=released,
            next_attempt_at=released + self._office.rest_s,
            state="incoming" if waits else "active",
        )

    async def _begin_what_is_due(self) -> float | None:
        """The moment of the next that is; None where there is none, or no room for it: then a round's end wakes us."""
        try:
            async with self._claiming:
                while not self._stopping and (room := self._office.active_max - len(self._rounds)) > 0:
                    # Never for one alone: of two a store gives one that is deferred and one that is new.
                    helping = min(max(room, 2), CLAIMED_AT_ONCE)
                    due = await self._store.claim(self._clock.now() + SLACK_S, helping)
                    for entry in due:
                        self._begin(entry, None)
                    # A store keeps half a helping free for deferred ones: less than the other half is all there is.
                    if len(due) < helping // 2 or not due:
                        break
            next_due = await self._store.next_due()
        except StoreFailed:
            return self._clock.now() + STORE_AGAIN_S
        return None if len(self._rounds) >= self._office.active_max else next_due

    def _begin(self, entry: Entry, content: bytes | None) -> None:
        if content is not None:
            self._cached_octets += len(content)
        one = self._rounds[entry.queue_id] = Round(entry, content, self._office.scope_of(entry))
        self._traffic.add(one.next_hops(self._office.routing, self._carrier.directory.domains))

    # One trip

    def _depart(self, destination: str, trip: Trip) -> None:
        if self._group is None:
            return
        work = self._go(destination, trip)
        self._group.create_task(work, name=f"queue {trip.round.entry.queue_id}")

    def _suspend(self, trip: Trip, reason: str) -> None:
        if self._group is None:
            return
        work = self._note(trip, put_off(trip, "destination-suspended", reason))
        self._group.create_task(work, name=f"queue {trip.round.entry.queue_id}")

    async def _go(self, destination: str, first: Trip) -> None:
        """Carries one trip after the other while there are some for the same destination."""
        kept = Kept()
        trip: Trip | None = first
        try:
            while trip is not None:
                served, outcomes = await self._carrier.carry(destination, trip, kept)
                done, reason = trip, diagnostic(outcomes[-1].judgement) if served is False else ""
                busy = self._traffic.is_busy(destination)
                trip = self._traffic.ended(destination, served=served, reason=reason)
                await self._note(done, outcomes)
                if trip is None and busy and kept.open:
                    trip = await self._traffic.linger(destination)
        finally:
            if kept.open:
                await kept.end()

    # Its end

    async def _note(self, trip: Trip, outcomes: Sequence[RecipientOutcome]) -> None:
        one = trip.round
        before = one.entry
        entry = one.note(outcomes)
        if one.pending:
            # Nothing new where nobody has the message and no content was on its way.
            if entry != before:
                puts = self._puts(entry, [Letter(envelope) for envelope in one.onward])
                one.onward.clear()
                await self._apply_surely((Update(entry), *puts))
                self._send_off(puts)
            return
        await self._conclude(one)

    async def _conclude(self, one: Round) -> None:
        """Every trip of the round has ended: one transaction says what remains, and who is told."""
        ending = one.end(self._office.schedule, self._clock.now())
        before, entry = one.entry, ending.entry
        letters = [Letter(envelope) for envelope in one.onward]
        if is_news(ending):
            content = await self._carrier.content(one) or b""
            letters += write_notices(self._office, self._writer, before, ending, content)
        order = self._orders.pop(entry.queue_id, None)
        gone = not entry.envelope.recipients
        change: Change = Remove(entry.queue_id) if gone else Update(entry)
        if order is not None and not gone:
            change = ordered(entry, order, ending.now)
        puts = self._puts(before, letters) if letters else []
        await self._apply_surely((change, *puts))
        self._release(one)
        if ending.delays or ending.failures:
            tell(ending, one.emit)
        tell_of_notices(before.queue_id, letters, one.emit)
        if puts:
            self._send_off(puts)
        if gone:
            reason = "bounced" if entry.bounced else "relayed" if entry.relayed else "delivered"
            one.emit(Dequeued(entry.queue_id, reason))
            self._add(-1)
        elif order is not None:
            self._after_order(entry, order)
        else:
            self._alarm.wake_by(entry.next_attempt_at)

    def _release(self, one: Round) -> None:
        if one.content is not None:
            self._cached_octets -= len(one.content)
        full = len(self._rounds) >= self._office.active_max
        self._rounds.pop(one.entry.queue_id, None)
        if full:
            self._alarm.wake()

    def _puts(self, entry: Entry, letters: Sequence[Letter]) -> list[Put]:
        """They go on where the message that they are about does."""
        return [
            Put(self._new_entry(self._ids.next_id(), letter.envelope, entry.hop, 0), letter.envelope.content)
            for letter in letters
        ]

    def _send_off(self, puts: Sequence[Put]) -> None:
        """They are stored."""
        self._add(len(puts))
        for put in puts:
            self._take(put.entry, put.content)

    async def _apply_surely(self, changes: Sequence[Change]) -> None:
        while await self._store.apply(changes) is not None:  # noqa: ASYNC110 - nobody tells when a disk has room again
            await asyncio.sleep(STORE_AGAIN_S)

    # Orders

    def _after_order(self, entry: Entry, order: Order) -> None:
        if order == "delete":
            self._office.scope_of(entry)(Dequeued(entry.queue_id, "removed"))
            self._add(-1)
        elif order != "hold":
            if order == "retry":
                self._traffic.revive()
            self._alarm.wake()

    # Counts and places

    async def _count(self) -> int:
        if self._held is None:
            self._counted(await self._store.count())
        return self._held or 0

    def _counted(self, found: int) -> None:
        if self._held is None:  # Somebody else may have asked meanwhile, and have counted on.
            self._add(found)

    def _add(self, number: int) -> None:
        held, self._held = self._held or 0, (self._held or 0) + number
        if not self._held:
            self._empty.set()
        elif not held:
            self._empty.clear()
