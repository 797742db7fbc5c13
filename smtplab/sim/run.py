"""Walks one message through a simulated world to its end, and hands out the records as they are made."""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections.abc import Callable, Sequence

import msgspec

from smtplab import events as ev
from smtplab.journal import Journal, Record, Scope
from smtplab.mta.deliver import Delivery
from smtplab.mta.envelope import make_envelope
from smtplab.mta.kept import Kept
from smtplab.mta.options import QuitAfter
from smtplab.mta.store.port import Entry
from smtplab.sim import loop
from smtplab.sim.directory import mailbox_of
from smtplab.sim.expect import EVENTS, Expectations, Verdict
from smtplab.sim.fate import FATEFUL, Fate, Fates, worst_end
from smtplab.sim.letter import compose, write
from smtplab.sim.loop import EndlessError, VirtualClock
from smtplab.sim.simulation import Simulation, Submitting
from smtplab.sim.until import Until
from smtplab.sim.world import Travellers, Trip, User, World, travellers
from smtplab.told import Told, Unfit, tell
from smtplab.wire.address import Mailbox, parse_mailbox

VIRTUAL_S_MAX = 60 * 86400.0
"""Two months: journeys may begin late, and each message and each of its bounces may wait for five days on each hop."""


class Journey(msgspec.Struct, frozen=True):
    """What is asked of a world: one message, and how far it is to go."""

    recipient: str
    sender: str | None = None
    """A user of the world who writes; None for the first of another domain than the recipient's."""
    content: bytes | None = None
    """The message with CR LF line ends; None for the world's own letter."""
    quit_after: QuitAfter | None = None
    """The stage of the submission after which the sender's program says QUIT."""
    seed: int | None = None
    """None for the world's own."""


class Waiting(msgspec.Struct, frozen=True):
    """A message that is still in a queue."""

    node: str
    entry: Entry


class Played(msgspec.Struct, frozen=True):
    """What one journey, or all of a world's, came to; the records tell how."""

    journeys: tuple[ev.JourneyEnded, ...]
    """In the order of the world's file."""
    mailboxes: dict[str, tuple[bytes, ...]]
    """By address, what lies there: Return-Path and trace lines first, then what was sent. No empty ones."""
    queued: tuple[Waiting, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    """On each of the world's expectations."""
    cut: bool = False
    """Whoever asked wanted to see no more."""

    @property
    def ended(self) -> ev.JourneyEnded:
        """The last journey's end, which is the only one of a walk."""
        return self.journeys[-1]

    @property
    def as_expected(self) -> bool:
        """Every expectation held."""
        return all(verdict.held for verdict in self.verdicts)


READ_AFTER_S = 60.0
"""A mail program that looks for mail every minute."""


class JourneyError(Unfit):
    """A journey that cannot begin: `why` is an unknown sender or an address's broken rule, `what` its text."""

    def __init__(self, world: World, what: str, why: Told) -> None:
        super().__init__(tell("world.no-journey", world=world.name, value=what, why=why))
        self.what = what
        self.why = why


class RestlessError(JourneyError):
    """A world that goes on and on."""

    def __init__(self, world: World, trouble: EndlessError) -> None:
        Unfit.__init__(self, tell("world.endless", world=world.name, days=trouble.days))
        self.what = world.name
        self.why = self.told


def run(world: World, journey: Journey, on_record: Callable[[Record], None]) -> Played:
    """Play a journey on a virtual clock until the message rests: delivered, bounced, deferred or refused.

    Same world and journey, same records, in any process. It blocks, and brings its own event loop, so it can't be
    called from inside a running one.

    Raises JourneyError before the first record where the sender is no user of the world who writes, or the recipient's
    address can't be read; at the end, whatever `on_record` raised, and RestlessError where there is none.
    """
    recipient = parse_mailbox(journey.recipient, smtputf8=True)
    if not isinstance(recipient, Mailbox):
        raise JourneyError(world, journey.recipient, tell(f"rule.{recipient.rule}"))
    reader = _Reader(on_record)
    walk = _Walk(world, journey, sender_of(world, journey), recipient)
    try:
        played = loop.run(functools.partial(walk.play, reader.read), world.start)
    except EndlessError as trouble:
        raise RestlessError(world, trouble) from trouble
    if reader.failure is not None:
        raise reader.failure
    return played


def sender_of(world: World, journey: Journey) -> User:
    """Whom the journey names, else the first who writes and lives elsewhere, so that the message has some way to go.

    Raises JourneyError where nobody of that address writes in this world.
    """
    writers = [user for user in world.users if user.agent]
    if journey.sender is not None:
        writers = [user for user in writers if user.address.lower() == journey.sender.lower()]
    if not writers:
        what = world.name if journey.sender is None else journey.sender
        raise JourneyError(world, what, tell("world.unknown-sender"))
    home = journey.recipient.rpartition("@")[2].lower()
    elsewhere = [user for user in writers if user.address.rpartition("@")[2] != home]
    return (elsewhere or writers)[0]


class _Reader:
    """Keeps what a reader raises (its pipe was closed, its disk is full) out of the engine until the walk is over."""

    def __init__(self, on_record: Callable[[Record], None]) -> None:
        self.on_record = on_record
        self.failure: Exception | None = None

    def read(self, record: Record) -> None:
        try:
            self.on_record(record)
        except Exception as error:  # noqa: BLE001 - whatever it is, `run` raises it
            self.fail(error)

    def fail(self, error: Exception) -> None:
        self.failure = error
        self.stop()

    def stop(self) -> None:
        """It has read enough."""
        self.on_record = _not_any_more


def _not_any_more(record: Record) -> None:
    """Whoever read has stopped."""


class _Walk(msgspec.Struct, frozen=True):
    """A journey and its people."""

    world: World
    journey: Journey
    sender: User
    recipient: Mailbox

    async def play(self, on_record: Callable[[Record], None], clock: VirtualClock) -> Played:
        world, seed = self.world, self.world.seed if self.journey.seed is None else self.journey.seed
        fate = Fate(str(self.recipient))

        def tell(record: Record) -> None:
            fate.read(record)
            on_record(record)

        simulation = Simulation(world, seed, clock, tell)
        agent = world.host(self.sender.agent)
        scope = simulation.journal.scope(node=agent.name, hop=0, span="submit")
        scope(ev.JourneyStarted(str(self.recipient), self.sender.address, "sim", world.name, seed))
        async with simulation.running() as working:
            envelope = make_envelope(mailbox_of(self.sender.address), [self.recipient], self._content(seed))
            delivery = await simulation.submit(
                Travellers(agent, self.sender), envelope, scope, Submitting(quit_after=self.journey.quit_after)
            )
            if delivery.judgement.result == "accepted":
                watch = working.create_task(_watch(simulation, fate), name="watch")
                await fate.resting.wait()
                watch.cancel()
            ended = fate.ended(delivery.judgement)
            mailboxes = simulation.mailboxes()
            if ended.result == "delivered":
                await self._read_mail(simulation, fate.mailbox, fate.hop)
        scope(ended)
        return Played((ended,), mailboxes)

    async def _read_mail(self, simulation: Simulation, mailbox: str, last_hop: int) -> None:
        """The last step: the reader looks into the mailbox a while later."""
        reader = next((user for user in self.world.users if user.address.lower() == mailbox), None)
        if reader is not None:
            await asyncio.sleep(READ_AFTER_S)
            await simulation.collect(reader, last_hop + 1)

    def _content(self, seed: int) -> bytes:
        if self.journey.content is not None:
            return self.journey.content
        return compose(self.world, seed, self.sender, str(self.recipient))


async def _watch(simulation: Simulation, fate: Fate) -> None:
    """The message rests once nothing is queued any more."""
    await simulation.drain(lambda: fate.records)
    fate.resting.set()


# A whole world


def play(world: World, seed: int | None, until: Until, on_record: Callable[[Record], None]) -> Played:
    """Play all journeys of a world, and its queues, to the end or until then: seconds since its start, or the first
    record of an event of this name.

    Same world and seed, same records, in any process. It blocks, and brings its own event loop, so it can't be called
    from inside a running one. Raises JourneyError where the world has no journey; at the end, whatever `on_record`
    raised, and RestlessError where there is none.
    """
    if not world.journeys:
        raise JourneyError(world, world.name, tell("world.no-journeys"))
    reader = _Reader(on_record)
    performance = _Performance(world, world.seed if seed is None else seed, until, reader)
    try:
        played = loop.run(performance.play, world.start, virtual_s_max=VIRTUAL_S_MAX)
    except EndlessError as trouble:
        raise RestlessError(world, trouble) from trouble
    if reader.failure is not None:
        raise reader.failure
    return played


class _Cut(Exception):  # noqa: N818 - it ends a run, and nothing is wrong
    """The moment has come."""


class _Performance:
    """One run of a world with all its journeys."""

    def __init__(self, world: World, seed: int, until: Until, reader: _Reader) -> None:
        self._world = world
        self._reader = reader
        self._seed = seed
        self._until = until
        self._expectations = Expectations(world.expectations)
        self._fates = Fates()
        self._read_kinds = FATEFUL | self._expectations.kinds
        """Most records are of other kinds."""
        self._last_kind = EVENTS[until] if isinstance(until, str) else None
        if self._last_kind is not None:
            self._read_kinds |= {self._last_kind}
        self._journal: Journal
        self._over = asyncio.Event()
        self._cut = False
        self._submitted: dict[int, Delivery] = {}
        self._scopes: dict[int, Scope] = {}
        """Of the journeys that have begun, by number."""

    async def play(self, clock: VirtualClock) -> Played:
        simulation = Simulation(self._world, self._seed, clock, self._reader.on_record)
        journal = self._journal = simulation.journal
        journal.divert(self._read_kinds, self._read)
        journal.on_failure = self._fail
        if isinstance(self._until, float):
            asyncio.get_running_loop().call_at(self._until, self._stop)
        try:
            async with simulation.running() as working:
                working.create_task(self._act(simulation), name="journeys")
                await self._over.wait()
                self._leave_at_once_where_cut()
        except* _Cut:
            pass
        ended = tuple(self._end(number) for number in range(len(self._world.journeys)))
        queued = tuple(
            [Waiting(server.name, entry) for server in simulation.servers for entry in await server.queue.entries()]
        )
        return Played(ended, simulation.mailboxes(), queued, self._expectations.verdicts(cut=self._cut), self._cut)

    def _leave_at_once_where_cut(self) -> None:
        """Nothing that is still under way is awaited."""
        if self._cut:
            raise _Cut

    def _read(self, record: Record) -> None:
        if self._cut:
            return
        self._fates.read(record)
        self._expectations.read(record)
        self._reader.read(record)
        if type(record.event) is self._last_kind:
            self._stop()

    def _fail(self, error: Exception) -> None:
        self._reader.fail(error)
        self._journal.take = _not_any_more

    def _stop(self) -> None:
        self._cut = True
        self._reader.stop()
        self._journal.take = _not_any_more
        self._over.set()

    async def _act(self, simulation: Simulation) -> None:
        """Every journey begins at its time; what there is to see ends with the last message in a queue."""
        loop = asyncio.get_running_loop()
        in_order = sorted(enumerate(self._world.journeys), key=_start_of)
        async with asyncio.TaskGroup() as group:
            # One after the other: ten thousand that sleep until their time would be in everybody's way.
            for at_s, begun_together in itertools.groupby(in_order, key=_start_of):
                begun = loop.create_future()
                timer = loop.call_at(at_s, self._depart, simulation, group, [*begun_together], begun)
                try:
                    await begun
                finally:
                    timer.cancel()
        await simulation.drain(lambda: simulation.journal.seq)
        self._over.set()

    def _depart(
        self,
        simulation: Simulation,
        group: asyncio.TaskGroup,
        trips: Sequence[tuple[int, Trip]],
        begun: asyncio.Future[None],
    ) -> None:
        if begun.cancelled():
            return  # This very moment is the one at which the run was to end.
        for letters in _by_writer(trips):
            group.create_task(self._send(simulation, letters), name=f"journey {letters[0][0] + 1}")
        begun.set_result(None)

    async def _send(self, simulation: Simulation, trips: Sequence[tuple[int, Trip]]) -> None:
        """What a program has to send at one moment leaves in one session, as out of any outbox."""
        kept = Kept() if len(trips) > 1 else None
        try:
            for number, trip in trips:
                await self._travel(simulation, number, trip, kept)
        finally:
            if kept is not None:
                await kept.end()

    async def _travel(self, simulation: Simulation, number: int, trip: Trip, kept: Kept | None) -> None:
        people = travellers(self._world, trip)
        scope = simulation.journal.scope(node=people.agent.name, hop=0, span=f"submit/{number + 1}")
        self._scopes[number] = scope
        scope(ev.JourneyStarted(_shown(trip), trip.sender, "sim", self._world.name, self._seed))
        content = write(self._world, self._seed, trip, people, number)
        recipients = [mailbox for who in trip.recipients if isinstance(mailbox := _parsed(who), Mailbox)]
        envelope = make_envelope(_parsed(trip.sender) if trip.sender else None, recipients, content)
        self._submitted[number] = await simulation.submit(
            people, envelope, scope, Submitting(source_route=trip.source_route, kept=kept)
        )

    def _end(self, number: int) -> ev.JourneyEnded:
        """Of several recipients the worst fate names the whole."""
        delivery = self._submitted.get(number)
        if delivery is None:
            return ev.JourneyEnded("stopped", None, None, "not-begun")
        ended = worst_end([self._fates.end_of(outcome) for outcome in delivery.outcomes])
        if not self._cut:
            self._scopes[number](ended)
        return ended


def _by_writer(trips: Sequence[tuple[int, Trip]]) -> list[list[tuple[int, Trip]]]:
    """Each with its number; in the order of their first letters."""
    found: dict[tuple[str, str], list[tuple[int, Trip]]] = {}
    for number, trip in trips:
        found.setdefault((trip.sender, trip.agent), []).append((number, trip))
    return list(found.values())


def _start_of(numbered: tuple[int, Trip]) -> float:
    return numbered[1].at_s


def _shown(trip: Trip) -> str:
    return ", ".join(trip.recipients)


# The same few people write to one another all the time.
@functools.lru_cache(maxsize=1024)
def _parsed(address: str) -> Mailbox | None:
    """A checked world's addresses can be read."""
    parsed = parse_mailbox(address, smtputf8=True)
    return parsed if isinstance(parsed, Mailbox) else None
