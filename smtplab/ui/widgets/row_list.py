"""A list of any length whose rows are drawn only where they are seen; what stands in them whoever owns it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

from smtplab.ui.rungs import Piece
from smtplab.ui.widgets.inks import Inks

_STYLES: Final = ("client", "server", "quiet", "faint", "good", "bad", "odd", "strong", "chosen", "chosen-blurred")

Draw = Callable[[int, int], Sequence[Piece]]
"""The pieces of a row, for so many cells; styles are `client server quiet faint good bad odd strong` or empty."""


class RowList(ScrollView, can_focus=True, inherit_bindings=False):
    """One row is chosen; without rows it shows what to do about that."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"rows--{name}" for name in _STYLES}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "ui.key.line", key_display="↑↓"),
        Binding("k", "move(-1)", "ui.key.line", show=False),
        Binding("down,j", "move(1)", "ui.key.line", show=False),
        Binding("pageup", "page(-1)", "ui.key.page", show=False),
        Binding("pagedown", "page(1)", "ui.key.page", show=False),
        Binding("home", "ends(-1)", "ui.key.ends", show=False),
        Binding("end", "ends(1)", "ui.key.ends", show=False),
        Binding("enter", "open", "ui.key.open", key_display="⏎"),
    ]

    @dataclass
    class Chosen(Message):
        """Another row is the chosen one."""

        rows: RowList
        row: int

        @property
        def control(self) -> RowList:
            return self.rows

    @dataclass
    class Opened(Message):
        """The person wants what stands in the row."""

        rows: RowList
        row: int

        @property
        def control(self) -> RowList:
            return self.rows

    def __init__(self, draw: Draw, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self._draw = draw
        self._inks = Inks(self, "rows")
        self._empty = Content()
        self._empty_lines: list[Strip] | None = None
        self.count = 0
        self.chosen = 0

    def show(self, count: int, chosen: int | None = None) -> None:
        """So many rows from now on, all of them drawn anew."""
        if count != self.count:
            self.count = count
            self.virtual_size = Size(1, count)
        self.choose(self.chosen if chosen is None else chosen)
        self.refresh()

    def say_empty(self, content: Content) -> None:
        """What stands here while there are no rows."""
        self._empty, self._empty_lines = content, None
        self.refresh()

    def choose(self, row: int) -> None:
        """Without a message; keeps the row in view, and one below it."""
        before, self.chosen = self.chosen, min(max(row, 0), max(self.count - 1, 0))
        if before != self.chosen:
            self._refresh_row(before)
            self._refresh_row(self.chosen)
        height = max(self.scrollable_content_region.height, 1)
        top = min(max(self.scroll_offset.y, self.chosen - height + 2), self.chosen)
        self.scroll_to(y=max(min(top, self.count - height), 0), animate=False, force=True)

    def redraw_row(self, row: int) -> None:
        """What it says has changed."""
        self._refresh_row(row)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        if not self.count:
            return self._empty_line(y, width)
        row = self.scroll_offset.y + y
        base = self.rich_style
        if row >= self.count:
            return Strip.blank(width, base)
        if row == self.chosen:
            base += self._inks.background("chosen" if self.has_focus else "chosen-blurred")
        segments = [Segment(text, base + self._inks.letters(style)) for text, style in self._draw(row, width)]
        return Strip(segments).adjust_cell_length(width, base)

    def on_resize(self) -> None:
        self._empty_lines = None
        self.choose(self.chosen)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._inks.forget()
        self._empty_lines = None

    def action_move(self, by: int) -> None:
        self._go(self.chosen + by)

    def action_page(self, by: int) -> None:
        self._go(self.chosen + by * max(self.scrollable_content_region.height - 1, 1))

    def action_ends(self, by: int) -> None:
        self._go(0 if by < 0 else self.count - 1)

    def action_open(self) -> None:
        if self.count:
            self.post_message(self.Opened(self, self.chosen))

    def on_click(self, event: events.Click) -> None:
        """The first click chooses, the second one on the same row opens."""
        offset = event.get_content_offset(self)
        row = self.count if offset is None else self.scroll_offset.y + offset.y
        if row >= self.count:
            return
        if event.chain > 1:
            self.action_open()
        else:
            self._go(row)

    def _go(self, row: int) -> None:
        if self.count:
            self.choose(row)
            self.post_message(self.Chosen(self, self.chosen))

    def _refresh_row(self, row: int) -> None:
        y = row - self.scroll_offset.y
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def _empty_line(self, y: int, width: int) -> Strip:
        if self._empty_lines is None:
            inner = max(width - 4, 1)
            self._empty_lines = Visual.to_strips(self, self._empty, inner, None, self.visual_style)
        if not 1 <= y <= len(self._empty_lines):
            return Strip.blank(width, self.rich_style)
        line = self._empty_lines[y - 1]
        return Strip([Segment("  ", self.rich_style), *line]).adjust_cell_length(width, self.rich_style)
