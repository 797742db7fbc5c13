"""The language of a session: no text makes its reader raise, and what is written down says the same again."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtplab.lab.scribe import Scribe, format_bytes, format_step
from smtplab.lab.script import STEPS_MAX, ScriptFault, Step, parse_script, parse_step, unescape
from smtplab.smtp.states import State

WORDS = ("send", "raw", "expect", "auth", "secret", "content", "wait", "tls", "drop", "repeat", "end", "#", "C:", "S:")

LINES = st.tuples(st.sampled_from(WORDS), st.text()).map(" ".join)


def said(script: str) -> bytes:
    """All that a script sends."""
    steps = parse_script(script)
    assert isinstance(steps, list), steps
    return b"".join(step.data for step in steps if step.word in ("send", "raw"))


def written(*steps: tuple[Step, State], show_secrets: bool = False) -> str:
    lines: list[str] = []
    scribe = Scribe(lines.append, show_secrets=show_secrets)
    for step, state in steps:
        scribe.said(step, state)
    return "".join(lines)


@given(st.one_of(st.text(), st.lists(LINES).map("\n".join)))
def test_no_text_makes_the_reader_raise_and_faults_have_a_line(text: str) -> None:
    found = parse_script(text)
    if isinstance(found, ScriptFault):
        assert 1 <= found.line <= text.count("\n") + 1
        assert found.problem.startswith("script.")
    else:
        assert len(found) <= STEPS_MAX
        assert all(1 <= step.line <= text.count("\n") + 1 for step in found)


@given(st.one_of(st.text(), LINES))
def test_no_single_line_makes_the_reader_raise(line: str) -> None:
    assert isinstance(parse_step(line), Step | ScriptFault)


@given(st.binary(max_size=9000))
def test_any_bytes_can_be_written_down_and_are_sent_again(data: bytes) -> None:
    assert said("\n".join(format_bytes(data))) == data


@given(st.text().map(lambda text: text.replace("\n", "").replace("\r", "")))
def test_any_line_can_be_written_down_and_is_sent_again(text: str) -> None:
    data = text.encode("utf-8", "surrogatepass") + b"\r\n"
    assert said(written((Step(0, "send", data), "data"))) == data


@pytest.mark.parametrize(
    "line",
    [
        "expect 250",
        "expect 4xx",
        "expect any",
        "expect /2\\.1\\.0/",
        "auth PLAIN me@here.net",
        "wait 1.5",
        "tls",
        "drop",
    ],
)
def test_a_step_is_written_as_it_is_read(line: str) -> None:
    step = parse_step(line)
    assert isinstance(step, Step)
    assert format_step(step) == [line]


def test_only_lf_ends_a_line() -> None:
    steps = parse_script("send one\u2028two\x0bthree\r\nsend four")
    assert [step.data for step in steps] == ["one\u2028two\x0bthree\r\n".encode(), b"four\r\n"]  # type: ignore[union-attr]


def test_raw_takes_letters_beyond_ascii_as_utf_8() -> None:
    assert unescape("nguyễn\\r\\n") == "nguyễn\r\n".encode()


# Secrets

PLAIN = b"AUTH PLAIN AHN0dWRlbnQAc2VjcmV0\r\n"


@pytest.mark.parametrize(
    "steps",
    [
        [(Step(0, "send", PLAIN), "ready")],
        [(Step(0, "send", b"auth plain AHN0dWRlbnQAc2VjcmV0\r\n"), "ready")],
        [(Step(0, "raw", b"EHLO x\r\n" + PLAIN + b"NOOP\r\n"), "ready")],
        [(Step(0, "raw", b"AUTH PL"), "ready"), (Step(0, "raw", b"AIN AHN0dWRlbnQAc2VjcmV0\r\n"), "ready")],
        [(Step(0, "raw", b"AUTH PLAIN "), "ready"), (Step(0, "send", b"AHN0dWRlbnQAc2VjcmV0\r\n"), "ready")],
        [(Step(0, "send", b"AHN0dWRlbnQAc2VjcmV0\r\n"), "auth")],
    ],
)
def test_a_secret_is_never_written_down(steps: list[tuple[Step, State]]) -> None:
    script = written(*steps)
    assert "AHN0" not in script
    assert "secret 1" in script
    assert isinstance(parse_script(script), list)


def test_a_secret_is_written_down_where_that_was_asked_for() -> None:
    assert written((Step(0, "send", PLAIN), "ready"), show_secrets=True) == f"send {PLAIN.decode().strip()}\n"


def test_a_line_of_a_letter_about_auth_is_no_secret() -> None:
    assert written((Step(0, "send", b"AUTH PLAIN is broken\r\n"), "data")) == "send AUTH PLAIN is broken\n"


def test_cancelling_a_login_is_no_secret() -> None:
    assert written((Step(0, "send", b"*\r\n"), "auth")) == "send *\n"


def test_what_was_left_out_is_said_again_word_for_word() -> None:
    script = written((Step(0, "raw", b"NOOP\r\n" + PLAIN), "ready"))
    secret = PLAIN.split()[2].decode()
    assert said(script.replace("secret 1", f"send {secret}")) == b"NOOP\r\n" + PLAIN


def test_a_long_content_becomes_lines_that_an_editor_can_show() -> None:
    content = os.urandom(100_000)
    lines = format_bytes(content)
    assert said("\n".join(lines)) == content
    assert max(map(len, lines)) < 20_000
