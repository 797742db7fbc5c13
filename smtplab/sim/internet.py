"""The network between the hosts of a world: what each host is given of names, connections, certificates and chance."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import partial
from typing import Literal, Protocol

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding

from smtplab.events import FaultInjected
from smtplab.journal import Journal
from smtplab.mta.behaviour.faults import Allow, Delay, Drop, Fault, Refuse, Reset, name_of
from smtplab.mta.behaviour.injector import Injector, Occasion
from smtplab.net.dns import Bounds, DnsResolver
from smtplab.net.exchange import Exchange
from smtplab.net.memory import MemoryNetwork
from smtplab.net.names import DNS_PORT
from smtplab.net.pipe import Link
from smtplab.net.ports import Clock, Dialer, Endpoint, Listener, Lost, Net, ServerTls
from smtplab.net.trust import PkixTrust
from smtplab.sim.certificates import Authority, WrongHow
from smtplab.sim.chance import chance_of
from smtplab.sim.hops import Hops, MakeDialer
from smtplab.sim.questions import NameServers, ZoneExchange
from smtplab.sim.roads import Roads
from smtplab.sim.world import Host, World
from smtplab.view.texts import Texts

SEGMENT_OCTETS = 1460
"""What a packet of Ethernet holds of TCP."""

RETRANSMISSION_S = 0.2
"""The first wait, which every system of today bounds from below so; RFC 6298 2.4 would have a second."""

RETRANSMISSION_S_MAX = 60.0
"""RFC 6298 2.5."""


class Network(Protocol):
    """What carries the octets between the hosts."""

    def dialer(self, *addresses: str) -> Dialer: ...

    def listener(self) -> Listener: ...


class Fabric(msgspec.Struct, frozen=True):
    """What a world's network is made of: memory, if nothing else is said, or real sockets."""

    network: Callable[[Callable[[str, str], Link]], Network] = MemoryNetwork
    """Given what lies between two addresses."""
    exchange: Callable[[NameServers, str], Exchange] | None = None
    """How a host of this address asks for names; None: without a socket."""
    hop_dialer: MakeDialer | None = None
    speed: float = 1.0
    """By which the world's own pauses were divided; those that the engine brings along have to keep pace."""


class Internet:
    """One world's network for one run."""

    def __init__(self, world: World, seed: int, clock: Clock, journal: Journal, fabric: Fabric | None = None) -> None:
        fabric = fabric or Fabric()
        self.clock = clock
        self.speed = fabric.speed
        # A TTL is a pause of the world too, though who asks is told the zone's own.
        self._bounds = Bounds(ageing=fabric.speed)
        self.journal = journal
        self.injector = Injector(world.faults, chance_of(seed, "faults"))
        self.hops = Hops(self._meet if self.injector else None, fabric.hop_dialer)
        self._seed = seed
        self._roads = Roads(world)
        self._network = fabric.network(self._link_between)
        self._exchange = fabric.exchange or ZoneExchange
        self.name_servers = NameServers(world, self._roads, self.injector, clock, self._tell)
        self._host_of = {address: host.name for host in world.hosts for address in host.addresses}
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
        exchange = self._exchange(self.name_servers, host.addresses[0])
        return Net(
            dialer=self._network.dialer(*host.addresses),
            resolver=DnsResolver(servers, exchange, self.clock, chance, self._bounds, self.name_servers.read),
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

    async def _meet(self, address: str, hop: int, client: str) -> Lost | None:
        """The faults of the host that is dialled."""
        host = self._host_of.get(address, "")
        for fault in self.injector.at(host, "connect", self.clock.monotonic(), Occasion(client)):
            self._tell(fault, host, "connect", hop)
            match fault:
                case Allow():
                    pass
                case Delay(seconds=seconds):
                    await asyncio.sleep(seconds)
                case Refuse():
                    return Lost("refused", "Connection refused")
                case Reset() | Drop():
                    return Lost("reset", "Connection reset by peer")
                case _:
                    await asyncio.get_running_loop().create_future()
        return None

    def _tell(self, fault: Fault, where: str, stage: Literal["dns", "connect"], hop: int = 0) -> None:
        scope = self.journal.scope(node=where, hop=hop, span="fault", stage=stage)
        scope(FaultInjected(name_of(fault), f"{where}/{stage}"))

    def _link_between(self, source: str, target: str) -> Link:
        if not self._roads.knows(target):
            return Link(silent=True)
        way = self._roads.way(source, target)
        for link in way.links:
            for fault in self.injector.at(link, "connect", self.clock.monotonic(), Occasion(source)):
                self._tell(fault, link, "connect")
                return Link(silent=True)
        loss = way.loss
        return Link(
            latency_s=way.latency_s,
            silent=loss >= 1,
            lanes=way.lanes,
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
