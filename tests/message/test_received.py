"""Received lines: written by the standard, and read as servers write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtplab.message.dates import format_date, parse_date
from smtplab.message.header import fields_of
from smtplab.message.received import Received, format_received, parse_received, received_of

NOON = 1795435200.0
DATE = "Mon, 23 Nov 2026 12:00:00 +0000"


def test_a_line_is_written_by_the_standard_and_folded():
    line = format_received(
        Received(
            from_name="client.example", from_address="2001:db8::9", by="us.example", protocol="ESMTPS", id="4F",
            addressee="b@us.example", time=NOON, tls="TLSv1.3 TLS_AES_256_GCM_SHA384",
        )
    )  # fmt: skip
    assert line.decode() == (
        "Received: from client.example ([IPv6:2001:db8::9])\r\n\t(TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n"
        f"\tby us.example with ESMTPS id 4F\r\n\tfor <b@us.example>;\r\n\t{DATE}\r\n"
    )


def test_what_a_client_calls_itself_cannot_forge_a_clause():
    (read,) = received_of(
        fields_of(
            format_received(
                Received(from_name="x by y; (z", from_address="192.0.2.1", by="us", protocol="SMTP", id="1", time=NOON)
            )
        )
    )
    assert (read.from_name, read.by, read.time) == ("x?by?y???z", "us", NOON)


@given(
    st.builds(
        Received,
        from_name=st.from_regex(r"[a-z][a-z0-9.\-]{0,20}", fullmatch=True).filter(lambda name: name not in KEYWORDS),
        from_address=st.ip_addresses().map(str),
        by=st.just("mx1.hust.example"),
        protocol=st.sampled_from(["SMTP", "ESMTP", "ESMTPA", "LMTP", "UTF8SMTP"]),
        id=st.from_regex(r"[A-F0-9]{4,12}", fullmatch=True),
        addressee=st.sampled_from(["", "b@hust.example"]),
        time=st.integers(0, 4102444800).map(float),
    )
)
def test_our_own_lines_are_read_back(received):
    (read,) = received_of(fields_of(format_received(received)))
    assert read == received


KEYWORDS = ("from", "by", "via", "with", "id", "for")

POSTFIX = (
    "from mail.x.example (dsl.isp.example [192.0.2.1]) (using TLSv1.3 with cipher TLS_AES (256/256 bits)) "
    f"by mx.y.example (Postfix) with ESMTPS id 4ABC for <b@y.example>; {DATE} (UTC)"
)
EXCHANGE = (
    "from AM0.outlook.example (2603:10a6::1) by AM1.outlook.example (2603:10a6::2) with Microsoft SMTP Server "
    f"(version=TLS1_2, cipher=TLS_E) id 15.20; {DATE}"
)
OTHERS = {
    "postfix": (
        POSTFIX,
        Received(
            "mail.x.example", "192.0.2.1", "mx.y.example", "ESMTPS", "4ABC", "b@y.example", NOON, "TLSv1.3",
            "dsl.isp.example",
        ),
    ),
    "exim": (
        f"from [10.0.0.1] (helo=foo) by mx.y.example with esmtp (Exim 4.96) id 1abc-00 for b@y.example; {DATE}",
        Received("foo", "10.0.0.1", "mx.y.example", "esmtp", "1abc-00", "b@y.example", NOON),
    ),
    "exchange": (
        EXCHANGE,
        Received(
            "AM0.outlook.example", "2603:10a6::1", "AM1.outlook.example", "Microsoft", "15.20", "", NOON, "TLS1_2"
        ),
    ),
    "webmail": (
        f"by 2002:a05:6a10 with SMTP id abc; {DATE}",
        Received(by="2002:a05:6a10", protocol="SMTP", id="abc", time=NOON),
    ),
    "qmail": (f"(qmail 123 invoked by uid 89); {DATE}", Received(time=NOON)),
    "no date": ("from a by b", Received("a", by="b")),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_the_lines_of_other_servers_are_understood(name):
    value, wanted = OTHERS[name]
    assert parse_received(value) == wanted


@given(st.text(max_size=300))
def test_no_line_raises(value):
    parse_received(value)
    parse_date(value)


def test_a_line_made_to_hold_up_its_reader_does_not():
    parse_received("(" * 100_000)
    parse_received("from " + '"' * 100_000)


def test_dates_are_written_in_utc_and_read_from_any_zone():
    assert format_date(NOON) == DATE
    assert parse_date("Mon, 23 Nov 2026 19:00:00 +0700 (ICT)") == NOON
    assert parse_date("23 Nov 2026 12:00 -0000") == NOON
    assert parse_date("yesterday") is None
