"""The inbox as a list, newest first: what came, what was refused, what was looked at already."""

from __future__ import annotations

import datetime as dt

from smtplab.lab.served import Served
from smtplab.ui.inbox_rows import item_row
from smtplab.ui.inbox_words import nothing_yet
from smtplab.ui.letterbox import Letterbox
from smtplab.ui.rungs import Piece
from smtplab.ui.widgets.row_list import RowList
from smtplab.view.texts import Texts


class MailList(RowList):
    """Shows a letterbox; the message at hand stays at hand while others come above it."""

    def __init__(self, box: Letterbox, texts: Texts, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(self._item_row, id=id)
        self._box = box
        self._texts = texts
        self.marked = ""
        """The id of the one to compare with."""

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self.border_title = texts("inbox.list")
        self.refresh()

    def fill(self, at: str, served: Served) -> str:
        """With what the letterbox shows now; the id at hand, which is another where that one is gone."""
        shown = self._box.shown
        place = next((place for place, item in enumerate(shown) if item.id == at), None)
        if place is None:
            place = min(self.chosen, max(len(shown) - 1, 0))
        self.say_empty(nothing_yet(served, self._texts, filtered=bool(self._box.items)))
        self.show(len(shown), place)
        return shown[place].id if shown else ""

    def id_at(self, row: int) -> str:
        """Empty where there is no such row any more."""
        return self._box.shown[row].id if row < len(self._box.shown) else ""

    def mark(self, name: str) -> bool:
        """Or take the mark away; true where it is marked now."""
        self.marked = "" if self.marked == name else name
        self.refresh()
        return bool(self.marked)

    def _item_row(self, row: int, cells: int) -> list[Piece]:
        shown = self._box.shown
        if row >= len(shown):
            return []
        marked = shown[row].id == self.marked
        return item_row(shown[row], self._texts, cells, marked=marked, now=dt.datetime.now().astimezone())
