"""The transcript: every line of the dialogue, one of them selected, drawn only where it is seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from smtplab.ui.rungs import Line, highlighted, marked, rung
from smtplab.ui.widgets.inks import Inks

_TIME_CELLS: Final = 9
_STRIPS_KEPT: Final = 512
"""Several screens of the largest terminal."""

_STYLES: Final = (
    "client",
    "server",
    "quiet",
    "faint",
    "good",
    "bad",
    "odd",
    "heading",
    "found",
    "chosen",
    "chosen-blurred",
)

Draw = Callable[[int], tuple[str, Line]]
"""A row's time and line, in the language of the moment."""


class Transcript(ScrollView, can_focus=True, inherit_bindings=False):
    """Asks for its rows by number when they come into view; what they are about the screen knows."""

    HELP: ClassVar = "ui.help.transcript"
    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"transcript--{name}" for name in _STYLES}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "ui.key.line", key_display="↑↓"),
        Binding("k", "move(-1)", "ui.key.line", show=False),
        Binding("down,j", "move(1)", "ui.key.line", show=False),
        Binding("pageup", "page(-1)", "ui.key.page", show=False),
        Binding("pagedown", "page(1)", "ui.key.page", show=False),
        Binding("m", "marks", "ui.key.marks"),
        Binding("slash", "screen.search", "ui.key.search"),
        Binding("f", "screen.failure", "ui.key.failure"),
        Binding("y", "screen.copy_line", "ui.key.copy-line"),
        Binding("Y", "screen.copy_all", "ui.key.copy-all"),
    ]

    @dataclass
    class Selected(Message):
        """The person chose a line."""

        row: int

    def __init__(self, draw: Draw) -> None:
        super().__init__()
        self._draw = draw
        self._strips: LRUCache[tuple[int, bool, bool], Strip] = LRUCache(_STRIPS_KEPT)
        self._inks = Inks(self, "transcript")
        self._wanted = ""
        self.count = 0
        self.selected = -1
        self.with_marks = False

    def show(self, count: int, selected: int) -> None:
        """So many rows from now on, and this one selected."""
        if count < self.count:
            self._strips.clear()
        if count != self.count:
            self.count = count
            self.virtual_size = Size(1, count)
            self.refresh()
        self.select(selected)

    def select(self, row: int) -> None:
        """Without a message; keeps the row and one below it in view."""
        row = min(max(row, 0), self.count - 1)
        before, self.selected = self.selected, row
        if before != row:
            self._refresh_row(before)
            self._refresh_row(row)
        if self.count:
            height = max(self.scrollable_content_region.height, 1)
            top = min(max(self.scroll_offset.y, row - height + 2), row)
            self.scroll_to(y=max(min(top, self.count - height), 0), animate=False, force=True)

    def seek(self, wanted: str) -> None:
        """Mark what is looked for wherever it is seen."""
        if wanted != self._wanted:
            self._wanted = wanted
            self.redraw()

    def redraw(self) -> None:
        """What the rows say has changed: another language, other marks."""
        self._strips.clear()
        self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._inks.forget()
        self._strips.clear()

    def render_line(self, y: int) -> Strip:
        row = self.scroll_offset.y + y
        width = self.scrollable_content_region.width
        if row >= self.count:
            return Strip.blank(width, self.rich_style)
        key = (row, row == self.selected, self.has_focus)
        strip = self._strips.get(key)
        if strip is None or strip.cell_length != width:
            strip = self._strips[key] = self._drawn(row, width)
        return strip

    def action_move(self, by: int) -> None:
        self._choose(self.selected + by)

    def action_page(self, by: int) -> None:
        self._choose(self.selected + by * max(self.scrollable_content_region.height - 1, 1))

    def action_marks(self) -> None:
        self.with_marks = not self.with_marks
        self.redraw()

    def on_click(self, event: events.Click) -> None:
        if (row := self._row_at(event)) is not None:
            self._choose(row)

    def _row_at(self, event: events.Click) -> int | None:
        """None on the border and below the last row."""
        offset = event.get_content_offset(self)
        row = self.count if offset is None else self.scroll_offset.y + offset.y
        return row if row < self.count else None

    def _choose(self, row: int) -> None:
        if self.count:
            self.select(row)
            self.post_message(self.Selected(self.selected))

    def _refresh_row(self, row: int) -> None:
        y = row - self.scroll_offset.y
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def _drawn(self, row: int, width: int) -> Strip:
        time, line = self._draw(row)
        cells = max(width - _TIME_CELLS - 1, 20)
        pieces = marked(line, cells) if self.with_marks else rung(line, cells)
        if self._wanted:
            pieces = highlighted(pieces, self._wanted)
        base = self.rich_style
        if row == self.selected:
            base += self._inks.background("chosen" if self.has_focus else "chosen-blurred")
        segments = [Segment(f"{time:>{_TIME_CELLS}} ", base + self._inks.letters("faint"))]
        for text, style in pieces:
            over = self._inks.background("found") if style == "found" else Style.null()
            segments.append(Segment(text, base + self._inks.letters(style) + over))
        return Strip(segments).adjust_cell_length(width, base)


class LogLines(Transcript):
    """The lines of a world or of one of its hosts: what one means is told when it is asked for, and the world's time
    goes to the one that is opened."""

    HELP: ClassVar = "ui.help.log"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "screen.to_line", "ui.key.to-moment", key_display="⏎"),
        Binding("i", "screen.explain", "ui.key.inspector"),
    ]

    def on_click(self, event: events.Click) -> None:
        """The first click chooses a line, the second one on it opens it."""
        if event.chain == 2 and self._row_at(event) == self.selected:
            event.prevent_default()
            self.call_next(self.run_action, "screen.to_line")
