"""Walks one message through a simulated world to its end, and hands out the records as they are made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import msgspec

from smtplab import events as ev
from smtplab.journal import Journal, Record
from smtplab.mta.deliver import Job, deliver
from smtplab.mta.envelope import make_envelope
from smtplab.mta.options import Credentials, QuitAfter, Routing, SessionOptions
from smtplab.sim import loop
from smtplab.sim.character import SUBMISSION_PORT, takes_mail
from smtplab.sim.fate import Fate
from smtplab.sim.hops import Hops
from smtplab.sim.hosts import Server
from smtplab.sim.internet import Internet
from smtplab.sim.letter import compose
from smtplab.sim.loop import VirtualClock
from smtplab.sim.world import User, World
from smtplab.smtp.sasl import Secret
from smtplab.wire.address import Mailbox, parse_mailbox


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


class Played(msgspec.Struct, frozen=True):
    """What a journey came to; the records tell how."""

    ended: ev.JourneyEnded
    mailboxes: dict[str, tuple[bytes, ...]]
    """By address, what lies there: Return-Path and trace lines first, then what was sent. No empty ones."""


class JourneyError(Exception):
    """A journey that cannot begin: `reason` is `unknown-sender` or the flaw of an address, `what` is its text."""

    def __init__(self, reason: str, what: str) -> None:
        super().__init__(f"{what}: {reason}")
        self.reason = reason
        self.what = what


def run(world: World, journey: Journey, on_record: Callable[[Record], None]) -> Played:
    """Play a journey on a virtual clock until the message rests: delivered, bounced, deferred or refused.

    Same world and journey, same records, in any process. It blocks, and brings its own event loop, so it can't be
    called from inside a running one.

    Raises JourneyError before the first record where the sender is no user of the world who writes, or the recipient's
    address can't be read; at the end, whatever `on_record` raised.
    """
    recipient = parse_mailbox(journey.recipient, smtputf8=True)
    if not isinstance(recipient, Mailbox):
        raise JourneyError(recipient.rule, journey.recipient)
    reader = _Reader(on_record)
    walk = _Walk(world, journey, sender_of(world, journey), recipient)
    played = loop.run(partial(walk.play, reader.read), world.start)
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
        raise JourneyError("unknown-sender", world.name if journey.sender is None else journey.sender)
    home = journey.recipient.rpartition("@")[2].lower()
    elsewhere = [user for user in writers if user.address.rpartition("@")[2] != home]
    return (elsewhere or writers)[0]


class _Reader:
    """Keeps what a reader raises (its pipe was closed, its disk is full) out of the engine until the walk is over."""

    def __init__(self, on_record: Callable[[Record], None]) -> None:
        self._on_record = on_record
        self.failure: Exception | None = None

    def read(self, record: Record) -> None:
        if self.failure is None:
            try:
                self._on_record(record)
            except Exception as error:  # noqa: BLE001 - whatever it is, `run` raises it
                self.failure = error


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

        journal = Journal(clock.now, tell, keep=False)
        internet, hops = Internet(world, seed, clock), Hops()
        servers = [Server(world, host, internet, hops, journal) for host in world.hosts if takes_mail(host)]
        scope = journal.scope(node=self.sender.agent, hop=0, span="submit")
        scope(ev.JourneyStarted(str(self.recipient), self.sender.address, "sim", world.name, seed))
        async with asyncio.TaskGroup() as working:
            for server in servers:
                await server.open()
                working.create_task(server.queue.run(), name=server.name)
            net = hops.net_at(internet.net(world.host(self.sender.agent)), 0)
            delivery = await deliver(self._submission(internet, seed), net, scope)
            if delivery.judgement.result == "accepted":
                watch = working.create_task(_watch(servers, fate), name="watch")
                await fate.resting.wait()
                watch.cancel()
            for server in servers:
                server.queue.stop()
        for server in servers:
            await server.close()
        ended = fate.ended(delivery.judgement)
        scope(ended)
        return Played(ended, _mailboxes(world, servers))

    def _submission(self, internet: Internet, seed: int) -> Job:
        """What the sender's program does: it logs in to its own server, inside TLS that must hold."""
        agent = self.world.host(self.sender.agent)
        content = self.journey.content
        if content is None:
            content = compose(self.world, seed, self.sender, str(self.recipient))
        return Job(
            domain=agent.submits_to,
            envelope=make_envelope(_mailbox(self.sender.address), [self.recipient], content),
            options=SessionOptions(
                helo=agent.name,
                tls="verify",
                trust=internet.trust,
                credentials=Credentials(self.sender.address, Secret(self.sender.password)),
                port=SUBMISSION_PORT,
                quit_after=self.journey.quit_after,
            ),
            routing=Routing(server=agent.submits_to),
        )


async def _watch(servers: list[Server], fate: Fate) -> None:
    """The message rests once a whole round through the queues found them empty and nothing was recorded meanwhile."""
    seen = -1
    while fate.records != seen:
        seen = fate.records
        for server in servers:
            await server.queue.drain()
    fate.resting.set()


def _mailbox(address: str) -> Mailbox:
    local, _, domain = address.rpartition("@")
    return Mailbox(local, domain)


def _mailboxes(world: World, servers: list[Server]) -> dict[str, tuple[bytes, ...]]:
    found = {
        user.address: tuple(stored.content for server in servers for stored in server.mailboxes.messages(user.address))
        for user in world.users
    }
    return {address: messages for address, messages in found.items() if messages}
