"""The network between the hosts of a world: what each host is given of names, connections, certificates and chance."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Literal, Protocol

import dns.flags
import dns.message
import dns.rcode
import msgspec
from cryptography.hazmat.primitives.serialization import Encoding

from smtplab.events import FaultInjected
from smtplab.journal import Journal
from smtplab.mta.behaviour.faults import Delay, Fault, Refuse, Reset, ServerFailure, name_of
from smtplab.mta.behaviour.injector import Injector, Occasion
from smtplab.net.cache import Found
from smtplab.net.dns import DnsResolver, read_response
from smtplab.net.exchange import Exchange
from smtplab.net.memory import MemoryNetwork
from smtplab.net.pipe import Link
from smtplab.net.ports import Clock, Dialer, Endpoint, Listener, Lost, Net, ServerTls
from smtplab.net.trust import PkixTrust
from smtplab.sim.certificates import Authority, WrongHow
from smtplab.sim.chance import chance_of
from smtplab.sim.hops import Hops, MakeDialer
from smtplab.sim.names import Names, refuse
from smtplab.sim.roads import Roads
from smtplab.sim.world import Host, World
from smtplab.view.texts import Texts

DNS_PORT = 53

_CUT = int(dns.flags.TC)

SEGMENT_OCTETS = 1460
"""What a packet of Ethernet holds of TCP."""

RETRANSMISSION_S = 0.2
"""The first wait, which every system of today bounds from below so; RFC 6298 2.4 would have a second."""

RETRANSMISSION_S_MAX = 60.0
"""RFC 6298 2.5."""


RESPONSES_MAX = 10_000
"""Kept as they were read; the questions of a thousand domains are some three thousand."""


class Network(Protocol):
    """What carries the octets between the hosts."""

    def dialer(self, *addresses: str) -> Dialer: ...

    def listener(self) -> Listener: ...


class _NameServer(msgspec.Struct, frozen=True):
    """As one address sees it."""

    host: str
    round_trip_s: float
    troubled: bool
    """Faults may befall who asks."""


class Fabric(msgspec.Struct, frozen=True):
    """What a world's network is made of: memory, if nothing else is said, or real sockets."""

    network: Callable[[Callable[[str, str], Link]], Network] = MemoryNetwork
    """Given what lies between two addresses."""
    exchange: Callable[[Internet, str], Exchange] | None = None
    """How a host of this address asks for names; None: without a socket."""
    hop_dialer: MakeDialer | None = None


class Internet:
    """One world's network for one run."""

    def __init__(self, world: World, seed: int, clock: Clock, journal: Journal, fabric: Fabric | None = None) -> None:
        fabric = fabric or Fabric()
        self.clock = clock
        self.journal = journal
        self.injector = Injector(world.faults, chance_of(seed, "faults"))
        self.hops = Hops(self._meet if self.injector else None, fabric.hop_dialer)
        self._seed = seed
        self._roads = Roads(world)
        self._network = fabric.network(self._link_between)
        self._exchange = fabric.exchange or ZoneExchange
        self._names = Names(world.zones, self.injector.changes())
        self._reader = _Reader()
        self._host_of = {address: host.name for host in world.hosts for address in host.addresses}
        resolvers = {host.name for host in world.hosts if "resolver" in host.roles}
        self._resolvers = {address: name for address, name in self._host_of.items() if name in resolvers}
        self._seen: dict[tuple[str, Endpoint], _NameServer | None] = {}
        """By who asks, and where."""
        self._noise = chance_of(seed, "links")
        self._authority = Authority(seed, world.start)
        self.root = self._authority.root
        self.trust = PkixTrust(clock.now, self.root.public_bytes(Encoding.PEM))
        """Every host of a world trusts its one authority, at the world's clock."""
        self.words = (Texts("vi"), Texts("en"))
        """Notices speak both languages, whoever reads along: a world's records don't depend on the reader's."""

    def net(self, host: Host) -> Net:
        """The host's own door to the world: its addresses, its resolver with a cache of its own, its chance."""
        chance = chance_of(self._seed, host.name)
        servers = (Endpoint(host.resolver, DNS_PORT),) if host.resolver else ()
        exchange = self._exchange(self, host.addresses[0])
        return Net(
            dialer=self._network.dialer(*host.addresses),
            resolver=DnsResolver(servers, exchange, self.clock, chance, read=self._reader.read),
            clock=self.clock,
            chance=chance,
            listener=self._network.listener(),
        )

    def server_tls(self, host: Host) -> ServerTls:
        """Its certificate for its own name, and the key."""
        return self._authority.server_tls(host.name, (host.name,))

    def wrong_tls(self, host: Host, how: WrongHow) -> ServerTls:
        """What a fault puts in its place."""
        return self._authority.wrong_server_tls(host.name, how)

    def links_between(self, source: str, target: str) -> tuple[str, ...]:
        """The names of the links on the way."""
        return self._roads.way(source, target).links if self._roads.knows(source) else ()

    def always_answers(self, source: str, server: Endpoint, within_s: float) -> bool:
        """Is a name server there, near enough to be asked over UDP and again over TCP, and can no fault befall it?"""
        seen = self._see(source, server)
        return seen is not None and not seen.troubled and 3 * seen.round_trip_s < within_s

    async def ask_names(
        self, query: dns.message.Message, source: str, server: Endpoint, *, tcp: bool
    ) -> dns.message.Message | None:
        """A name server's answer after the way there and back; None where nobody answers. TCP shakes hands first."""
        seen = self._see(source, server)
        if seen is None:
            return None
        await asyncio.sleep(seen.round_trip_s * (2 if tcp else 1))
        if seen.troubled:
            name = query.question[0].name.to_text(omit_final_dot=True).lower()
            for fault in self.injector.at(seen.host, "dns", self.clock.monotonic(), Occasion(source, name=name)):
                self._tell(fault, seen.host, "dns", 0)
                match fault:
                    case Delay(seconds=seconds):
                        await asyncio.sleep(seconds)
                    case Refuse():
                        return refuse(query, dns.rcode.REFUSED)
                    case ServerFailure():
                        return refuse(query, dns.rcode.SERVFAIL)
                    case _:
                        return None
        for change in self._names.advance(self.clock.monotonic()):
            self._tell(change, change.where, "dns", 0)
        return self._names.ask(query, tcp=tcp)

    def _see(self, source: str, server: Endpoint) -> _NameServer | None:
        """None where nobody answers for names."""
        key = (source, server)
        if key not in self._seen:
            host = self._resolvers.get(server.address) if server.port == DNS_PORT else None
            # Who comes from outside the world stands next to its server.
            way_s = self._roads.latency_s(source, server.address) if host and self._roads.knows(source) else 0.0
            self._seen[key] = _NameServer(host, 2 * way_s, self.injector.touches(host)) if host else None
        return self._seen[key]

    async def _meet(self, address: str, hop: int) -> Lost | None:
        """The faults of the host that is dialled."""
        host = self._host_of.get(address, "")
        for fault in self.injector.at(host, "connect", self.clock.monotonic()):
            self._tell(fault, host, "connect", hop)
            match fault:
                case Delay(seconds=seconds):
                    await asyncio.sleep(seconds)
                case Refuse():
                    return Lost("refused", "Connection refused")
                case Reset():
                    return Lost("reset", "Connection reset by peer")
                case _:
                    await asyncio.get_running_loop().create_future()
        return None

    def _tell(self, fault: Fault, where: str, stage: Literal["dns", "connect"], hop: int) -> None:
        scope = self.journal.scope(node=where, hop=hop, span="fault", stage=stage)
        scope(FaultInjected(name_of(fault), f"{where}/{stage}"))

    def _link_between(self, source: str, target: str) -> Link:
        if not self._roads.knows(target):
            return Link(silent=True)
        way = self._roads.way(source, target)
        for link in way.links:
            for fault in self.injector.at(link, "connect", self.clock.monotonic()):
                self._tell(fault, link, "connect", 0)
                return Link(silent=True)
        loss = way.loss
        return Link(
            latency_s=way.latency_s,
            silent=loss >= 1,
            octets_per_s=way.octets_per_s,
            hold_up_s=partial(_hold_up_s, self._noise("loss"), loss) if 0 < loss < 1 else None,
        )


def _hold_up_s(chance: random.Random, loss: float, octets: int) -> float:
    """Each packet that is lost is sent again after a time that doubles (RFC 6298 5)."""
    waited_s = 0.0
    for _ in range(-(-octets // SEGMENT_OCTETS) or 1):
        timeout_s = RETRANSMISSION_S
        while chance.random() < loss and timeout_s <= RETRANSMISSION_S_MAX:
            waited_s += timeout_s
            timeout_s *= 2
    return waited_s


class _Reader:
    """Reads each response once: those of `Names` are the same values for every host that asks."""

    def __init__(self) -> None:
        self._read: dict[tuple[int, str, str, str], tuple[dns.message.Message, Found | None]] = {}
        """By the response's identity, which is its own for as long as it is kept here."""

    def read(self, response: dns.message.Message, name: str, rrtype: str, server: str) -> Found | None:
        """As `net.dns.read_response`."""
        key = (id(response), name, rrtype, server)
        known = self._read.get(key)
        if known is None:
            if len(self._read) >= RESPONSES_MAX:
                self._read.clear()
            known = self._read[key] = response, read_response(response, name, rrtype, server)
        return known[1]


class ZoneExchange:
    """`net.exchange.Exchange` to a world's name servers: real messages over its links."""

    def __init__(self, internet: Internet, source: str) -> None:
        self._internet = internet
        self._source = source

    def ask(
        self, query: dns.message.Message, server: Endpoint, timeout_s: float
    ) -> Coroutine[Any, Any, dns.message.Message | Lost]:
        """As `Exchange.ask`."""
        if self._internet.always_answers(self._source, server, timeout_s):
            # Most are, and then a timer would be set a thousand times for nothing.
            return self._ask(query, server)
        return self._ask_within(timeout_s, query, server)

    async def _ask_within(
        self, timeout_s: float, query: dns.message.Message, server: Endpoint
    ) -> dns.message.Message | Lost:
        try:
            async with asyncio.timeout(timeout_s):
                return await self._ask(query, server)
        except TimeoutError:
            return Lost("timed-out")

    async def _ask(self, query: dns.message.Message, server: Endpoint) -> dns.message.Message:
        for tcp in (False, True):
            response = await self._internet.ask_names(query, self._source, server, tcp=tcp)
            if response is None:
                break
            # RFC 7766 5: what a datagram can't hold is asked for over TCP.
            if tcp or not int(response.flags) & _CUT:
                return response
        # Nobody answers: only the caller's time-out ends this.
        silence: asyncio.Future[dns.message.Message] = asyncio.get_running_loop().create_future()
        return await silence
