"""Replies, whole, broken, endless and in pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtplab.wire.reply import (
    OCTETS_MAX,
    Reply,
    ReplyReader,
    enhanced_of,
    format_reply,
    make_reply,
    split_enhanced,
    without_enhanced,
)


def read(*pieces: bytes) -> list[tuple[Reply, list[str]]]:
    reader = ReplyReader()
    replies = []
    for piece in pieces:
        reader.receive(piece)
        while (found := reader.next_reply()) is not None:
            replies.append((found[0], [flaw.rule for flaw in found[1]]))
    return replies


def test_a_reply_of_several_lines_is_one_reply() -> None:
    wire = b"250-mx.example\r\n250-SIZE 10\r\n250 HELP\r\n"
    assert read(wire) == [(Reply(250, ("mx.example", "SIZE 10", "HELP")), [])]


def test_two_replies_in_one_segment_are_two() -> None:
    assert read(b"250 ok\r\n550 5.1.1 No\r\n") == [
        (Reply(250, ("ok",)), []),
        (Reply(550, ("5.1.1 No",), "5.1.1"), []),
    ]


@pytest.mark.parametrize(
    ("wire", "code", "lines", "rules"),
    [
        (b"250\r\n", 250, ("",), []),
        (b"250 \r\n", 250, ("",), []),
        (b"250 ok\n", 250, ("ok",), ["bare-lf"]),
        (b"250-a\n250 b\r\n", 250, ("a", "b"), ["bare-lf"]),
        (b"250-a\r\n550 b\r\n", 550, ("a", "b"), ["reply-codes-differ"]),
        (b"hello\r\n", None, ("hello",), ["reply-code-missing"]),
        (b"\r\n", None, ("",), ["reply-code-missing"]),
        (b"2500 x\r\n", None, ("2500 x",), ["reply-code-missing"]),
        (b"250-a\r\nb\r\n250 c\r\n", 250, ("a", "b", "c"), ["reply-code-missing"]),
        (b"250\tok\r\n", 250, ("\tok",), ["reply-separator"]),
        (b"999 x\r\n", 999, ("x",), ["reply-code-range"]),
        (b"250 a\rb\r\n", 250, ("a\rb",), ["bare-cr"]),
        (b"250 a\0b\r\n", 250, ("a\0b",), ["reply-control"]),
        ("220 chào\r\n".encode(), 220, ("chào",), ["reply-not-ascii"]),
        (b"220 ch\xe0o\r\n", 220, ("chào",), ["reply-not-ascii"]),
        (b"250 " + b"x" * 600 + b"\r\n", 250, ("x" * 600,), ["reply-line-too-long"]),
    ],
)
def test_odd_replies_are_read_and_noted(
    wire: bytes, code: int | None, lines: tuple[str, ...], rules: list[str]
) -> None:
    [(reply, found)] = read(wire)
    assert (reply.code, reply.lines, found) == (code, lines, rules)
    assert (reply.raw or format_reply(reply)) == wire


def test_an_endless_reply_breaks_the_reader_at_once() -> None:
    for flood in (b"250-x\r\n" * 1_500_000, b"250-" + b"x" * 10_000_000):
        reader = ReplyReader()
        reader.receive(flood)
        found = reader.next_reply()
        assert found is not None
        assert found[1][-1].rule == "reply-too-long"
        assert reader.broken
        assert sum(len(line) for line in found[0].lines) <= OCTETS_MAX
        reader.receive(b"250 ok\r\n")
        assert reader.next_reply() is None
        assert reader.pending == b""


def test_a_reply_that_is_not_whole_is_pending() -> None:
    reader = ReplyReader()
    reader.receive(b"250-a\r\n25")
    assert reader.next_reply() is None
    assert reader.pending == b"250-a\r\n25"


def test_an_enhanced_code_must_agree_with_the_code() -> None:
    assert split_enhanced("5.7.1 No", 550) == ("5.7.1", "No")
    assert split_enhanced("5.7.1", 550) == ("5.7.1", "")
    assert split_enhanced("2.0.0 ok", 550) == (None, "2.0.0 ok")
    assert split_enhanced("5.07.1 No", 550) == (None, "5.07.1 No")
    assert split_enhanced("5.7.1.2 No", 550) == (None, "5.7.1.2 No")
    assert split_enhanced("5.7.1 No", None) == (None, "5.7.1 No")
    assert enhanced_of(("No", "5.1.1 Unknown"), 550) == "5.1.1"
    assert enhanced_of((), 550) is None


def test_a_reply_of_ours_is_read_as_it_was_made() -> None:
    reply = make_reply(550, "No", "Never", enhanced="5.7.1")
    assert format_reply(reply) == b"550-5.7.1 No\r\n550 5.7.1 Never\r\n"
    assert read(format_reply(reply)) == [(reply, [])]
    assert format_reply(make_reply(354)) == b"354 \r\n"
    assert format_reply(make_reply(250, enhanced="2.0.0")) == b"250 2.0.0\r\n"
    assert [reply.severity, Reply(None, ("x",)).severity] == [5, 0]


def test_enhanced_codes_can_be_left_out() -> None:
    assert without_enhanced(make_reply(250, "One", "Two", enhanced="2.1.0")) == make_reply(250, "One", "Two")
    assert without_enhanced(make_reply(220, "Ready")) == make_reply(220, "Ready")


def test_a_text_of_ours_never_splits_a_line() -> None:
    with pytest.raises(ValueError, match="CR or LF"):
        format_reply(make_reply(250, "a\r\n250 b"))


@given(
    st.lists(st.sampled_from([b"250", b"550", b"-", b" ", b"a", b"\r", b"\n", b"\r\n", b"\xe0", b"\0"]), max_size=40)
)
def test_any_bytes_give_the_same_byte_by_byte_and_are_kept(parts: list[bytes]) -> None:
    wire = b"".join(parts)
    whole = read(wire)
    assert read(*(wire[at : at + 1] for at in range(len(wire)))) == whole
    given_out = b"".join(reply.raw or format_reply(reply) for reply, _ in whole)
    assert wire.startswith(given_out)
    assert b"\n" not in wire[len(given_out) :] or wire[len(given_out) :].startswith((b"250-", b"550-"))


@given(st.integers(200, 559), st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126)), max_size=5))
def test_what_is_written_is_read(code: int, texts: list[str]) -> None:
    [(reply, _)] = read(format_reply(make_reply(code, *texts)))
    assert (reply.code, reply.lines) == (code, tuple(texts) or ("",))


def test_a_reply_without_text_keeps_the_blank_behind_its_code():
    assert format_reply(make_reply(334, "")) == b"334 \r\n"
    assert format_reply(make_reply(250)) == b"250 \r\n"
