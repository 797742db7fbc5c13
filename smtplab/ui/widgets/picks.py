"""A list to pick from whose keys the footer and the help tell."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import OptionList


class Picks(OptionList):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "cursor_up", "ui.key.line", key_display="↑↓"),
        Binding("k", "cursor_up", "ui.key.line", show=False),
        Binding("down,j", "cursor_down", "ui.key.line", show=False),
    ]
