"""A world's name server on real sockets, UDP and TCP; what it answers, and how late, the world's network knows."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import cast

import dns.exception
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from smtplab.net.names import DNS_PORT
from smtplab.net.ports import Endpoint
from smtplab.sim.names import refuse
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
        if len(octets) < _HEADER_OCTETS or octets[2] & _RESPONSE:
            return None
        if octets[2] & _OPCODE != dns.opcode.QUERY:
            return _bare(octets, dns.rcode.NOTIMP)
        try:
            query = dns.message.from_wire(octets)
        except dns.exception.DNSException:
            return _bare(octets, dns.rcode.FORMERR)
        if len(query.question) != 1:
            return _bare(octets, dns.rcode.FORMERR)  # RFC 9619 4
        refusal = _refusal(query)
        if refusal is not None:
            return refuse(query, refusal).to_wire()
        response = await self._servers.ask(query, client, self._server, tcp=tcp)
        if response is None:
            return None
        if self._rename is not None:
            response = _renamed(response, self._rename)
        return _addressed(response.to_wire(want_shuffle=False), octets)


_HEADER_OCTETS = 12
_RESPONSE, _OPCODE, _RECURSION_DESIRED = 0x80, 0x78, 0x01
"""RFC 1035 4.1.1: in the header's third octet."""
_RECURSION_AVAILABLE, _CHECKING_DISABLED = 0x80, 0x10
"""In its fourth, the latter by RFC 4035 3.2.2."""


def _bare(octets: bytes, rcode: dns.rcode.Rcode) -> bytes:
    """The header alone, for a query that can't be read or is of no use here."""
    flags = bytes((_RESPONSE | octets[2] & (_OPCODE | _RECURSION_DESIRED), _RECURSION_AVAILABLE | rcode))
    return octets[:2] + flags + bytes(_HEADER_OCTETS - 4)


def _refusal(query: dns.message.Message) -> dns.rcode.Rcode | None:
    """What is said to one that could be read and is yet none that a world answers; None where it does."""
    if query.edns > 0:
        return dns.rcode.BADVERS  # RFC 6891 6.1.3
    question = query.question[0]
    transfer = question.rdtype in (dns.rdatatype.AXFR, dns.rdatatype.IXFR)
    # RFC 5936 2.2.1; and no class has names here but one.
    return dns.rcode.REFUSED if transfer or question.rdclass != dns.rdataclass.IN else None


def _addressed(response: bytes, query: bytes) -> bytes:
    """The world answers a question once; the id and what the asker wished of the server are each asker's own."""
    wishes = (
        response[2] & ~_RECURSION_DESIRED | query[2] & _RECURSION_DESIRED,
        response[3] & ~_CHECKING_DISABLED | query[3] & _CHECKING_DISABLED,
    )
    return query[:2] + bytes(wishes) + response[4:]


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
