"""The loopback interface as the network of a world: its dialers, listeners and queries on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import dns.message
import msgspec

from smtplab.net.exchange import NetworkExchange
from smtplab.net.memory import SYN_OCTETS, Link
from smtplab.net.ports import ClientTls, Dialer, Endpoint, Handler, Listening, Lost, ServerTls, Stream
from smtplab.net.ports import TlsFacts as Facts
from smtplab.net.ports import TlsTrouble as Trouble
from smtplab.net.tcp import TcpDialer, TcpListener
from smtplab.sim.hops import Hops
from smtplab.sim.loopback import Addresses

SERVICES = {25: "smtp", 587: "submission", 465: "submissions", 110: "pop3", 53: "dns"}
"""By the port that IANA gave them."""

HIGH_PORTS = {25: 2525, 587: 2587, 465: 2465, 110: 2110, 53: 2053}
"""Where a person who is not root may listen."""


SILENCE_S = 127.0
"""After six repetitions of its first packet Linux gives a connection up (tcp_syn_retries, RFC 6298 5.5)."""


class Ports(msgspec.Struct, frozen=True):
    """Where a service really listens."""

    privileged: bool = False

    def real(self, port: int) -> int:
        return port if self.privileged else HIGH_PORTS.get(port, port)


class LoopbackNetwork:
    """As `net.memory.MemoryNetwork`, but the system carries the octets; only their delay is ours."""

    def __init__(self, ports: Ports, addresses: Addresses, speed: float, link_of: Callable[[str, str], Link]) -> None:
        self.ports = ports
        self.silence_s = SILENCE_S / speed
        self._addresses = addresses
        self._link_of = link_of

    def link(self, source: str, target: str) -> Link:
        """To an address that is none of the world's, such as a real server's beside it, no line is long."""
        return self._link_of(source, target) if self._addresses.holds(target) else Link()

    def dialer(self, *addresses: str) -> LoopbackDialer:
        """The dialer of the host that owns these addresses."""
        return LoopbackDialer(self, addresses)

    def listener(self) -> LoopbackListener:
        """A listener for any host."""
        return LoopbackListener(self.ports)


class LoopbackListener:
    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._listener = TcpListener()

    async def listen(
        self, address: str, port: int, make_handler: Callable[[], Handler], *, tls: ServerTls | None = None
    ) -> Listening:
        """As `Listener.listen`, at the port that stands for this one."""
        return await self._listener.listen(address, self._ports.real(port), make_handler, tls=tls)


class LoopbackDialer:
    """From one host's own address, after as long as the way there takes."""

    def __init__(self, network: LoopbackNetwork, addresses: tuple[str, ...]) -> None:
        self._network = network
        self._addresses = addresses

    async def dial(
        self,
        address: str,
        port: int,
        *,
        source: str | None = None,
        bound: Callable[[Endpoint], None] | None = None,
    ) -> Stream | Lost:
        """As `Dialer.dial`; `bound` is told our end before the server can hear of it."""
        source = source or self._addresses[0]
        link = self._network.link(source, address)
        if link.silent:
            await asyncio.sleep(self._network.silence_s)
            return Lost("timed-out", "nobody has this address in the world")
        await asyncio.sleep(2 * link.latency_s + (link.hold_up_s(SYN_OCTETS) if link.hold_up_s else 0.0))
        stream = await TcpDialer(bound).dial(address, self._network.ports.real(port), source=source)
        return stream if isinstance(stream, Lost) else LongStream(stream, link)


class LoopbackHopDialer:
    """A host's dialer whose connections belong to a hop."""

    def __init__(self, dialer: Dialer, hops: Hops, hop: int) -> None:
        self._dialer = dialer
        self._hops = hops
        self._hop = hop

    async def dial(self, address: str, port: int, *, source: str | None = None) -> Stream | Lost:
        if self._hops.meet is not None and (lost := await self._hops.meet(address, self._hop)) is not None:
            return lost
        assert isinstance(self._dialer, LoopbackDialer)
        return await self._dialer.dial(address, port, source=source, bound=partial(self._hops.begin, hop=self._hop))


class LongStream:
    """A `Stream` over a long line. SMTP takes turns, so what is said waits once for each change of direction."""

    def __init__(self, stream: Stream, link: Link) -> None:
        self.local = stream.local
        self.peer = stream.peer
        self._stream = stream
        self._link = link
        self._writing = False

    async def read(self) -> bytes | Lost:
        """After the way back."""
        data = await self._stream.read()
        await self._wait(writing=False, octets=len(data) if isinstance(data, bytes) else 0)
        return data

    async def write(self, data: bytes) -> Lost | None:
        """After the way there, in a line as wide as the link is."""
        await self._wait(writing=True, octets=len(data))
        return await self._stream.write(data)

    async def start_tls(self, tls: ClientTls) -> Facts | Trouble:
        """RFC 8446 2: one round trip."""
        await asyncio.sleep(2 * self._link.latency_s)
        return await self._stream.start_tls(tls)

    async def close(self) -> None:
        await self._stream.close()

    async def _wait(self, *, writing: bool, octets: int) -> None:
        link = self._link
        waited_s = link.latency_s if writing != self._writing else 0.0
        waited_s += octets / link.octets_per_s if link.octets_per_s else 0.0
        waited_s += link.hold_up_s(octets) if link.hold_up_s else 0.0
        self._writing = writing
        if waited_s:
            await asyncio.sleep(waited_s)


class LoopbackExchange:
    """An `Exchange` with the world's own name servers, from the host's own address."""

    def __init__(self, ports: Ports, source: str) -> None:
        self._ports = ports
        self._exchange = NetworkExchange(source)

    async def ask(self, query: dns.message.Message, server: Endpoint, timeout_s: float) -> dns.message.Message | Lost:
        """As `Exchange.ask`."""
        return await self._exchange.ask(query, Endpoint(server.address, self._ports.real(server.port)), timeout_s)
