"""Secrets in records of bytes."""

import base64

import pytest

from smtplab import events as ev
from smtplab.capture.redact import Redactor
from smtplab.journal import Record

SECRET = base64.b64encode(b"\0lan\0123 opensesame")
RESPONSE = base64.b64encode(b"opensesame")
ASKED = ev.ReplyReceived(334, None, ("UGFzc3dvcmQ6",), 1.0, "AUTH")


def redacted(*events: ev.Event) -> list[ev.Event]:
    redactor = Redactor()
    return [
        redactor.redact(Record(n, 0, 0, 0, "here", "deliver/1", "auth", event)).event
        for n, event in enumerate(events, 1)
    ]


def test_an_initial_response_is_masked_and_its_mechanism_stays():
    sent = ev.BytesSent(b"NOOP\r\nAUTH PLAIN " + SECRET + b"\r\n")
    assert redacted(sent) == [ev.BytesSent(b"NOOP\r\nAUTH PLAIN ***\r\n")]


def test_an_auth_without_an_initial_response_stays_as_it_is():
    assert redacted(ev.BytesSent(b"auth LOGIN\r\n")) == [ev.BytesSent(b"auth LOGIN\r\n")]


@pytest.mark.parametrize("kind", [ev.BytesSent, ev.BytesReceived])
def test_what_answers_a_334_is_masked_at_either_end(kind):
    assert redacted(ASKED, kind(RESPONSE + b"\r\nNOOP\r\n")) == [ASKED, kind(b"***\r\nNOOP\r\n")]


def test_the_challenge_itself_is_no_secret_and_does_not_end_the_wait():
    sent, said = ev.ReplySent(334, None, ("x",), 0.0, "AUTH"), ev.BytesSent(b"334 x\r\n")
    assert redacted(sent, said, ev.BytesReceived(RESPONSE + b"\r\n")) == [sent, said, ev.BytesReceived(b"***\r\n")]


@pytest.mark.parametrize("cut", range(1, len(RESPONSE) + 1))
def test_a_secret_in_two_pieces_leaks_in_neither(cut):
    line = RESPONSE + b"\r\n"
    shown = b"".join(event.data for event in redacted(ASKED, ev.BytesSent(line[:cut]), ev.BytesSent(line[cut:]))[1:])
    assert set(shown) <= set(b"*\r\n")


@pytest.mark.parametrize("cut", range(11, 11 + len(SECRET)))
def test_an_initial_response_in_two_pieces_leaks_in_neither(cut):
    line = b"AUTH PLAIN " + SECRET + b"\r\n"
    shown = b"".join(event.data for event in redacted(ev.BytesSent(line[:cut]), ev.BytesSent(line[cut:])))
    assert shown.replace(b"*", b"").replace(b"\r\n", b"") == b"AUTH PLAIN "


def test_a_cancelling_asterisk_is_shown():
    assert redacted(ASKED, ev.BytesSent(b"*\r\n"))[1] == ev.BytesSent(b"*\r\n")


def test_one_sessions_secret_is_not_anothers():
    redactor = Redactor()
    redactor.redact(Record(1, 0, 0, 0, "here", "deliver/1", "auth", ASKED))
    other = Record(2, 0, 0, 0, "here", "deliver/2", "envelope", ev.BytesSent(b"RCPT TO:<a@b.c>\r\n"))
    assert redactor.redact(other) is other
