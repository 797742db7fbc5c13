"""The resolver against a name server of ours on loopback, which misbehaves by the name that it is asked for."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from smtplab.events import DnsAnswered, DnsFailed, DnsQueried, Event
from smtplab.net.clock import SystemClock
from smtplab.net.dns import Bounds, DnsResolver
from smtplab.net.exchange import NetworkExchange
from smtplab.net.hosts import PinnedResolver
from smtplab.net.names import a_label_name, parse_endpoint, parse_pin, show_server, system_servers
from smtplab.net.ports import Answer, Endpoint

RECORDS = {
    ("hust.example.", "MX"): ("10 mx1.hust.example.", "20 mx2.hust.example."),
    ("mx1.hust.example.", "A"): ("192.0.2.1",),
    ("_25._tcp.mx1.hust.example.", "TLSA"): ("3 1 1 " + "ab" * 32,),
    ("1.2.0.192.in-addr.arpa.", "PTR"): ("mx1.hust.example.",),
    ("hust.example.", "TXT"): ('"v=spf1 -all"',),
    ("big.example.", "TXT"): tuple(f'"{"x" * 200}{number}"' for number in range(20)),
    ("www.example.", "CNAME"): ("web.example.",),
    ("web.example.", "A"): ("192.0.2.2",),
    ("far.example.", "CNAME"): ("www.example.",),
    ("loop1.example.", "CNAME"): ("loop2.example.",),
    ("loop2.example.", "CNAME"): ("loop1.example.",),
    ("dangling.example.", "CNAME"): ("nothing.example.",),
    ("xn--bcher-kva.example.", "A"): ("192.0.2.3",),
    **{(f"c{number}.example.", "CNAME"): (f"c{number + 1}.example.",) for number in range(40)},
}
NAMES = {name for name, _ in RECORDS}


def respond(wire: bytes, *, tcp: bool) -> bytes | None:
    """What the server sends back; None for silence."""
    query = dns.message.from_wire(wire)
    question = query.question[0]
    name, rrtype = question.name.to_text(), dns.rdatatype.to_text(question.rdtype)
    response = dns.message.make_response(query, recursion_available=True)
    first = question.name.labels[0].decode()
    if first == "silent":
        return None
    if first == "garbage":
        return b"\x00\x01no dns at all"
    if first == "otherid":
        response.id ^= 1
    if first in ("servfail", "refused"):
        response.set_rcode(dns.rcode.from_text(first))
    elif first == "oldserver" and query.edns >= 0:
        response.use_edns(False)
        response.set_rcode(dns.rcode.FORMERR)
    elif first in ("oldserver", "otherid"):
        response.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.9"))
    elif first == "referral":
        response.flags &= ~dns.flags.RA
        response.authority.append(dns.rrset.from_text("example.", 60, "IN", "NS", "ns.example."))
    elif found := RECORDS.get((name, rrtype)):
        response.answer.append(dns.rrset.from_text(name, 300, "IN", rrtype, *found))
        response.flags |= dns.flags.AD if name == "mx1.hust.example." else 0
    elif alias := RECORDS.get((name, "CNAME")):
        response.answer.append(dns.rrset.from_text(name, 30, "IN", "CNAME", *alias))
    else:
        response.set_rcode(dns.rcode.NOERROR if name in NAMES else dns.rcode.NXDOMAIN)
        response.authority.append(
            dns.rrset.from_text("example.", 900, "IN", "SOA", "ns.example. h.example. 1 1 1 1 60")
        )
    whole = response.to_wire(max_size=65535)
    if tcp or len(whole) <= 1232:
        return whole
    response.answer.clear()
    response.flags |= dns.flags.TC
    return response.to_wire()


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, asked: list[str]) -> None:
        self.asked = asked

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked.append("udp")
        if (answer := respond(data, tcp=False)) is not None:
            self.transport.sendto(answer, addr)


class Lab:
    """A running name server, a resolver that asks it, and what the resolver told."""

    def __init__(self, server: Endpoint, asked: list[str]) -> None:
        self.server, self.asked = server, asked
        self.events: list[Event] = []
        self.elapsed_s = 0.0
        self.resolver = self.resolver_for(server)

    def resolver_for(self, *servers: Endpoint, ageing: float = 1.0) -> DnsResolver:
        bounds = Bounds(timeout_s=0.2, rounds=1, ageing=ageing)
        return DnsResolver(servers, NetworkExchange(), self, random.Random, bounds)

    def now(self) -> float:
        return SystemClock().now() + self.elapsed_s

    def monotonic(self) -> float:
        return SystemClock().monotonic() + self.elapsed_s

    async def ask(self, name: str, rrtype: str = "A") -> Answer:
        self.events.clear()
        return await self.resolver.resolve(name, rrtype, self.events.append)

    def rcodes(self) -> list[str]:
        return [event.rcode for event in self.events if isinstance(event, DnsAnswered)]

    def reasons(self) -> list[str]:
        return [event.reason for event in self.events if isinstance(event, DnsFailed)]


def serve(act: Callable[[Lab], Awaitable[None]]) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        asked: list[str] = []

        async def on_tcp(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append("tcp")
            length = int.from_bytes(await reader.readexactly(2), "big")
            answer = respond(await reader.readexactly(length), tcp=True) or b""
            writer.write(len(answer).to_bytes(2, "big") + answer)
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        while True:
            server = await asyncio.start_server(on_tcp, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            try:
                datagrams, _ = await loop.create_datagram_endpoint(
                    lambda: Datagrams(asked), local_addr=("127.0.0.1", port)
                )
                break
            except OSError:  # Somebody else has that port of UDP; another will be free.
                server.close()
                await server.wait_closed()
        try:
            await act(Lab(Endpoint("127.0.0.1", port), asked))
        finally:
            server.close()
            await server.wait_closed()
            datagrams.close()
            await asyncio.sleep(0)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("name", "rrtype", "records"),
    [(name.rstrip("."), rrtype, found) for (name, rrtype), found in RECORDS.items() if rrtype != "CNAME"],
)
def test_records_come_in_presentation_form(name: str, rrtype: str, records: tuple[str, ...]) -> None:
    async def act(lab: Lab) -> None:
        answer = await lab.ask(name, rrtype)
        # A server may give them in any order.
        assert (answer.kind, sorted(answer.records), answer.ttl_s) == ("found", sorted(records), 300)
        assert (answer.name, answer.canonical, answer.aliases) == (name, name, ())

    serve(act)


def test_the_question_and_its_answer_are_told() -> None:
    async def act(lab: Lab) -> None:
        answer = await lab.ask("MX1.hust.example.")
        server = f"127.0.0.1:{lab.server.port}"
        queried, answered = lab.events
        assert queried == DnsQueried("mx1.hust.example", "A", server)
        assert isinstance(answered, DnsAnswered)
        assert answered == DnsAnswered(
            "mx1.hust.example", "A", server, "NOERROR", ("192.0.2.1",), 300, True, answered.ms
        )
        assert answer.authentic

    serve(act)


def test_what_a_datagram_can_not_hold_comes_over_tcp() -> None:
    async def act(lab: Lab) -> None:
        assert len((await lab.ask("big.example", "TXT")).records) == 20
        assert lab.asked == ["udp", "tcp"]

    serve(act)


@pytest.mark.parametrize(
    ("name", "kind", "rcodes", "reasons"),
    [
        ("nothing.example", "nxdomain", ["NXDOMAIN"], []),
        ("hust.example", "nodata", ["NOERROR"], []),
        ("servfail.example", "servfail", ["SERVFAIL"], []),
        ("refused.example", "servfail", ["REFUSED"], []),
        ("silent.example", "timed-out", [], ["timed-out"]),
        ("garbage.example", "malformed", [], ["malformed"]),
        ("otherid.example", "malformed", [], ["malformed"]),
        ("referral.example", "servfail", [], ["refused"]),
        ("loop1.example", "cname-loop", ["NOERROR", "NOERROR"], ["cname-loop"]),
        ("c0.example", "cname-loop", ["NOERROR"] * 12, ["cname-loop"]),
        ("dangling.example", "nxdomain", ["NOERROR", "NXDOMAIN"], []),
        ("a..b", "malformed", [], ["malformed"]),
        ("host.invalid", "nxdomain", ["NXDOMAIN"], []),
        ("oldserver.example", "found", ["NOERROR"], []),
    ],
)
def test_each_kind_of_no_answer_is_its_own(name: str, kind: str, rcodes: list[str], reasons: list[str]) -> None:
    async def act(lab: Lab) -> None:
        assert (await lab.ask(name)).kind == kind
        assert (lab.rcodes(), lab.reasons()) == (rcodes, reasons)

    serve(act)


def test_a_chain_of_cnames_is_followed_by_further_questions() -> None:
    async def act(lab: Lab) -> None:
        answer = await lab.ask("far.example")
        assert answer == Answer(
            "found", "far.example", "A", ("192.0.2.2",), "web.example", ("www.example", "web.example"), 30, False
        )
        shown = [event.records for event in lab.events if isinstance(event, DnsAnswered)]
        assert shown == [("CNAME www.example.",), ("CNAME web.example.",), ("192.0.2.2",)]

    serve(act)


def test_a_server_that_is_not_there_refuses_and_the_next_is_asked() -> None:
    async def act(lab: Lab) -> None:
        lab.resolver = lab.resolver_for(Endpoint("127.0.0.1", 1), lab.server)
        assert (await lab.ask("web.example")).kind == "found"
        assert lab.reasons() == ["refused"]
        lab.resolver = lab.resolver_for(Endpoint("127.0.0.1", 1))
        assert (await lab.ask("web.example")).kind == "unreachable"
        lab.resolver = lab.resolver_for()
        assert (await lab.ask("web.example")).kind == "unreachable"
        assert lab.reasons() == ["no-server"]

    serve(act)


def test_an_answer_is_asked_for_once_and_counted_down() -> None:
    async def act(lab: Lab) -> None:
        await lab.ask("web.example")
        lab.elapsed_s = 100
        answer = await lab.ask("WEB.example")
        (answered,) = lab.events
        assert isinstance(answered, DnsAnswered)
        assert (answered.cached, answered.ms, answered.ttl) == (True, 0.0, answer.ttl_s)
        assert answer.ttl_s in (199, 200)
        lab.elapsed_s = 301
        await lab.ask("web.example")
        assert len(lab.events) == 2

    serve(act)


def test_answers_grow_old_as_quickly_as_a_world_is_wound_on() -> None:
    async def act(lab: Lab) -> None:
        lab.resolver = lab.resolver_for(lab.server, ageing=100.0)
        await lab.ask("web.example")
        lab.elapsed_s = 2
        assert (await lab.ask("web.example")).ttl_s in (99, 100)
        lab.elapsed_s = 4
        assert (await lab.ask("web.example")).ttl_s == 300

    serve(act)


def test_a_denial_is_believed_as_long_as_the_soa_says_and_for_every_type() -> None:
    async def act(lab: Lab) -> None:
        assert (await lab.ask("nothing.example", "A")).ttl_s == 60
        assert (await lab.ask("nothing.example", "MX")).kind == "nxdomain"
        assert [type(event) for event in lab.events] == [DnsAnswered]
        lab.elapsed_s = 61
        await lab.ask("nothing.example", "MX")
        assert len(lab.events) == 2

    serve(act)


def test_a_failure_is_never_cached() -> None:
    async def act(lab: Lab) -> None:
        await lab.ask("servfail.example")
        await lab.ask("servfail.example")
        assert lab.asked == ["udp", "udp"]

    serve(act)


def test_u_labels_are_asked_for_as_a_labels() -> None:
    async def act(lab: Lab) -> None:
        answer = await lab.ask("BÜCHER.example")
        assert (answer.kind, answer.name) == ("found", "xn--bcher-kva.example")

    serve(act)


def test_localhost_is_answered_here() -> None:
    async def act(lab: Lab) -> None:
        assert (await lab.ask("localhost")).records == ("127.0.0.1",)
        assert (await lab.ask("mail.localhost", "AAAA")).records == ("::1",)
        assert (await lab.ask("localhost", "MX")).kind == "nodata"
        assert not lab.asked
        assert [event.server for event in lab.events if isinstance(event, DnsQueried)] == ["local"]

    serve(act)


def test_a_pinned_host_is_not_asked_for() -> None:
    async def act(lab: Lab) -> None:
        pins = [("mx1.hust.example", "192.0.2.77"), ("MX1.hust.example.", "192.0.2.78")]
        pinned = PinnedResolver(pins, lab.resolver)
        answer = await pinned.resolve("mx1.HUST.example", "A", lab.events.append)
        assert answer.records == ("192.0.2.77", "192.0.2.78")
        assert (await pinned.resolve("mx1.hust.example", "AAAA", lab.events.append)).kind == "nodata"
        assert not lab.asked
        assert (await pinned.resolve("hust.example", "MX", lab.events.append)).kind == "found"

    serve(act)


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("192.0.2.1", Endpoint("192.0.2.1", 53)),
        ("192.0.2.1:5353", Endpoint("192.0.2.1", 5353)),
        ("2001:db8::1", Endpoint("2001:db8::1", 53)),
        ("[2001:db8::1]", Endpoint("2001:db8::1", 53)),
        ("[2001:db8::1]:5353", Endpoint("2001:db8::1", 5353)),
        ("[2001:db8::1", None),
        ("[2001:db8::1]5353", None),
        ("192.0.2.1:", None),
        ("192.0.2.1:0", None),
        ("192.0.2.1:65536", None),
        ("ns.example", None),
        ("", None),
    ],
)
def test_a_server_is_an_address_and_perhaps_a_port(text: str, endpoint: Endpoint | None) -> None:
    assert parse_endpoint(text) == endpoint
    if endpoint is not None:
        assert parse_endpoint(show_server(endpoint)) == endpoint


def test_a_pin_is_a_host_and_an_address() -> None:
    assert parse_pin("mx.hust.example:192.0.2.1") == ("mx.hust.example", "192.0.2.1")
    assert parse_pin("MX.hust.example:[2001:db8::1]") == ("mx.hust.example", "2001:db8::1")
    assert parse_pin("mx.hust.example:2001:db8::1") == ("mx.hust.example", "2001:db8::1")
    for bad in ("mx.hust.example", ":192.0.2.1", "mx.hust.example:mx", "a..b:192.0.2.1", ""):
        assert parse_pin(bad) is None


def test_a_name_that_can_not_be_one_is_none() -> None:
    for bad in ("a..b", "x" * 64 + ".example", ".".join(["x" * 60] * 5), "\ud800.example", "☃\u200d.."):
        assert a_label_name(bad) is None


def test_the_systems_servers_are_read_in_order(tmp_path: pytest.TempPathFactory) -> None:
    path = tmp_path / "resolv.conf"  # type: ignore[operator]
    path.write_text("# a\nsearch x\nnameserver 192.0.2.1\nnameserver\nnameserver 2001:db8::1 # b\nnameserver what\n")
    assert system_servers(path) == (Endpoint("192.0.2.1", 53), Endpoint("2001:db8::1", 53))
