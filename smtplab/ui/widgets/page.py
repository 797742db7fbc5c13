"""A page to read: blocks laid out for its width, scrolled by keys, and turned by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.visual import Visual

from smtplab.ui.prose import Block, laid_out
from smtplab.ui.widgets.sheet import Sheet


class Page(Sheet, can_focus=True, inherit_bindings=False):
    """What it says comes from whoever fills it."""

    HELP: ClassVar = "ui.help.page"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "turn", "ui.key.next-step", key_display="⏎"),
        Binding("up", "scroll_up", "ui.key.scroll", key_display="↑↓"),
        Binding("down,j", "scroll_down", "ui.key.scroll", show=False),
        Binding("k", "scroll_up", "ui.key.scroll", show=False),
        Binding("pageup", "page_up", "ui.key.page", show=False),
        Binding("pagedown", "page_down", "ui.key.page", show=False),
        Binding("space", "page_down", "ui.key.page", show=False),
        Binding("home", "scroll_home", "ui.key.start", show=False),
        Binding("end", "scroll_end", "ui.key.end", show=False),
    ]

    @dataclass
    class Turned(Message):
        """The person has read it."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self._page: Sequence[Block] = ()

    def say(self, page: Sequence[Block]) -> None:
        self._page = page
        self._wrap()

    @property
    def rows(self) -> int:
        """Of text, at the width that it has."""
        return len(self._lines)

    def action_turn(self) -> None:
        """Below the window there may be more to read; that comes first."""
        if self.scroll_offset.y + self.scrollable_content_region.height < len(self._lines):
            self.scroll_page_down(animate=False)
        else:
            self.post_message(self.Turned())

    def _wrap(self) -> None:
        if not self.is_attached:
            return
        width = self._wrapped_for = self.scrollable_content_region.width
        content = laid_out(self._page, width)
        self._lines = Visual.to_strips(self, content, width, None, self.visual_style) if width > 0 else []
        self._make_room()
        self.refresh()
