"""Draws one line of a transcript in so many cells: as a rung between client and server, or with swaks' mark."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from rich.cells import cell_len, set_cell_size

from smtplab.view.folding import composed

Lane = Literal["client", "server", "note", "heading"]
Tone = Literal["", "good", "bad", "odd"]

_ARROW_CELLS_MIN: Final = 4
"""Shorter, and an arrow no longer shows which way it points."""
_MARK_CELLS: Final = 4


class Line(NamedTuple):
    """One line to be drawn; its text holds no control characters."""

    lane: Lane
    text: str
    mark: str = "==="
    """swaks' three columns."""
    tone: Tone = ""
    secure: bool = False
    first: bool = True
    """The line with the arrow; a reply's further lines stand below it."""
    block_cells: int = 0
    """The widest line of the same reply, so that its lines stand flush left."""


class Piece(NamedTuple):
    text: str
    style: str
    """`client`, `server`, `quiet`, `faint`, `good`, `bad`, `odd`, `heading` or empty."""


def rung(line: Line, cells: int) -> list[Piece]:
    """Client left, server right, an arrow through what is left of the width; double-stroked inside TLS."""
    match line.lane:
        case "heading":
            return _heading(line, cells)
        case "note":
            text = fitted(line.text, cells - 5)
            return [
                _rail(line),
                Piece("  ", ""),
                Piece(text, line.tone or "quiet"),
                *_fill(text, cells - 4),
                _rail(line),
            ]
        case "client":
            return _to_server(line, cells)
        case "server":
            return _to_client(line, cells)


def marked(line: Line, cells: int) -> list[Piece]:
    """As swaks writes it: three columns and a space."""
    style = {"client": "client", "server": "server", "note": "quiet", "heading": "heading"}[line.lane]
    text = fitted(line.text, cells - _MARK_CELLS)
    return [
        Piece(f"{line.mark:<3} ", line.tone or style),
        Piece(text, line.tone or style),
        *_fill(text, cells - _MARK_CELLS),
    ]


def highlighted(pieces: list[Piece], wanted: str) -> list[Piece]:
    """The same, with every occurrence of the (case-folded) text wanted in a piece of its own, style `found`."""
    found: list[Piece] = []
    for said, style in pieces:
        text = composed(said)
        folded = text.casefold()
        # Folding may change a text's length; then places no longer agree and the piece stays as it is.
        if wanted not in folded or len(folded) != len(text):
            found.append(Piece(text, style))
            continue
        end = 0
        while (start := folded.find(wanted, end)) >= 0:
            found += [Piece(text[end:start], style), Piece(text[start : start + len(wanted)], "found")]
            end = start + len(wanted)
        found.append(Piece(text[end:], style))
    return found


def fitted(text: str, cells: int) -> str:
    """Cut at the right with an ellipsis where it is too wide; never padded."""
    if cells < 1:
        return ""
    if len(text) * 2 <= cells or cell_len(text) <= cells:
        return text
    return set_cell_size(text, max(cells - 1, 0)).rstrip() + "…"


def _to_server(line: Line, cells: int) -> list[Piece]:
    inner = cells - 4
    text = fitted(line.text, inner - _ARROW_CELLS_MIN - 1)
    stroke, head = ("═", "▶") if line.secure else ("─", "▶")
    shaft = inner - cell_len(text) - 1
    arrow = stroke * (shaft - 1) + head if line.first else " " * shaft
    return [_rail(line), Piece(" ", ""), Piece(text, line.tone or "client"), Piece(f" {arrow} ", "faint"), _rail(line)]


def _to_client(line: Line, cells: int) -> list[Piece]:
    inner = cells - 4
    block = min(max(line.block_cells, cell_len(line.text)), inner - _ARROW_CELLS_MIN - 1)
    text = fitted(line.text, block)
    stroke = "═" if line.secure else "─"
    shaft = inner - block - 1
    arrow = "◀" + stroke * (shaft - 1) if line.first else " " * shaft
    pad = " " * (block - cell_len(text) + 1)
    return [_rail(line), Piece(f" {arrow} ", "faint"), Piece(text, line.tone or "server"), Piece(pad, ""), _rail(line)]


def _heading(line: Line, cells: int) -> list[Piece]:
    text = fitted(line.text, cells - 6)
    rest = cells - cell_len(text) - 5
    return [Piece("── ", "faint"), Piece(text, "heading"), Piece(f" {'─' * rest} ", "faint")]


def _rail(line: Line) -> Piece:
    return Piece("║" if line.secure else "│", "faint")


def _fill(text: str, cells: int) -> list[Piece]:
    missing = cells - cell_len(text)
    return [Piece(" " * missing, "")] if missing > 0 else []
