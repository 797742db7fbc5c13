"""Two messages side by side, header fields and lines of text, with their differences marked."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import ClassVar, Final, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from smtplab.ui.letterbox import Read
from smtplab.ui.sheets import sheets
from smtplab.ui.widgets.key_bar import KeyBar
from smtplab.ui.widgets.two_columns import Both, Half, TwoColumns
from smtplab.view.safe import safe
from smtplab.view.texts import Texts

LINES_COMPARED_MAX: Final = 2_000
"""Of each message: beyond, a comparison would take longer than a key may."""


class Pair(NamedTuple):
    """A line of the one beside a line of the other; None where it has none."""

    old: str | None
    new: str | None

    @property
    def differs(self) -> bool:
        return self.old != self.new


class CompareMailScreen(Screen[None]):
    """Everything stands still: both messages are read already."""

    HELP: ClassVar = "ui.help.compare-mail"
    CSS_PATH: ClassVar = sheets("screens/compare_mail", "widgets/two_columns", "widgets/key_bar")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "difference(1)", "ui.key.difference", key_display="f F"),
        Binding("F", "difference(-1)", "ui.key.difference", show=False),
    ]

    def __init__(self, texts: Texts, old: Read, new: Read) -> None:
        super().__init__()
        self._texts = texts
        self._ids = (old.opened.item.id, new.opened.item.id)
        self._pairs = [*pairs(_headers(old), _headers(new)), Pair("", ""), *pairs(_body(old), _body(new))]

    def compose(self) -> ComposeResult:
        yield Static(id="about")
        yield TwoColumns(self._draw)
        yield KeyBar(self._texts)

    def on_mount(self) -> None:
        self.speak(self._texts)
        self.query_one(TwoColumns).focus()

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        count = sum(pair.differs for pair in self._pairs)
        said = texts("inbox.compare.differ", count=count) if count else texts("inbox.compare.same")
        self.query_one("#about", Static).update(Content(f" {said}"))
        first = next((row for row, pair in enumerate(self._pairs) if pair.differs), 0)
        self.query_one(TwoColumns).show(len(self._pairs), self._ids, first)
        self.query_one(KeyBar).speak(texts)

    def action_difference(self, by: int) -> None:
        """To the next stretch that differs, or the one before; round at the ends."""
        columns, count = self.query_one(TwoColumns), len(self._pairs)
        for step in range(1, count + 1):
            row = (columns.selected + by * step) % count
            if self._pairs[row].differs and not self._pairs[row - 1].differs:
                columns.select(row, jump=True)
                return

    def _draw(self, row: int) -> Both:
        pair = self._pairs[row]
        old, new = (None if text is None else Half("", safe(text), "odd" if pair.differs else "") for text in pair)
        return Both(old, new, differs=pair.differs)


def pairs(old: Sequence[str], new: Sequence[str]) -> list[Pair]:
    """Line beside line; what differs stands beside what stands in its place."""
    old, new = old[:LINES_COMPARED_MAX], new[:LINES_COMPARED_MAX]
    found: list[Pair] = []
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=len(old) > 500).get_opcodes():
        if kind == "equal":
            found += [Pair(line, line) for line in old[a:b]]
            continue
        for step in range(max(b - a, d - c)):
            left = old[a + step] if a + step < b else None
            found.append(Pair(left, new[c + step] if c + step < d else None))
    return found


def _headers(read: Read) -> list[str]:
    """By name, for programs write them in different orders."""
    letter = read.letter
    if letter is None:
        return []
    lines = [(name.casefold(), place, f"{name}: {value}") for place, (name, value, _) in enumerate(letter.headers)]
    return [line for _, _, line in sorted(lines)]


def _body(read: Read) -> list[str]:
    return [] if read.letter is None else [line.text for line in read.letter.readable]
