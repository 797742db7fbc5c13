"""Finds the style sheets that stand beside the screens and widgets."""

from __future__ import annotations

from pathlib import Path, PurePath

_FOLDER = Path(__file__).parent


def sheets(*names: str) -> list[str | PurePath]:
    """`sheets("widgets/rail")` is the sheet of `ui/widgets/rail.py`."""
    return [_FOLDER / f"{name}.tcss" for name in names]
