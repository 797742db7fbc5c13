import gc
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.net.client_end import ClientEnd
from smtplab.net.memory import MemoryTransport
from smtplab.net.server_end import ServerEnd
from smtplab.sim.library import load_world
from smtplab.sim.run import Journey, JourneyError, Played, play, run, sender_of
from smtplab.told import tell

CAMPUS = load_world("campus")
E = TypeVar("E", bound=ev.Event)


def walk(recipient: str = "student@hust.example", **more: object) -> tuple[list[Record], Played]:
    records: list[Record] = []
    return records, run(CAMPUS, Journey(recipient, **more), records.append)


def facts(records: list[Record], kind: type[E], where: Callable[[Record], bool] = lambda _: True) -> list[E]:
    return [record.event for record in records if isinstance(record.event, kind) and where(record)]


def test_a_message_goes_through_submission_dns_a_relay_and_the_mx_into_the_mailbox():
    records, played = walk()
    assert records[0].event == ev.JourneyStarted(
        "student@hust.example", "student@neu.example", "sim", "campus", CAMPUS.seed
    )
    assert records[-1].event == played.ended
    assert played.ended == ev.JourneyEnded("delivered", 250, "2.0.0", "in the mailbox of student@hust.example")
    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    connected = [(r.hop, r.node, r.event.host) for r in records if isinstance(r.event, ev.Connected)]
    assert connected == [
        (0, "laptop.neu.example", "submission.neu.example"),
        (1, "submission.neu.example", "relay.neu.example"),
        (2, "relay.neu.example", "mx1.hust.example"),
        (3, "laptop.hust.example", "mx1.hust.example"),
    ]
    delivered = [(r.hop, r.node, r.event.mailbox) for r in records if isinstance(r.event, ev.Delivered)]
    assert delivered == [(2, "mx1.hust.example", "student@hust.example")]


def test_the_reader_collects_the_message_from_the_mailbox_a_minute_later():
    records, played = walk()
    (stored,) = played.mailboxes["student@hust.example"]
    collected = [(r.hop, r.stage, r.node, r.event) for r in records if isinstance(r.event, ev.MailCollected)]
    assert [(hop, stage) for hop, stage, _, _ in collected] == [(3, "collect")] * 2
    assert {node for _, _, node, _ in collected} == {"laptop.hust.example", "mx1.hust.example"}
    assert {event for *_, event in collected} == {ev.MailCollected("pop3", "student@hust.example", len(stored))}
    assert {record.stage for record in records if record.hop == 3} == {"collect"}


def test_nobody_collects_what_was_not_delivered():
    records, _ = walk("nobody@hust.example")
    assert facts(records, ev.MailCollected) == []


def test_it_works_in_the_other_direction_too():
    _, played = walk("student@neu.example")
    assert played.ended.detail == "in the mailbox of student@neu.example"


def test_every_session_runs_inside_tls_that_both_ends_saw_and_the_client_verified():
    records, _ = walk()
    established = [(r.hop, r.event.verified_by) for r in records if isinstance(r.event, ev.TlsEstablished)]
    clients = {(hop, "pkix") for hop in range(4)}
    assert clients <= set(established)
    assert len(established) == 8


def test_the_sender_proves_who_it_is_to_its_submission_server_and_to_nobody_else():
    records, _ = walk()
    told = [record for record in records if isinstance(record.event, ev.Authenticated) and record.stage != "collect"]
    authenticated = [(record.hop, record.node, record.event.user) for record in told]
    assert {(hop, user) for hop, _, user in authenticated} == {(0, "student@neu.example")}
    assert {node for _, node, _ in authenticated} == {"laptop.neu.example", "submission.neu.example"}
    password = next(user.password for user in CAMPUS.users if user.address == "student@neu.example")
    assert password not in repr(records)


def test_the_message_in_the_mailbox_is_what_was_sent_under_a_trace_line_of_each_server():
    content = "Subject: dots\r\n\r\n.một dấu chấm\r\n..hai\r\n\r\nhết\r\n".encode()
    _, played = walk(content=content)
    (stored,) = played.mailboxes["student@hust.example"]
    assert stored.endswith(content)
    trace = stored[: -len(content)].decode()
    received = [line for line in trace.split("\r\n") if line.startswith("Received:")]
    by = ["mx1.hust.example", "relay.neu.example", "submission.neu.example"]
    assert len(received) == 3
    unfolded = trace.replace("\r\n\t", " ").replace("\r\n ", " ").split("\r\n")
    for line, host in zip([line for line in unfolded if line.startswith("Received:")], by, strict=True):
        assert f"by {host}" in line
    assert unfolded[0] == "Return-Path: <student@neu.example>"


def test_an_unknown_user_is_refused_by_the_mx_and_the_bounce_reaches_the_sender():
    records, played = walk("nobody@hust.example")
    assert (played.ended.result, played.ended.code, played.ended.enhanced) == ("bounced", 550, "5.1.1")
    (bounced,) = facts(records, ev.Bounced)
    assert (bounced.recipient, bounced.status) == ("nobody@hust.example", "5.1.1")
    assert facts(records, ev.BounceSent) != []
    (bounce,) = played.mailboxes["student@neu.example"]
    assert b"Return-Path: <>\r\n" in bounce
    assert b"multipart/report" in bounce
    assert b"nobody@hust.example" in bounce


def test_a_suspended_user_bounces():
    _, played = walk("suspended@hust.example")
    assert (played.ended.result, played.ended.code, played.ended.enhanced) == ("bounced", 550, "5.2.1")


def test_a_domain_that_does_not_exist_bounces_and_was_nxdomain():
    records, played = walk("someone@nowhere.example")
    assert (played.ended.result, played.ended.enhanced) == ("bounced", "5.1.2")
    assert "NXDOMAIN" in [answered.rcode for answered in facts(records, ev.DnsAnswered)]
    assert len(played.mailboxes["student@hust.example"]) == 1


def test_a_full_mailbox_defers():
    records, played = walk("full@hust.example")
    assert (played.ended.result, played.ended.code, played.ended.enhanced) == ("deferred", 452, "4.2.2")
    assert facts(records, ev.Bounced) == []
    assert facts(records, ev.Deferred) != []


@pytest.mark.parametrize(
    ("stage", "last_verb"), [("ehlo", "EHLO"), ("tls", "EHLO"), ("auth", "AUTH"), ("mail", "MAIL"), ("rcpt", "RCPT")]
)
def test_the_senders_program_stops_where_it_is_told_to(stage: str, last_verb: str):
    records, played = walk(quit_after=stage)
    assert played.ended.result == "stopped"
    verbs = [c.verb for c in facts(records, ev.CommandSent) if c.verb not in ("RSET", "QUIT")]
    assert verbs[-1] == last_verb
    assert played.mailboxes == {}


def test_no_moment_is_earlier_than_the_one_before_and_the_clock_starts_with_the_world():
    records, _ = walk()
    times = [record.time_us for record in records]
    assert times == sorted(times)
    assert times[0] == round(CAMPUS.start.timestamp() * 1e6)
    (delivered,) = [record for record in records if isinstance(record.event, ev.Delivered)]
    assert 0.02 < delivered.elapsed_us / 1e6 < 5


PROGRAM = """
import sys, msgspec
from smtplab.net.client_end import ClientEnd
from smtplab.net.memory import MemoryTransport
from smtplab.net.server_end import ServerEnd
from smtplab.sim.library import load_world
from smtplab.sim.run import Journey, run
for recipient in ("student@hust.example", "nobody@neu.example", "full@hust.example"):
    run(load_world("campus"), Journey(recipient), lambda record: print(msgspec.json.encode(record).decode()))
"""


def test_the_same_world_and_seed_give_the_same_records_in_any_process():
    root = Path(__file__).parents[2]
    outputs = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone},
            cwd=root,
            capture_output=True,
            check=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("77", "Asia/Ho_Chi_Minh"))
    ]
    assert len(outputs[0].splitlines()) > 300
    assert outputs[0] == outputs[1]


def test_another_seed_gives_other_queue_ids_but_the_same_way():
    first, second = walk()[0], walk(seed=5)[0]
    assert facts(first, ev.Queued) != facts(second, ev.Queued)
    assert [c.host for c in facts(first, ev.Connected)] == [c.host for c in facts(second, ev.Connected)]


def test_every_record_survives_the_way_through_a_capture():
    for record in walk()[0]:
        assert msgspec.json.decode(msgspec.json.encode(record), type=Record) == record


def test_where_nobody_is_named_somebody_of_another_house_writes():
    senders = [sender_of(CAMPUS, Journey(f"student@{house}.example")).address for house in ("hust", "neu", "vnet")]
    assert senders == ["student@neu.example", "student@hust.example", "student@hust.example"]


def test_a_person_may_name_the_sender_of_the_same_house():
    _, played = walk("student@hust.example", sender="Lecturer@hust.example")
    assert played.ended.result == "delivered"
    (stored,) = played.mailboxes["student@hust.example"]
    assert b"Return-Path: <lecturer@hust.example>" in stored


@pytest.mark.parametrize(
    ("recipient", "sender", "why"),
    [
        ("student@hust.example", "postmaster@hust.example", "world.unknown-sender"),
        ("student@hust.example", "someone@elsewhere.example", "world.unknown-sender"),
        ("no address", None, "rule.no-domain"),
    ],
)
def test_a_journey_that_cannot_begin_is_refused_before_the_first_record(recipient: str, sender: str | None, why: str):
    records: list[Record] = []
    with pytest.raises(JourneyError) as told:
        run(CAMPUS, Journey(recipient, sender), records.append)
    assert records == []
    assert told.value.why == tell(why)
    assert told.value.what == (sender or recipient)


def test_an_address_beyond_ascii_is_not_even_sent_where_the_server_can_not_carry_it():
    records, played = walk("sinhviên@hust.example")
    assert (played.ended.result, played.ended.detail) == ("refused", "smtputf8-not-offered")
    assert "RCPT" not in [command.verb for command in facts(records, ev.CommandSent)]


def test_every_command_that_one_end_sent_the_other_end_received():
    records, _ = walk()
    for hop in range(3):
        sent = [c.line for c in facts(records, ev.CommandSent, lambda record, hop=hop: record.hop == hop)]
        received = [c.line for c in facts(records, ev.CommandReceived, lambda record, hop=hop: record.hop == hop)]
        assert sent == received
        assert sent[0].startswith("EHLO ")
        assert sent[-1] == "QUIT"


def test_both_ends_of_every_connection_record_its_end():
    records, _ = walk()
    assert [end.clean for end in facts(records, ev.Disconnected)] == [True] * 8


def test_nobody_breaks_a_rule_on_an_ordinary_way():
    assert facts(walk()[0], ev.RuleBroken) == []


def test_a_reader_that_fails_is_told_so_and_the_engine_never_hears_of_it():
    read: list[Record] = []

    def read_some(record: Record) -> None:
        read.append(record)
        if len(read) == 50:
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        run(CAMPUS, Journey("student@hust.example"), read_some)
    assert len(read) == 50


def test_an_interrupt_ends_a_walk_at_once():
    def interrupt(record: Record) -> None:
        if record.seq == 50:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(CAMPUS, Journey("student@hust.example"), interrupt)


@pytest.mark.parametrize("name", ["campus", "rate-limit"])
def test_a_session_that_is_over_leaves_nothing_that_python_would_have_to_look_for(name: str):
    def ends() -> list[object]:
        return [one for one in gc.get_objects() if isinstance(one, MemoryTransport | ServerEnd | ClientEnd)]

    gc.collect()
    before = ends()  # of other tests, held by whatever remembers them
    gc.disable()
    try:
        play(load_world(name), None, None, lambda _: None)
        assert len(ends()) == len(before)
    finally:
        gc.enable()


def test_an_address_literal_is_its_servers_first_domain_whose_mailboxes_are_the_same():
    for recipient, result, detail in (
        ("student@[10.2.0.26]", "delivered", "in the mailbox of student@neu.example"),
        ("Postmaster@[10.2.0.26]", "delivered", "in the mailbox of postmaster@neu.example"),
        ("nobody@[10.2.0.26]", "bounced", "550 5.1.1 No such user here"),
        ("suspended@[10.2.0.26]", "bounced", "550 5.2.1 Mailbox disabled"),
        ("student@[10.2.0.25]", "bounced", "550 5.7.1 Relaying denied"),
    ):
        _, played = walk(recipient, sender="student@hust.example")
        assert (played.ended.result, played.ended.detail) == (result, detail)
