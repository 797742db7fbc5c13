import asyncio
from datetime import UTC, datetime

import dns.message
import msgspec
import pytest

from smtplab import events as ev
from smtplab.journal import Journal
from smtplab.net.ports import Answer, ClientTls, Endpoint, Handler, Lost, Net, Stream, TlsFacts, TlsTrouble, Wire
from smtplab.sim import loop as virtual
from smtplab.sim.internet import Internet
from smtplab.sim.library import load_world
from smtplab.sim.loop import VirtualClock
from smtplab.sim.questions import ZoneExchange
from smtplab.sim.world import Zone

CAMPUS = load_world("campus")


def on_relay(work, world=CAMPUS):
    """Runs `work(internet, net)` with the relay's net."""

    async def main(clock: VirtualClock):
        internet = Internet(world, world.seed, clock, Journal(clock.now))
        return await work(internet, internet.net(world.host("relay.hust.example")))

    return virtual.run(main, world.start)


def resolve(name: str, rrtype: str) -> tuple[Answer, list[ev.Event]]:
    told: list[ev.Event] = []

    async def work(internet: Internet, net: Net) -> Answer:
        return await net.resolver.resolve(name, rrtype, told.append)

    return on_relay(work), told


def test_a_host_asks_its_resolver_and_the_answer_takes_the_time_of_the_way():
    answer, told = resolve("neu.example", "MX")
    assert answer.records == ("10 mx1.neu.example.", "20 mx2.vnet.example.")
    assert told == [
        ev.DnsQueried("neu.example", "MX", "10.0.0.53"),
        ev.DnsAnswered("neu.example", "MX", "10.0.0.53", "NOERROR", answer.records, 3600, False, 2.4),
    ]


@pytest.mark.parametrize(
    ("name", "rrtype", "kind"),
    [
        ("smtp.neu.example", "A", "found"),
        ("neu.exampel", "MX", "nxdomain"),
        ("neu.example", "AAAA", "nodata"),
    ],
)
def test_the_kinds_of_answers_are_kept_apart(name: str, rrtype: str, kind: str):
    assert resolve(name, rrtype)[0].kind == kind


def test_the_second_question_is_answered_from_the_hosts_own_cache():
    async def work(internet: Internet, net: Net) -> list[ev.Event]:
        told: list[ev.Event] = []
        await net.resolver.resolve("neu.example", "MX", told.append)
        await asyncio.sleep(600)
        await net.resolver.resolve("neu.example", "MX", told.append)
        return told

    last = on_relay(work)[-1]
    assert isinstance(last, ev.DnsAnswered)
    assert (last.cached, last.ttl) == (True, 3000)


def test_a_connection_to_an_address_that_nobody_has_never_comes_about():
    async def work(internet: Internet, net: Net) -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(300):
                await net.dialer.dial("192.0.2.1", 25)
        return net.clock.monotonic()

    assert on_relay(work) == 300


def test_a_port_on_which_nobody_listens_refuses_after_one_round_trip():
    async def work(internet: Internet, net: Net) -> tuple[Stream | Lost, float]:
        return await net.dialer.dial("10.2.0.26", 25), net.clock.monotonic()

    lost, at_s = on_relay(work)
    assert isinstance(lost, Lost)
    assert lost.reason == "refused"
    assert at_s == pytest.approx(0.004)


class TlsEcho:
    """Answers with what it is sent, inside TLS."""

    def connected(self, wire: Wire) -> None:
        self.wire = wire

    def received(self, data: bytes) -> None:
        self.wire.write(data.upper())

    def secured(self, outcome: TlsFacts | TlsTrouble) -> None:
        self.outcome = outcome

    def drained(self) -> None:
        pass

    def ended(self, lost: Lost | None) -> None:
        self.wire.close()


def test_hosts_speak_tls_and_trust_the_authority_of_their_world():
    async def work(internet: Internet, net: Net) -> tuple[TlsFacts | TlsTrouble, bytes | Lost]:
        mx = CAMPUS.host("mx1.neu.example")
        listener = internet.net(mx).listener
        assert listener is not None
        handler: Handler = TlsEcho()
        listening = await listener.listen("10.2.0.26", 465, lambda: handler, tls=internet.server_tls(mx))
        stream = await net.dialer.dial("10.2.0.26", 465)
        assert not isinstance(stream, Lost)
        facts = await stream.start_tls(ClientTls(mx.name, internet.trust))
        await stream.write(b"hello")
        answer = await stream.read()
        await stream.close()
        await listening.close()
        return facts, answer

    facts, answer = on_relay(work)
    assert isinstance(facts, TlsFacts)
    assert (facts.verified_by, facts.problem, facts.chain[0].names) == ("pkix", "", ("mx1.neu.example",))
    assert facts.chain[0].not_after == "2027-01-22T01:00:00Z"
    assert answer == b"HELLO"
    assert datetime(2027, 1, 22, 1, tzinfo=UTC) > CAMPUS.start


BIG = Zone(
    "big.example", f"$TTL 60\n@ IN SOA ns hostmaster 1 2 3 4 5\n@ IN NS ns\n@ IN TXT {' '.join(['x' * 250] * 8)}\n"
)


def test_an_answer_too_long_for_a_packet_is_asked_for_again_over_tcp_which_takes_two_more_round_trips():
    async def work(internet: Internet, net: Net) -> tuple[Answer, float]:
        return await net.resolver.resolve("big.example", "TXT", lambda _: None), net.clock.monotonic()

    answer, at_s = on_relay(work, msgspec.structs.replace(CAMPUS, zones=(*CAMPUS.zones, BIG)))
    assert len(answer.records[0]) > 2000
    assert at_s == pytest.approx(3 * 0.0024)


def test_where_nobody_answers_for_names_the_question_times_out():
    async def work(internet: Internet, net: Net) -> tuple[object, float]:
        query = dns.message.make_query("neu.example", "MX")
        asked = await ZoneExchange(internet.name_servers, "10.1.0.25").ask(query, Endpoint("10.2.0.26", 53), 3.0)
        return asked, net.clock.monotonic()

    assert on_relay(work) == (Lost("timed-out"), 3.0)
