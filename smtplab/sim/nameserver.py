"""A world's name server on real sockets, UDP and TCP; what it answers, and how late, the world's network knows."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import cast

import dns.exception
import dns.message
import dns.rdatatype
import dns.rrset

from smtplab.net.names import DNS_PORT
from smtplab.net.ports import Endpoint
from smtplab.sim.questions import NameServers

UNDER_WAY_MAX = 1000
"""Questions and connections at a time; what comes beyond is dropped, as a busy server does."""

IDLE_S_MAX = 30.0
"""RFC 7766 6.2.3: a server may close a connection that is idle for some seconds."""

_LENGTH = struct.Struct("!H")
"""RFC 1035 4.2.2: what each message over TCP begins with."""


class NameServer:
    """One resolver of a world. Open it once; closing it drops the questions that are under way."""

    def __init__(self, servers: NameServers, address: str, rename: Callable[[str], str] | None = None) -> None:
        """`rename` gives the address that is answered for one of a zone."""
        self._rename = rename
        self._servers = servers
        self._server = Endpoint(address, DNS_PORT)
        self._under_way: set[asyncio.Task[None]] = set()
        self._datagrams: asyncio.DatagramTransport | None = None
        self._streams: asyncio.Server | None = None

    async def open(self, real: Endpoint) -> Endpoint:
        """There, for UDP and TCP. Raises OSError."""
        address, port = real.address, real.port
        loop = asyncio.get_running_loop()
        self._streams = await asyncio.start_server(self._serve_stream, address, port)
        transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self._take), local_addr=(address, port))
        self._datagrams = transport
        return real

    async def close(self) -> None:
        if self._datagrams is not None:
            self._datagrams.close()
        if self._streams is not None:
            self._streams.close()
        for task in [*self._under_way]:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _take(self, octets: bytes, client: tuple[str, int]) -> None:
        if len(self._under_way) < UNDER_WAY_MAX:
            self._own(asyncio.create_task(self._answer_datagram(octets, client), name="dns"))

    def _own(self, task: asyncio.Task[None]) -> None:
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _answer_datagram(self, octets: bytes, client: tuple[str, int]) -> None:
        response = await self._answer(octets, client[0], tcp=False)
        if response is not None and self._datagrams is not None and not self._datagrams.is_closing():
            self._datagrams.sendto(response, client)

    async def _serve_stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._under_way) >= UNDER_WAY_MAX:
            writer.close()
            return
        task = asyncio.current_task()
        assert task is not None
        self._own(cast("asyncio.Task[None]", task))
        try:
            while True:
                async with asyncio.timeout(IDLE_S_MAX):
                    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
                    octets = await reader.readexactly(length)
                response = await self._answer(octets, writer.get_extra_info("peername")[0], tcp=True)
                if response is None:
                    return
                writer.write(_LENGTH.pack(len(response)) + response)
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            # A cancelled one is our own close; asyncio's streams would log it as a failure.
            return
        finally:
            writer.close()

    async def _answer(self, octets: bytes, client: str, *, tcp: bool) -> bytes | None:
        """None for what is no query, and where a fault of the world keeps the answer back."""
        try:
            query = dns.message.from_wire(octets)
        except dns.exception.DNSException:
            return None
        if not query.question:
            return None
        response = await self._servers.ask(query, client, self._server, tcp=tcp)
        if response is None:
            return None
        if self._rename is not None:
            response = _renamed(response, self._rename)
        # The world answers a question once; only the id is each asker's own.
        return octets[:2] + response.to_wire(want_shuffle=False)[2:]


def _renamed(response: dns.message.Message, rename: Callable[[str], str]) -> dns.message.Message:
    """With other addresses in its A records; the world's own answer stays as it is."""
    renamed = dns.message.from_wire(response.to_wire(want_shuffle=False))
    for number, rrset in enumerate(renamed.answer):
        if rrset.rdtype == dns.rdatatype.A:
            addresses = dict.fromkeys(rename(record.address) for record in rrset)
            renamed.answer[number] = dns.rrset.from_text_list(rrset.name, rrset.ttl, "IN", "A", addresses)
    return renamed


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, take: Callable[[bytes, tuple[str, int]], None]) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._take(data, addr)
