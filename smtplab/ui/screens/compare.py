"""Two runs of a world side by side, the one before a change and the one after, from the first difference on."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static
from textual.worker import Worker, WorkerError, WorkerState

from smtplab.journal import Record
from smtplab.lab.feed import Ended, Feed
from smtplab.ui.halves import half
from smtplab.ui.log import short
from smtplab.ui.sheets import sheets
from smtplab.ui.widgets.key_bar import KeyBar
from smtplab.ui.widgets.two_columns import Both, TwoColumns
from smtplab.view.difference import Pair, first_difference, pairs
from smtplab.view.moments import line_count
from smtplab.view.safe import safe
from smtplab.view.texts import Texts

_WIDE_CELLS: Final = 120
_NODE_CELLS: Final = 16
_NODE_CELLS_NARROW: Final = 10


class CompareScreen(Screen[None]):
    """Runs the changed world, then lays its events beside the old ones."""

    HELP: ClassVar = "ui.help.compare"
    CSS_PATH: ClassVar = sheets("screens/compare", "widgets/two_columns", "widgets/key_bar")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "difference(1)", "ui.key.difference", key_display="f F"),
        Binding("F", "difference(-1)", "ui.key.difference", show=False),
        Binding("o", "open", "ui.key.open-world"),
    ]

    @dataclass
    class WorldOpened(Message):
        """The person wants the changed world as a world of its own; its file's path."""

        world: str

    def __init__(self, texts: Texts, old: list[Record], feed: Feed, world: str) -> None:
        """The feed plays the changed world, whose file is `world`."""
        super().__init__()
        self._texts = texts
        self._feed = feed
        self._world = world
        self._old = told(old)
        self._new: list[Record] = []
        self._pairs: list[Pair] = []
        self._worker: Worker[Ended] | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="about")
        yield TwoColumns(self._draw)
        yield KeyBar(self._texts)

    def on_mount(self) -> None:
        self._worker = self.run_worker(self._feed.run(), exit_on_error=True)
        self.query_one(TwoColumns).focus()
        self._say_about()

    async def on_unmount(self) -> None:
        """The feed ends its process before the screen is gone."""
        if self._worker is not None and not self._worker.is_finished:
            self._worker.cancel()
            with contextlib.suppress(WorkerError):
                await self._worker.wait()

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self.query_one(KeyBar).speak(texts)
        self._say_about()
        columns = self.query_one(TwoColumns)
        columns.heads = self._heads()
        columns.refresh()

    @on(Worker.StateChanged)
    def _feed_ended(self, changed: Worker.StateChanged) -> None:
        if changed.state is not WorkerState.SUCCESS or self._feed.ended is None:
            return
        ended = self._feed.ended
        if ended.problem is not None:
            self.notify(self._texts(ended.problem, **ended.arguments), severity="error", timeout=10, markup=False)
        self._new = told(self._feed.records)
        self._pairs = pairs(self._old, self._new)
        self.query_one(TwoColumns).show(len(self._pairs), self._heads(), first_difference(self._pairs) or 0)
        self._say_about()

    def action_difference(self, by: int) -> None:
        """To the next stretch in which the runs differ, or the one before; round at the ends."""
        columns, count = self.query_one(TwoColumns), len(self._pairs)
        for step in range(1, count + 1):
            row = (columns.selected + by * step) % count
            if not self._pairs[row].same and self._pairs[row - 1].same:
                columns.select(row, jump=True)
                return

    def action_open(self) -> None:
        self.post_message(self.WorldOpened(self._world))

    def _heads(self) -> tuple[str, str]:
        return self._texts("ui.compare.before"), self._texts("ui.compare.after")

    def _say_about(self) -> None:
        first = first_difference(self._pairs)
        if not self._new:
            said = self._texts("ui.walk.waiting")
        elif first is None:
            said = self._texts("ui.compare.same")
        else:
            said = self._texts("ui.compare.differ", count=sum(not pair.same for pair in self._pairs))
        self.query_one("#about", Static).update(f" {said}  {safe(self._world)}")

    def _draw(self, row: int) -> Both:
        pair = self._pairs[row]
        left = None if pair.old is None else self._old[pair.old]
        right = None if pair.new is None else self._new[pair.new]
        cells = _NODE_CELLS if self.size.width >= _WIDE_CELLS else _NODE_CELLS_NARROW
        halves = [
            None if one is None else half(one, self._texts, node=f"{short(one.node)[: cells - 1]:<{cells}}")
            for one in (left, right)
        ]
        return Both(halves[0], halves[1], differs=not pair.same)


def told(records: Sequence[Record]) -> list[Record]:
    """Those that a transcript shows; a server's view of its dialogue its client tells already."""
    return [record for record in records if line_count(record)]
