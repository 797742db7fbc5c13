"""The servers of a world: each a receiver, a queue and mailboxes of the production engine, at its own addresses."""

from __future__ import annotations

import asyncio
import functools
from functools import partial

from smtplab.events import FaultInjected
from smtplab.journal import Scope
from smtplab.mta.behaviour.faults import BareDot, Certificate, Fault, Handshake, Stage, StripStarttls, name_of
from smtplab.mta.behaviour.injector import Occasion
from smtplab.mta.behaviour.interference import Interference, Tampering
from smtplab.mta.behaviour.ordeal import Ordeal, Ward
from smtplab.mta.behaviour.policy import Policies
from smtplab.mta.mailbox import Mailboxes
from smtplab.mta.mailbox_port import MemoryMailboxes
from smtplab.mta.maildrop.rules import MaildropRules
from smtplab.mta.maildrop.server import MaildropServer
from smtplab.mta.queue.cohort import limits_for
from smtplab.mta.queue.manager import Office, Queue, Schedule
from smtplab.mta.receive import Receiver
from smtplab.mta.rules import Rules
from smtplab.net.ports import Endpoint, Listening, ServerTls, Wire
from smtplab.sim.character import (
    POP3_PORT,
    behaviour,
    maildrop_rules,
    routing,
    rules_by_port,
    sending_options,
)
from smtplab.sim.directory import directory_of, own_domains
from smtplab.sim.door import Door, Enter
from smtplab.sim.internet import Internet
from smtplab.sim.world import Host, World

QUEUE_REST_S = 0.05
"""A queue manager looks for new messages some 20 times a second. So a message's next hop begins once the hop before it
is over, which is also how it can be followed by eye."""


class Server:
    """One host that takes mail. Its sessions are recorded as they are seen here, its deliveries likewise."""

    def __init__(self, world: World, host: Host, internet: Internet) -> None:
        self.name = host.name
        self.mailboxes = Mailboxes(tells_mail=host.tells_mail)
        self.people = tuple(user for domain in sorted(own_domains(host)) for user in world.people(domain))
        self.net = internet.net(host)
        self._host = host
        self._internet = internet
        tls = internet.server_tls(host) if host.offers_tls else None
        self._rules = rules_by_port(world, host, tls, internet.speed)
        self._maildrop_rules = maildrop_rules(host, self.people, tls)
        self._maildrops = MemoryMailboxes(self.mailboxes)
        self._ward = self._make_ward()
        self._plain = self._is_plain()
        hops = internet.hops
        self.queue = Queue(
            Office(
                hostname=host.name,
                options=sending_options(host, internet.trust, internet.speed),
                routing=routing(host),
                directory=directory_of(world, host),
                mailboxes=self.mailboxes,
                scope=internet.journal.scope(node=host.name, hop=0, span="", stage="queue"),
                net_at=functools.cache(partial(hops.net_at, self.net, host.addresses)),
                rest_s=QUEUE_REST_S,
                words=internet.words,
                limits=limits_for(host.retry_s, internet.speed),
                schedule=Schedule(pauses_s=host.retry_s, lifetime_s=host.lifetime_s, warning_s=host.warning_s),
            )
        )
        self._listening: list[Listening] = []
        self._sessions = 0
        self._empty = asyncio.Event()
        self._empty.set()

    async def open(self) -> tuple[tuple[int, Endpoint], ...]:
        """Listen at every address, on the port of each role. Each service's port, and where it is really found."""
        found = []
        for port, rules in self._rules.items():
            found += await self._listen(port, partial(self._enter, rules), rules.tls if rules.implicit_tls else None)
        if self._maildrop_rules is not None:
            found += await self._listen(POP3_PORT, partial(self._enter_maildrop, self._maildrop_rules), None)
        return tuple(found)

    async def _listen(self, port: int, enter: Enter, tls: ServerTls | None) -> list[tuple[int, Endpoint]]:
        assert self.net.listener is not None
        found = []
        for address in self._host.addresses:
            listening = await self.net.listener.listen(address, port, partial(Door, enter, self._leave, tls))
            self._listening.append(listening)
            found.append((port, listening.endpoint))
        return found

    async def close(self) -> None:
        """Once every session has ended by itself, which the time-outs of both sides see to."""
        await self._empty.wait()
        for listening in self._listening:
            await listening.close()

    async def abort(self) -> None:
        """At once: sessions are reset."""
        for listening in self._listening:
            await listening.close()

    @property
    def opens_mailboxes(self) -> bool:
        """Its people can collect their mail here."""
        return self._maildrop_rules is not None

    @property
    def idle(self) -> bool:
        """Nobody is at the door."""
        return not self._sessions

    def _enter(self, rules: Rules, door: Door, wire: Wire) -> Receiver:
        """Somebody is at the door."""
        self._sessions += 1
        self._empty.clear()
        hop, number = self._internet.hops.enter(wire.peer)
        span = f"receive/{number}/{wire.peer.address}"
        scope = self._internet.journal.scope(node=self.name, hop=hop, span=span, stage="connect")
        if self._plain and not self._is_tampered_with(wire.peer.address):
            return Receiver(rules, self.net, scope, self.queue.accept)
        ordeal = Ordeal(self._ward, rules, scope, wire.peer.address)
        door.interference = Interference(wire, ordeal.suffering, self._tampering(wire.peer.address), scope)
        return Receiver(ordeal.rules(), self.net, scope, ordeal.accept(self.queue.accept))

    def _enter_maildrop(self, rules: MaildropRules, door: Door, wire: Wire) -> MaildropServer:
        """A reader is at the door; nothing tampers with POP3."""
        del door
        self._sessions += 1
        self._empty.clear()
        hop, number = self._internet.hops.enter(wire.peer)
        span = f"collect/{number}/{wire.peer.address}"
        scope = self._internet.journal.scope(node=self.name, hop=hop, span=span, stage="collect")
        return MaildropServer(rules, self._maildrops, self.net, scope)

    def _leave(self) -> None:
        """Somebody has gone."""
        self._sessions -= 1
        if not self._sessions:
            self._empty.set()

    # What the world does to it

    def _make_ward(self) -> Ward:
        host, internet = self._host, self._internet
        return Ward(
            name=host.name,
            place=host.name,
            behaviour=behaviour(host, internet.speed),
            policies=Policies(host.greylisting, host.rate_limit, host.blocklists, self.net),
            injector=internet.injector,
            clock=internet.clock,
            chance=self.net.chance("noise"),
        )

    def _is_plain(self) -> bool:
        """Nothing here needs more than the engine's own rules."""
        policies = self._ward.policies
        return not (
            self._internet.injector.touches(self.name)
            or policies.judges_clients
            or policies.greylists
            or self._host.software.manner != "plain"
        )

    def _is_tampered_with(self, client: str) -> bool:
        links = self._internet.links_between(client, self._host.addresses[0])
        return any(self._internet.injector.touches(link) for link in links)

    def _tampering(self, client: str) -> Tampering:
        internet = self._internet
        links = internet.links_between(client, self._host.addresses[0])

        def acts(kind: type[Fault], scope: Scope, where: str = self.name) -> Fault | None:
            stage = _STAGE_OF_KIND[kind]
            occasion = Occasion(client, session=scope.span)
            for fault in internet.injector.at(where, stage, internet.clock.monotonic(), occasion, only=kind):
                scope(FaultInjected(name_of(fault), f"{where}/{stage}"))
                return fault
            return None

        return Tampering(
            strips_starttls=lambda scope: any(acts(StripStarttls, scope, link) is not None for link in links),
            takes_bare_dots=lambda scope: acts(BareDot, scope) is not None,
            certificate=lambda scope: self._certificate(acts(Certificate, scope)),
            handshake=lambda scope: found if isinstance(found := acts(Handshake, scope), Handshake) else None,
        )

    def _certificate(self, fault: Fault | None) -> ServerTls | None:
        return self._internet.wrong_tls(self._host, fault.how) if isinstance(fault, Certificate) else None


_STAGE_OF_KIND: dict[type[Fault], Stage] = {
    StripStarttls: "ehlo",
    BareDot: "data",
    Certificate: "tls",
    Handshake: "tls",
}
