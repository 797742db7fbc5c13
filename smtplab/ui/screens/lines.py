"""What every screen around one transcript can do with its lines: look for something, copy, keep the records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from textual import on
from textual.binding import Binding
from textual.screen import Screen

from smtplab.journal import Record
from smtplab.ui import taking
from smtplab.ui.finding import Finder
from smtplab.ui.search import Searched
from smtplab.ui.widgets.search_bar import SearchBar
from smtplab.ui.widgets.transcript import Transcript
from smtplab.view.texts import Texts

SEARCHING: Final = (
    Binding("slash", "search", "ui.key.search", show=False),
    Binding("n", "match(1)", "ui.key.match-next", show=False),
    Binding("N", "match(-1)", "ui.key.match-before", show=False),
)
COPYING: Final = (
    Binding("y", "copy_line", "ui.key.copy-line", show=False),
    Binding("Y", "copy_all", "ui.key.copy-all", show=False),
)


class Lines(Searched, taking.Lines, Protocol):
    """Rows of a transcript as far as they are shown, one of them selected."""

    @property
    def all_searchable(self) -> bool:
        """Every row that is known is shown, and has been read for the search."""
        ...


class LinesScreen(Screen[None]):
    """One `Transcript`, one `SearchBar`; which keys reach the actions says each screen, with the lists above."""

    def __init__(self, texts: Texts, lines: Lines, captures: Path) -> None:
        """`s` saves in `captures`."""
        super().__init__()
        self._texts = texts
        self._lines = lines
        self._captures = captures
        self._finder = Finder(self, lines, lambda: lines.all_searchable and not self._more_to_come())

    # What each screen says for itself

    def _more_to_come(self) -> bool:
        """Lines may follow of themselves: what is not found now may be found later."""
        return False

    def _show_moment(self) -> None:
        """Another line is at hand: what is beside the transcript follows it."""

    def _kept(self) -> tuple[Sequence[Record], str]:
        """What `s` saves, and what it is about."""
        raise NotImplementedError

    # Looking for something

    def action_search(self) -> None:
        self._finder.open()

    def drop_search(self) -> bool:
        """Nothing is looked for any more; false where nothing was."""
        return self._finder.drop()

    def action_match(self, by: int) -> None:
        if self._finder.go(by):
            self._show_moment()

    def _look_on(self) -> None:
        """Called as lines come: the search takes them in."""
        if self._finder.look_on():
            self._show_moment()

    @on(SearchBar.Changed)
    def _look(self, sought: SearchBar.Changed) -> None:
        if self._finder.look(sought.wanted):
            self._show_moment()

    @on(SearchBar.Closed)
    def _searched(self) -> None:
        self._finder.close()

    # The line at hand

    @on(Transcript.Selected)
    def _choose(self, chosen: Transcript.Selected) -> None:
        self._lines.selected = chosen.row
        self._show_moment()

    def action_copy_line(self) -> None:
        taking.copy_line(self, self._lines, self._texts)

    def action_copy_all(self) -> None:
        taking.copy_all(self, self._lines, self._texts)

    def action_save(self) -> None:
        records, subject = self._kept()
        taking.save(self, records, self._captures, subject, self._texts)
