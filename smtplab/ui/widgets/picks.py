"""A list to pick from whose keys the footer and the help tell."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.widgets import OptionList

ENDS: Final = (
    Binding("home", "first", "ui.key.start", show=False),
    Binding("end", "last", "ui.key.end", show=False),
)
"""For a list on a screen where these keys do not move time."""


class Picks(OptionList, inherit_bindings=False):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "cursor_up", "ui.key.line", key_display="↑↓"),
        Binding("k", "cursor_up", "ui.key.line", show=False),
        Binding("down,j", "cursor_down", "ui.key.line", show=False),
        Binding("pageup", "page_up", "ui.key.page", show=False),
        Binding("pagedown", "page_down", "ui.key.page", show=False),
    ]
