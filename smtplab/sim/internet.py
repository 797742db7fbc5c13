"""The network between the hosts of a world: what each host is given of names, connections, certificates and chance."""

from __future__ import annotations

import asyncio

import dns.flags
import dns.message
from cryptography.hazmat.primitives.serialization import Encoding

from smtplab.net.dns import DnsResolver
from smtplab.net.memory import Link, MemoryNetwork
from smtplab.net.ports import Clock, Endpoint, Lost, Net, ServerTls
from smtplab.net.trust import PkixTrust
from smtplab.sim.certificates import Authority
from smtplab.sim.chance import chance_of
from smtplab.sim.names import Names
from smtplab.sim.roads import Roads
from smtplab.sim.world import Host, World

DNS_PORT = 53


class Internet:
    """One world's network for one run."""

    def __init__(self, world: World, seed: int, clock: Clock) -> None:
        self.clock = clock
        self._seed = seed
        self._roads = Roads(world)
        self._network = MemoryNetwork(self._link_between)
        self._names = Names(world.zones)
        self._name_servers = {address for host in world.hosts if "resolver" in host.roles for address in host.addresses}
        self._authority = Authority(seed, world.start)
        self.trust = PkixTrust(clock.now, self._authority.root.public_bytes(Encoding.PEM))
        """Every host of a world trusts its one authority, at the world's clock."""

    def net(self, host: Host) -> Net:
        """The host's own door to the world: its addresses, its resolver with a cache of its own, its chance."""
        chance = chance_of(self._seed, host.name)
        servers = (Endpoint(host.resolver, DNS_PORT),) if host.resolver else ()
        exchange = ZoneExchange(self, host.addresses[0])
        return Net(
            dialer=self._network.dialer(*host.addresses),
            resolver=DnsResolver(servers, exchange, self.clock, chance),
            clock=self.clock,
            chance=chance,
            listener=self._network.listener(),
        )

    def server_tls(self, host: Host) -> ServerTls:
        """Its certificate for its own name, and the key."""
        return self._authority.server_tls(host.name, (host.name,))

    async def ask_names(self, query: bytes, source: str, server: Endpoint, *, tcp: bool) -> bytes | None:
        """A name server's answer after the way there and back; None where nobody answers. TCP shakes hands first."""
        if server.address not in self._name_servers or server.port != DNS_PORT:
            return None
        round_trip_s = 2 * self._roads.latency_s(source, server.address)
        await asyncio.sleep(round_trip_s * (2 if tcp else 1))
        return self._names.respond(query, tcp=tcp)

    def _link_between(self, source: str, target: str) -> Link:
        if not self._roads.knows(target):
            return Link(silent=True)
        return Link(latency_s=self._roads.latency_s(source, target))


class ZoneExchange:
    """`net.exchange.Exchange` to a world's name servers: real messages, as octets, over its links."""

    def __init__(self, internet: Internet, source: str) -> None:
        self._internet = internet
        self._source = source

    async def ask(self, query: dns.message.Message, server: Endpoint, timeout_s: float) -> dns.message.Message | Lost:
        """As `Exchange.ask`."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._ask(query, server)
        except TimeoutError:
            return Lost("timed-out")

    async def _ask(self, query: dns.message.Message, server: Endpoint) -> dns.message.Message:
        for tcp in (False, True):
            octets = await self._internet.ask_names(query.to_wire(), self._source, server, tcp=tcp)
            if octets is None:
                break
            response = dns.message.from_wire(octets)
            # RFC 7766 5: what a datagram can't hold is asked for over TCP.
            if tcp or not response.flags & dns.flags.TC:
                return response
        # Nobody answers: only the caller's time-out ends this.
        silence: asyncio.Future[dns.message.Message] = asyncio.get_running_loop().create_future()
        return await silence
