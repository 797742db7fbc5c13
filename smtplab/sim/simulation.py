"""A world in motion: its servers stand open and its queues run until whoever set it going has seen enough."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import msgspec

from smtplab.journal import Journal, Record, Scope
from smtplab.mta.deliver import Delivery, Job, deliver
from smtplab.mta.envelope import Envelope
from smtplab.mta.kept import Kept
from smtplab.mta.maildrop.collect import Collection, CollectOptions, collect
from smtplab.mta.options import Credentials, QuitAfter, Routing, SessionOptions
from smtplab.mta.session import Place
from smtplab.net.ports import Net
from smtplab.sim.character import POP3_PORT, SMTP_PORT, SUBMISSION_PORT, takes_mail
from smtplab.sim.hosts import Server
from smtplab.sim.internet import Internet
from smtplab.sim.loop import VirtualClock
from smtplab.sim.world import Host, Travellers, User, World
from smtplab.smtp.sasl import Secret


class Submitting(msgspec.Struct, frozen=True):
    """What is out of the ordinary in a submission."""

    quit_after: QuitAfter | None = None
    source_route: tuple[str, ...] = ()
    kept: Kept | None = None
    """The session in which the same program has sent, or will send, another message."""


AT_ONCE = Submitting()


class Simulation:
    """One run of one world."""

    def __init__(self, world: World, seed: int, clock: VirtualClock, on_record: Callable[[Record], None]) -> None:
        self.world = world
        self.seed = seed
        self.journal = Journal(None, on_record, keep=False)
        clock.tell_moments(self.journal.begin_moment)
        self.internet = Internet(world, seed, clock, self.journal)
        self.servers = [Server(world, host, self.internet) for host in world.hosts if takes_mail(host)]
        self._net_at: dict[str, Callable[[int], Net]] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.TaskGroup]:
        """Everything stands and runs within; at its end every queue stops and every session ends by itself."""
        async with asyncio.TaskGroup() as working:
            for server in self.servers:
                await server.open()
                working.create_task(server.queue.run(), name=server.name)
            yield working
            for server in self.servers:
                server.queue.stop()
        for server in self.servers:
            await server.close()

    async def drain(self, records: Callable[[], int]) -> None:
        """Until a whole round through the queues found them empty and `records` did not grow meanwhile."""
        seen = -1
        while records() != seen:
            seen = records()
            for server in self.servers:
                await server.queue.drain()

    async def submit(self, people: Travellers, envelope: Envelope, scope: Scope, how: Submitting = AT_ONCE) -> Delivery:
        """What a sender's program does: it logs in to its own server inside TLS that must hold, or, where it has no
        such server, hands the message to a relay as it is."""
        agent, user = people.agent, people.user
        net = self._net_of(agent, 0)
        submits = "submission" in self.world.host(agent.submits_to).roles
        options = SessionOptions(
            helo=agent.name,
            tls="verify" if submits else agent.tls,
            trust=self.internet.trust,
            credentials=Credentials(user.address, Secret(user.password)) if submits and user else None,
            dialect=agent.dialect,
            port=SUBMISSION_PORT if submits else SMTP_PORT,
            quit_after=how.quit_after,
            source_route=how.source_route,
        )
        routing = Routing(server=agent.submits_to)
        job = Job(domain=agent.submits_to, envelope=envelope, options=options, routing=routing, kept=how.kept)
        return await deliver(job, net, scope)

    async def collect(self, reader: User, hop: int) -> Collection | None:
        """What a reader's program does: it takes the mail out of the mailbox (RFC 1939). None where the reader has no
        program, no password or no mailbox that opens."""
        server = next((server for server in self.servers if reader in server.people and server.opens_mailboxes), None)
        if server is None or not reader.agent or not reader.password:
            return None
        agent, host = self.world.host(reader.agent), self.world.host(server.name)
        scope = self.journal.scope(node=agent.name, hop=hop, span="collect", stage="collect")
        options = CollectOptions(
            user=reader.address,
            password=Secret(reader.password),
            tls="verify" if host.offers_tls else "none",
            trust=self.internet.trust,
            clear_login=not host.offers_tls,
        )
        net = self._net_of(agent, hop)
        return await collect(Place(host.name, host.addresses[0], POP3_PORT), options, net, scope)

    def _net_of(self, agent: Host, hop: int) -> Net:
        """One for all that it sends, as its resolver keeps what it was told."""
        if agent.name not in self._net_at:
            self._net_at[agent.name] = functools.cache(
                partial(self.internet.hops.net_at, self.internet.net(agent), agent.addresses)
            )
        return self._net_at[agent.name](hop)

    def mailboxes(self) -> dict[str, tuple[bytes, ...]]:
        """By the addresses of its users; no empty ones."""
        found: dict[str, list[bytes]] = {}
        for server in self.servers:
            for user in server.people:
                kept = [stored.content for stored in server.mailboxes.messages(user.address)]
                if kept:
                    found.setdefault(user.address, []).extend(kept)
        return {address: tuple(messages) for address, messages in found.items()}
