"""What the screens of a world have in common: one run, the moment at which it stands, and the keys that move it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from textual import on
from textual.binding import Binding
from textual.message import Message

from smtplab.journal import Record
from smtplab.lab.worlds import Source
from smtplab.ui.reading import elapsed
from smtplab.ui.screens.lines import LinesScreen
from smtplab.ui.shown_log import ShownLog
from smtplab.ui.standing import standing_of_world
from smtplab.ui.widgets.inspector import Inspector
from smtplab.ui.widgets.timeline import Timeline
from smtplab.ui.widgets.title_bar import TitleBar
from smtplab.ui.widgets.transcript import Transcript
from smtplab.ui.world import Where, WorldRun
from smtplab.view.journey import Journey
from smtplab.view.moments import Kind
from smtplab.view.texts import Texts

TICKS_PER_S: Final = 30
"""Smooth to the eye; more would only cost."""

DELIVERIES_AND_HOURS: Final = (
    Binding("greater_than_sign", "step(1, 'delivery')", "ui.key.delivery", key_display="< >"),
    Binding("less_than_sign", "step(-1, 'delivery')", "ui.key.delivery", show=False),
    Binding("h", "hours(1)", "ui.key.hour", key_display="h H"),
    Binding("H", "hours(-1)", "ui.key.hour", show=False),
    Binding("f", "failure", "ui.key.failure"),
)
PLAYING: Final = (
    Binding("p", "play", "ui.key.play"),
    Binding("plus", "speed(1)", "ui.key.speed", key_display="+−", show=False),
    Binding("equals_sign", "speed(1)", "ui.key.speed", key_display="+−", show=False),
    Binding("minus", "speed(-1)", "ui.key.speed", key_display="+−", show=False),
)
EXPLAINING: Final = (
    Binding("i", "explain", "ui.key.inspector", show=False),
    Binding("tab", "app.focus_next", "ui.key.next-pane", show=False, key_display="⇥"),
)
ENDS: Final = (
    Binding("home", "jump('start')", "ui.key.start", show=False),
    Binding("end", "jump('end')", "ui.key.end", show=False),
)


class MomentScreen(LinesScreen):
    """A run that several screens move; `_show` is called after each move, here or on the screen that lay on top.

    One `Inspector` explains lines of the log.
    """

    @dataclass
    class FaultWanted(Message):
        """The person wants something to go wrong at a host."""

        run: WorldRun
        host: str
        source: Source

    def __init__(self, texts: Texts, run: WorldRun, source: Source, shown: ShownLog, captures: Path) -> None:
        """The run is of the source; `s` saves in `captures`."""
        super().__init__(texts, shown, captures)
        self._run = run
        self._source = source
        self._shown = shown
        self._explains = False
        self._moment: Hashable = None
        self._standing: Hashable = None

    def on_screen_resume(self) -> None:
        """The screen that lay on top may have moved time."""
        self._keep_up()

    def _keep_up(self) -> None:
        """Show what has become of the run since it was shown last; called again and again."""
        if self._moment != self._moment_now():
            self._show()
        elif self._standing != self._standing_now():
            self._show_timeline()
            self._show_title()

    def _moment_now(self) -> Hashable:
        return (self._run.at, self._run.now_us)

    def _standing_now(self) -> Hashable:
        run = self._run
        return (len(run.known), run.whole, run.by_events, run.player.playing, run.player.speed)

    def _knew(self, host: str) -> str:
        """The title of what a host knew, with the moment by both clocks."""
        said = self._texts("ui.host.knew", host=host, time=elapsed(self._run.now_us / 1e6))
        return f"{said} · {self._run.clock}" if self._run.clock else said

    def action_explain(self) -> None:
        """What the line at hand means, or no more of that."""
        self._explains = not self._explains
        self._share_room()
        self.query_one(Transcript).focus()
        self._show_moment()

    def _share_room(self) -> None:
        """Among the panes, the inspector one of them where the screen `_explains`."""
        raise NotImplementedError

    def _show_moment(self) -> None:
        inspector, record = self.query_one(Inspector), self._shown.record
        if inspector.display:
            journey = Journey() if record is None else self._run.nodes.dialogue(record)
            inspector.show(record, journey, self._texts)

    def _show(self) -> None:
        """Everything, as it stood at the moment."""
        self._moment = self._moment_now()
        self._show_all()
        self._show_title()

    def _show_all(self) -> None:
        """What this screen shows of the moment, but for its title."""
        raise NotImplementedError

    def _show_timeline(self) -> None:
        run = self._run
        self.query_one(Timeline).show(run.at, run.now_us, by_events=run.by_events)

    def _show_title(self) -> None:
        """What the title line says."""
        self._standing = self._standing_now()
        self.query_one(TitleBar).show(standing_of_world(self._run, self._texts, subject=self._subject()))

    def _subject(self) -> str:
        """What the title line is about."""
        raise NotImplementedError

    def action_step(self, by: int, kind: Kind) -> None:
        if not self._run.step(by, kind) and by > 0:
            self._run.go_to(len(self._run.known))
        self._show()

    def action_hours(self, by: int) -> None:
        self._run.pass_hours(by)
        self._show()

    def action_play(self) -> None:
        self._run.play()
        self._show()

    def action_speed(self, by: int) -> None:
        self._run.player.change_speed(by)
        self._show_title()

    def action_scale(self) -> None:
        self._run.by_events = not self._run.by_events
        self._show_timeline()

    def action_jump(self, where: Where) -> None:
        self._run.jump(where)
        self._show()

    def action_failure(self) -> None:
        if not self._run.next_failure():
            self.notify(self._texts("ui.note.no-failure"))
        self._show()

    def action_to_line(self) -> None:
        """To the moment at which the line at hand was told."""
        if (record := self._line_at_hand()) is not None:
            self._run.go_to(record.seq)
            self._show()

    def _line_at_hand(self) -> Record | None:
        return self._shown.record

    def _want_fault(self, host: str) -> None:
        """Time stands still meanwhile: a fault may begin at this moment."""
        self._stand_still()
        if self._source.is_as_read():
            self.post_message(self.FaultWanted(self._run, host, self._source))
        else:
            # Beside a run of another world it would not be the fault that is seen.
            self.notify(self._texts("ui.world.rewritten"), severity="warning")

    def action_search(self) -> None:
        self._stand_still()
        super().action_search()

    def action_match(self, by: int) -> None:
        self._stand_still()
        super().action_match(by)

    @on(Transcript.Selected)
    def _stand_still(self) -> None:
        """What goes on would take the line that the person wants to look at away again."""
        self._run.pause()
        self._show_title()

    @on(Timeline.Dragged)
    def _drag(self, dragged: Timeline.Dragged) -> None:
        if dragged.elapsed_us is None:
            self._run.go_to(dragged.position)
        else:
            self._run.go_to_time(dragged.elapsed_us)
        self._show()
