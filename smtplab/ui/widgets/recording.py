"""A lesson's recording: marked lines, wrapped so that each is read whole, one of them selected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from smtplab.lesson.shown import ShownLine
from smtplab.ui.widgets.inks import Inks
from smtplab.view.transcript import Tone

_MARGIN_CELLS: Final = 2
"""Of the pointer at the lines to look at."""
_MARK_CELLS: Final = 4
"""swaks' three columns and a space."""

_STYLES: Final[dict[Tone, str]] = {
    "heading": "heading",
    "note": "quiet",
    "client": "client",
    "server": "server",
    "refusal": "bad",
    "good": "good",
    "warning": "odd",
    "error": "bad",
}


class Row(NamedTuple):
    """One row of cells: a line, or what of a long one went over."""

    line: int
    text: str
    first: bool


class Recording(ScrollView, can_focus=True, inherit_bindings=False):
    """What its lines are about the screen knows."""

    HELP: ClassVar = "ui.help.recording"
    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        f"recording--{name}"
        for name in ("pointer", "faint", "chosen", "chosen-blurred", *sorted(set(_STYLES.values())))
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "ui.key.line", key_display="↑↓"),
        Binding("k", "move(-1)", "ui.key.line", show=False),
        Binding("down,j,space", "move(1)", "ui.key.line", show=False),
        Binding("pageup", "page(-1)", "ui.key.page", show=False),
        Binding("pagedown", "page(1)", "ui.key.page", show=False),
        Binding("home", "move(-100000)", "ui.key.start", show=False),
        Binding("end", "move(100000)", "ui.key.end", show=False),
        Binding("m", "next_mark", "ui.key.next-mark"),
        Binding("w", "walk", "ui.key.whole-walk"),
        Binding("enter", "take", "ui.key.next-step", key_display="⏎"),
    ]

    @dataclass
    class Selected(Message):
        """The person came to a line, which is of this record."""

        seq: int

    @dataclass
    class Taken(Message):
        """The person means this line, of this record; None where there is no line yet."""

        seq: int | None

    @dataclass
    class WalkWanted(Message):
        """The person wants to see every record of it."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self._lines: Sequence[ShownLine] = ()
        self._rows: list[Row] = []
        self._wrapped_for = -1
        self._inks = Inks(self, "recording")
        self.selected = -1
        self.nothing = ""
        """What is said where there are no lines."""

    @property
    def lines(self) -> Sequence[ShownLine]:
        return self._lines

    def show(self, lines: Sequence[ShownLine], *, at_end: bool = False) -> None:
        """In place of what stood; selected is the first line to look at, or the last of all."""
        self._lines = lines
        self._wrap()
        marks = (place for place, one in enumerate(lines) if one.marked)
        first = next((place for place, one in enumerate(lines) if self._is_line(place)), -1)
        self.select(len(lines) - 1 if at_end else next(marks, first))

    def speak(self, lines: Sequence[ShownLine]) -> None:
        """The same lines in another language."""
        self._lines = lines
        self._wrap()
        self.select(self.selected)

    def select(self, line: int) -> None:
        """And keep it in view, with what follows it."""
        self.selected = min(line, len(self._lines) - 1)
        of_line = [place for place, row in enumerate(self._rows) if row.line == self.selected]
        if of_line:
            height = max(self.scrollable_content_region.height, 1)
            top = min(max(self.scroll_offset.y, of_line[-1] - height + 2), max(of_line[0] - 1, 0))
            self.scroll_to(y=max(min(top, len(self._rows) - height), 0), animate=False, force=True)
        self.refresh()
        if self.selected >= 0:
            self.post_message(self.Selected(self._lines[self.selected].line.seq))

    def select_record(self, seq: int) -> None:
        found = (place for place, one in enumerate(self._lines) if one.line.seq == seq and self._is_line(place))
        self.select(next(found, self.selected))

    def action_move(self, by: int) -> None:
        """Headings are passed over."""
        step = 1 if by > 0 else -1
        place, left = self.selected, abs(by)
        while left and 0 <= place + step < len(self._lines):
            place += step
            left -= self._is_line(place)
        while 0 <= place < len(self._lines) and not self._is_line(place):
            place -= step
        if 0 <= place < len(self._lines):
            self.select(place)

    def action_page(self, by: int) -> None:
        self.action_move(by * max(self.scrollable_content_region.height - 2, 1))

    def action_next_mark(self) -> None:
        """Round at the end."""
        places = [place for place, one in enumerate(self._lines) if one.marked]
        if places:
            self.select(next((place for place in places if place > self.selected), places[0]))

    def action_take(self) -> None:
        self.post_message(self.Taken(self._lines[self.selected].line.seq if self.selected >= 0 else None))

    def action_walk(self) -> None:
        self.post_message(self.WalkWanted())

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        place = len(self._rows) if offset is None else self.scroll_offset.y + offset.y
        if place < len(self._rows) and self._is_line(self._rows[place].line):
            self.select(self._rows[place].line)

    def on_resize(self) -> None:
        if self._wrapped_for != self.scrollable_content_region.width:
            self._wrap()
            self.scroll_to(y=0, animate=False, force=True)
            self.select(self.selected)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._inks.forget()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        place = self.scroll_offset.y + y
        base = self.rich_style
        if not self._rows:
            said = Content(self.nothing).wrap(max(width - _MARGIN_CELLS, 10)) if self.nothing else []
            line = f"{' ' * _MARGIN_CELLS}{said[y].plain}" if y < len(said) else ""
            return Strip([Segment(line, base + self._inks.letters("faint"))]).adjust_cell_length(width, base)
        if place >= len(self._rows):
            return Strip.blank(width, base)
        row = self._rows[place]
        shown = self._lines[row.line]
        if row.line == self.selected and shown.line.tone != "heading":
            base += self._inks.background("chosen" if self.has_focus else "chosen-blurred")
        letters = base + self._inks.letters(_STYLES[shown.line.tone])
        if shown.marked:
            letters += Style(bold=True)
        pointer = "▶ " if shown.marked and row.first else " " * _MARGIN_CELLS
        segments = [Segment(pointer, base + self._inks.letters("pointer")), Segment(row.text, letters)]
        return Strip(segments).adjust_cell_length(width, base)

    def _is_line(self, place: int) -> bool:
        return self._lines[place].line.tone != "heading"

    def _wrap(self) -> None:
        width = self._wrapped_for = self.scrollable_content_region.width
        room = max(width - _MARGIN_CELLS - _MARK_CELLS, 10)
        self._rows = [row for number, line in enumerate(self._lines) for row in _rows(number, line, room)]
        self.virtual_size = Size(width, len(self._rows))
        self.refresh()


def _rows(number: int, shown: ShownLine, room: int) -> list[Row]:
    if shown.line.tone == "heading":
        return [Row(number, f"── {shown.line.text} ──", first=True)]
    wrapped = [line.plain for line in Content(shown.line.text).wrap(room)] or [""]
    marks = (f"{shown.line.mark:<{_MARK_CELLS}}", " " * _MARK_CELLS)
    return [Row(number, marks[min(place, 1)] + text, first=place == 0) for place, text in enumerate(wrapped)]
