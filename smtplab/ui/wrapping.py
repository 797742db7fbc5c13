"""Breaks long lines for so many cells: between words where it can, and each line only once."""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len, get_character_cell_size

_PIECES_MAX: Final = 2_000
"""Of one line: a megabyte without a line end would be more than anybody scrolls through."""


def wrap(text: str, cells: int) -> list[str]:
    """At least one piece; none is wider than `cells`, which is 2 at least."""
    if len(text) * 2 <= cells or cell_len(text) <= cells:
        return [text]
    pieces: list[str] = []
    start = 0
    while start < len(text) and len(pieces) < _PIECES_MAX:
        end = _reach(text, start, cells)
        if end < len(text):
            space = text.rfind(" ", start, end + 1)
            if space > start:
                end = space
        pieces.append(text[start:end])
        start = end + (text[end : end + 1] == " ")
    return pieces


def _reach(text: str, start: int, cells: int) -> int:
    """How far so many cells go."""
    piece = text[start : start + cells]
    if piece.isascii():
        return start + len(piece)
    used = 0
    for at, character in enumerate(piece, start):
        used += get_character_cell_size(character)
        if used > cells:
            return max(at, start + 1)
    return start + len(piece)
