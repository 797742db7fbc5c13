"""One walk as the screen reads it: the records known so far, where the person stands among them, what each row says."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from smtplab.journal import Record
from smtplab.ui.player import Player
from smtplab.ui.reading import Below, Reading, nothing_below
from smtplab.ui.rows import Rows
from smtplab.ui.rungs import Line
from smtplab.view.folding import folded
from smtplab.view.journey import Journey
from smtplab.view.texts import Texts

TICK_S_MAX: Final = 0.012
"""Of reading on in one tick, so that a key never waits for more. In the processor's time, as all of these."""

OPENING_S_MAX: Final = 0.025
"""In one tick while a capture is laid out: it opens in half a second, and a key in it waits for this and a paint."""

_TAKEN_AT_ONCE: Final = 500
"""Records between two looks at the clock: about a millisecond."""


class Walk:
    """Reads on in a feed's growing records. `selected` is a row; all panes show the moment of its record."""

    def __init__(self, records: Sequence[Record], texts: Texts, *, live: bool, below: Below = nothing_below) -> None:
        self._feed = records
        self.known: list[Record] = []
        self.reading = Reading(self.known, texts, below)
        self.rows = Rows(self.reading.height)
        self.player = Player(self.known, self.reading.is_seen, live=live)
        self.selected = -1
        self.opening = False
        """More comes at once, and all of it is to be laid out first."""

    def read_on(self) -> bool:
        """Take in what the feed has, and make it searchable, as far as a tick goes; true where there was something."""
        until_s = time.thread_time() + (OPENING_S_MAX if self.opening else TICK_S_MAX)
        before = len(self.known)
        while fresh := self._feed[len(self.known) : len(self.known) + _TAKEN_AT_ONCE]:
            self.known.extend(fresh)
            self.rows.extend(self.known)
            if time.thread_time() >= until_s:
                return True
        behind = not self.opening and self.reading.search_on(until_s)
        return behind or len(self.known) > before

    @property
    def count(self) -> int:
        """Rows shown by now."""
        return self.rows.count(self.player.at)

    @property
    def record(self) -> Record | None:
        """That of the row selected."""
        return self.known[self.rows.place(self.selected).record] if 0 <= self.selected < self.count else None

    def journey(self) -> Journey:
        """As it stood once the selected row's record was made, and what belongs to it had followed."""
        if self.record is None:
            return self.reading.history.near(self.player.at)
        return self.reading.history.near(self.moment)

    @property
    def moment(self) -> int:
        """How many records had been made by the end of the selected row's step."""
        at = self.rows.place(self.selected).record + 1
        while at < self.player.at and not self.reading.is_seen(at):
            at += 1
        return at

    def draw(self, row: int) -> tuple[str, Line]:
        place = self.rows.place(row)
        return self.reading.time(*place), self.reading.line(*place)

    def follow(self) -> None:
        """The last row shown is the one selected."""
        self.selected = self.count - 1

    @property
    def searchable(self) -> int:
        """Rows shown that have been read for the search."""
        return min(self.count, self.reading.searchable)

    @property
    def all_searchable(self) -> bool:
        """Every row known is shown, and has been read for the search."""
        return self.searchable == self.rows.count(len(self.known))

    def find(self, wanted: str, start: int = 0) -> list[int]:
        """Rows among those shown, from this one on, that hold the text, whatever its case."""
        return self.reading.rows_with(folded(wanted), start, self.count) if wanted else []

    def next_failure(self) -> int | None:
        """The first row of the next record that tells of a failure, round at the end; it may lie in the future."""
        here = self.rows.place(self.selected).record if self.selected >= 0 else -1
        index = self.reading.next_failure(here + 1)
        return self.rows.rows_of(index).start if index >= 0 else None

    def reveal(self, row: int) -> None:
        """Select a row; time moves on to it where it has not come yet."""
        at = self.rows.place(row).record + 1
        if at > self.player.at:
            self.player.go_to(at)
        self.selected = row
