"""A framed sheet that takes the focus and scrolls; what it says comes from whoever fills it."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from smtplab.ui.widgets.sheet import Sheet


class Pane(Sheet, can_focus=True, inherit_bindings=False):
    """A title in the frame and text inside; ← → Home End stay the walk's, so only up and down scroll."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll_up", "ui.key.scroll", key_display="↑↓"),
        Binding("down,j", "scroll_down", "ui.key.scroll", show=False),
        Binding("k", "scroll_up", "ui.key.scroll", show=False),
        Binding("pageup", "page_up", "ui.key.page", show=False),
        Binding("pagedown", "page_down", "ui.key.page", show=False),
    ]

    _title = ""

    def say(self, title: str, text: Content) -> None:
        if title != self._title:
            self._title = self.border_title = title
        self.write(text)
