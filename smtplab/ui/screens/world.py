"""A world at work: its map, its time and its log, and the keys that move through days of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.message import Message
from textual.worker import Worker, WorkerState

from smtplab.journal import Record
from smtplab.lab.bad_input import BadInput
from smtplab.lab.feed import Feed
from smtplab.lab.worlds import Source, plan_of_world, source_of
from smtplab.ui import knowing, mapping
from smtplab.ui.screens.about_world import AboutWorldScreen
from smtplab.ui.screens.lines import COPYING, SEARCHING
from smtplab.ui.screens.moments import DELIVERIES_AND_HOURS, ENDS, EXPLAINING, PLAYING, TICKS_PER_S, MomentScreen
from smtplab.ui.sheets import sheets
from smtplab.ui.shown_log import ShownLog
from smtplab.ui.widgets.inspector import Inspector
from smtplab.ui.widgets.key_bar import KeyBar
from smtplab.ui.widgets.map import WorldMap
from smtplab.ui.widgets.pane import Pane
from smtplab.ui.widgets.search_bar import SearchBar
from smtplab.ui.widgets.timeline import Timeline
from smtplab.ui.widgets.title_bar import TitleBar
from smtplab.ui.widgets.transcript import LogLines, Transcript
from smtplab.ui.work import Work, tell_problem
from smtplab.ui.world import WorldRun
from smtplab.ui.world_page import about
from smtplab.view.texts import Texts

FOLDED_AT_ONCE: Final = 100
"""Records read for the search in one tick: some milliseconds, so that keys never wait."""

_FRAME_ROWS: Final = 2


class WorldScreen(MomentScreen):
    """Runs the feed, and cancels it when the person leaves."""

    HELP: ClassVar = "ui.help.world"
    CSS_PATH: ClassVar = sheets(
        "screens/world",
        "widgets/map",
        "widgets/pane",
        "widgets/timeline",
        "widgets/transcript",
        "widgets/title_bar",
        "widgets/search_bar",
        "widgets/key_bar",
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "step(1, 'event')", "ui.key.step"),
        Binding("left", "step(-1, 'event')", "ui.key.time", key_display="←→", show=False),
        Binding("right", "step(1, 'event')", "ui.key.time", show=False),
        Binding("full_stop", "step(1, 'command')", "ui.key.command", key_display=", ."),
        Binding("comma", "step(-1, 'command')", "ui.key.command", show=False),
        *DELIVERIES_AND_HOURS,
        *PLAYING,
        *ENDS,
        Binding("z", "scale", "ui.key.scale"),
        Binding("s", "save", "ui.key.save", show=False),
        Binding("w", "about", "ui.key.about-world", show=False),
        Binding("r", "again", "ui.key.world-again"),
        *EXPLAINING,
        *SEARCHING,
        *COPYING,
    ]

    @dataclass
    class HostOpened(Message):
        run: WorldRun
        host: str
        source: Source

    @dataclass
    class RunWanted(Message):
        """The person wants the world's file run as it is now, beside the run that is shown."""

        run: WorldRun
        source: Source

    @dataclass
    class TakenIn(Message):
        """Every record of the feed, which has ended, is known."""

    def __init__(self, texts: Texts, feed: Feed, source: Source, captures: Path, elapsed_us: int | None = None) -> None:
        """The feed plays the source; `s` saves in `captures`. Where a moment is named it waits for that and stands
        there, else it plays."""
        run = WorldRun(feed.records, plan_of_world(source.world), texts)
        super().__init__(texts, run, source, ShownLog(run.log, lambda: run.at), captures)
        self._feed = feed
        self._awaited_us = elapsed_us
        if elapsed_us is not None:
            run.pause()
        self._work = Work(self)

    def compose(self) -> ComposeResult:
        yield TitleBar()
        yield Timeline(self._run.moments, self._texts)
        with Container(id="world"):
            with Vertical(id="left"):
                yield WorldMap(self._run.plan, self._texts)
                yield Pane(id="knows")
                yield Inspector(id="inspector")
            log = LogLines(self._run.log.draw)
            log.with_marks = True
            yield log
        yield SearchBar(self._texts)
        yield KeyBar(self._texts)

    def on_mount(self) -> None:
        self._work.begin(self._feed.run())
        self.set_interval(1 / TICKS_PER_S, self._tick)
        self.query_one(WorldMap).focus()
        self._say_titles()
        self._show()

    async def on_unmount(self) -> None:
        await self._work.end()

    def on_resize(self) -> None:
        self._share_room()
        self._show_host()
        self._show_moment()

    def _share_room(self) -> None:
        """The inspector stands in the place of what a host knew, and where there is no room for that, of the map."""
        width, height = self.size
        wide, tall = width >= 150, height >= 40
        self.set_class(width < 120, "-narrow")
        self.set_class(wide, "-beside")
        self.set_class(self._explains, "-explains")
        self.query_one("#knows").display = wide and tall and not self._explains
        self.query_one(Inspector).display = self._explains
        map_ = self.query_one(WorldMap)
        map_.display = not self._explains or (wide and tall)
        rows = mapping.height(self._run.plan, as_list=width < mapping.MAP_CELLS_MIN + 4) + _FRAME_ROWS
        map_.styles.height = "1fr" if wide and not tall else min(rows, height * 11 // 24)

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self._run.log.speak(texts)
        self.query_one(Transcript).redraw()
        self._finder.speak()
        for widget in (
            self.query_one(WorldMap),
            self.query_one(Timeline),
            self.query_one(SearchBar),
            self.query_one(KeyBar),
        ):
            widget.speak(texts)
        self._say_titles()
        self._show()

    @on(Worker.StateChanged)
    def _feed_ended(self, changed: Worker.StateChanged) -> None:
        if changed.state is WorkerState.SUCCESS and self._feed.ended is not None:
            self._run.failed = self._feed.ended.problem is not None
            tell_problem(self, self._feed.ended, self._texts)
            self._show_title()

    # Time

    def _tick(self) -> None:
        """Of the whole run, whatever screen lies on top; that one then shows it."""
        run = self._run
        fresh = run.read_on()
        self._come_to_moment()
        run.tick(time.monotonic())
        if not fresh:
            run.log.fold_on(FOLDED_AT_ONCE)
        if self._feed.ended is not None and not fresh and not run.whole:
            run.whole = True
            self.post_message(self.TakenIn())
        if self.app.screen is self or self.app.screen.is_modal:
            self._keep_up()
        self._look_on()

    def _come_to_moment(self) -> None:
        """As soon as it is known, unless the person has gone somewhere else."""
        run = self._run
        if self._awaited_us is None:
            return
        if run.at or run.player.playing:
            self._awaited_us = None
        elif run.moments.end_us > self._awaited_us or self._feed.ended is not None:
            run.go_to_time(self._awaited_us)
            self._awaited_us = None

    # Hosts

    @on(WorldMap.Chosen)
    def _show_host(self) -> None:
        """What the host chosen knew, where there is room for it."""
        pane = self.query_one("#knows", Pane)
        if pane.display:
            host, now_us = self.query_one(WorldMap).chosen, self._run.now_us
            pane.say(
                self._knew(host), knowing.picture(self._run.nodes.knowledge(host, self._run.at), now_us, self._texts)
            )

    @on(WorldMap.Opened)
    def _open(self, opened: WorldMap.Opened) -> None:
        self.post_message(self.HostOpened(self._run, opened.host, self._source))

    @on(WorldMap.FaultWanted)
    def _break(self, wanted: WorldMap.FaultWanted) -> None:
        self._want_fault(wanted.host)

    # The world's file

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """A world that comes with smtplab is always the same."""
        return action != "again" or self._source.is_file

    def action_about(self) -> None:
        """What it teaches, how it went, and all that is in it."""
        run = self._run
        self._stand_still()
        self.app.push_screen(
            AboutWorldScreen(lambda texts: about(self._source.world, run.known, texts, whole=run.whole), self._texts)
        )

    def action_again(self) -> None:
        """Side by side with what is shown."""
        self._stand_still()
        try:
            source_of(self._source.name)
        except BadInput as bad:
            self.notify(self._texts(bad.text, **bad.arguments), severity="error", timeout=10, markup=False)
        else:
            self.post_message(self.RunWanted(self._run, self._source))

    # The log

    def action_to_line(self) -> None:
        """The host that told it is the one at hand on the map."""
        record = self._line_at_hand()
        super().action_to_line()
        if record is not None:
            self.query_one(WorldMap).choose(record.node)

    def _more_to_come(self) -> bool:
        return not self._run.whole

    def _kept(self) -> tuple[Sequence[Record], str]:
        return self._run.known, self._subject()

    # What is seen

    def _show_all(self) -> None:
        run = self._run
        self._show_timeline()
        self.query_one(WorldMap).show(run.network(), "" if run.record is None else run.record.node)
        self._say_clock()
        self._shown.follow()
        self.query_one(Transcript).show(run.count, self._shown.selected)
        self._show_host()
        self._show_moment()

    def _subject(self) -> str:
        return self._source.title

    def _say_clock(self) -> None:
        hosts, clock = self._texts("ui.pane.map"), self._run.clock
        self.query_one(WorldMap).border_title = f"{hosts} · {clock}" if clock else hosts

    def _say_titles(self) -> None:
        self.query_one(Transcript).border_title = self._texts("ui.pane.log")
