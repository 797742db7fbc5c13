"""Questions for names in a world: who is there to answer, how far away, and what befalls a question on its way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Literal

import dns.flags
import dns.message
import dns.rcode
import msgspec

from smtplab.mta.behaviour.faults import Allow, Delay, Fault, Refuse, ServerFailure
from smtplab.mta.behaviour.injector import Injector, Occasion
from smtplab.net.cache import Found
from smtplab.net.dns import read_response
from smtplab.net.names import DNS_PORT
from smtplab.net.ports import Clock, Endpoint, Lost
from smtplab.sim.names import Names, refuse
from smtplab.sim.roads import Roads
from smtplab.sim.world import World

_CUT = int(dns.flags.TC)

RESPONSES_MAX = 10_000
"""Kept as they were read; the questions of a thousand domains are some three thousand."""

Tell = Callable[[Fault, str, Literal["dns"]], None]
"""A fault acts at this host's, or this zone's, answers."""


class _NameServer(msgspec.Struct, frozen=True):
    """As one address sees it."""

    host: str
    round_trip_s: float
    troubled: bool
    """Faults may befall who asks."""
    links: tuple[str, ...] = ()
    """The names of those on the way there."""


class NameServers:
    """Those of one world; what they answer, `sim.names` knows."""

    def __init__(self, world: World, roads: Roads, injector: Injector, clock: Clock, tell: Tell) -> None:
        self._names = Names(world.zones, injector.changes())
        self._hosts = {one: host.name for host in world.hosts if "resolver" in host.roles for one in host.addresses}
        self._roads = roads
        self._injector = injector
        self._clock = clock
        self._tell = tell
        self._seen: dict[tuple[str, Endpoint], _NameServer] = {}
        """By the host's address that asks, and where."""
        self._read: dict[tuple[int, str, str, str], tuple[dns.message.Message, Found | None]] = {}
        """By the response's identity, which is its own for as long as it is kept here."""

    def always_answers(self, source: str, server: Endpoint, within_s: float) -> bool:
        """Is a name server there, near enough to be asked over UDP and again over TCP, and can no fault befall it?"""
        seen = self._see(source, server)
        return seen is not None and not seen.troubled and 3 * seen.round_trip_s < within_s

    async def ask(
        self, query: dns.message.Message, source: str, server: Endpoint, *, tcp: bool
    ) -> dns.message.Message | None:
        """A name server's answer after the way there and back; None where nobody answers. TCP shakes hands first."""
        seen = self._see(source, server)
        if seen is None:
            return None
        await asyncio.sleep(seen.round_trip_s * (2 if tcp else 1))
        if seen.troubled:
            if self._is_cut_off(source, seen.links):
                return None
            name = query.question[0].name.to_text(omit_final_dot=True).lower()
            for fault in self._injector.at(seen.host, "dns", self._clock.monotonic(), Occasion(source, name=name)):
                self._tell(fault, seen.host, "dns")
                match fault:
                    case Allow():
                        pass
                    case Delay(seconds=seconds):
                        await asyncio.sleep(seconds)
                    case Refuse():
                        return refuse(query, dns.rcode.REFUSED)
                    case ServerFailure():
                        return refuse(query, dns.rcode.SERVFAIL)
                    case _:
                        return None
        for change in self._names.advance(self._clock.monotonic()):
            self._tell(change, change.where, "dns")
        return self._names.ask(query, tcp=tcp)

    def _is_cut_off(self, source: str, links: tuple[str, ...]) -> bool:
        """Does a link on the way let nothing through?"""
        for link in links:
            if (silence := self._injector.silence(link, self._clock.monotonic(), Occasion(source))) is not None:
                self._tell(silence, link, "dns")
                return True
        return False

    def read(self, response: dns.message.Message, name: str, rrtype: str, server: str) -> Found | None:
        """As `net.dns.read_response`, but once: the same response is given to every host that asks."""
        key = (id(response), name, rrtype, server)
        known = self._read.get(key)
        if known is None:
            if len(self._read) >= RESPONSES_MAX:
                self._read.clear()
            known = self._read[key] = response, read_response(response, name, rrtype, server)
        return known[1]

    def _see(self, source: str, server: Endpoint) -> _NameServer | None:
        """None where nobody answers for names."""
        seen = self._seen.get((source, server))
        if seen is not None:
            return seen
        host = self._hosts.get(server.address) if server.port == DNS_PORT else None
        if host is None:
            return None
        troubled = self._injector.touches(host)
        if not self._roads.knows(source):
            # Who comes from outside the world stands next to its server.
            return _NameServer(host, 0.0, troubled)
        way = self._roads.way(source, server.address)
        if way.loss >= 1:
            return None
        troubled = troubled or any(map(self._injector.touches, way.links))
        seen = _NameServer(host, 2 * way.latency_s, troubled, way.links)
        self._seen[source, server] = seen
        return seen


class ZoneExchange:
    """`net.exchange.Exchange` to a world's name servers: real messages over its links."""

    def __init__(self, servers: NameServers, source: str) -> None:
        self._servers = servers
        self._source = source

    def ask(
        self, query: dns.message.Message, server: Endpoint, timeout_s: float
    ) -> Coroutine[Any, Any, dns.message.Message | Lost]:
        """As `Exchange.ask`."""
        if self._servers.always_answers(self._source, server, timeout_s):
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
            response = await self._servers.ask(query, self._source, server, tcp=tcp)
            if response is None:
                break
            # RFC 7766 5: what a datagram can't hold is asked for over TCP.
            if tcp or not int(response.flags) & _CUT:
                return response
        # Nobody answers: only the caller's time-out ends this.
        silence: asyncio.Future[dns.message.Message] = asyncio.get_running_loop().create_future()
        return await silence
