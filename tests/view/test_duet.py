"""What two servers answered to the same words, side by side."""

from smtplab import events as ev
from smtplab.journal import Journal, Record
from smtplab.view.duet import said_in, side_by_side
from smtplab.view.texts import Texts


def records(*told: ev.Event, node: str = "me.example") -> list[Record]:
    journal = Journal(lambda: 1.0)
    scope = journal.scope(node=node, hop=0, span="session/1")
    scope(ev.JourneyStarted("", "", "live", None, None))
    for event in told:
        scope(event)
    return journal.records


def compared(left: list[Record], right: list[Record]) -> list[tuple[str | None, str | None, bool]]:
    one, other = said_in(left, Texts("en")), said_in(right, Texts("en"))
    return [
        (
            None if row.left is None else one[row.left].line.text,
            None if row.right is None else other[row.right].line.text,
            row.same,
        )
        for row in side_by_side(one, other)
    ]


EHLO = ev.CommandSent("EHLO", "EHLO me.example")
MAIL = ev.CommandSent("MAIL", "MAIL FROM:<>")


def test_names_and_times_are_each_server_s_own() -> None:
    left = records(EHLO, ev.ReplyReceived(250, None, ("mx.one.example",), 3.0, "EHLO"))
    right = records(EHLO, ev.ReplyReceived(250, None, ("mx.two.example",), 9.0, "EHLO"), node="other.example")
    assert [same for *_, same in compared(left, right)] == [True, True]


def test_what_only_one_of_them_offers_stands_alone() -> None:
    left = records(EHLO, ev.ReplyReceived(250, None, ("mx", "SIZE 10", "DSN"), 3.0, "EHLO"), MAIL)
    right = records(EHLO, ev.ReplyReceived(250, None, ("mx", "SIZE 10"), 3.0, "EHLO"), MAIL)
    differ = [(one, other) for one, other, same in compared(left, right) if not same]
    assert differ == [("250 DSN", None)]


def test_another_answer_stands_beside_the_first() -> None:
    left = records(MAIL, ev.ReplyReceived(250, "2.1.0", ("2.1.0 ok",), 3.0, "MAIL"))
    right = records(MAIL, ev.ReplyReceived(451, "4.7.1", ("4.7.1 later",), 3.0, "MAIL"))
    assert compared(left, right)[-1] == ("250 2.1.0 ok", "451 4.7.1 later", False)


def test_what_a_world_does_meanwhile_is_no_part_of_it() -> None:
    journal = Journal(lambda: 1.0)
    own, server = (journal.scope(node=node, hop=0, span="") for node in ("me.example", "mx.example"))
    own(ev.JourneyStarted("", "", "sim", "campus", 1))
    own(MAIL)
    server(ev.RuleBroken("out-of-order", "them", "", ""))
    assert [said.line.text for said in said_in(journal.records, Texts("en"))] == ["MAIL FROM:<>"]


def test_nothing_said_is_nothing() -> None:
    assert side_by_side(said_in([], Texts("en")), said_in([], Texts("en"))) == []
