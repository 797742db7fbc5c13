"""A run of the lesson's world as it goes: its map, where there is room, and its news line by line."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical

from smtplab.journal import Record
from smtplab.lesson.lesson import Shown
from smtplab.lesson.shown import NEWS, ShownLine, shown_lines
from smtplab.ui import mapping
from smtplab.ui.widgets.recording import Recording
from smtplab.ui.widgets.stage import Stage
from smtplab.ui.widgets.still_map import StillMap
from smtplab.ui.world import WorldRun
from smtplab.view.network import Plan
from smtplab.view.texts import Texts

_LONG_RUN: Final = 400
"""Records from which on a run is played faster, so that none takes longer than some seconds."""
_SPEEDS: Final = (4.0, 64.0)
_FRAME_ROWS: Final = 2
_LOG_ROWS_MIN: Final = 8
"""Below the map; with fewer the map gives way."""


class RunView(Vertical):
    def __init__(self, plan: Plan, texts: Texts, nothing: str) -> None:
        """`nothing` is the id of what is said before the first run."""
        super().__init__()
        self._nothing = nothing
        self._plan = plan
        self._texts = texts
        self._run = WorldRun((), plan, texts)
        self._lines: list[ShownLine] = []
        self._seqs: list[int] = []
        self._seen = 0
        self._ended = True

    def compose(self) -> ComposeResult:
        yield StillMap(self._plan, self._texts)
        yield Recording(id="log")

    def on_mount(self) -> None:
        self._say_titles()
        self._show()

    def on_resize(self, event: events.Resize) -> None:
        """The map has the rows that it needs, or none."""
        rows = mapping.height(self._plan, as_list=event.size.width < mapping.MAP_CELLS_MIN + 4) + _FRAME_ROWS
        world_map = self.query_one(StillMap)
        world_map.display = rows + _LOG_ROWS_MIN <= event.size.height
        world_map.styles.height = rows

    @property
    def records(self) -> Sequence[Record]:
        return self._run.known

    def play(self, records: Sequence[Record]) -> None:
        """From its start; what is seen is posted as it comes into view."""
        self._run = WorldRun(records, self._plan, self._texts)
        while self._run.read_on():
            pass
        self._run.player.speed = _SPEEDS[len(records) > _LONG_RUN]
        self._read_lines()
        self._seen, self._ended = 0, False

    def add(self, records: Sequence[Record]) -> None:
        """To what stands: it has happened just now."""
        known = [*self._run.known, *records]
        self._run = WorldRun(known, self._plan, self._texts)
        while self._run.read_on():
            pass
        self._run.jump("end")
        self._read_lines()
        self._seen, self._ended = len(known), True
        self._show()

    def hurry(self) -> None:
        """To the end at once."""
        self._run.jump("end")
        self._came_into_view()

    def tick(self, now_s: float) -> None:
        if not self._ended and self._run.tick(now_s):
            self._came_into_view()

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self._run.log.speak(texts)
        self._read_lines()
        self.query_one(StillMap).speak(texts)
        self.query_one("#log", Recording).speak(self._lines[: self._shown_now()])
        self._say_titles()

    def _came_into_view(self) -> None:
        fresh, self._seen = self._run.known[self._seen : self._run.at], self._run.at
        self._show()
        self.post_message(Stage.CameIntoView(fresh))
        if self._run.player.at_end and not self._ended:
            self._ended = True
            self.post_message(Stage.AtEnd())

    def _read_lines(self) -> None:
        self._lines = list(shown_lines(self._run.known, Shown(pick=NEWS), self._texts))
        self._seqs = [one.line.seq for one in self._lines]

    def _shown_now(self) -> int:
        record = self._run.record
        return 0 if record is None else bisect_right(self._seqs, record.seq)

    def _show(self) -> None:
        record = self._run.record
        self.query_one(StillMap).show(self._run.network(), "" if record is None else record.node)
        self.query_one("#log", Recording).show(self._lines[: self._shown_now()], at_end=True)

    def _say_titles(self) -> None:
        self.query_one(StillMap).border_title = self._texts("ui.lesson.world")
        log = self.query_one("#log", Recording)
        log.border_title = self._texts("ui.lesson.log")
        log.nothing = self._texts(self._nothing)
