"""Delivery reports: read back by us and by Python, in seven bits or in UTF-8, and never raising."""

from __future__ import annotations

import email
import email.policy
import random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtplab.message.dsn import (
    AboutMessage,
    AboutRecipient,
    DeliveryStatus,
    Typed,
    address_of,
    format_status,
    parse_status,
)
from smtplab.message.report import Report, format_report, parse_report

NOON = 1795435200.0
STATUS = DeliveryStatus(
    AboutMessage(Typed("dns", "us.example"), "QQ314", NOON),
    (
        AboutRecipient(
            address_of("b@d.example"),
            "failed",
            "5.1.1",
            Typed("rfc822", "alias@here.example"),
            Typed("dns", "mx1.d.example"),
            Typed("smtp", "550 5.1.1 no such user"),
            NOON,
        ),
        AboutRecipient(address_of("thư@d.example"), "delayed", "4.4.1", will_retry_until=NOON + 86400),
    ),
)
REPORT = Report("Hello.\nXin chào.\n", STATUS, b"Subject: hello\r\n", languages=("en", "vi"))


def message(report, *, utf8=False, seed=7):
    formatted = format_report(report, random.Random(seed), utf8=utf8)
    head = f"From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: {formatted.content_type}\r\n\r\n"
    return head.encode() + formatted.body


@pytest.mark.parametrize("utf8", [False, True])
@pytest.mark.parametrize("whole", [False, True])
def test_a_report_is_read_back_as_it_was(utf8, whole):
    returned = b"Subject: hello\r\n\r\nbody\r\n" if whole else b"Subject: hello\r\n"
    report = msgspec.structs.replace(REPORT, whole=whole, returned=returned)
    assert parse_report(message(report, utf8=utf8)) == report


def test_a_report_is_seven_bits_unless_utf8_is_asked_for():
    assert message(REPORT).isascii()
    assert "utf-8; thư@d.example".encode() in message(REPORT, utf8=True)
    assert b"message/global-delivery-status" in message(REPORT, utf8=True)


def test_python_reads_the_same():
    read = email.message_from_bytes(message(REPORT), policy=email.policy.default)
    words, status, returned = read.iter_parts()
    assert read.get_param("report-type") == "delivery-status"
    assert words.get_content().replace("\r\n", "\n").strip() == "Hello.\nXin chào."
    about, first, second = status.get_payload()
    assert about["Original-Envelope-Id"] == "QQ314"
    assert first["Original-Recipient"] == "rfc822; alias@here.example"
    assert (second["Final-Recipient"], second["Action"]) == ("utf-8; th\\x{1B0}@d.example", "delayed")
    assert returned.get_content_type() == "text/rfc822-headers"
    assert not any(part.defects for part in read.walk())


def test_the_same_chance_draws_the_same_boundary():
    assert message(REPORT) == message(REPORT)
    assert message(REPORT, seed=8) != message(REPORT)


def test_a_boundary_that_stands_in_a_part_is_drawn_again():
    first = format_report(REPORT, random.Random(7)).content_type.partition('boundary="')[2].rstrip('"')
    hostile = msgspec.structs.replace(REPORT, returned=f"Subject: --{first}--\r\n".encode())
    assert parse_report(message(hostile)) == hostile


def test_a_line_end_in_a_diagnostic_makes_no_second_field():
    person = msgspec.structs.replace(STATUS.recipients[0], diagnostic=Typed("smtp", "550 no\r\nAction: delivered"))
    read = parse_status(format_status(DeliveryStatus(STATUS.message, (person,))))
    assert [one.action for one in read.recipients] == ["failed"]


def test_a_report_inside_another_message_is_found():
    inner = message(REPORT)
    outer = b'Content-Type: multipart/mixed; boundary="x y"\r\n\r\npreamble\r\n--x y\r\n' + inner + b"\r\n--x y--\r\n"
    found = parse_report(outer)
    assert found is not None
    assert found.status == STATUS


def test_a_status_in_base64_with_bare_line_feeds_and_loose_words_is_read():
    content = (
        b"Content-Type: multipart/report; boundary=b1\n\n--b1\nContent-Type: message/delivery-status\n"
        b"Content-Transfer-Encoding: base64\n\n"
        + email.base64mime.body_encode(
            b"Reporting-MTA: dns;mx\n\nFinal-Recipient: RFC822;<b@d.example>\nAction: Failed (sorry)\nStatus: 5.1.1\n"
        ).encode()
        + b"--b1--\n"
    )
    report = parse_report(content)
    assert report is not None
    (person,) = report.status.recipients
    assert person.final_recipient == Typed("rfc822", "b@d.example")
    assert (person.action, person.status) == ("failed", "5.1.1")


def test_a_message_without_a_status_is_no_report():
    assert parse_report(b"Subject: hello\r\n\r\nbody") is None
    assert parse_report(b"") is None


@given(st.binary(max_size=500))
def test_any_bytes_are_a_status_of_some_kind(content):
    parse_status(content)


@given(st.lists(st.sampled_from(PIECES := [
    b"Content-Type: multipart/report; boundary=b\r\n", b"\r\n", b"--b\r\n", b"--b--\r\n", b"\n",
    b"Content-Type: message/delivery-status\r\n", b"Content-Transfer-Encoding: base64\r\n", b"====", b"\xff\xfe",
    b"Content-Type: text/plain; charset=unicode_escape\r\n", b"Final-Recipient: utf-8; \\x{FFFFFF}\r\n", b"--b",
    b'Content-Type: text/plain; charset="\x00"\r\n', b"Action: failed\r\n", b"\\N{",
]), max_size=25))  # fmt: skip
def test_no_message_raises(pieces):
    parse_report(b"".join(pieces))
    parse_report(b"Content-Type: multipart/report; boundary=b\r\n\r\n" + b"".join(pieces))


def test_nesting_without_end_is_not_followed():
    level = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n"
    parse_report(b"".join(level % (number, number) for number in range(2000)))
