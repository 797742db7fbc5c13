"""The journal stamps facts; what it stamps them with is told here."""

from typing import get_args

from smtplab import events as ev
from smtplab.journal import Journal, Record, Stage, stage_of

EPOCH = 1_795_395_600.0


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = EPOCH

    def now(self) -> float:
        return self.seconds


def test_records_are_numbered_from_one_without_gaps():
    journal = Journal(Hands().now)
    emit = journal.scope(node="a.example", hop=0, span="walk")
    for _ in range(3):
        emit(ev.Queued("1"))
    assert [record.seq for record in journal.records] == [1, 2, 3]


def test_time_is_in_microseconds_and_elapsed_counts_from_the_first_record():
    hands = Hands()
    journal = Journal(hands.now)
    emit = journal.scope(node="a.example", hop=0, span="walk")
    emit(ev.Queued("1"))
    hands.seconds += 0.02
    emit(ev.Queued("2"))
    assert [(r.time_us, r.elapsed_us) for r in journal.records] == [
        (1_795_395_600_000_000, 0),
        (1_795_395_600_020_000, 20_000),
    ]


def test_a_clock_that_is_set_back_never_makes_elapsed_time_negative():
    hands = Hands()
    journal = Journal(hands.now)
    emit = journal.scope(node="a.example", hop=0, span="walk")
    emit(ev.Queued("1"))
    hands.seconds -= 60
    emit(ev.Queued("2"))
    assert journal.records[1].elapsed_us == 0


def test_a_listener_hears_each_record_once_and_nothing_is_kept_where_keeping_is_off():
    heard: list[Record] = []
    journal = Journal(Hands().now, heard.append, keep=False)
    journal.scope(node="a.example", hop=0, span="walk")(ev.Queued("1"))
    assert [record.event for record in heard] == [ev.Queued("1")]
    assert journal.records == []


def test_a_fact_without_a_stage_of_its_own_stands_where_the_dialogue_stood():
    journal = Journal(Hands().now)
    emit = journal.scope(node="a.example", hop=1, span="deliver/1")
    emit(ev.CommandSent("RCPT", "RCPT TO:<b@b.example>"))
    emit(ev.ReplyReceived(421, None, ("closing",), 1.0, "*"))
    emit(ev.Disconnected("them", True))
    assert [record.stage for record in journal.records] == ["envelope"] * 3


def test_a_scope_within_another_deepens_the_span_and_may_be_another_hop():
    journal = Journal(Hands().now)
    outer = journal.scope(node="a.example", hop=0, span="deliver/7")
    outer.within("mx1.hust.example", hop=2)(ev.Connected("mx1.hust.example", "192.0.2.1", 25, 1.0))
    record = journal.records[0]
    assert (record.node, record.hop, record.span) == ("a.example", 2, "deliver/7/mx1.hust.example")


def test_a_scope_of_one_stage_puts_everything_there_and_so_does_what_lies_within_it():
    journal = Journal(Hands().now)
    emit = journal.scope(node="a.example", hop=3, span="collect").all_in("collect")
    emit(ev.Connected("pop.example", "192.0.2.1", 110, 1.0))
    inside = emit.within("pop.example")
    for verb in ("", "AUTH", "NOOP", "RSET", "RETR", "QUIT"):
        inside(ev.ReplyReceived(None, None, ("+OK",), 1.0, verb))
    inside(ev.TlsStarted("pop.example"))
    inside(ev.Authenticated("PLAIN", "reader"))
    assert {(record.stage, record.hop) for record in journal.records} == {("collect", 3)}
    assert [record.span for record in journal.records] == ["collect"] + ["collect/pop.example"] * 8


def test_the_verb_that_a_reply_answers_decides_its_stage():
    stages = {
        verb: stage_of(ev.ReplyReceived(250, None, ("ok",), 0.0, verb)) for verb in ("", "EHLO", "MAIL", ".", "QUIT")
    }
    assert stages == {"": "greeting", "EHLO": "ehlo", "MAIL": "envelope", ".": "data", "QUIT": "quit"}


def test_every_stage_of_the_vocabulary_can_be_reached():
    reached = {stage_of(ev.CommandSent(verb, verb)) for verb in ("EHLO", "STARTTLS", "AUTH", "MAIL", "DATA", "QUIT")}
    reached |= {"submit", "dns", "connect", "greeting", "queue", "mailbox", "bounce", "collect", "outcome"}
    assert reached == set(get_args(Stage))
