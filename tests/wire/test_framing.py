"""Where lines, contents and chunks end, whatever the split of the bytes."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smtplab.wire.framing import ChunkReader, Chunks, ContentReader, LineReader, bare_line_ends, repair_line_ends, stuff

Lines = list[tuple[bytes, list[str]]]
TRICKY = st.lists(st.sampled_from([b"\r", b"\n", b".", b"a", b"\r\n", b"\r\n."]), max_size=40).map(b"".join)


def read_lines(reader: LineReader, pieces: Iterable[bytes]) -> Lines:
    lines: Lines = []
    for piece in pieces:
        reader.receive(piece)
        while (found := reader.next_line()) is not None:
            lines.append((found[0], [flaw.rule for flaw in found[1]]))
    return lines


def read_content(pieces: Iterable[bytes], octets_max: int = 1000) -> tuple[ContentReader, bytes | None]:
    reader = ContentReader(octets_max)
    rest: bytes | None = None
    for piece in pieces:
        rest = reader.receive(piece) if rest is None else rest + piece
    return reader, rest


def one_by_one(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def test_only_cr_lf_ends_a_line() -> None:
    assert read_lines(LineReader(), [b"a\nb\rc\r\nd\r\ne"]) == [(b"a\nb\rc", []), (b"d", [])]


def test_a_bare_lf_ends_a_line_where_that_is_asked_for() -> None:
    reader = LineReader(bare_lf_ends=True)
    assert read_lines(reader, [b"a\nb\r\n\nc"]) == [(b"a", ["bare-lf"]), (b"b", []), (b"", ["bare-lf"])]
    assert reader.pending == b"c"


def test_a_line_that_is_too_long_is_cut_and_the_next_one_is_whole() -> None:
    data = b"x" * 10 + b"\r\n" + b"y" * 8 + b"\r\n"
    assert read_lines(LineReader(10), [data]) == [(b"x" * 8, ["line-too-long"]), (b"y" * 8, [])]


def test_an_endless_line_holds_no_memory() -> None:
    reader = LineReader(100)
    assert read_lines(reader, [b"x" * 1000] * 100) == []
    assert len(reader.pending) < 100


def test_what_is_pending_can_be_taken_and_given_back() -> None:
    reader = LineReader()
    assert read_lines(reader, [b"DATA\r\n"]) == [(b"DATA", [])]
    reader.receive(b"content")
    assert reader.take() == b"content"
    assert reader.pending == b""
    assert read_lines(reader, [b"QUIT\r\n"]) == [(b"QUIT", [])]


@given(TRICKY, st.booleans())
@example(b"aaaaaaa\r\n", False)
def test_lines_are_the_same_byte_by_byte(data: bytes, bare_lf_ends: bool) -> None:
    whole = read_lines(LineReader(8, bare_lf_ends=bare_lf_ends), [data])
    assert read_lines(LineReader(8, bare_lf_ends=bare_lf_ends), one_by_one(data)) == whole


@pytest.mark.parametrize(
    "end", [b"\n.\n", b"\n.\r\n", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\n.\r.\r\n", b"\n\r.\r\n"]
)
def test_what_looks_like_the_end_of_data_is_not(end: bytes) -> None:
    reader, rest = read_content([b"text" + end + b"MAIL FROM:<smuggled@x>"])
    assert rest is None
    assert reader.content == b""


def test_the_first_line_may_be_the_end() -> None:
    reader, rest = read_content([b".\r\nQUIT\r\n"])
    assert (reader.content, reader.octets, rest) == (b"", 0, b"QUIT\r\n")


def test_stuffed_dots_are_taken_away() -> None:
    reader, rest = read_content([b"..a\r\n.b\r\n...\r\n.\r\n"])
    assert (reader.content, rest) == (b".a\r\nb\r\n..\r\n", b"")
    assert reader.octets == len(reader.content)


def test_bare_line_ends_in_a_content_are_counted() -> None:
    reader, _ = read_content([b"a\nb\r\r\nc\n\r\n.\r\n"])
    assert [(flaw.rule, flaw.detail) for flaw in reader.flaws] == [("bare-lf", "2"), ("bare-cr", "1")]


def test_a_content_past_its_bound_is_counted_and_dropped() -> None:
    reader, rest = read_content([b"x" * 100 + b"\r\n", b"y" * 100, b"\r\n.\r\nNOOP"], octets_max=150)
    assert (reader.too_large, reader.content, reader.octets, rest) == (True, b"", 204, b"NOOP")
    reader, rest = read_content([b"x" * 148 + b"\r\n.\r\n"], octets_max=150)
    assert (reader.too_large, reader.octets) == (False, 150)


@given(TRICKY, TRICKY)
def test_a_content_is_the_same_byte_by_byte(content: bytes, after: bytes) -> None:
    wire = content + b"\r\n.\r\n" + after
    whole, rest = read_content([wire])
    single, single_rest = read_content(one_by_one(wire))
    assert (single.content, single.octets, single.flaws, single_rest) == (
        whole.content,
        whole.octets,
        whole.flaws,
        rest,
    )
    assert rest is not None
    assert sum(int(flaw.detail) for flaw in whole.flaws) == sum(bare_line_ends(wire[: len(wire) - len(rest)]))


@given(TRICKY)
def test_a_stuffed_content_comes_out_as_it_went_in(content: bytes) -> None:
    reader, rest = read_content([stuff(content) + b"QUIT"])
    ended = content if content.endswith(b"\r\n") or not content else content + b"\r\n"
    assert (reader.content, rest) == (ended, b"QUIT")


def test_a_chunk_is_counted_and_not_looked_into() -> None:
    reader = ChunkReader(7, chunks := Chunks())
    assert reader.receive(b"\r\n.") is None
    assert reader.receive(b"\r\n\0\nQUIT\r\n") == b"QUIT\r\n"
    assert chunks.whole() == b"\r\n.\r\n\0\n"
    assert ChunkReader(0, chunks).receive(b"NOOP") == b"NOOP"
    assert ChunkReader(3, None).receive(b"abcd") == b"d"


@given(st.lists(TRICKY))
def test_a_content_is_repaired_alike_wherever_it_is_parted(pieces: list[bytes]) -> None:
    content = b"".join(pieces).replace(b".", b"") + b"\r\n"
    pieces = [piece.replace(b".", b"") for piece in pieces]
    reader, after = ContentReader(10**6, repairs=True), None
    for piece in (*pieces, b"\r\n", b".\r\n"):
        after = reader.receive(piece)
    assert (reader.content, after) == (repair_line_ends(content), b"")


@given(st.lists(TRICKY))
def test_chunks_are_judged_alike_wherever_they_are_parted(pieces: list[bytes]) -> None:
    chunks, repaired, content = Chunks(), Chunks(repairs=True), b"".join(pieces)
    for piece in pieces:
        chunks.add(piece)
        repaired.add(piece)
    assert (chunks.whole(), chunks.is_ascii) == (content, content.isascii())
    assert repaired.whole() == repair_line_ends(content)
    counted = {flaw.rule: int(flaw.detail) for flaw in chunks.flaws}
    assert (counted.get("bare-cr", 0), counted.get("bare-lf", 0)) == bare_line_ends(content)


@given(TRICKY)
def test_repaired_line_ends_are_all_cr_lf(content: bytes) -> None:
    repaired = repair_line_ends(content)
    assert bare_line_ends(repaired) == (0, 0)
    assert repair_line_ends(repaired) == repaired


@pytest.mark.parametrize("sizes", [(1,), (5000,), (3, 70_000, 1, 1, 4096, 9), (65_536, 2)])
def test_a_large_content_is_whole_in_whatever_pieces_it_comes(sizes: tuple[int, ...]) -> None:
    content = b"".join(b"line %d\r\n..stuffed\r\n" % number for number in range(9000))
    wire, pieces, at = content + b".\r\nQUIT\r\n", [], 0
    while at < len(wire):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(wire[at : at + size])
        at += size
    reader, rest = read_content(pieces, 10**6)
    assert (reader.content, rest) == (content.replace(b"\r\n..", b"\r\n."), b"QUIT\r\n")
    assert (reader.octets, reader.is_ascii) == (len(reader.content), True)


def test_a_content_that_comes_in_drops_takes_no_more_room_than_it_has_octets() -> None:
    reader = ContentReader(10**6)
    tracemalloc.start()
    for _ in range(100_000):
        reader.receive(b"x")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 400_000
