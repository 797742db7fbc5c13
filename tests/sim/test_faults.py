from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.mta.behaviour.faults import (
    Allow,
    BrokenReply,
    Certificate,
    Delay,
    DiskFull,
    DnsChange,
    Drip,
    Drop,
    Fault,
    Garble,
    Handshake,
    Refuse,
    Reset,
    ServerFailure,
    Shutdown,
    Silence,
    Stage,
    StripStarttls,
    When,
    WrongReply,
)
from smtplab.net.ports import ClientTls, Lost, TlsTrouble
from smtplab.sim import loop
from smtplab.sim.consistency import first_problem
from smtplab.sim.library import WorldError, load_world, parse_world
from smtplab.sim.loop import VirtualClock
from smtplab.sim.run import Played, play
from smtplab.sim.simulation import Simulation
from smtplab.sim.world import Trip, World
from smtplab.view.texts import Texts

FIRST = load_world("first-mail")
LINE = (FIRST.links[0], msgspec.structs.replace(FIRST.links[1], name="the line"))
MX = "mail.away.example"
HOME = "10.1.0.25"
TRIP = Trip("lan@home.example", ("minh@away.example",))
AT_MX: tuple[Stage, ...] = ("greeting", "ehlo", "tls", "mail", "rcpt", "data", "content", "quit")


def suffer(*faults: Fault, world: World = FIRST, **changes: Any) -> tuple[list[Record], Played]:
    records: list[Record] = []
    played = play(msgspec.structs.replace(world, faults=faults, expectations=(), **changes), None, None, records.append)
    return records, played


def facts(records: list[Record], kind: type, node: str = "") -> list[Any]:
    return [r.event for r in records if isinstance(r.event, kind) and node in ("", r.node)]


@pytest.mark.parametrize("stage", AT_MX)
@pytest.mark.parametrize(
    "kind", [Reset, Silence, Garble, lambda **terms: WrongReply(code=451, **terms), BrokenReply, Refuse, Drip]
)
def test_a_fault_that_acts_once_at_any_stage_is_told_and_costs_nobody_a_message(kind, stage: Stage):
    fault = kind(where=MX, stage=stage, count=1)
    records, played = suffer(fault)
    (told,) = facts(records, ev.FaultInjected)
    assert told.where == f"{MX}/{stage}"
    delivered = facts(records, ev.Delivered)
    mailboxes = [one.mailbox for one in delivered]
    # A refusal for good of the message itself comes back; all else is tried again, and nothing arrives twice.
    for_good = isinstance(fault, Refuse) and stage in ("greeting", "mail", "rcpt", "data", "content")
    for_good |= isinstance(fault, BrokenReply) and stage in ("rcpt", "content")
    assert mailboxes == (["lan@home.example"] if for_good else ["minh@away.example"])
    assert played.queued == ()


@pytest.mark.parametrize(
    ("how", "rule"),
    [("codes-differ", "reply-codes-differ"), ("no-code", "reply-code-missing"), ("bare-lf", "bare-lf")],
)
def test_a_broken_reply_is_noticed_for_what_it_is(how, rule: str):
    records, _ = suffer(BrokenReply(where=MX, stage="rcpt", how=how, count=1))
    assert rule in [broken.rule for broken in facts(records, ev.RuleBroken, "mail.home.example")]


def test_who_is_allowed_to_meets_no_fault_of_names_or_connections():
    others = (
        ServerFailure(where="ns.vnet.example"),
        Refuse(where=MX, stage="connect"),
    )
    records, _ = suffer(Allow(where="ns.vnet.example", stage="dns"), Allow(where=MX, stage="connect", count=1), *others)
    assert {told.fault for told in facts(records, ev.FaultInjected)} == {"allow"}
    assert len(facts(records, ev.Delivered)) == 1


def test_a_connection_that_is_dropped_at_once_is_a_reset_one():
    records, _ = suffer(Drop(where=MX, stage="connect", count=1))
    assert [failed.reason for failed in facts(records, ev.ConnectFailed)] == ["reset"]
    assert len(facts(records, ev.Delivered)) == 1


def test_a_4xx_so_many_times_and_then_the_truth():
    records, _ = suffer(WrongReply(where=MX, stage="rcpt", code=450, text="Later", enhanced="4.2.0", count=3))
    assert [one.reason for one in facts(records, ev.Deferred)] == ["450 4.2.0 Later"] * 3
    assert len(facts(records, ev.Delivered)) == 1


def test_the_first_occasions_may_pass_unharmed():
    fault = WrongReply(where=MX, stage="mail", code=451, when=When(after=1), count=1)
    trips = tuple(msgspec.structs.replace(TRIP, at_s=60.0 * n) for n in range(3))
    records, _ = suffer(fault, journeys=trips)
    assert [r.elapsed_us // 60_000_000 for r in records if isinstance(r.event, ev.FaultInjected)] == [1]


def test_a_fault_may_mean_one_recipient_only():
    trip = Trip("lan@home.example", ("minh@away.example", "mai@away.example"))
    user = msgspec.structs.replace(FIRST.users[1], address="mai@away.example")
    fault = WrongReply(where=MX, stage="rcpt", code=450, when=When(recipient="mai@away.example"), count=1)
    records, _ = suffer(fault, journeys=(trip,), users=(*FIRST.users, user))
    assert [one.recipient for one in facts(records, ev.Deferred)] == ["mai@away.example"]
    assert [one.recipient for one in facts(records, ev.Delivered)] == ["minh@away.example", "mai@away.example"]


@pytest.mark.parametrize(
    ("fault", "reason", "ms"),
    [
        (Refuse(where=MX, stage="connect", count=1), "refused", 21.2),
        (Reset(where=MX, stage="connect", count=1), "reset", 21.2),
        (Silence(where=MX, stage="connect", count=1), "timed-out", 30_000),
        (Delay(where=MX, stage="connect", seconds=31, count=1), "timed-out", 30_000),
    ],
)
def test_a_connection_that_does_not_come_about(fault: Fault, reason: str, ms: float):
    records, _ = suffer(fault)
    (failed,) = facts(records, ev.ConnectFailed)
    assert (failed.reason, failed.ms) == (reason, ms)
    assert len(facts(records, ev.Delivered)) == 1


def test_a_delay_is_waited_for_and_a_drip_is_read_to_its_end():
    for fault, seconds in ((Delay(where=MX, stage="mail", seconds=90), 90), (Drip(where=MX, stage="mail"), 20)):
        records, played = suffer(fault)
        (reply,) = [r for r in facts(records, ev.ReplyReceived, "mail.home.example") if r.verb == "MAIL"]
        assert seconds * 1000 < reply.ms < (seconds + 10) * 1000
        assert played.ended.result == "delivered"


def test_a_server_that_closes_after_so_many_messages():
    trips = tuple(msgspec.structs.replace(TRIP, at_s=60.0 * n) for n in range(4))
    records, _ = suffer(Shutdown(where=MX, messages=2, when=When(until_s=200)), journeys=trips)
    said = [r.code for r in facts(records, ev.ReplySent, MX) if r.verb == "MAIL"]
    assert said == [250, 250, 421, 421, 250, 250]
    assert len(facts(records, ev.Delivered)) == 4


def test_a_disk_that_is_full_for_an_hour():
    records, _ = suffer(DiskFull(where=MX, when=When(until_s=3600)))
    reasons = {one.reason for one in facts(records, ev.Deferred)}
    assert reasons == {"452 4.3.1 Insufficient storage"}
    assert [r.elapsed_us > 3600e6 for r in records if isinstance(r.event, ev.Delivered)] == [True]


@pytest.mark.parametrize(
    ("how", "problem"), [("expired", "expired"), ("wrong-name", "name-mismatch"), ("self-signed", "self-signed")]
)
def test_a_certificate_is_swapped(how, problem: str):
    records, played = suffer(Certificate(where=MX, how=how))
    (seen,) = facts(records, ev.TlsEstablished, "mail.home.example")[-1:]
    assert (seen.verified_by, seen.problem) == (None, problem)
    assert played.ended.result == "delivered"


def test_a_resolver_fails_in_four_ways():
    name = When(name="away.example")
    for fault, reason in (
        (Refuse(where="ns.vnet.example", stage="dns", when=name, count=2), "servfail"),
        (ServerFailure(where="ns.vnet.example", when=name, count=2), "servfail"),
        (Silence(where="ns.vnet.example", stage="dns", when=name, count=2), "timed-out"),
        (Delay(where="ns.vnet.example", stage="dns", seconds=3.5, when=name, count=2), "timed-out"),
    ):
        records, _ = suffer(fault)
        assert [one.reason.split()[0] for one in facts(records, ev.Deferred)] == [reason]
        assert len(facts(records, ev.FaultInjected)) == 2
        assert len(facts(records, ev.Delivered)) == 1


def test_dns_data_change_at_their_moment_and_old_answers_live_on_in_caches():
    zone = FIRST.zones[-1]
    change = DnsChange(where="away.example", when=When(from_s=60), text=zone.text.replace("MX 10 mail", "MX 0 ."))
    trips = tuple(msgspec.structs.replace(TRIP, at_s=at) for at in (0.0, 120.0, 7200.0))
    records, played = suffer(change, journeys=trips)
    assert [ended.result for ended in played.journeys] == ["delivered", "delivered", "bounced"]
    assert [one.fault for one in facts(records, ev.FaultInjected)] == ["dns-change"]


def test_a_link_may_fall_silent():
    records, _ = suffer(Silence(where="the line", stage="connect", when=When(until_s=600)), links=LINE)
    assert {failed.reason for failed in facts(records, ev.ConnectFailed)} == {"timed-out"}
    assert len(facts(records, ev.Delivered)) == 1


def test_over_a_silent_link_nobody_is_asked_for_names_either():
    resolver = msgspec.structs.replace(FIRST.hosts[0], site="away")
    hosts = (resolver, *FIRST.hosts[1:])
    trip = msgspec.structs.replace(TRIP, at_s=60.0)
    cut = Silence(where="the line", stage="connect", when=When(from_s=60.05, until_s=600))
    records, _ = suffer(cut, links=LINE, hosts=hosts, journeys=(trip,))
    assert {failed.reason for failed in facts(records, ev.DnsFailed)} == {"timed-out"}
    assert {told.where for told in facts(records, ev.FaultInjected)} == {"the line/dns"}
    assert [one.reason.split()[0] for one in facts(records, ev.Deferred)] == ["timed-out", "timed-out"]
    assert len(facts(records, ev.Delivered)) == 1
    dead = (LINE[0], msgspec.structs.replace(LINE[1], loss=1.0))
    records, played = suffer(links=dead, hosts=hosts)
    assert facts(records, ev.DnsAnswered) == []
    assert played.ended.result == "deferred"


@pytest.mark.parametrize(
    "kind",
    [
        lambda when: Refuse(where=MX, stage="connect", when=when, count=1),
        lambda when: Silence(where="the line", stage="connect", when=when, count=1),
        lambda when: StripStarttls(where="the line", when=when, count=1),
        lambda when: Certificate(where=MX, how="expired", when=when, count=1),
        lambda when: Handshake(where=MX, how="reset", when=when, count=1),
        lambda when: WrongReply(where=MX, stage="greeting", code=421, when=when, count=1),
    ],
)
def test_a_fault_may_mean_one_client_only_whatever_it_does(kind: Callable[[When], Fault]):
    for client, acted in ((HOME, 1), ("10.1.0.0/24", 1), ("10.9.0.0/24", 0)):
        records, _ = suffer(kind(When(client=client)), links=LINE)
        assert len(facts(records, ev.FaultInjected)) == acted
    records, _ = suffer(kind(When(per="client")), links=LINE)
    assert len(facts(records, ev.FaultInjected)) == 1


@pytest.mark.parametrize(
    ("how", "by_server", "by_client"),
    [("garbage", "broken", "not-tls"), ("silence", "timed-out", "reset"), ("reset", "dropped", "reset")],
)
def test_a_handshake_that_a_server_spoils_is_its_own_doing(how, by_server: str, by_client: str):
    records, _ = suffer(Handshake(where=MX, how=how, count=1))
    assert [failed.reason for failed in facts(records, ev.TlsFailed, MX)] == [by_server]
    assert facts(records, ev.Disconnected, MX)[0] == ev.Disconnected("us", clean=False, reason=by_server)
    assert [failed.reason for failed in facts(records, ev.TlsFailed, "mail.home.example")] == [by_client]
    assert facts(records, ev.RuleBroken) == []
    assert len(facts(records, ev.Delivered)) == 1


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        (Handshake(where="mail.home.example", how="garbage"), "not-tls"),
        (Certificate(where="mail.home.example", how="expired"), "expired"),
    ],
)
def test_a_handshake_may_be_spoilt_where_tls_begins_at_once_too(fault: Fault, seen: str):
    world = msgspec.structs.replace(FIRST, faults=(fault,))

    async def main(clock: VirtualClock) -> str:
        simulation = Simulation(world, 1, clock, lambda _: None)
        net = simulation.internet.net(world.host("laptop.home.example"))
        async with simulation.running():
            stream = await net.dialer.dial("10.1.0.25", 465)
            assert not isinstance(stream, Lost)
            outcome = await stream.start_tls(ClientTls("mail.home.example", simulation.internet.trust))
            await stream.close()
        return outcome.reason if isinstance(outcome, TlsTrouble) else outcome.problem

    assert loop.run(main, world.start) == seen


def test_a_reply_to_starttls_that_drips_is_followed_by_the_handshake():
    records, played = suffer(Drip(where=MX, stage="tls"))
    assert len(facts(records, ev.TlsEstablished, MX)) == 1
    assert facts(records, ev.RuleBroken) == []
    assert played.ended.result == "delivered"


def test_a_client_that_gives_up_on_a_silence_is_who_ended_it():
    records, _ = suffer(Silence(where=MX, stage="mail", count=1))
    assert next((one.by, one.reason) for one in facts(records, ev.Disconnected, MX)) == ("them", "closed")


FIRST_TEXT = Path(__file__).parents[2].joinpath("smtplab/worlds/first-mail.toml").read_text("utf-8")
BASE = """
[[faults]]
what = "reply"
where = "mail.away.example"
stage = "rcpt"
code = 450
"""


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ('"reply"', '"explode"', "$.faults[0]"),
        ("code = 450", "code = 99", "$.faults[0].code"),
        ("code = 450", 'code = 450\nwhen = { from = "1h" }', "$.faults[0].when"),
        ("code = 450", "code = 450\ncount = 0", "$.faults[0].count"),
        ('"rcpt"', '"vrfy"', "$.faults[0].stage"),
        ('"rcpt"', '"dns"', "$.faults[0].stage"),
        ('"rcpt"', '"connect"', "$.faults[0].what"),
        ("mail.away", "mail.astray", "$.faults[0].where"),
        ('where = "mail.away.example"\n', "", "$.faults[0].where"),
        ("code = 450", 'code = 450\nenhanced = "5.1.1"', "$.faults[0].enhanced"),
        ("code = 450", 'code = 450\nwhen = { client = "abc" }', "$.faults[0].when.client"),
        ('stage = "rcpt"\ncode = 450', 'stage = "auth"\ncode = 235', "$.faults[0].code"),
        ("mail.away.example", "laptop.home.example", "$.faults[0].stage"),
        ("code = 450", 'code = 450\nwhen = { name = "away.example" }', "$.faults[0].when.name"),
        ("code = 450", "code = 450\nwhen = { from_s = 60.0, until_s = 60.0 }", "$.faults[0].when.until_s"),
    ],
)
def test_a_mistake_in_a_fault_is_told_with_its_path(old: str, new: str, path: str):
    parse_world(FIRST_TEXT + BASE, "mine.toml")
    with pytest.raises(WorldError) as told:
        parse_world(FIRST_TEXT + BASE.replace(old, new), "mine.toml")
    assert path in Texts("en").told(told.value.told)


@pytest.mark.parametrize(
    ("fault", "path"),
    [
        ('what = "certificate"\nwhere = "mail.away.example"\nhow = "expired"\nwhen = { helo = "a" }', "when.helo"),
        ('what = "refuse"\nstage = "connect"\nwhere = "mail.away.example"\nwhen = { sender = "a@*" }', "when.sender"),
        ('what = "servfail"\nwhere = "ns.vnet.example"\nwhen = { recipient = "a@*" }', "when.recipient"),
        ('what = "dns-change"\nwhere = "vnet.example"\ntext = "@ 60 IN SOA a b 1 2 3 4 5"\ncount = 1', "when"),
    ],
)
def test_a_condition_that_nothing_can_fulfil_is_a_mistake(fault: str, path: str):
    with pytest.raises(WorldError) as told:
        parse_world(f"{FIRST_TEXT}\n[[faults]]\n{fault}\n", "mine.toml")
    assert f"$.faults[0].{path}" in Texts("en").told(told.value.told)


def test_a_host_may_answer_for_names_and_take_mail_and_fail_at_both():
    hosts = tuple(
        msgspec.structs.replace(host, roles=(*host.roles, "resolver")) if host.name == MX else host
        for host in FIRST.hosts
    )
    faults = (Refuse(where=MX, stage="dns"), Refuse(where=MX, stage="rcpt"))
    assert first_problem(msgspec.structs.replace(FIRST, hosts=hosts, faults=faults)) is None


def test_a_fault_of_names_may_mean_many_by_a_pattern_in_any_case():
    for name, reason in (("*AWAY.example", "servfail"), ("Away.Example.", "servfail"), ("*.away.example", "servfail")):
        records, _ = suffer(ServerFailure(where="ns.vnet.example", when=When(name=name, until_s=60)))
        assert [one.reason.split()[0] for one in facts(records, ev.Deferred)] == [reason]
    records, _ = suffer(ServerFailure(where="ns.vnet.example", when=When(name="*.else.example")))
    assert facts(records, ev.FaultInjected) == []


@pytest.mark.parametrize(
    ("fault", "detail"),
    [
        (Silence(where="ns.vnet.example", stage="dns"), "timed-out mail.home.example"),
        (Refuse(where="mail.home.example", stage="connect"), "refused Connection refused"),
        (WrongReply(where="mail.home.example", stage="mail", code=450, text="Not now"), "Not now"),
    ],
)
def test_a_message_that_its_own_server_does_not_take_ends_with_the_reason(fault: Fault, detail: str):
    _, played = suffer(fault)
    assert played.ended.detail == detail
