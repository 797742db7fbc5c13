"""A network in memory: joined byte streams with latency and faults, on the running loop's clock, without a socket."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Iterable

from smtplab.net.client_end import ClientEnd
from smtplab.net.pipe import SYN_OCTETS, WINDOW_OCTETS, Item, Link, Pipe
from smtplab.net.ports import Endpoint, Handler, Listening, Lost, ServerTls, Stream
from smtplab.net.server_end import OpenEnds, ServerEnd

UNSENT_OCTETS_MAX = 65536
"""Beyond the window; asyncio's own transports hold as much before they ask for a pause."""

HELD_OCTETS_MAX = WINDOW_OCTETS + UNSENT_OCTETS_MAX

FIRST_EPHEMERAL_PORT = 49152
"""RFC 6335 6: clients' ports run from here to 65535."""


class MemoryNetwork:
    """Hosts that reach each other by (address, port). `link_of(source, target)` tells what lies between them."""

    def __init__(self, link_of: Callable[[str, str], Link] | None = None) -> None:
        self._link_of = link_of or _bare_wire
        self._listening: dict[tuple[str, int], OpenEnds] = {}
        self._next_port: dict[str, int] = {}

    def dialer(self, *addresses: str) -> MemoryDialer:
        """The dialer of the host that owns these addresses; the first of the target's family is its default source."""
        return MemoryDialer(self, addresses)

    def listener(self) -> MemoryListener:
        """A listener for any host of this network."""
        return MemoryListener(self)

    async def connect(self, source: str, target: Endpoint) -> Stream | Lost:
        """From one address to another, as the link between them has it."""
        link = self._link_of(source, target.address)
        loop = asyncio.get_running_loop()
        if link.silent:
            await loop.create_future()
        await asyncio.sleep(2 * link.latency_s + (link.hold_up_s(SYN_OCTETS) if link.hold_up_s else 0.0))
        if link.lost:
            return Lost(link.lost, "the simulated link says so")
        ends = self._listening.get((target.address, target.port))
        if ends is None:
            return Lost("refused", "nobody listens there")
        client, server = ClientEnd(), ends.make()
        join(client, server, Endpoint(source, self._take_port(source)), target, link)
        return client

    def bind(self, endpoint: Endpoint, ends: OpenEnds) -> Endpoint:
        """Raises OSError where the address is in use. Port 0 picks a free one."""
        if not endpoint.port:
            endpoint = Endpoint(endpoint.address, self._take_port(endpoint.address))
        if (endpoint.address, endpoint.port) in self._listening:
            raise OSError(f"{endpoint.address} port {endpoint.port} is already in use")
        self._listening[endpoint.address, endpoint.port] = ends
        return endpoint

    def unbind(self, endpoint: Endpoint) -> None:
        """Dials from now on are refused."""
        self._listening.pop((endpoint.address, endpoint.port), None)

    def _take_port(self, address: str) -> int:
        port = self._next_port.get(address, FIRST_EPHEMERAL_PORT)
        self._next_port[address] = port + 1 if port < 65535 else FIRST_EPHEMERAL_PORT
        return port


class MemoryDialer:
    """A `Dialer` of one host in a `MemoryNetwork`."""

    def __init__(self, network: MemoryNetwork, addresses: tuple[str, ...]) -> None:
        self._network = network
        self._addresses = addresses

    async def dial(self, address: str, port: int, *, source: str | None = None) -> Stream | Lost:
        """As `Dialer.dial`."""
        if source is not None and source not in self._addresses:
            return Lost("source-unavailable", f"{source} is not an address of this host")
        if source is None:
            source = next((own for own in self._addresses if (":" in own) == (":" in address)), None)
        if source is None:
            return Lost("unreachable", "no address of that family here")
        return await self._network.connect(source, Endpoint(address, port))


class MemoryListener:
    """A `Listener` in a `MemoryNetwork`."""

    def __init__(self, network: MemoryNetwork) -> None:
        self._network = network

    async def listen(
        self, address: str, port: int, make_handler: Callable[[], Handler], *, tls: ServerTls | None = None
    ) -> Listening:
        """As `Listener.listen`."""
        ends = OpenEnds(make_handler, tls)
        return _MemoryListening(self._network, self._network.bind(Endpoint(address, port), ends), ends)


class _MemoryListening:
    def __init__(self, network: MemoryNetwork, endpoint: Endpoint, ends: OpenEnds) -> None:
        self.endpoint = endpoint
        self._network = network
        self._ends = ends

    async def close(self) -> None:
        self._network.unbind(self.endpoint)
        await self._ends.abort()


def join(client: ClientEnd, server: ServerEnd, local: Endpoint, peer: Endpoint, link: Link) -> None:
    """Connects two protocols. The client's is told now, the server's when the last packet of the handshake arrives."""
    near = MemoryTransport(client, local, peer)
    far = MemoryTransport(server, peer, local)
    fuse = None if link.reset_after_octets is None else _Fuse(link.reset_after_octets, (near, far))
    there, back = link.lanes or (None, None)
    near.meet(far, Pipe(link, there), fuse)
    far.meet(near, Pipe(link, back), fuse)
    client.connection_made(near)
    near.outbound.send("open")


class MemoryTransport(asyncio.Transport):
    """One end of a joined pair; behaves as a socket's transport does, half-close, back-pressure and resets included."""

    def __init__(self, protocol: asyncio.Protocol, local: Endpoint, peer: Endpoint) -> None:
        super().__init__({"sockname": (local.address, local.port), "peername": (peer.address, peer.port)})
        self._loop = asyncio.get_running_loop()
        self._protocol = protocol
        self._writable = True
        self._eof_sent = False
        self._closing = False
        self._gone = False

    def meet(self, other: MemoryTransport, outbound: Pipe, fuse: _Fuse | None) -> None:
        """Lay the pipe from this end to the other."""
        self.outbound = outbound
        self._fuse = fuse
        outbound.take = other.take
        # Octets go straight to whom they are for, as long as nothing stands in their way.
        outbound.take_data = other._protocol.data_received if fuse is None else other.take
        outbound.taken = self._taken
        other.inbound = outbound

    inbound: Pipe
    outbound: Pipe

    # What a protocol asks of its transport

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Bytes for the other end."""
        if self._closing or self._eof_sent or not data:
            return
        outbound = self.outbound
        outbound.send(data if type(data) is bytes else bytes(data))
        if outbound.octets > HELD_OCTETS_MAX and self._writable:
            self._writable = False
            outbound.awaited = True
            self._protocol.pause_writing()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """Bytes for the other end, joined."""
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        """True: a joined stream can be half closed."""
        return True

    def write_eof(self) -> None:
        """Nothing more comes from this end."""
        if not self._eof_sent and not self._closing:
            self._eof_sent = True
            self.outbound.send("eof")

    def close(self) -> None:
        """What was written still leaves."""
        if self._closing:
            return
        self.write_eof()
        self._closing = self.outbound.awaited = True
        self._end_when_flushed()

    def abort(self) -> None:
        """A reset; what did not fit on the wire does not leave."""
        if self._gone:
            return
        self._closing = self.outbound.awaited = True
        self.outbound.drop_unsent()
        self.outbound.send("reset")
        self.lose(None)

    def is_closing(self) -> bool:
        """True once it can't be written to."""
        return self._closing

    def get_write_buffer_size(self) -> int:
        """Octets beyond what the wire holds."""
        octets = self.outbound.octets  # as `unsent_octets`, without the call: a server asks before every answer
        return octets - WINDOW_OCTETS if octets > WINDOW_OCTETS else 0

    def pause_reading(self) -> None:
        """What comes waits on the wire."""
        self.inbound.stop()

    def resume_reading(self) -> None:
        """What waited is delivered at the loop's next turn."""
        self.inbound.go_on()

    # What the wire brings

    def take(self, item: Item) -> None:
        """From the inbound pipe."""
        if type(item) is bytes and not self._gone:
            if self._fuse is None:
                self._protocol.data_received(item)
            else:
                if passing := self._fuse.let_pass(len(item)):
                    self._protocol.data_received(item[:passing])
                self._fuse.check()
        elif item == "reset":
            self.lose(ConnectionResetError(errno.ECONNRESET, "connection reset by peer"))
        elif item == "open":
            self._protocol.connection_made(self)
        elif self._gone:
            # A closed socket answers bytes with a reset.
            if item != "eof":
                self.outbound.send("reset")
        elif not self._protocol.eof_received():
            self.close()

    def lose(self, error: Exception | None) -> None:
        """The end of this end; the protocol hears of it at the loop's next turn."""
        if not self._gone:
            self._gone = self._closing = self.outbound.awaited = True
            self.inbound.take_data = self.take
            self.inbound.go_on()
            self._loop.call_soon(self._part, error)

    def _part(self, error: Exception | None) -> None:
        """The protocol hears of it. Once both ends are gone they let go of each other: a session that is over leaves no
        circle for Python to look for."""
        protocol, self._protocol = self._protocol, _NOBODY
        protocol.connection_lost(error)
        self.outbound.left = True
        if self.inbound.left:
            self.inbound.close()
            self.outbound.close()

    def _taken(self) -> None:
        if not self._writable and not self.outbound.unsent_octets:
            self._writable = True
            if not self._gone:
                self._protocol.resume_writing()
        if self._closing:
            self._end_when_flushed()

    def _end_when_flushed(self) -> None:
        if self._closing and not self.outbound.unsent_octets:
            self.lose(None)


_NOBODY = asyncio.Protocol()


class _Fuse:
    """Resets both ends once a number of octets has passed."""

    def __init__(self, octets: int, ends: tuple[MemoryTransport, MemoryTransport]) -> None:
        self._left = octets
        self._ends = ends

    def let_pass(self, octets: int) -> int:
        """How many of these octets may pass."""
        passing = min(octets, self._left)
        self._left -= passing
        return passing

    def check(self) -> None:
        """Blow where it is used up."""
        if self._left == 0:
            for end in self._ends:
                end.lose(ConnectionResetError(errno.ECONNRESET, "connection reset by the network"))


def _bare_wire(source: str, target: str) -> Link:
    del source, target
    return Link()
