"""Two transcripts side by side, row by row on one scroll: both ends of a session, or an old run and a new one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from smtplab.ui.rungs import Piece, fitted, highlighted
from smtplab.ui.widgets.inks import Inks

_STYLES = ("client", "server", "quiet", "faint", "good", "bad", "odd", "heading", "found", "chosen", "differs")
_TIME_CELLS: Final = 9
_TIMED_CELLS_MIN: Final = 45
"""Narrower halves leave the time out: the words need the room."""


class Half(NamedTuple):
    """One side of a row: swaks' mark and text in a style of the transcript's."""

    time: str
    text: str
    style: str


class Both(NamedTuple):
    left: Half | None
    right: Half | None
    differs: bool = False


Draw = Callable[[int], Both]


class TwoColumns(ScrollView, can_focus=True, inherit_bindings=False):
    """Asks for its rows by number when they come into view; one row is marked, and its keys move the mark."""

    HELP: ClassVar = "ui.help.two-columns"
    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"columns--{name}" for name in _STYLES}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "ui.key.line", key_display="↑↓"),
        Binding("k", "move(-1)", "ui.key.line", show=False),
        Binding("down,j", "move(1)", "ui.key.line", show=False),
        Binding("pageup", "page(-1)", "ui.key.page", show=False),
        Binding("pagedown", "page(1)", "ui.key.page", show=False),
    ]

    @dataclass
    class Selected(Message):
        """Another row is marked."""

        columns: TwoColumns

        @property
        def control(self) -> TwoColumns:
            """Who posts it."""
            return self.columns

    def __init__(self, draw: Draw, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self._draw = draw
        self._inks = Inks(self, "columns")
        self._wanted = ""
        self.heads = ("", "")
        self.count = 0
        self.selected = 0

    def show(self, count: int, heads: tuple[str, str], selected: int = 0) -> None:
        """So many rows, under these two heads."""
        self.count, self.heads = count, heads
        self.virtual_size = Size(1, count + 1)
        self.select(selected, jump=True)
        self.refresh()

    def select(self, row: int, *, jump: bool = False) -> None:
        """Keeps the row in view; after a jump with more of what follows it than of what came before."""
        self.selected = min(max(row, 0), max(self.count - 1, 0))
        self.post_message(self.Selected(self))
        height = max(self.scrollable_content_region.height - 1, 1)
        if jump:
            self.scroll_to(y=max(min(self.selected - height // 3, self.count - height), 0), animate=False, force=True)
            self.refresh()
            return
        top = min(max(self.scroll_offset.y, self.selected - height + 2), max(self.selected - 1, 0))
        self.scroll_to(y=max(min(top, self.count - height), 0), animate=False, force=True)
        self.refresh()

    def seek(self, wanted: str) -> None:
        """Mark the (case-folded) text that is looked for wherever it is seen."""
        if wanted != self._wanted:
            self._wanted = wanted
            self.refresh()

    def text(self) -> tuple[list[str], list[str]]:
        """All rows, and the one that is marked; what only one side has stands alone."""
        drawn = [self._draw(row) for row in range(self.count)]
        lines = [" │ ".join(half.text for half in (both.left, both.right) if half is not None) for both in drawn]
        return lines, lines[self.selected : self.selected + 1]

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or not offset.y:
            return  # The border, or the heads.
        row = self.scroll_offset.y + offset.y - 1
        if row < self.count:
            self.select(row)

    def action_move(self, by: int) -> None:
        self.select(self.selected + by)

    def action_page(self, by: int) -> None:
        self.select(self.selected + by * max(self.scrollable_content_region.height - 2, 1))

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        half = (width - 1) // 2
        base = self.rich_style
        if y == 0:
            halves = [Half("", head, "heading") for head in self.heads]
            return self._joined(Both(halves[0], halves[1]), half, width, base, timed=False)
        row = self.scroll_offset.y + y - 1
        if row >= self.count:
            return Strip.blank(width, base)
        both = self._draw(row)
        if row == self.selected:
            base += self._inks.background("chosen")
        elif both.differs:
            base += self._inks.background("differs")
        return self._joined(both, half, width, base, timed=True)

    def _joined(self, both: Both, half: int, width: int, base: Style, *, timed: bool) -> Strip:
        segments = [
            *self._half(both.left, half, base, timed=timed),
            Segment("┃" if both.differs else "│", base + self._inks.letters("odd" if both.differs else "faint")),
            *self._half(both.right, width - half - 1, base, timed=timed),
        ]
        return Strip(segments).adjust_cell_length(width, base)

    def _half(self, half: Half | None, cells: int, base: Style, *, timed: bool) -> list[Segment]:
        if half is None:
            return [Segment(" " * cells, base)]
        time = f"{half.time:>{_TIME_CELLS}} " if timed and cells >= _TIMED_CELLS_MIN else " "
        text = fitted(half.text, cells - len(time))
        pad = " " * max(cells - len(time) - cell_len(text), 0)
        pieces = [Piece(text, half.style)]
        segments = [Segment(time, base + self._inks.letters("faint"))]
        for said, style in highlighted(pieces, self._wanted) if self._wanted and timed else pieces:
            over = self._inks.background("found") if style == "found" else Style.null()
            segments.append(Segment(said, base + self._inks.letters(style) + over))
        return [*segments, Segment(pad, base)]

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._inks.forget()
