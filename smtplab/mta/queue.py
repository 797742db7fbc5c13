"""The queue: it keeps each message it took until every recipient is delivered, relayed or bounced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from smtplab.events import AttemptStarted, Bounced, BounceSent, Deferred, Dequeued, Queued
from smtplab.journal import Scope
from smtplab.mta.arrival import Arrival
from smtplab.mta.bounce import Fate, Notice, NoticeWriter, success_of
from smtplab.mta.deliver import Job, deliver, domains_of
from smtplab.mta.envelope import Envelope
from smtplab.mta.local import Directory, Parcel, hand_out
from smtplab.mta.mailbox import MailboxStore
from smtplab.mta.options import Routing, SessionOptions
from smtplab.mta.outcome import Judgement, RecipientOutcome
from smtplab.mta.trace import iso_time, received_line
from smtplab.mta.wording import PlainWords, Words
from smtplab.net.ports import Net
from smtplab.wire.address import Mailbox
from smtplab.wire.reply import Reply, make_reply


class Schedule(msgspec.Struct, frozen=True):
    """When to try again."""

    pauses_s: tuple[float, ...] = (300.0, 600.0, 1200.0, 2400.0, 4000.0)
    """Between attempts; the last is repeated. As Postfix has them: RFC 5321 4.5.4.1 would have 30 minutes at least,
    but names quicker first tries as a good strategy."""
    lifetime_s: float = 432000.0
    """RFC 5321 4.5.4.1: four to five days, then the message is returned."""

    def pause_s(self, attempts: int) -> float:
        """After so many attempts."""
        return self.pauses_s[min(attempts, len(self.pauses_s)) - 1]


class Office(msgspec.Struct, frozen=True, kw_only=True):
    """What a queue works with."""

    hostname: str
    options: SessionOptions
    routing: Routing
    local_domains: frozenset[str] = frozenset()
    """Their mail goes into `mailboxes`."""
    mailboxes: MailboxStore
    directory: Directory | None = None
    """Who is who in them; None: every local part has a mailbox of its own, and no tags."""
    words: tuple[Words, ...] = (PlainWords(),)
    """The languages of the notices to senders."""
    scope: Scope
    """Deliveries are told in `deliver/NUMBER/HOST` below it, at the arrival's hop plus one."""
    net_at: Callable[[int], Net]
    """The network for a hop; `lambda hop: net` where hops don't matter."""
    schedule: Schedule = Schedule()
    concurrency: int = 20
    """Deliveries at once: Postfix's limit for one destination."""
    messages_max: int = 100_000
    """Held at once, all in memory: more is answered with 452."""


class Entry(msgspec.Struct, frozen=True):
    """A message in the queue, as a store would keep it: a new one is made for each change."""

    queue_id: str
    envelope: Envelope
    """With the recipients that are still open; the content begins with our trace line."""
    hop: int
    """On which it goes on."""
    arrived_at: float
    """Seconds since the epoch."""
    attempts: int = 0
    relayed: bool = False
    bounced: bool = False


class Queue:
    """`accept` is what a `Receiver` hands messages to; `run` delivers until `stop` or cancelled."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._entries: dict[str, Entry] = {}
        net = office.net_at(office.scope.hop)
        self._clock = net.clock
        self._ids = net.chance("queue-id")
        self._writer = NoticeWriter(net.chance("notice"), office.words)
        self._directory = office.directory or Directory(domains=office.local_domains, separator="")
        self._slots = asyncio.Semaphore(office.concurrency)
        self._stopping = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._group: asyncio.TaskGroup | None = None
        self._deliveries = 0

    @property
    def entries(self) -> tuple[Entry, ...]:
        """What is queued now, oldest first."""
        return tuple(self._entries.values())

    async def accept(self, arrival: Arrival) -> Reply:
        """Takes the message over and answers 250 with the queue id."""
        if len(self._entries) >= self._office.messages_max:
            return make_reply(452, "Queue is full", enhanced="4.3.1")
        queue_id = self._new_id()
        now = self._clock.now()
        trace = received_line(arrival, self._office.hostname, queue_id, now)
        envelope = msgspec.structs.replace(arrival.envelope, content=trace + arrival.envelope.content)
        self._take(Entry(queue_id, envelope, arrival.hop + 1, now))
        return make_reply(250, f"Queued as {queue_id}", enhanced="2.0.0")

    async def run(self) -> None:
        """Owns every delivery; ends after `stop` once those under way are done. What is still queued stays queued."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for queue_id in list(self._entries):
                group.create_task(self._work(queue_id), name=f"queue {queue_id}")
            await self._stopping.wait()
            self._group = None

    def stop(self) -> None:
        """No delivery is begun any more."""
        self._stopping.set()

    async def drain(self) -> None:
        """Waits until nothing is queued: every message relayed, delivered or bounced."""
        await self._empty.wait()

    # A message's life

    def _take(self, entry: Entry) -> None:
        self._entries[entry.queue_id] = entry
        self._empty.clear()
        self._scope(entry)(Queued(entry.queue_id))
        if self._group is not None:
            self._group.create_task(self._work(entry.queue_id), name=f"queue {entry.queue_id}")

    async def _work(self, queue_id: str) -> None:
        while not self._stopping.is_set():
            async with self._slots:
                entry = self._entries[queue_id] = await self._attempt(self._entries[queue_id])
            if not entry.envelope.recipients:
                self._drop(entry)
                return
            await self._pause(self._office.schedule.pause_s(entry.attempts))

    async def _pause(self, pause_s: float) -> None:
        try:
            async with asyncio.timeout(pause_s):
                await self._stopping.wait()
        except TimeoutError:
            pass

    def _drop(self, entry: Entry) -> None:
        reason = "bounced" if entry.bounced else "relayed" if entry.relayed else "delivered"
        self._scope(entry)(Dequeued(entry.queue_id, reason))
        del self._entries[entry.queue_id]
        if not self._entries:
            self._empty.set()

    # One attempt

    async def _attempt(self, entry: Entry) -> Entry:
        """The entry as it is afterwards: with fewer recipients, or none."""
        entry = msgspec.structs.replace(entry, attempts=entry.attempts + 1)
        outcomes: list[RecipientOutcome] = []
        relayed = entry.relayed
        for domain, people in domains_of(entry.envelope.recipients).items():
            here = self._directory.is_local(people[0])
            outcomes += await (
                self._deliver_here(entry, people) if here else self._deliver_there(entry, domain, people)
            )
        relayed = relayed or any(outcome.judgement.result == "accepted" for outcome in outcomes)
        left, failures = self._sort(entry, outcomes)
        self._tell_of_success(entry, outcomes)
        self._bounce(entry, failures)
        envelope = msgspec.structs.replace(entry.envelope, recipients=tuple(left))
        return msgspec.structs.replace(
            entry, envelope=envelope, relayed=relayed, bounced=entry.bounced or bool(failures)
        )

    async def _deliver_here(self, entry: Entry, people: Sequence[Mailbox]) -> tuple[RecipientOutcome, ...]:
        parcel = Parcel(entry.queue_id, entry.envelope)
        handover = await hand_out(parcel, people, self._directory, self._office.mailboxes, self._scope(entry))
        for envelope in handover.onward:
            self._take(Entry(self._new_id(), envelope, entry.hop, self._clock.now()))
        return handover.outcomes

    async def _deliver_there(
        self, entry: Entry, domain: str, people: tuple[Mailbox, ...]
    ) -> tuple[RecipientOutcome, ...]:
        office = self._office
        host = office.routing.server or domain
        self._scope(entry)(AttemptStarted(entry.queue_id, entry.attempts, host))
        self._deliveries += 1
        envelope = msgspec.structs.replace(entry.envelope, recipients=people)
        job = Job(domain=domain, envelope=envelope, options=office.options, routing=office.routing)
        scope = office.scope.within(f"deliver/{self._deliveries}", hop=entry.hop)
        return (await deliver(job, office.net_at(entry.hop), scope)).outcomes

    def _sort(self, entry: Entry, outcomes: Sequence[RecipientOutcome]) -> tuple[list[Mailbox], list[Fate]]:
        """Who is tried again, and who is given up."""
        left: list[Mailbox] = []
        failures: list[Fate] = []
        pause_s = self._office.schedule.pause_s(entry.attempts)
        now = self._clock.now()
        expires = now + pause_s > entry.arrived_at + self._office.schedule.lifetime_s
        for outcome in outcomes:
            who, judgement = outcome.recipient, outcome.judgement
            if judgement.good:
                continue
            if judgement.retriable and not expires:
                left.append(who)
                said = _diagnostic(judgement)
                self._scope(entry)(Deferred(entry.queue_id, str(who), iso_time(now + pause_s), said))
            else:
                # RFC 3463 3.5: X.4.7, delivery time expired.
                status = "4.4.7" if judgement.retriable else judgement.status
                failures.append(Fate(who, status, _diagnostic(judgement), judgement.host))
        return left, failures

    def _tell_of_success(self, entry: Entry, outcomes: Sequence[RecipientOutcome]) -> None:
        fates = [fate for outcome in outcomes if (fate := success_of(outcome, entry.envelope)) is not None]
        if fates:
            self._send_notice(entry, self._writer.succeeded(self._notice(entry, fates)))

    def _bounce(self, entry: Entry, failures: Sequence[Fate]) -> None:
        if not failures:
            return
        scope = self._scope(entry)
        for failure in failures:
            scope(Bounced(entry.queue_id, str(failure.recipient), failure.status, failure.diagnostic))
        self._send_notice(entry, self._writer.failed(self._notice(entry, failures)))

    def _notice(self, entry: Entry, fates: Sequence[Fate]) -> Notice:
        now = self._clock.now()
        return Notice(self._office.hostname, entry.queue_id, entry.envelope, fates, entry.arrived_at, now)

    def _send_notice(self, entry: Entry, notice: Envelope | None) -> None:
        if notice is not None:
            self._scope(entry)(BounceSent(entry.queue_id, str(notice.recipients[0])))
            self._take(Entry(self._new_id(), notice, entry.hop, self._clock.now()))

    # Names and places

    def _scope(self, entry: Entry) -> Scope:
        return self._office.scope.within(f"queue/{entry.queue_id}", hop=max(0, entry.hop - 1))

    def _new_id(self) -> str:
        while True:
            queue_id = f"{self._ids.getrandbits(40):010X}"
            if queue_id not in self._entries:
                return queue_id


def _diagnostic(judgement: Judgement) -> str:
    """The reply as the server gave it, or the id of what happened."""
    if judgement.code is not None and judgement.reason == "reply":
        return f"{judgement.code} {judgement.detail}"
    return " ".join(filter(None, (judgement.reason, judgement.detail)))
