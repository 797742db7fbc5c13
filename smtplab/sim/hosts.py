"""The servers of a world: each a receiver, a queue and mailboxes of the production engine, at its own addresses."""

from __future__ import annotations

import asyncio
from functools import partial

from smtplab.journal import Journal
from smtplab.mta.mailbox import Mailboxes
from smtplab.mta.queue import Office, Queue, Schedule
from smtplab.mta.receive import Receiver
from smtplab.mta.rules import Rules
from smtplab.net.ports import Listening, Lost, TlsFacts, TlsTrouble, Wire
from smtplab.sim.character import routing, rules_by_port, sending_options
from smtplab.sim.hops import Hops
from smtplab.sim.internet import Internet
from smtplab.sim.world import Host, World


class Server:
    """One host that takes mail. Its sessions are recorded as they are seen here, its deliveries likewise."""

    def __init__(self, world: World, host: Host, internet: Internet, hops: Hops, journal: Journal) -> None:
        self.name = host.name
        self.mailboxes = Mailboxes()
        self.net = internet.net(host)
        self._host = host
        self._rules = rules_by_port(world, host, internet.server_tls(host))
        self._hops = hops
        self._journal = journal
        self.queue = Queue(
            Office(
                hostname=host.name,
                options=sending_options(host, internet.trust),
                routing=routing(host),
                local_domains=frozenset(host.domains if "mx" in host.roles else ()),
                mailboxes=self.mailboxes,
                scope=journal.scope(node=host.name, hop=0, span="", stage="queue"),
                net_at=partial(hops.net_at, self.net),
                schedule=Schedule(pauses_s=host.retry_s, lifetime_s=host.lifetime_s),
            )
        )
        self._listening: list[Listening] = []
        self._sessions = 0
        self._empty = asyncio.Event()
        self._empty.set()

    async def open(self) -> None:
        """Listen at every address, on the port of each role."""
        assert self.net.listener is not None
        for port, rules in self._rules.items():
            for address in self._host.addresses:
                listening = await self.net.listener.listen(address, port, partial(_Door, self, rules))
                self._listening.append(listening)

    async def close(self) -> None:
        """Once every session has ended by itself, which the time-outs of both sides see to."""
        await self._empty.wait()
        for listening in self._listening:
            await listening.close()

    def enter(self, wire: Wire, rules: Rules) -> Receiver:
        """Somebody is at the door."""
        self._sessions += 1
        self._empty.clear()
        hop, number = self._hops.enter(wire.peer)
        span = f"receive/{number}/{wire.peer.address}"
        scope = self._journal.scope(node=self.name, hop=hop, span=span, stage="connect")
        return Receiver(rules, self.net, scope, self.queue.accept)

    def leave(self) -> None:
        """Somebody has gone."""
        self._sessions -= 1
        if not self._sessions:
            self._empty.set()


class _Door:
    """A `Handler` that waits to see who comes, for only then is it known on which hop."""

    def __init__(self, server: Server, rules: Rules) -> None:
        self._server = server
        self._rules = rules
        self._receiver: Receiver

    def connected(self, wire: Wire) -> None:
        self._receiver = self._server.enter(wire, self._rules)
        self._receiver.connected(wire)

    def received(self, data: bytes) -> None:
        self._receiver.received(data)

    def secured(self, outcome: TlsFacts | TlsTrouble) -> None:
        self._receiver.secured(outcome)

    def drained(self) -> None:
        self._receiver.drained()

    def ended(self, lost: Lost | None) -> None:
        self._receiver.ended(lost)
        self._server.leave()
