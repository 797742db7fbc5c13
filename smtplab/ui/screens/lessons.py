"""The lessons: which there are, how far the person has come in each, and what the one at hand teaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Label, OptionList
from textual.widgets.option_list import Option

from smtplab.lesson.library import Outline, bundled_lessons, outline
from smtplab.lesson.player import Player
from smtplab.lesson.progress import load_progress
from smtplab.ui.prose import Block, blocks
from smtplab.ui.sheets import sheets
from smtplab.ui.widgets.key_bar import KeyBar
from smtplab.ui.widgets.page import Page
from smtplab.ui.widgets.picks import ENDS, Picks
from smtplab.view.safe import safe
from smtplab.view.texts import Texts

_UNDER_TITLE: Final = " " * 5
"""Behind mark and number."""


class LessonList(Picks):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select", "ui.key.open", key_display="⏎"), *ENDS]


class LessonsScreen(Screen[None]):
    """Posts the lesson that the person chose; the app opens it."""

    CSS_PATH: ClassVar = sheets("screens/lessons", "widgets/page", "widgets/key_bar")
    HELP: ClassVar = "ui.help.lessons"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 (Textual's own annotation)

    @dataclass
    class Chosen(Message):
        folder: Path

    def __init__(self, texts: Texts, home: Path) -> None:
        super().__init__()
        self._texts = texts
        self._home = home
        self._outlines: Sequence[Outline] = [outline(folder) for folder in bundled_lessons()]
        self._players: Sequence[Player] = ()

    def compose(self) -> ComposeResult:
        yield Label(id="lessons-title")
        with Horizontal():
            yield LessonList(id="lessons")
            yield Page(id="about")
        yield KeyBar(self._texts)

    def on_mount(self) -> None:
        self._read_progress()
        self.query_one(OptionList).highlighted = self._next()
        self.speak(self._texts)
        self.query_one(OptionList).focus()
        self.run_worker(_read_ahead, thread=True, exit_on_error=False)

    def on_screen_resume(self) -> None:
        """A lesson may have been gone on with."""
        self._read_progress()
        self.speak(self._texts)

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self.query_one("#lessons-title", Label).update(texts("ui.lessons.title"))
        options = self.query_one(OptionList)
        chosen = options.highlighted
        options.clear_options()
        options.add_options([Option(self._row(place)) for place in range(len(self._outlines))])
        options.highlighted = self._next() if chosen is None else chosen
        self._say(options.highlighted or 0)
        self.query_one(KeyBar).speak(texts)

    def _read_progress(self) -> None:
        self._players = [Player(one.lesson, load_progress(self._home, one.lesson.id)) for one in self._outlines]

    def _next(self) -> int:
        """The first that is not done, else the first."""
        owed = (place for place, player in enumerate(self._players) if player.points < player.lesson.points)
        return next(owed, 0)

    @on(OptionList.OptionHighlighted)
    def _look_at(self, event: OptionList.OptionHighlighted) -> None:
        self._say(event.option_index)

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        self.post_message(self.Chosen(self._outlines[event.option_index].folder))

    @on(Page.Turned)
    def _choose_shown(self) -> None:
        self.post_message(self.Chosen(self._outlines[self.query_one(OptionList).highlighted or 0].folder))

    def _row(self, place: int) -> Content:
        one, player = self._outlines[place], self._players[place]
        mark, style = _mark(player)
        said = self._texts("lesson.row", minutes=one.lesson.minutes, points=player.points, of=one.lesson.points)
        title = one.prose[self._texts.language].title
        head = f"{one.number.lstrip('0')}  {safe(title)}"
        return Content.assemble((f"{mark} ", style), f"{head}\n{_UNDER_TITLE}", (said, "$quiet"))

    def _say(self, place: int) -> None:
        if not self._outlines:
            return
        one, player, texts = self._outlines[place], self._players[place], self._texts
        lesson, prose = one.lesson, one.prose[texts.language]
        frame = texts("lesson.frame", minutes=lesson.minutes, steps=len(lesson.steps), points=lesson.points)
        page = [
            Block(Content.styled(safe(prose.title), "bold $primary")),
            Block(Content.styled(frame, "$quiet"), after_gap=False),
            *blocks(prose.about),
        ]
        titles = {other.lesson.id: other.prose[texts.language].title for other in self._outlines}
        before = [titles[wanted] for wanted in lesson.prerequisites if wanted in titles]
        if before:
            said = texts("ui.lessons.before", lessons=texts.listing(before))
            page.append(Block(Content.styled(said, "$quiet")))
        state = "done" if player.points == lesson.points else "begun" if player.is_begun else "new"
        said = texts(f"ui.lessons.{state}", number=player.number, of=len(lesson.steps), name=one.lesson.id)
        page.append(Block(Content.styled(said, "bold $accent")))
        self.query_one("#about", Page).say(page)


def _read_ahead() -> None:
    """What a lesson is shown with takes 0.13 s to import, for which the Enter that opens one need not wait."""
    import smtplab.ui.screens.lesson  # noqa: F401, PLC0415


def _mark(player: Player) -> tuple[str, str]:
    if player.points == player.lesson.points:
        return "✓", "bold $success"
    return ("◐", "bold $accent") if player.is_begun else ("○", "$faint")
