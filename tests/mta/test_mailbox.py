"""Mailboxes in memory: what they tell of a message, and what they keep to themselves."""

import asyncio

import pytest

from smtplab.events import Delivered
from smtplab.mta.mailbox import TOLD_OCTETS_MAX, Letter, Mailboxes, told_mail
from smtplab.wire.address import Mailbox

ANNA = Mailbox("Anna", "here.example")
CONTENT = b"Received: from a.example\r\n\tby b.example\r\nSubject: Hi\r\n\r\nOne.\r\n\r\nTwo.\r\n"


def delivered(mailboxes: Mailboxes) -> list[object]:
    told: list[object] = []
    asyncio.run(mailboxes.deliver(Letter("4F", ANNA, "anna@here.example", CONTENT), told.append))
    return told


def test_a_mailbox_says_nothing_of_what_is_in_a_message():
    assert delivered(Mailboxes()) == [Delivered("4F", "Anna@here.example", "anna@here.example")]


def test_one_that_tells_mail_gives_fields_with_their_folds_and_the_bodys_lines():
    header = ("Received: from a.example\n\tby b.example", "Subject: Hi")
    assert delivered(Mailboxes(tells_mail=True)) == [
        Delivered("4F", "Anna@here.example", "anna@here.example", header, ("One.", "", "Two."))
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"Subject: Hi\r\n", (("Subject: Hi",), ())),
        (b"\r\n\r\nOnly a body.\r\n", (("",), ("Only a body.",))),
        (b"A: \xff\r\n\r\n", (("A: \ufffd",), ())),
        (b"", (("",), ())),
    ],
)
def test_any_message_can_be_told(content: bytes, told: tuple[tuple[str, ...], tuple[str, ...]]):
    assert told_mail(content) == told


def test_a_large_attachment_does_not_fill_the_journal():
    header, body = told_mail(b"Subject: Photos\r\n\r\n" + b"x" * 10 * TOLD_OCTETS_MAX)
    assert header == ("Subject: Photos",)
    assert sum(map(len, body)) == TOLD_OCTETS_MAX
