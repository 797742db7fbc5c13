"""The walk: it lets recorded time pass, keeps every pane at the moment of the selected line, and takes the keys."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Literal

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.worker import Worker, WorkerState

from smtplab.journal import Record
from smtplab.lab.feed import Feed
from smtplab.ui.screens.lines import COPYING, SEARCHING, LinesScreen
from smtplab.ui.sheets import sheets
from smtplab.ui.standing import standing
from smtplab.ui.walk import Walk
from smtplab.ui.widgets.gate_prompt import GatePrompt
from smtplab.ui.widgets.inspector import Inspector
from smtplab.ui.widgets.key_bar import KeyBar
from smtplab.ui.widgets.pane import Pane
from smtplab.ui.widgets.rail import Rail
from smtplab.ui.widgets.route import RoutePane
from smtplab.ui.widgets.search_bar import SearchBar
from smtplab.ui.widgets.state import StatePane
from smtplab.ui.widgets.title_bar import TitleBar
from smtplab.ui.widgets.transcript import Transcript
from smtplab.ui.work import Work, tell_problem
from smtplab.view.texts import Texts

TICKS_PER_S: Final = 30
"""Smooth to the eye; more would only cost."""

Roominess = Literal["narrow", "wide", "all"]

_STANDING_OPEN: Final[dict[Roominess, tuple[str, ...]]] = {
    "narrow": (),
    "wide": ("inspector",),
    "all": ("inspector", "route", "state"),
}
"""Panes that stand open at each size; the others are drawers."""


class WalkScreen(LinesScreen):
    """Runs the feed, and cancels it when the person leaves."""

    HELP: ClassVar = "ui.help.walk"
    CSS_PATH: ClassVar = sheets(
        "screens/walk",
        "widgets/pane",
        "widgets/rail",
        "widgets/transcript",
        "widgets/title_bar",
        "widgets/search_bar",
        "widgets/gate_prompt",
        "widgets/key_bar",
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "go('step')", "ui.key.step"),
        Binding("p", "play", "ui.key.play"),
        Binding("left", "go('back')", "ui.key.time", key_display="←→"),
        Binding("right", "go('step')", "ui.key.time", show=False),
        Binding("home", "go('start')", "ui.key.start", show=False),
        Binding("end", "go('end')", "ui.key.end", show=False),
        Binding("plus", "speed(1)", "ui.key.speed", key_display="+−"),
        Binding("equals_sign", "speed(1)", "ui.key.speed", key_display="+−", show=False),
        Binding("minus", "speed(-1)", "ui.key.speed", key_display="+−", show=False),
        Binding("e", "hold", "ui.key.hold"),
        Binding("i", "pane('inspector')", "ui.key.inspector"),
        Binding("r", "pane('route')", "ui.key.route"),
        Binding("g", "pane('state')", "ui.key.state"),
        Binding("s", "save", "ui.key.save"),
        *SEARCHING,
        Binding("f", "failure", "ui.key.failure", show=False),
        *COPYING,
    ]

    @dataclass
    class TakenIn(Message):
        """Every record of the feed, which has ended, is known."""

    def __init__(self, texts: Texts, feed: Feed, captures: Path) -> None:
        self._walk = Walk(feed.records, texts, live=feed.kind == "live")
        super().__init__(texts, self._walk, captures)
        self._feed = feed
        self._roominess: Roominess | None = None
        self._all_taken = False
        self._at_end: int | None = None
        """Where the end was when the person last asked for it."""
        self._work = Work(self)

    def compose(self) -> ComposeResult:
        yield TitleBar()
        with Horizontal(id="body"):
            yield Rail(self._texts)
            with Vertical():
                with Horizontal(id="upper"):
                    yield Transcript(self._walk.draw)
                    yield Inspector(id="inspector")
                with Horizontal(id="lower"):
                    yield RoutePane(id="route")
                    yield StatePane(id="state")
        yield SearchBar(self._texts)
        yield GatePrompt(self._texts)
        yield KeyBar(self._texts)

    def on_mount(self) -> None:
        self._work.begin(self._feed.run())
        self.set_interval(1 / TICKS_PER_S, self._tick)
        self.query_one(Transcript).focus()
        self._show()

    async def on_unmount(self) -> None:
        await self._work.end()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Only a live walk that still runs has a gate."""
        return action != "hold" or (self._feed.gate is not None and self._feed.ended is None)

    def on_resize(self, event: events.Resize) -> None:
        self._make_room(roominess(event.size.width, event.size.height))

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self._walk.reading.speak(texts)
        for widget in (
            self.query_one(Rail),
            self.query_one(SearchBar),
            self.query_one(GatePrompt),
            self.query_one(KeyBar),
        ):
            widget.speak(texts)
        self.query_one(Transcript).redraw()
        self._finder.speak()
        self._show_moment()
        self._show_title()

    @on(Worker.StateChanged)
    def _feed_ended(self, changed: Worker.StateChanged) -> None:
        if changed.state is WorkerState.SUCCESS and self._feed.ended is not None:
            ended = self._feed.ended
            self.refresh_bindings()
            tell_problem(self, ended, self._texts)

    # Recorded time

    def _tick(self) -> None:
        walk = self._walk
        # What is recorded waits for nothing: it is laid out whole before it begins to play.
        walk.opening = self._feed.kind == "capture" and (
            self._feed.ended is None or len(walk.known) < len(self._feed.records)
        )
        fresh = walk.read_on()
        if walk.player.at == self._at_end and not walk.player.at_end:
            self.action_go("end")
        follows = walk.selected >= walk.count - 1
        moved = (not walk.opening or not walk.count) and walk.player.tick(time.monotonic())
        if moved:
            self._show(follow=follows)
        elif fresh:
            self._show_title()
        if self._feed.ended is not None and not fresh and not self._all_taken:
            self._all_taken = True
            self._walk.reading.forget_rough()
            self.query_one(Transcript).redraw()
            self.post_message(self.TakenIn())
        self._look_on()
        self._watch_gate()

    def action_go(self, where: Literal["step", "back", "start", "end"]) -> None:
        """Who wants the end while records still come is taken on with it, until they go elsewhere."""
        player = self._walk.player
        {"step": player.step, "back": player.back, "start": player.to_start, "end": player.to_end}[where]()
        self._at_end = player.at if where == "end" else None
        self._show()

    def action_play(self) -> None:
        player = self._walk.player
        if player.at_end and not player.playing and self._feed.ended is not None:
            player.to_start()
        player.toggle()
        self._show()

    def action_speed(self, by: int) -> None:
        self._walk.player.change_speed(by)
        self._show_title()

    # The selected line

    def action_failure(self) -> None:
        row = self._walk.next_failure()
        if row is None:
            self.notify(self._texts("ui.note.no-failure"))
            return
        self._walk.reveal(row)
        self._show(follow=False)

    def _more_to_come(self) -> bool:
        return not self._all_taken

    def _kept(self) -> tuple[Sequence[Record], str]:
        return self._feed.records, self._feed.subject

    # The gate

    def action_hold(self) -> None:
        if (gate := self._feed.gate) is not None:
            gate.hold_next()
            self._walk.player.to_end()
            self._show()

    @on(GatePrompt.Decided)
    async def _decide(self, decided: GatePrompt.Decided) -> None:
        gate = self._feed.gate
        if gate is not None and gate.held is not None:
            if decided.line is None:
                gate.skip()
            elif decided.line == decided.held:
                gate.send()
            else:
                gate.replace(decided.line)
            # The engine takes the line before the next tick looks whether one is held.
            await asyncio.sleep(0)
        self.query_one(Transcript).focus()
        self._show_title()

    def _watch_gate(self) -> None:
        gate, prompt = self._feed.gate, self.query_one(GatePrompt)
        held = None if gate is None else gate.held
        if held is not None and prompt.held is None:
            prompt.hold(held)
            self._show_title()
        elif held is None and prompt.held is not None:
            prompt.release()
            self.query_one(Transcript).focus()
            self._show_title()

    # What is seen

    def action_pane(self, name: str) -> None:
        """Open or shut a pane; where there is room for one alone, the others are shut."""
        chosen = self.query_one(f"#{name}", Pane)
        opens = not chosen.has_class("-open")
        for pane in self.query(Pane):
            if pane is chosen or (opens and self._roominess == "narrow"):
                pane.set_class(opens and pane is chosen, "-open")
        self._show_lower()
        self._show_moment()

    def _make_room(self, roominess: Roominess) -> None:
        if roominess == self._roominess:
            return
        self._roominess = roominess
        self.set_class(roominess == "narrow", "-narrow")
        self.set_class(roominess == "all", "-all")
        for pane in self.query(Pane):
            pane.set_class(pane.id in _STANDING_OPEN[roominess], "-open")
        self.query_one(Rail).lie(down=roominess != "all")
        self._show_lower()
        self._show_moment()

    def _show_lower(self) -> None:
        self.query_one("#lower").display = any(pane.has_class("-open") for pane in self.query("#lower Pane"))

    def _show(self, *, follow: bool = True) -> None:
        """Everything, after the person or time moved on."""
        if follow or self._walk.selected >= self._walk.count:
            self._walk.follow()
        self.query_one(Transcript).show(self._walk.count, self._walk.selected)
        self._show_moment()
        self._show_title()

    def _show_moment(self) -> None:
        """The panes that read the moment of the selected line; a pane that is shut is left alone."""
        journey, record = self._walk.journey(), self._walk.record
        self.query_one(Rail).show(journey, record)
        if (inspector := self.query_one(Inspector)).has_class("-open"):
            inspector.show(record, journey, self._texts)
        if (route := self.query_one(RoutePane)).has_class("-open"):
            route.show(journey, self._texts)
        if (state := self.query_one(StatePane)).has_class("-open"):
            state.show(journey.session, self._texts)

    def _show_title(self) -> None:
        self.query_one(TitleBar).show(standing(self._walk, self._feed, self._texts))


def roominess(width: int, height: int) -> Roominess:
    """What fits: at 80 by 24 the transcript alone, at 120 the inspector beside it, at 150 by 40 everything."""
    if width < 120:
        return "narrow"
    return "all" if width >= 150 and height >= 40 else "wide"
