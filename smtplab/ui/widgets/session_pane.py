"""A whole session beside its message: its stages, its transcript, each line explained, as the walk screen has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container

from smtplab.journal import Record
from smtplab.ui.rungs import Line
from smtplab.ui.walk import Walk
from smtplab.ui.widgets.inspector import Inspector
from smtplab.ui.widgets.rail import Rail
from smtplab.ui.widgets.transcript import Transcript
from smtplab.view.texts import Texts

_BESIDE_CELLS: Final = 96
"""From here on the explanation stands beside the transcript, else below it."""


class SessionPane(Container):
    """Shows records that are all there already; it is read on in `tick`, so that a long one never holds a key up."""

    HELP: ClassVar = "ui.help.session-pane"

    def __init__(self, texts: Texts, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self._texts = texts
        self.walk = Walk((), texts, live=False)
        self._awaited = 0
        """The record to stand at as soon as it was read; 0 where the person stands already."""

    def compose(self) -> ComposeResult:
        yield Rail(self._texts)
        with Container(id="dialogue"):
            yield Transcript(self._draw)
            yield Inspector(id="inspector")

    def on_mount(self) -> None:
        self.query_one(Rail).lie(down=True)

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= _BESIDE_CELLS, "-beside")

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self.walk.reading.speak(texts)
        self.query_one(Rail).speak(texts)
        self.query_one(Transcript).redraw()
        self.show_moment()

    def show(self, records: Sequence[Record], at: int = 0) -> None:
        """The person stands at one of them."""
        self._awaited = at
        self.walk = Walk(records, self._texts, live=False)
        transcript = self.query_one(Transcript)
        transcript.show(0, -1)
        transcript.redraw()
        self.walk.read_on()
        self.walk.player.to_end()
        self.walk.selected = 0 if self.walk.count else -1
        transcript.show(self.walk.count, self.walk.selected)
        self.show_moment()
        self._go_to_awaited()

    def tick(self) -> None:
        """Take in what was not read yet."""
        if self.walk.read_on():
            self.walk.player.to_end()
            self.query_one(Transcript).show(self.walk.count, self.walk.selected)
            self._go_to_awaited()

    def _go_to_awaited(self) -> None:
        if 0 < self._awaited < len(self.walk.known):
            self.select(self.walk.rows.rows_of(self._awaited).start)

    def select(self, row: int) -> None:
        """A row, and the moment it tells of."""
        self._awaited = 0
        self.walk.selected = row
        self.query_one(Transcript).select(row)
        self.show_moment()

    def show_moment(self) -> None:
        journey, record = self.walk.journey(), self.walk.record
        self.query_one(Rail).show(journey, record)
        self.query_one(Inspector).show(record, journey, self._texts)

    def _draw(self, row: int) -> tuple[str, Line]:
        return self.walk.draw(row)

    @on(Transcript.Selected)
    def _choose(self, chosen: Transcript.Selected) -> None:
        chosen.stop()
        self._awaited = 0
        self.walk.selected = chosen.row
        self.show_moment()
