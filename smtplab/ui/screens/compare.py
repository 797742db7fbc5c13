"""Two runs side by side, an old one and a new one, from the first difference on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static
from textual.worker import Worker, WorkerState

from smtplab.journal import Record
from smtplab.lab.feed import Feed
from smtplab.ui import taking
from smtplab.ui.comparing import Comparison
from smtplab.ui.finding import Finder
from smtplab.ui.sheets import sheets
from smtplab.ui.side_by_side import SideBySide
from smtplab.ui.widgets.key_bar import KeyBar
from smtplab.ui.widgets.search_bar import SearchBar
from smtplab.ui.widgets.two_columns import Both, TwoColumns
from smtplab.ui.work import Work, tell_problem
from smtplab.view.safe import safe
from smtplab.view.texts import Texts

TICKS_PER_S: Final = 10
FOLDED_AT_ONCE: Final = 200
"""Rows read for the search in one tick: some ten milliseconds, so that keys hardly wait."""

_FRAME_CELLS: Final = 6
"""The columns' border, what stands between them, and what parts a name from how it ends."""


class CompareScreen(Screen[None]):
    """Runs the new one, then lays it beside the old one."""

    HELP = "ui.help.compare"
    CSS_PATH: ClassVar = sheets("screens/compare", "widgets/two_columns", "widgets/search_bar", "widgets/key_bar")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "difference(1)", "ui.key.difference", key_display="f F"),
        Binding("F", "difference(-1)", "ui.key.difference", show=False),
        Binding("o", "open", "ui.key.open-world"),
        Binding("slash", "search", "ui.key.search"),
        Binding("n", "match(1)", "ui.key.match-next", show=False),
        Binding("N", "match(-1)", "ui.key.match-before", show=False),
        Binding("y", "copy_line", "ui.key.copy-line"),
        Binding("Y", "copy_all", "ui.key.copy-all"),
        Binding("s", "save", "ui.key.save"),
        Binding("home", "ends(-1)", "ui.key.ends", show=False),
        Binding("end", "ends(1)", "ui.key.ends", show=False),
    ]

    @dataclass
    class WorldOpened(Message):
        """The person wants the changed world as a world of its own, at the moment of the row at hand."""

        world: str
        """Its file's path."""
        elapsed_us: int | None
        """None before the runs lie side by side."""

    def __init__(
        self,
        texts: Texts,
        old: Sequence[Record],
        feed: Feed,
        comparison: Comparison,
        captures: Path,
        is_whole: Callable[[], bool] = lambda: True,
    ) -> None:
        """The old run may still be read on, until it `is_whole`; `s` saves the new one in `captures`."""
        super().__init__()
        self._texts = texts
        self._feed = feed
        self._comparison = comparison
        self._old = old
        self._is_whole = is_whole
        self._captures = captures
        self._same: list[bool] | None = None
        self._rows = SideBySide(lambda row: comparison.draw(row, self._texts, 0), lambda: self.query_one(TwoColumns))
        self._finder = Finder(self, self._rows, lambda: self._rows.whole, lambda: self.query_one(TwoColumns))
        self._work = Work(self)
        self.HELP = comparison.help  # type: ignore[misc] # Textual has it for the class; two kinds share this one.

    def compose(self) -> ComposeResult:
        yield Static(id="about")
        yield TwoColumns(self._draw)
        yield Static(id="row")
        yield SearchBar(self._texts)
        yield KeyBar(self._texts)

    def on_mount(self) -> None:
        self._work.begin(self._feed.run())
        self.query_one(TwoColumns).focus()
        self.set_interval(1 / TICKS_PER_S, self._tick)
        self._say_about()

    async def on_unmount(self) -> None:
        await self._work.end()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Two servers are no world."""
        return action != "open" or self._comparison.world is not None

    def on_resize(self) -> None:
        self.query_one(TwoColumns).heads = self._heads()
        self._say_about()

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self.query_one(KeyBar).speak(texts)
        self.query_one(SearchBar).speak(texts)
        if self._same is not None:
            self._same = self._comparison.lay(self._old, list(self._feed.records), texts)
        self._say_about()
        columns = self.query_one(TwoColumns)
        columns.heads = self._heads()
        columns.refresh()
        self._rows.forget()
        self._finder.speak()
        self._say_row()

    @on(Worker.StateChanged)
    def _feed_ended(self, changed: Worker.StateChanged) -> None:
        if changed.state is not WorkerState.SUCCESS or self._feed.ended is None:
            return
        tell_problem(self, self._feed.ended, self._texts)
        self._lay_out()

    def _tick(self) -> None:
        self._lay_out()
        self._rows.fold_on(FOLDED_AT_ONCE)
        self._finder.look_on()

    def _lay_out(self) -> None:
        """Once, as soon as both runs are known to their ends."""
        if self._same is not None or self._feed.ended is None or not self._is_whole():
            return
        same = self._same = self._comparison.lay(self._old, list(self._feed.records), self._texts)
        first = same.index(False) if False in same else 0
        self.query_one(TwoColumns).show(len(same), self._heads(), first)
        self._say_about()

    def action_difference(self, by: int) -> None:
        """To the next stretch in which the runs differ, or the one before; round at the ends."""
        columns, same = self.query_one(TwoColumns), self._same or []
        for step in range(1, len(same) + 1):
            row = (columns.selected + by * step) % len(same)
            if not same[row] and (not row or same[row - 1]):
                columns.select(row, jump=True)
                return
        if same:
            self.notify(self._texts(self._comparison.same))

    def action_ends(self, by: int) -> None:
        columns = self.query_one(TwoColumns)
        columns.select(0 if by < 0 else columns.count - 1)

    def action_open(self) -> None:
        if self._comparison.world is not None:
            row = self.query_one(TwoColumns).selected
            elapsed_us = self._comparison.elapsed_us(row) if self._same else None
            self.post_message(self.WorldOpened(self._comparison.world, elapsed_us))

    # What a person looks for, and takes out of both runs

    def action_search(self) -> None:
        self._finder.open()

    def drop_search(self) -> bool:
        """False where nothing was looked for."""
        return self._finder.drop()

    def action_match(self, by: int) -> None:
        self._finder.go(by)

    @on(SearchBar.Changed)
    def _look(self, sought: SearchBar.Changed) -> None:
        self._finder.look(sought.wanted)

    @on(SearchBar.Closed)
    def _searched(self) -> None:
        self._finder.close()

    def action_copy_line(self) -> None:
        taking.copy(self, self._rows.text(self._rows.selected, self._rows.selected + 1), self._texts)

    def action_copy_all(self) -> None:
        heads = self._comparison.heads(self._texts)
        taking.copy(self, [" │ ".join(heads), *self._rows.text()], self._texts)

    def action_save(self) -> None:
        """The new run; the old one its own screen saves."""
        taking.save(self, self._feed.records, self._captures, self._comparison.title or self._feed.subject, self._texts)

    @on(TwoColumns.Selected)
    def _say_row(self) -> None:
        """The row at hand whole, each side's words under its head: the halves above may be cut off."""
        columns = self.query_one(TwoColumns)
        if not columns.count:
            return
        both = self._comparison.draw(columns.selected, self._texts, 0)
        heads = self._comparison.heads(self._texts)
        sides = [(head, side) for head, side in zip(heads, (both.left, both.right), strict=True) if side]
        # What both sides say alike is said once, and is nobody's.
        named = [(f"{head} " if both.differs else "", side) for head, side in sides[: 2 if both.differs else 1]]
        width = max(len(head) for head, _ in named)
        lines = [
            Content.assemble((f"{head:<{width}}", "bold $accent"), f"{side.time}  {side.text}") for head, side in named
        ]
        self.query_one("#row", Static).update(Content("\n").join(lines))

    def _say_about(self) -> None:
        if self._same is None:
            said = self._texts("ui.walk.waiting")
        elif all(self._same):
            said = self._texts(self._comparison.same)
        else:
            said = self._texts("ui.compare.differ", count=self._same.count(False))
        lines = [Content(f" {said}  {safe(self._comparison.title)}")]
        names, ends = self._comparison.heads(self._texts), self._comparison.ends(self._texts)
        if self._same is not None and not self._has_room_for_ends():
            width = max(cell_len(name) for name in names)
            for name, end in zip(names, ends, strict=True):
                pad = " " * (width - cell_len(name))
                lines.append(Content.assemble((f" {name}{pad}  ", "bold $accent"), (end, "$foreground")))
        self.query_one("#about", Static).update(Content("\n").join(lines))

    def _heads(self) -> tuple[str, str]:
        """Above the columns: each side's name and, where there is room, how it ends; else that stands on top."""
        names, ends = self._comparison.heads(self._texts), self._comparison.ends(self._texts)
        if not self._has_room_for_ends():
            return names
        return " · ".join(filter(None, (names[0], ends[0]))), " · ".join(filter(None, (names[1], ends[1])))

    def _has_room_for_ends(self) -> bool:
        names, ends = self._comparison.heads(self._texts), self._comparison.ends(self._texts)
        room = self.size.width // 2 - _FRAME_CELLS - max(cell_len(name) for name in names)
        return all(cell_len(end) <= room for end in ends)

    def _draw(self, row: int) -> Both:
        return self._comparison.draw(row, self._texts, self.size.width)
