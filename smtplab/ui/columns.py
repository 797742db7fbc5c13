"""Lays texts out in the columns of one row of a list: cut or padded to so many cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from rich.cells import cell_len

from smtplab.ui.rungs import Piece, fitted
from smtplab.view.safe import safe

GAP: Final = "  "


class Column(NamedTuple):
    text: str
    style: str
    cells: int
    right: bool = False
    """Flush right, as numbers are read."""


def row_of(columns: Sequence[Column]) -> list[Piece]:
    """A peer's words may stand in them: they are made safe here."""
    pieces: list[Piece] = []
    for column in columns:
        if column.cells <= 0:
            continue
        text = fitted(safe(column.text), column.cells)
        pad = " " * max(column.cells - cell_len(text), 0)
        pieces.append(Piece(pad + text if column.right else text + pad, column.style))
        pieces.append(Piece(GAP, ""))
    return pieces


def rest_of(cells: int, *taken: int) -> int:
    """What is left for one more column beside these; 0 where that is too little to read."""
    left = cells - sum(one + len(GAP) for one in taken if one)
    return left if left >= 8 else 0
