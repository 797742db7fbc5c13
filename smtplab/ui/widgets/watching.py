"""A recording to step through, and below it what the line at hand means."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.widget import Widget

from smtplab.journal import Record
from smtplab.lesson.lesson import Action, Shown
from smtplab.lesson.patterns import fits_any
from smtplab.lesson.shown import shown_lines
from smtplab.ui.widgets.inspector import Inspector
from smtplab.ui.widgets.recording import Recording
from smtplab.ui.widgets.stage import Stage
from smtplab.view.journey import History
from smtplab.view.texts import Texts


class Watching(Stage):
    def __init__(self, shown: Shown, texts: Texts) -> None:
        super().__init__()
        self._shown = shown
        self._texts = texts
        self._records: Sequence[Record] = ()
        self._history = History(())
        self._place: dict[int, int] = {}

    def compose(self) -> ComposeResult:
        yield Recording()
        yield Inspector(id="meaning")

    def on_mount(self) -> None:
        self.query_one(Recording).border_title = self._texts("ui.lesson.running")

    @property
    def records(self) -> Sequence[Record]:
        """All of the run, seen or not."""
        return self._records

    def take(self, records: Sequence[Record]) -> None:
        self._records = records
        self._history = History(records)
        self._place = {record.seq: place for place, record in enumerate(records)}
        self.query_one(Recording).show(list(shown_lines(records, self._shown, self._texts)))
        self._say_titles()

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        recording = self.query_one(Recording)
        recording.speak(list(shown_lines(self._records, self._shown, texts)))
        self._say_titles()

    def record(self, seq: int) -> Record:
        return self._records[self._place[seq]]

    @property
    def entrance(self) -> Widget:
        return self.query_one(Recording)

    def demonstrate(self, action: Action) -> bool:
        """First it comes to the line, then it points at it."""
        recording = self.query_one(Recording)
        if action.find is None:
            return False
        shown = (one.line.seq for one in recording.lines if one.line.tone != "heading")
        found = next((seq for seq in shown if fits_any(self.record(seq), (action.find,))), None)
        here = recording.lines[recording.selected].line.seq if recording.selected >= 0 else None
        if found is None:
            return False
        if here == found:
            self.post_message(self.Pointed(self.record(found), model=True))
            return False
        recording.select_record(found)
        return True

    @on(Recording.Selected)
    def _inspect(self, selected: Recording.Selected) -> None:
        place = self._place[selected.seq]
        self.query_one(Inspector).show(self._records[place], self._history.at(place + 1), self._texts)

    def _say_titles(self) -> None:
        recording = self.query_one(Recording)
        recording.border_title = self._texts("ui.lesson.recording")
        marked = sum(one.marked for one in recording.lines)
        recording.border_subtitle = self._texts("ui.lesson.marked", count=marked) if marked else ""


def without_marks(shown: Shown) -> Shown:
    """For who has to find the line."""
    return msgspec.structs.replace(shown, mark=())
