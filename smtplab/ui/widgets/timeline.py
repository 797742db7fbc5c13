"""The whole run on one line: where much happened, what failed and what arrived, and the moment that one can drag."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Final, NamedTuple

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from smtplab.view.moments import Moments
from smtplab.view.texts import Texts

_BARS: Final = "▁▂▃▄▅▆▇█"
_MARKS: Final = {"$error": "✗", "$success": "✓"}
"""Without colours they stand in place of the bars that are red and green."""
_LABEL_CELLS: Final = 14
"""From one label to the next at least."""
_STEPS_S: Final = (
    *(base * 10.0**power for power in (-3, -2, -1, 0) for base in (1, 2, 5)),
    *(10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0),
    *(hours * 3600.0 for hours in (1, 2, 3, 6, 12, 24, 48, 120, 240, 480)),
)
"""Between labels, so that they fall on what people call round."""


class Cell(NamedTuple):
    """What one column of the bar tells of its stretch of the run."""

    letter: str
    style: str


class Timeline(Widget, can_focus=False):
    """Reads `Moments` alone. By time a queue's hours are as wide as hours are; by events each record is as wide."""

    ALLOW_SELECT = False

    @dataclass
    class Dragged(Message):
        """The person put the moment somewhere: a time, or where the bar goes by events a position."""

        elapsed_us: int | None
        position: int

    def __init__(self, moments: Moments, texts: Texts) -> None:
        super().__init__()
        self._moments = moments
        self._texts = texts
        self._now = (0, 0)
        self._drawn: tuple[tuple[int, int, bool], list[Cell]] | None = None
        self.by_events = False

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self.refresh()

    def show(self, position: int, now_us: int, *, by_events: bool) -> None:
        """The moment, and the scale."""
        self._now, self.by_events = (position, now_us), by_events
        self.refresh()

    def render(self) -> Content:
        width = self.content_size.width
        if width < 1:
            return Content()
        here = column_of(self._moments, *self._now, width, by_events=self.by_events)
        marks = _MARKS if self.app.no_color else {}
        styled = [
            (marks.get(cell.style, cell.letter), f"{cell.style} on $chosen" if number == here else cell.style)
            for number, cell in enumerate(self._cells(width))
        ]
        # Neighbours of one style are one piece: each piece costs a paint of its own.
        runs = itertools.groupby(styled, key=lambda one: one[1])
        bar = Content.assemble(*(("".join(letter for letter, _ in run), style) for style, run in runs))
        labels = scale(self._moments, width, self._texts, by_events=self.by_events)
        return Content("\n").join([bar, under(labels, here)])

    def _cells(self, width: int) -> list[Cell]:
        """Counted anew only when the run has grown or the bar has changed."""
        key = (self._moments.count, width, self.by_events)
        if self._drawn is None or self._drawn[0] != key:
            self._drawn = (key, bar_of(self._moments, width, by_events=self.by_events))
        return self._drawn[1]

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self.capture_mouse()
        self._drag(event)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self.app.mouse_captured is self:
            self._drag(event)

    def on_mouse_up(self) -> None:
        self.release_mouse()

    def _drag(self, event: events.MouseEvent) -> None:
        width = max(self.content_size.width, 1)
        share = min(max((event.x - self.content_region.x + self.region.x) / max(width - 1, 1), 0.0), 1.0)
        if self.by_events:
            self.post_message(self.Dragged(None, round(share * self._moments.count)))
        else:
            elapsed_us = round(share * self._moments.end_us)
            self.post_message(self.Dragged(elapsed_us, self._moments.at_time(elapsed_us)))


def column_of(moments: Moments, position: int, now_us: int, width: int, *, by_events: bool) -> int:
    """The cell of the moment."""
    whole, part = (moments.count, position) if by_events else (moments.end_us, now_us)
    return min(round(part / whole * (width - 1)), width - 1) if whole else 0


def bar_of(moments: Moments, width: int, *, by_events: bool) -> list[Cell]:
    """A failure outweighs a delivery, and both outweigh how much happened."""
    if by_events:
        bounds = [round(moments.count * column / width) for column in range(width + 1)]
    else:
        # A cell stands for the stretch around the moment that is put there.
        bounds = [
            moments.at_time(round(moments.end_us * (column - 0.5) / max(width - 1, 1))) for column in range(width)
        ]
        bounds.append(moments.count)
    spans = list(itertools.pairwise(bounds))
    counts = [moments.between(start, end, "event") for start, end in spans]
    most = max(counts, default=0)
    cells: list[Cell] = []
    for (start, end), count in zip(spans, counts, strict=True):
        if not count:
            cells.append(Cell("─", "$faint"))
            continue
        # By the root, so that a single event beside a crowd is still seen.
        letter = _BARS[round(math.sqrt(count / most) * (len(_BARS) - 1))]
        failed, arrived = moments.between(start, end, "failure"), moments.between(start, end, "delivery")
        cells.append(Cell(letter, "$error" if failed else "$success" if arrived else "$client"))
    return cells


def scale(moments: Moments, width: int, texts: Texts, *, by_events: bool) -> list[tuple[int, str]]:
    """Labels and the columns at which they begin, of which none goes beyond the bar's end."""
    if not moments.count:
        return []
    if by_events:
        columns = range(0, width - _LABEL_CELLS, _LABEL_CELLS)
        times = [(column, moments.time_us(round(moments.count * column / width))) for column in columns]
    else:
        step_us = _step_us(moments.end_us, width)
        count = moments.end_us // step_us + 1 if step_us else 1
        times = [
            (round(number * step_us / max(moments.end_us, 1) * (width - 1)), number * step_us)
            for number in range(count)
        ]
    labels = [(column, texts.duration(time_us / 1e6) if time_us else "0") for column, time_us in times]
    return [(column, text) for column, text in labels if column + cell_len(text) <= width]


def _step_us(end_us: int, width: int) -> int:
    labels = max(width // _LABEL_CELLS, 1)
    step_s = next((step for step in _STEPS_S if step * labels * 1e6 >= end_us), _STEPS_S[-1])
    return max(round(step_s * 1e6), 1)


def under(labels: list[tuple[int, str]], here: int) -> Content:
    """The labels, each where it begins, and the marker between them; a label under the marker gives way."""
    parts: list[Content] = []
    end = 0
    placed = [(column, Content.styled(text, "$quiet"), cell_len(text)) for column, text in labels]
    placed = [one for one in placed if not one[0] - 1 <= here <= one[0] + one[2]]
    placed.append((here, Content.styled("▲", "bold $primary"), 1))
    for column, text, cells in sorted(placed, key=lambda one: one[0]):
        if column >= end:
            parts += [Content(" " * (column - end)), text]
            end = column + cells
    return Content.assemble(*parts)
