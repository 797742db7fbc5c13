"""A message given whole, with tokens and header options, comes out as swaks' reference says."""

from datetime import UTC, datetime

import pytest

from smtplab.lab.template import Tokens, fixed_up

TOKENS = Tokens(
    sender="lan@here.net",
    recipients="an@real.net, bao@real.net",
    date=datetime(2026, 11, 26, 8, 0, tzinfo=UTC),
    message_id="1@here.net",
    body="the text",
)


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        (b"no token, 100 %\n", {}, b"no token, 100 %\n"),
        (b"F: %FROM_ADDRESS%%NEWLINE%T: %TO_ADDRESS%", {}, b"F: lan@here.net\r\nT: an@real.net, bao@real.net"),
        (b"I: <%MESSAGEID%>\n\n%BODY%", {}, b"I: <1@here.net>\n\nthe text"),
        (b"D: %DATE%\n\nx", {}, b"D: Thu, 26 Nov 2026 08:00:00 +0000\n\nx"),
        (b"From lan Mon\nA: b\n\nFrom here\n", {}, b"A: b\n\nFrom here\n"),
        (b"From lan Mon\nA: b\n\nx", {"strip_from": False}, b"From lan Mon\nA: b\n\nx"),
        (b"A: b\n\nx", {"add": [("C", "d")]}, b"A: b\r\nC: d\r\n\r\nx"),
        (b"A: b\n\nx", {"replace": [("a", "z"), ("N", "new")]}, b"a: z\r\nN: new\r\n\r\nx"),
        (b"A: b\n folded\nC: d\n\nx", {"replace": [("A", "z")]}, b"A: z\r\nC: d\r\n\r\nx"),
        (b"A: b\n%NEW_HEADERS%\nC: d\n\nx", {"add": [("N", "new")]}, b"A: b\r\nN: new\r\nC: d\r\n\r\nx"),
        (b"A: b\n%NEW_HEADERS%\n\nx", {}, b"A: b\r\n\r\nx"),
        (b"A: b\n\nx", {"add": [("N", "mới")]}, b"A: b\r\nN: =?utf-8?q?m=E1=BB=9Bi?=\r\n\r\nx"),
    ],
)
def test_a_message_is_fixed_up(content, options, expected):
    assert fixed_up(content, TOKENS, **options) == expected


def test_a_text_may_hold_tokens_too():
    assert TOKENS.replaced("to %TO_ADDRESS%") == "to an@real.net, bao@real.net"
