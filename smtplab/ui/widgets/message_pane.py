"""A message and its session: one face at a time where room is short, else with the session below it."""

from __future__ import annotations

from typing import Final

from textual.app import ComposeResult
from textual.containers import Container

from smtplab.lab.mailroom import Item
from smtplab.message.parts import MimePart
from smtplab.ui.inbox_words import text_of
from smtplab.ui.letterbox import Read
from smtplab.ui.walk import Walk
from smtplab.ui.widgets.letter_pane import FACES, LetterPane
from smtplab.ui.widgets.session_pane import SessionPane
from smtplab.ui.widgets.tab_line import TabLine
from smtplab.ui.widgets.transcript import Transcript
from smtplab.view.texts import Texts

TABS: Final = (*FACES, "session")


class MessagePane(Container):
    """Shows what it is given; reading it is the screen's."""

    def __init__(self, texts: Texts, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self._texts = texts
        self._tall = False
        self.read: Read | None = None

    def compose(self) -> ComposeResult:
        yield TabLine(self._texts, "inbox.tab", TABS)
        yield LetterPane(self._texts, id="letter")
        yield SessionPane(self._texts, id="session")

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        for widget in (self.query_one(LetterPane), self.query_one(SessionPane), self.query_one(TabLine)):
            widget.speak(texts)

    @property
    def tab(self) -> str:
        """The one at hand."""
        return self.query_one(TabLine).name_at_hand

    @property
    def part(self) -> MimePart | None:
        """The one chosen in the tree."""
        return self.query_one(LetterPane).part

    @property
    def in_session(self) -> bool:
        """Is the person at a line of the session?"""
        return self.query_one(Transcript).has_focus and self.query_one(SessionPane).walk.record is not None

    def show(self, item: Item | None, read: Read | None) -> None:
        """In a session of several messages one stands at the one at hand, in one that failed at its failure."""
        self.read = read
        letter, session = self.query_one(LetterPane), self.query_one(SessionPane)
        letter.show(item, read)
        self.query_one(TabLine).lack(*letter.lacking)
        session.show(*((), 0) if read is None else (read.opened.records, read.began))
        if item is not None and item.failed:
            self.to_failure()

    def tick(self) -> None:
        self.query_one(SessionPane).tick()

    def make_room(self, *, tall: bool) -> None:
        """With both, or with the face at hand alone."""
        self._tall = tall
        self._arrange()

    def turn(self, name: str) -> None:
        """To the face of that name."""
        self.query_one(TabLine).turn(name)
        if name in FACES:
            self.query_one(LetterPane).turn(name)
        self._arrange()

    def turn_by(self, by: int) -> None:
        self.turn(TABS[(TABS.index(self.tab) + by) % len(TABS)])

    def take_focus(self) -> None:
        if self.tab == "session":
            self.query_one(Transcript).focus()
        else:
            self.query_one(LetterPane).take_focus()

    def to_failure(self) -> bool:
        """To the next line of the session that tells of one; false where none does."""
        pane = self.query_one(SessionPane)
        row = pane.walk.next_failure()
        if row is not None:
            pane.select(row)
        return row is not None

    def copied(self, read: Read | None) -> tuple[str, str] | None:
        """What a person copies of it, or of the session here, and the id of the text that says so."""
        walk = self.query_one(SessionPane).walk
        if self.in_session:
            return walk.draw(walk.selected)[1].text, "ui.note.copied-line"
        if read is None or read.letter is None:
            return None
        return text_of(read.letter, self.tab), "inbox.copied"

    @property
    def walk(self) -> Walk:
        """The session as it is read here."""
        return self.query_one(SessionPane).walk

    def _arrange(self) -> None:
        session = self.tab == "session"
        self.query_one("#letter").display = self._tall or not session
        self.query_one("#session").display = self._tall or session
