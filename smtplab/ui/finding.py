"""The search of a screen: its bar, the pane whose lines are looked through and the rows behind it, kept in step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from textual.screen import Screen

from smtplab.ui.search import Found, Search, Searched
from smtplab.ui.widgets.search_bar import SearchBar
from smtplab.ui.widgets.transcript import Transcript
from smtplab.view.folding import folded


class Sought(Protocol):
    """A pane of rows, one of them selected, in which what is looked for is marked."""

    def seek(self, wanted: str) -> None:
        """Case-folded; empty for nothing."""
        ...

    def select(self, row: int) -> None: ...

    def focus(self) -> object: ...


class Finder:
    """For a screen that has one `SearchBar`."""

    def __init__(
        self,
        screen: Screen[None],
        lines: Searched,
        whole: Callable[[], bool],
        pane: Callable[[], Sought] | None = None,
    ) -> None:
        """`whole` tells whether the lines have been read to their end, so that no match can come any more. The pane is
        the screen's one `Transcript` where no other is named."""
        self._screen = screen
        self._pane = pane or (lambda: screen.query_one(Transcript))
        self._lines = lines
        self._whole = whole
        self._search = Search(lines)
        self._said_whole = False

    def open(self) -> None:
        self._screen.query_one(SearchBar).open()

    def drop(self) -> bool:
        """False where nothing is looked for."""
        if not self._search.wanted:
            return False
        self._screen.query_one(SearchBar).action_cancel()
        return True

    def look(self, wanted: str) -> bool:
        """Mark what is looked for and go to the first of it; true where another row may be at hand."""
        self._pane().seek(folded(wanted))
        return self._show(self._search.look(wanted))

    def go(self, by: int) -> bool:
        """To the next match (1) or the one before (-1)."""
        return self._show(self._search.go(by))

    def look_on(self) -> bool:
        """Takes the count up as more is read; called again and again, and quick where nothing is new."""
        if not self._search.wanted:
            return False
        selected = self._lines.selected
        found = self._search.look_on()
        if found is None and self._whole() != self._said_whole:
            found = self._search.found
        if found is not None:
            self._say(found)
        if self._lines.selected == selected:
            return False
        self._pane().select(self._lines.selected)
        return True

    def speak(self) -> None:
        """In another language other lines may hold it."""
        self._search.forget()
        self.look_on()

    def close(self) -> None:
        """The keys go to the transcript again."""
        self._pane().focus()

    def _show(self, found: Found | None) -> bool:
        if found is None:
            return False
        self._say(found)
        self._pane().select(self._lines.selected)
        return True

    def _say(self, found: Found) -> None:
        self._said_whole = self._whole()
        self._screen.query_one(SearchBar).found(found.place, found.matches, whole=self._said_whole)
