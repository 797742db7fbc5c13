"""The loopback interface as the network of a world: its dialers, listeners and queries on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import dns.message

from smtplab.net.exchange import NetworkExchange
from smtplab.net.pipe import SYN_OCTETS, Link
from smtplab.net.ports import ClientTls, Dialer, Endpoint, Handler, Listening, Lost, ServerTls, Stream, Wire
from smtplab.net.ports import TlsFacts as Facts
from smtplab.net.ports import TlsTrouble as Trouble
from smtplab.net.tcp import TcpDialer, TcpListener
from smtplab.sim.hops import Hop, Meet
from smtplab.sim.places import CannotListen, Places

SILENCE_S = 127.0
"""After six repetitions of its first packet Linux gives a connection up (tcp_syn_retries, RFC 6298 5.5)."""


class LoopbackNetwork:
    """As `net.memory.MemoryNetwork`, but the system carries the octets; only their delay is ours."""

    def __init__(self, places: Places, speed: float, link_of: Callable[[str, str], Link]) -> None:
        self.places = places
        self.silence_s = SILENCE_S / speed
        self._link_of = link_of

    def link(self, source: str, target: str) -> Link:
        """To an address that is none of the world's, such as a real server's beside it, no line is long."""
        return self._link_of(source, target) if self.places.holds(target) else Link()

    def dialer(self, *addresses: str) -> LoopbackDialer:
        """The dialer of the host that owns these addresses."""
        return LoopbackDialer(self, addresses)

    def listener(self) -> LoopbackListener:
        """A listener for any host."""
        return LoopbackListener(self.places)


class LoopbackListener:
    def __init__(self, places: Places) -> None:
        self._places = places
        self._listener = TcpListener()

    async def listen(
        self, address: str, port: int, make_handler: Callable[[], Handler], *, tls: ServerTls | None = None
    ) -> Listening:
        """As `Listener.listen`, at the place that stands for this one. Raises CannotListen."""
        real = self._places.real(address, port)
        make = partial(_Arrival, self._places, address, make_handler)
        try:
            return await self._listener.listen(real.address, real.port, make, tls=tls)
        except OSError as trouble:
            raise CannotListen(real, trouble) from trouble


class _Arrival:
    """A `Handler` that is told of its client by the address in the world, and of a stranger once that met its fate.

    The faults at a host's `connect` befall its peers in the world when they dial (`Hops`), and strangers here.
    """

    def __init__(self, places: Places, address: str, make_handler: Callable[[], Handler]) -> None:
        self._places = places
        self._address = address
        self._handler = make_handler()
        self._meeting: asyncio.Task[None] | None = None
        self._wire: Wire
        self._early: list[Callable[[], None]] = []

    def connected(self, wire: Wire) -> None:
        self._wire = wire
        wire.peer = self._places.owner(wire.peer)
        meet = self._places.meet
        if meet is None or self._places.holds(wire.peer.address):
            self._handler.connected(wire)
            return
        wire.pause()
        self._meeting = asyncio.get_running_loop().create_task(self._meet(meet, wire), name="stranger")

    def received(self, data: bytes) -> None:
        if self._meeting is None:
            self._handler.received(data)
        else:
            # It may be a ClientHello, which the wire must see once there is somebody to shake hands with.
            self._early.append(partial(self._wire.unread, data))

    def secured(self, outcome: Facts | Trouble) -> None:
        self._pass(partial(self._handler.secured, outcome))

    def drained(self) -> None:
        self._pass(self._handler.drained)

    def ended(self, lost: Lost | None) -> None:
        if self._meeting is None:
            self._handler.ended(lost)
        else:
            self._meeting.cancel()

    async def _meet(self, meet: Meet, wire: Wire) -> None:
        lost = await meet(self._address, 0, wire.peer.address)
        if lost is not None:
            wire.abort()
            return
        self._meeting = None
        self._handler.connected(wire)
        wire.resume()
        for call in self._early:
            call()

    def _pass(self, call: Callable[[], None]) -> None:
        if self._meeting is None:
            call()
        else:
            self._early.append(call)


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
        places = self._network.places
        real, here = places.real(address, port), source

        def claim(client: Endpoint) -> None:
            claimed = places.claim(client, here)
            if bound is not None:
                bound(claimed)

        stream = await TcpDialer(claim).dial(real.address, real.port, source=places.source(source))
        return stream if isinstance(stream, Lost) else LongStream(stream, link)


class LoopbackHopDialer:
    """A host's dialer whose connections belong to a hop."""

    def __init__(self, dialer: Dialer, hop: Hop) -> None:
        self._dialer = dialer
        self._hop = hop

    async def dial(self, address: str, port: int, *, source: str | None = None) -> Stream | Lost:
        if (lost := await self._hop.meet(address, source)) is not None:
            return lost
        assert isinstance(self._dialer, LoopbackDialer)
        return await self._dialer.dial(address, port, source=source, bound=self._hop.begin)


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
        if link.lanes is not None:
            now_s = asyncio.get_running_loop().time()
            waited_s += link.lanes[0 if writing else 1].carried_at_s(octets, now_s) - now_s
        waited_s += link.hold_up_s(octets) if link.hold_up_s else 0.0
        self._writing = writing
        if waited_s:
            await asyncio.sleep(waited_s)


class LoopbackExchange:
    """An `Exchange` with the world's own name servers, from the host's own address."""

    def __init__(self, places: Places, source: str) -> None:
        self._places = places
        self._exchange = NetworkExchange(source)

    async def ask(self, query: dns.message.Message, server: Endpoint, timeout_s: float) -> dns.message.Message | Lost:
        """As `Exchange.ask`."""
        return await self._exchange.ask(query, self._places.real(server.address, server.port), timeout_s)
