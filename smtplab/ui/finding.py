"""The search of a screen: its bar, its transcript and the rows behind it, kept in step."""

from __future__ import annotations

from textual.screen import Screen

from smtplab.ui.search import Found, Search, Searched
from smtplab.ui.widgets.search_bar import SearchBar
from smtplab.ui.widgets.transcript import Transcript


class Finder:
    """For a screen that has one `SearchBar` and one `Transcript`."""

    def __init__(self, screen: Screen[None], lines: Searched) -> None:
        self._screen = screen
        self._lines = lines
        self._search = Search(lines)

    def open(self) -> None:
        self._screen.query_one(SearchBar).open()

    def look(self, wanted: str) -> bool:
        """Mark what is looked for and go to the first of it; true where another row may be at hand."""
        self._screen.query_one(Transcript).seek(wanted.casefold())
        return self._show(self._search.look(wanted))

    def go(self, by: int) -> bool:
        """To the next match (1) or the one before (-1)."""
        return self._show(self._search.go(by))

    def close(self) -> None:
        """The keys go to the transcript again."""
        self._screen.query_one(Transcript).focus()

    def _show(self, found: Found | None) -> bool:
        if found is None:
            return False
        self._screen.query_one(SearchBar).found(found.place, found.matches)
        self._screen.query_one(Transcript).select(self._lines.selected)
        return True
