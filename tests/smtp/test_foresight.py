"""A line is judged before it leaves as the client's half judges it when it does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtplab import events as ev
from smtplab.smtp.client import Client, RawLine
from smtplab.smtp.completion import Known, candidates
from smtplab.smtp.foresight import foresee
from smtplab.smtp.legality import Standing
from smtplab.smtp.states import STATES
from smtplab.wire.extension import parse_extensions

EXTENSIONS = ("PIPELINING", "SIZE 1000", "8BITMIME", "STARTTLS", "AUTH PLAIN LOGIN", "DSN")
KNOWN = Known("me.example", ["a@b.example"], ["student@hust.example", "full@hust.example"])


def client(*said: str, extensions: tuple[str, ...] = EXTENSIONS) -> tuple[Client, list[ev.Event]]:
    """Greeted and welcomed, and every command answered with 250."""
    told: list[ev.Event] = []
    half = Client(emit=told.append, monotonic=lambda: 0.0)
    half.receive(b"220 mx\r\n")
    half.next_event()
    for line in ("EHLO me.example", *said):
        half.send(RawLine(f"{line}\r\n".encode()))
        lines = ("mx", *extensions) if line.startswith("EHLO") else ("ok",)
        half.receive("".join(f"250{' ' if n == len(lines) else '-'}{t}\r\n" for n, t in enumerate(lines, 1)).encode())
        half.next_event()
    told.clear()
    return half, told


@pytest.mark.parametrize(
    ("said", "line", "verdict", "rule"),
    [
        ((), "MAIL FROM:<a@b.example>", "legal", None),
        ((), "mail from:<a@b.example>", "legal", None),
        ((), "RCPT TO:<a@b.example>", "illegal", "out-of-order"),
        ((), "BDAT 3", "illegal", "out-of-order"),
        ((), "ETRN b.example", "illegal", "command-not-announced"),
        ((), "XYZZY", "unknown", "unknown-verb"),
        ((), "MAIL FROM:<a@b.example> SIZE=2000", "flawed", "larger-than-announced"),
        ((), "MAIL FROM:<a@b.example> SMTPUTF8", "flawed", "parameter-not-announced"),
        ((), "MAIL FROM:a@b.example", "flawed", "no-angle-brackets"),
        ((), "AUTH CRAM-MD5", "flawed", "mechanism-not-announced"),
        ((), "", "empty", None),
        (("MAIL FROM:<a@b.example>",), "RCPT TO:<c@d.example>", "legal", None),
        (("MAIL FROM:<a@b.example>",), "MAIL FROM:<a@b.example>", "illegal", "out-of-order"),
    ],
)
def test_a_line_is_marked_before_it_leaves(said, line, verdict, rule):
    half, _ = client(*said)
    found = foresee(line.encode(), half.standing)
    assert found.verdict == verdict
    assert rule is None or rule in {flaw.rule for flaw in found.flaws}


def test_before_the_greeting_nothing_may_be_said():
    half = Client(emit=None, monotonic=lambda: 0.0)
    assert foresee(b"EHLO me.example", half.standing).verdict == "illegal"


@given(st.sampled_from(["", "MAIL FROM:<a@b.example>"]), st.one_of(st.binary(max_size=60), st.text().map(str.encode)))
def test_what_is_foreseen_is_what_is_told_when_it_leaves(said, line):
    line = line.replace(b"\n", b"").replace(b"\r", b"")
    half, told = client(*filter(None, [said]))
    foreseen = foresee(line, half.standing)
    half.send(RawLine(line + b"\r\n"))
    broken = {event.rule for event in told if isinstance(event, ev.RuleBroken)}
    if foreseen.verdict != "empty":
        assert broken == {flaw.rule for flaw in foreseen.flaws}


@pytest.mark.parametrize("state", STATES)
def test_any_bytes_can_be_judged_in_any_state(state):
    for line in (b"", b"\0", b"MAIL FROM:<", b"\xff\xfe", b"BDAT 99999999999999999999", b"AUTH PLAIN =" + b"x" * 5000):
        foresee(line, Standing(state, parse_extensions(EXTENSIONS)))


# Completion


@pytest.mark.parametrize(
    ("said", "line", "first"),
    [
        ((), "ma", "MAIL FROM:<a@b.example>"),
        ((), "s", "STARTTLS"),
        ((), "au", "AUTH PLAIN"),
        ((), "AUTH L", "AUTH LOGIN"),
        (("MAIL FROM:<a@b.example>",), "R", "RCPT TO:<student@hust.example>"),
        (("MAIL FROM:<a@b.example>",), "RCPT TO:<f", "RCPT TO:<full@hust.example>"),
        ((), "MAIL FROM:<a@b.example> b", "MAIL FROM:<a@b.example> BODY=8BITMIME"),
        ((), "MAIL FROM:<a@b.example> SIZE=1 ret=h", "MAIL FROM:<a@b.example> SIZE=1 RET=HDRS"),
    ],
)
def test_completion_knows_the_state_and_what_was_announced(said, line, first):
    half, _ = client(*said)
    assert candidates(line, half.standing, KNOWN)[0] == first


def test_nothing_is_offered_that_may_not_come_or_was_not_announced():
    half, _ = client(extensions=())
    assert candidates("S", half.standing, KNOWN) == ()
    assert candidates("AUTH", half.standing, KNOWN) == ()
    assert candidates("RC", half.standing, KNOWN) == ()
    assert candidates("MAIL FROM:<a@b.example> ", half.standing, KNOWN) == ()


def test_a_parameter_is_offered_once():
    half, _ = client()
    offered = candidates("MAIL FROM:<a@b.example> SIZE=1 ", half.standing, KNOWN)
    assert not any(line.count("SIZE=") > 1 for line in offered)
