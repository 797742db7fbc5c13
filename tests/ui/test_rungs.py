"""Lines drawn in so many cells, as rungs and with swaks' marks."""

import unicodedata

import pytest
from rich.cells import cell_len

from smtplab.ui.rungs import Line, Piece, fitted, highlighted, marked, rung

LINES = (
    Line("client", "EHLO laptop.neu.example", " ->"),
    Line("client", "MAIL FROM:<" + "x" * 200 + ">", " ~>", secure=True),
    Line("server", "250 ok", "<- ", block_cells=6),
    Line("server", "250-" + "y" * 200, "<~ ", secure=True, block_cells=204),
    Line("note", "Hộp thư của người nhận ở đây", "==="),
    Line("note", "x" * 300, "***", "bad"),
    Line("heading", "hop 1 · smtp.neu.example → mx2.hust.example"),
)


def text(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


@pytest.mark.parametrize("cells", [30, 68, 120])
@pytest.mark.parametrize("line", LINES)
def test_a_line_fills_its_cells_exactly(line: Line, cells: int):
    assert cell_len(text(rung(line, cells))) == cells
    assert cell_len(text(marked(line, cells))) <= cells


def test_the_client_s_arrow_points_right_and_the_server_s_left():
    assert text(rung(Line("client", "QUIT"), 20)) == "│ QUIT ──────────▶ │"
    assert text(rung(Line("server", "221 bye"), 20)) == "│ ◀─────── 221 bye │"


def test_inside_tls_the_lines_are_double():
    assert text(rung(Line("client", "QUIT", secure=True), 20)) == "║ QUIT ══════════▶ ║"


def test_a_reply_s_further_lines_stand_flush_below_the_first():
    first = text(rung(Line("server", "250-mx.hust.example", block_cells=19), 40))
    second = text(rung(Line("server", "250 SIZE", first=False, block_cells=19), 40))
    assert first.index("250-") == second.index("250 ")


def test_swaks_marks_take_three_columns_and_a_space():
    assert text(marked(Line("server", "550 no", "<**", "bad"), 20)).startswith("<** 550 no")


def test_what_does_not_fit_ends_in_an_ellipsis():
    assert fitted("abcdef", 4) == "abc…"
    assert fitted("abc", 3) == "abc"


def test_what_is_looked_for_stands_in_a_piece_of_its_own():
    pieces = highlighted([Piece("RCPT TO:<a>", "client")], "to")
    assert pieces == [Piece("RCPT ", "client"), Piece("TO", "found"), Piece(":<a>", "client")]


def test_what_is_looked_for_is_marked_though_its_accents_stand_apart():
    apart = unicodedata.normalize("NFD", "thư của Hương")
    assert [piece.text for piece in highlighted([Piece(apart, "")], "hương") if piece.style == "found"] == ["Hương"]
