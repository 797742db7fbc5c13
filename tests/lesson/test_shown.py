"""Recordings of a step: a message that is told can be marked line by line, and its body left out."""

import pytest

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.lesson.lesson import Shown
from smtplab.lesson.shown import shown_lines
from smtplab.sim.expect import Pattern
from smtplab.view.texts import Texts

DELIVERED = ev.Delivered(
    "A1",
    "minh@away.example",
    "minh@away.example",
    ("Received: from a.example\n\tby b.example", "To: Minh <minh@away.example>"),
    ("Dear Minh,", "", "To: whom do I owe this?"),
)
RECORDS = [Record(1, 0, 0, 1, "mail.away.example", "queue/1", "mailbox", DELIVERED)]


def shown(*mark: dict[str, str], body: bool = True) -> list[tuple[bool, str]]:
    wanted = Shown(mark=tuple(Pattern(event="delivered", where=where) for where in mark), body=body)
    return [(line.marked, line.line.text) for line in shown_lines(RECORDS, wanted, Texts("en"))][1:]


def marked(*mark: dict[str, str]) -> list[str]:
    return [text for is_marked, text in shown(*mark) if is_marked]


def test_a_message_stands_below_its_delivery():
    assert [text for _, text in shown()][1:] == [
        "Received: from a.example",
        "    by b.example",
        "To: Minh <minh@away.example>",
        "",
        "Dear Minh,",
        "",
        "To: whom do I owe this?",
    ]


def test_the_header_alone_can_be_shown():
    assert [text for _, text in shown(body=False)][-1] == "To: Minh <minh@away.example>"


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({"header": "To:*"}, ["To: Minh <minh@away.example>"]),
        ({"body": "To:*"}, ["To: whom do I owe this?"]),
        ({"header": "Received:*"}, ["Received: from a.example"]),
        ({"header": "Cc:*"}, []),
        ({"mailbox": "hoa@away.example", "header": "To:*"}, []),
    ],
)
def test_a_pattern_on_the_text_marks_those_lines_alone(where: dict[str, str], found: list[str]):
    assert marked(where) == found


def test_any_other_pattern_marks_the_whole_record():
    assert len(marked({"mailbox": "minh@away.example"})) == 8
