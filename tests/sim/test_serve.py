"""A served world from within: what its servers do to each other over real sockets, and what they tell."""

import asyncio
import errno
import smtplib
import socket
import ssl
import sys
from collections.abc import Callable

import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import msgspec
import pytest

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.mta.behaviour.faults import Reset
from smtplab.net.ports import Endpoint
from smtplab.sim.library import load_world
from smtplab.sim.places import CannotListen
from smtplab.sim.serve import Open, Serving
from smtplab.sim.world import World
from smtplab.told import tell

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a loopback address for each host")

SECONDS_MAX = 30


class Stand:
    """A world that stands, and everything that its hosts told."""

    def __init__(self, world: str | World, speed: float, shared: bool | None = None) -> None:
        self.world = load_world(world) if isinstance(world, str) else world
        self.records: list[Record] = []
        self._wanted: type | None = None
        self._came = asyncio.Event()
        self.serving = Serving(self.world, 1, self._tell, speed=speed, shared=shared)
        self.opened: tuple[Open, ...] = ()

    def place(self, node: str, protocol: str) -> tuple[str, int]:
        return next((one.host, one.port) for one in self.opened if (one.node, one.protocol) == (node, protocol))

    def told(self, kind: type) -> list[Record]:
        return [record for record in self.records if isinstance(record.event, kind)]

    async def wait_for(self, kind: type, count: int = 1) -> None:
        """Until such a thing has happened so often."""
        self._wanted = kind
        while len(self.told(kind)) < count:
            self._came.clear()
            await self._came.wait()

    def submit(self, sender: str, password: str, recipient: str, server: str) -> None:
        """As a program does that verifies: the world's authority is all that it trusts."""
        context = ssl.create_default_context(cadata=self.serving.authority_pem.decode())
        with smtplib.SMTP(*self.place(server, "submission"), timeout=10) as session:
            session._host = server
            session.starttls(context=context)
            session.login(sender, password)
            session.sendmail(sender, recipient, f"From: {sender}\r\nTo: {recipient}\r\n\r\nHello\r\n")

    def _tell(self, record: Record) -> None:
        self.records.append(record)
        if self._wanted is not None and isinstance(record.event, self._wanted):
            self._came.set()


def stand(world: str | World, use: Callable, speed: float = 1.0, shared: bool | None = None) -> Stand:
    """Serves a world while it is used."""

    async def main() -> Stand:
        one = Stand(world, speed, shared)
        async with asyncio.timeout(SECONDS_MAX), one.serving.standing() as opened:
            one.opened = opened
            await use(one)
        return one

    return asyncio.run(main())


LAN = ("lan@home.example", "hoa-sen-2026")


def test_greylisting_sends_the_queue_away_and_lets_it_in_later():
    async def use(one: Stand) -> None:
        await asyncio.to_thread(one.submit, *LAN, "huong@school.example", "mail.home.example")
        await one.wait_for(ev.Delivered)

    one = stand("greylisting", use, speed=600)
    judged = [record.event.verdict for record in one.told(ev.Judged) if record.event.check == "greylisting"]
    assert judged == ["new", "passed"]
    assert len(one.told(ev.Deferred)) == 1


@pytest.mark.parametrize("shared", [False, True])
def test_both_ends_of_a_connection_are_told_on_the_same_hop(shared: bool):
    async def use(one: Stand) -> None:
        await asyncio.to_thread(
            one.submit, "student@hust.example", LAN[1], "student@neu.example", "submission.hust.example"
        )
        await one.wait_for(ev.Delivered)

    one = stand("campus", use, speed=10, shared=shared)
    hops = {(record.hop, record.node) for record in one.told(ev.ReplySent)}
    assert hops == {(0, "submission.hust.example"), (1, "relay.hust.example"), (2, "mx1.neu.example")}
    assert {record.hop for record in one.told(ev.ReplyReceived)} == {1, 2}
    assert {record.event.address.partition(".")[0] for record in one.told(ev.Connected)} == {"127"}


def test_where_all_hosts_share_an_address_each_service_has_a_port_and_dns_answers_that_address():
    async def use(one: Stand) -> None:
        address, port = one.place("ns.vnet.example", "dns")
        query = dns.message.make_query("mx1.neu.example", "A")
        response = await asyncio.to_thread(dns.query.udp, query, address, 5, port)
        assert [record.address for record in response.answer[0]] == ["127.0.0.1"]

    one = stand("campus", use, shared=True)
    assert {place.host for place in one.opened} == {"127.0.0.1"}
    assert len({place.port for place in one.opened}) == len(one.opened)


def test_an_address_that_nobody_has_stays_silent_and_a_fault_of_the_dns_is_a_servfail():
    async def use(one: Stand) -> None:
        address, port = one.place("ns.vnet.example", "dns")
        query = dns.message.make_query("servfail.example", "MX")
        response = await asyncio.to_thread(dns.query.udp, query, address, 5, port)
        assert response.rcode() == dns.rcode.SERVFAIL

    one = stand("dns-broken", use)
    assert [record.event.fault for record in one.told(ev.FaultInjected)] == ["servfail"]

    async def send(one: Stand) -> None:
        await asyncio.to_thread(one.submit, *LAN, "minh@gone.example", "mail.home.example")
        await one.wait_for(ev.Deferred)

    one = stand("five-days", send, speed=1000)
    assert one.told(ev.ConnectFailed)[0].event.reason == "timed-out"


def test_a_destination_that_is_dead_is_tried_again_at_the_pace_of_the_world():
    """It was left alone for five minutes of the machine's time, as long as days of a quick world."""

    async def send(one: Stand) -> None:
        await asyncio.to_thread(one.submit, *LAN, "info@silent.example", "mail.home.example")
        await one.wait_for(ev.ConnectFailed, 8)

    one = stand("null-mx", send, speed=4000)
    assert {record.event.reason for record in one.told(ev.Deferred)} == {"refused Connection refused"}


def test_a_fault_of_the_connection_befalls_strangers_too():
    async def use(one: Stand) -> None:
        reader, writer = await asyncio.open_connection(*one.place("mx.school.example", "smtp"))
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()
        reader, writer = await asyncio.open_connection(*one.place("mail.home.example", "smtp"))
        assert (await reader.readline()).startswith(b"220 mail.home.example")
        writer.close()

    world = load_world("greylisting")
    reset = msgspec.structs.replace(world, faults=(Reset(where="mx.school.example", stage="connect"),))
    one = stand(reset, use)
    assert [record.event.where for record in one.told(ev.FaultInjected)] == ["mx.school.example/connect"]


def test_what_is_no_question_gets_no_answer_and_the_next_one_does():
    async def use(one: Stand) -> None:
        address, port = one.place("ns.vnet.example", "dns")
        reader, writer = await asyncio.open_connection(address, port)
        writer.write(b"\x00\x03abc")
        assert await reader.read() == b""
        writer.close()
        query = dns.message.make_query("home.example", "MX")
        assert len((await asyncio.to_thread(dns.query.tcp, query, address, 5, port)).answer) == 1

    stand("five-days", use)


def _with_opcode(opcode: int) -> dns.message.Message:
    query = dns.message.make_query("home.example", "MX")
    query.set_opcode(opcode)
    return query


def _of_two_questions() -> dns.message.Message:
    query = dns.message.make_query("home.example", "MX")
    query.question += query.question
    return query


@pytest.mark.parametrize(
    ("query", "rcode"),
    [
        (_with_opcode(dns.opcode.IQUERY), dns.rcode.NOTIMP),
        (_with_opcode(dns.opcode.NOTIFY), dns.rcode.NOTIMP),
        (_of_two_questions(), dns.rcode.FORMERR),
        (dns.message.make_query("version.bind", "TXT", "CH"), dns.rcode.REFUSED),
        (dns.message.make_query("home.example", "AXFR"), dns.rcode.REFUSED),
        (dns.message.make_query("home.example", "MX", use_edns=1), dns.rcode.BADVERS),
    ],
)
def test_what_a_name_server_of_a_world_does_not_answer_it_refuses_as_others_do(query, rcode):
    async def use(one: Stand) -> None:
        place = one.place("ns.vnet.example", "dns")
        with socket.socket(type=socket.SOCK_DGRAM) as datagrams, socket.create_connection(place) as stream:
            datagrams.settimeout(SECONDS_MAX)
            datagrams.sendto(query.to_wire(), place)
            dns.query.send_tcp(stream, query.to_wire())
            octets = await asyncio.to_thread(datagrams.recv, 600)
            assert await asyncio.to_thread(stream.recv, 600) == len(octets).to_bytes(2, "big") + octets
        assert dns.message.from_wire(octets).rcode() == rcode

    stand("five-days", use)


def test_a_strange_query_leaves_no_mark_on_the_answers_of_others(capfd):
    """The first asker's opcode and flags came back to everybody, and what is a response was a traceback."""

    async def use(one: Stand) -> None:
        place = one.place("ns.vnet.example", "dns")
        query = dns.message.make_query("home.example", "MX")
        with socket.socket(type=socket.SOCK_DGRAM) as way:
            for strange in (dns.flags.QR, dns.opcode.to_flags(dns.opcode.IQUERY), dns.flags.CD):
                flags = query.flags
                query.flags ^= strange | dns.flags.RD
                way.sendto(query.to_wire(), place)
                query.flags = flags
        response = await asyncio.to_thread(dns.query.udp, query, place[0], 5, place[1])
        assert response.flags == dns.flags.QR | dns.flags.RD | dns.flags.RA
        assert len(response.answer) == 1

    stand("five-days", use)
    assert capfd.readouterr().err == ""


def test_dig_any_shows_all_that_a_name_has():
    async def use(one: Stand) -> None:
        address, port = one.place("ns.vnet.example", "dns")
        query = dns.message.make_query("home.example", "ANY")
        response = await asyncio.to_thread(dns.query.tcp, query, address, 5, port)
        assert {rrset.rdtype for rrset in response.answer} >= {dns.rdatatype.SOA, dns.rdatatype.NS, dns.rdatatype.MX}

    stand("five-days", use)


def test_whoever_is_cut_off_by_the_worlds_end_is_not_said_to_have_broken_a_rule():
    async def use(one: Stand) -> None:
        for protocol in ("smtp", "pop3"):
            reader, writer = await asyncio.open_connection(*one.place("mail.home.example", protocol))
            assert await reader.readline()
            writers.append(writer)

    writers: list[asyncio.StreamWriter] = []
    one = stand("first-mail", use)
    assert len(writers) == 2
    assert one.told(ev.RuleBroken) == one.told(ev.Disconnected) == []


@pytest.mark.parametrize("protocol", ["dns", "pop3"])
def test_a_port_that_is_taken_is_named(protocol: str):
    async def look(one: Stand) -> None:
        places.append(one.place("ns.vnet.example" if protocol == "dns" else "mail.home.example", protocol))

    async def use(_: Stand) -> None:
        raise AssertionError

    places: list[tuple[str, int]] = []
    stand("first-mail", look)
    with socket.create_server(places[0]), pytest.raises(CannotListen) as refused:
        stand("first-mail", use)
    where = "{}:{}".format(*places[0])
    assert refused.value.told == tell("sim.place-taken", place=where, reason="Address already in use")


def test_a_port_that_the_system_keeps_for_root_is_not_said_to_be_taken():
    trouble = CannotListen(Endpoint("127.81.0.53", 53), PermissionError(errno.EACCES, "no"))
    assert trouble.told == tell("sim.port-forbidden", place="127.81.0.53:53", reason="Permission denied")


def test_a_world_that_is_served_already_can_not_be_served_twice():
    async def use(one: Stand) -> None:
        again = Stand("first-mail", 1.0)
        with pytest.raises(CannotListen, match=r"127\.\d+\.\d+\.\d+:2053"):
            async with again.serving.standing():
                pass

    stand("first-mail", use)
