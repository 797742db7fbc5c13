"""Where a journey stands after each record."""

from __future__ import annotations

from typing import Any

import msgspec

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.view.journey import Attempt, History, Journey, Place
from smtplab.view.stages import StageState

HOST = "mx1.neu.example"


def folded(records: list[Record]) -> Journey:
    return Journey.at(records, len(records))


def states(journey: Journey, hop: int = 0) -> dict[str, StageState]:
    return {progress.stage: progress.state for progress in journey.hops[hop].stages}


def test_a_stage_left_out_is_skipped_once_a_later_one_begins(book: Any) -> None:
    book.begin()
    book.connect()
    book.ask("", 220)
    book.ask("EHLO a.example", 250)
    book.ask("MAIL FROM:<>", 250)
    assert states(folded(book.records)) == {
        "dns": "skipped",
        "connect": "done",
        "greeting": "done",
        "ehlo": "done",
        "tls": "skipped",
        "auth": "skipped",
        "envelope": "done",
        "data": "waiting",
        "quit": "waiting",
    }


def test_a_second_address_that_answers_leaves_a_warning(book: Any) -> None:
    book.fail_to_connect("2001:db8::25", "unreachable")
    assert states(folded(book.records))["connect"] == "failed"
    book.connect()
    assert states(folded(book.records))["connect"] == "warning"


def test_another_host_starts_the_dialogue_anew(book: Any) -> None:
    book.connect()
    book.ask("", 554)
    assert states(folded(book.records))["greeting"] == "failed"
    book(ev.ConnectStarted("mx2.neu.example", "192.0.2.26", 25))
    assert states(folded(book.records))["greeting"] == "waiting"


def test_time_counts_for_the_stage_whose_record_ends_it(book: Any) -> None:
    book.connect()
    book.wait(2.0)
    book.ask("", 220)
    spent = {progress.stage: progress.spent_us for progress in folded(book.records).hops[0].stages}
    assert 2_000_000 < spent["greeting"] < 2_010_000
    assert spent["connect"] < 10_000


def test_the_end_closes_what_ran_and_skips_what_waited(book: Any) -> None:
    book.begin()
    book(ev.DnsQueried("neu.example", "MX", "192.0.2.53"))
    book.end("deferred", detail="timed-out")
    after = states(folded(book.records))
    assert (after["dns"], after["data"], after["outcome"]) == ("done", "skipped", "warning")


def test_a_domain_that_does_not_exist_fails_the_dns_stage(book: Any) -> None:
    book(ev.DnsAnswered("neu.exmaple", "MX", "192.0.2.53", "NXDOMAIN", (), 60, False, 1.0))
    assert states(folded(book.records))["dns"] == "failed"


def test_every_attempt_is_kept_with_its_reason(book: Any) -> None:
    book.fail_to_connect("192.0.2.1", "refused")
    book.connect(address="192.0.2.2")
    refusal = book.ask("RCPT TO:<a@neu.example>", 451, "later").event
    assert folded(book.records).attempts == [
        Attempt(0, HOST, "192.0.2.1", 25, 1, reason="refused", ms=30000.0),
        Attempt(0, HOST, "192.0.2.2", 25, 2, ms=1.0, connected=True, refusal=refusal),
    ]


def test_a_reply_answers_the_oldest_command_of_its_verb_under_pipelining(book: Any) -> None:
    book.connect()
    book(
        ev.CommandSent("MAIL", "MAIL FROM:<>"),
        ev.CommandSent("RCPT", "RCPT TO:<a@b.example>"),
        ev.CommandSent("RCPT", "RCPT TO:<c@d.example>"),
    )
    answered = []
    for verb in ("MAIL", "RCPT", "RCPT"):
        book(ev.ReplyReceived(250, None, ("OK",), 1.0, verb))
        session = folded(book.records).session
        assert session is not None
        assert session.answered is not None
        answered.append(session.answered.line)
    assert answered == ["MAIL FROM:<>", "RCPT TO:<a@b.example>", "RCPT TO:<c@d.example>"]


def test_tls_makes_a_session_secure_and_forgets_what_was_announced(book: Any) -> None:
    book.connect()
    book(ev.ExtensionsLearned(("STARTTLS",)), ev.TlsEstablished("TLSv1.3", "AES", None, "pkix"))
    session = folded(book.records).session
    assert session is not None
    assert (session.secure, session.extensions, session.extensions_in_clear) == (True, (), ("STARTTLS",))


def test_the_servers_view_is_told_twice_only_where_its_client_is_journaled(book: Any) -> None:
    alone = book(ev.CommandReceived("EHLO", "EHLO a.example"), node=HOST)
    assert not folded(book.records).tells_twice(alone)
    book.connect()
    again = book(ev.CommandReceived("EHLO", "EHLO a.example"), node=HOST)
    assert folded(book.records).tells_twice(again)


def test_the_message_moves_with_the_answer_to_its_content(book: Any) -> None:
    book.begin()
    places = [folded(book.records).place]
    book.connect()
    book.ask("DATA", 354)
    book(ev.MessageSent(10, "DATA"))
    places.append(folded(book.records).place)
    book(ev.ReplyReceived(250, None, ("OK",), 1.0, "."))
    places.append(folded(book.records).place)
    book(ev.Delivered("A1", "lan@neu.example", "lan@neu.example"), hop=0, node=HOST)
    places.append(folded(book.records).place)
    assert places == [
        Place("laptop.example"),
        Place("laptop.example", towards=HOST),
        Place(HOST),
        Place(HOST, mailbox="lan@neu.example"),
    ]
    assert folded(book.records).hops[0].passed


def test_a_bounce_on_its_way_does_not_move_the_message(book: Any) -> None:
    book.begin()
    book(ev.Bounced("A1", "lan@neu.example", "5.1.1", "550 no"), node="relay.example", hop=1)
    book(ev.Delivered("B1", "minh@hust.example", "minh@hust.example"), node="mx.hust.example", hop=2)
    assert folded(book.records).place == Place("relay.example", given_up=True)


def test_a_heading_is_due_where_the_hop_changes(book: Any) -> None:
    book.begin()
    book.connect()
    book.connect("mx2.example", hop=1)
    book(ev.StateChanged("connected", "greeted"), hop=0)
    journey, turned = Journey(), []
    for record in book.records:
        journey.advance(record)
        turned.append(journey.turned)
    assert turned == [False, True, False, True, False, False]


def test_any_record_anywhere_folds_without_a_fault(book: Any, one_of_each: tuple[ev.Event, ...]) -> None:
    for event in one_of_each:
        book(event, hop=3, node="anywhere")
    for event in reversed(one_of_each):
        book(event, hop=0)
    assert folded(book.records).seq == len(book.records)


def test_history_gives_the_same_journey_as_a_fold_from_the_start(book: Any) -> None:
    for hop in range(40):
        book.connect(f"mx{hop}.example", hop=hop % 3)
        for line in ("", "EHLO a.example", "MAIL FROM:<>", "RCPT TO:<a@b.example>", "QUIT"):
            book.ask(line, 250, hop=hop % 3)
    history = History(book.records)
    for count in (len(book.records), 1, 255, 256, 257, 300, 0, len(book.records) + 5):
        expected = Journey.at(book.records, count)
        found = history.at(count)
        assert (found.seq, found.hops, found.sessions, found.attempts, found.place) == (
            expected.seq,
            expected.hops,
            expected.sessions,
            expected.attempts,
            expected.place,
        )


def test_a_journey_from_history_is_the_callers_own(book: Any) -> None:
    book.connect()
    book.ask("", 220)
    history = History(book.records)
    early = history.at(1)
    history.at(len(book.records))
    assert early.seq == 1
    assert not early.attempts[0].connected


def test_going_back_among_ten_thousand_records_shows_what_reading_from_the_start_shows(book: Any) -> None:
    book.connect()
    for _ in range(2500):
        book.ask("RCPT TO:<a@b.example>", 250)
        book(ev.StateChanged("mail", "rcpt"), ev.StateChanged("rcpt", "mail"))
    history = History(book.records)
    history.at(len(book.records))
    assert len(book.records) > 10_000
    for count in (9_999, 5_119, 254, 7_000, 511, 9_000):
        found, wanted = history.at(count), Journey.at(book.records, count)
        assert (found.elapsed_us, found.place) == (wanted.elapsed_us, wanted.place)
        assert [hop.stages for hop in found.hops.values()] == [hop.stages for hop in wanted.hops.values()]


def test_records_of_a_capture_with_odd_order_are_folded_too() -> None:
    event = ev.ReplyReceived(250, None, ("OK",), 1.0, ".")
    record = Record(1, 0, 0, 7, "", "", "data", event)
    journey = Journey()
    journey.advance(record)
    journey.advance(msgspec.structs.replace(record, elapsed_us=-5))
    assert journey.hops[7].passed
