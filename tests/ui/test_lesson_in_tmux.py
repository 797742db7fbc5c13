"""Whole lessons, played keystroke by keystroke in a real terminal, from the first step to the last."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from smtplab.journal import Record
from smtplab.lesson.agreement import open_to_play
from smtplab.lesson.doing import picked
from smtplab.lesson.judge import model_answer
from smtplab.lesson.lesson import Action, AnyStep, Choice, Question, Show, Task, points_of
from smtplab.lesson.library import find_lesson, read_solution
from smtplab.lesson.patterns import fits_any
from smtplab.lesson.progress import load_progress
from smtplab.lesson.settings import text_to_change
from smtplab.view.journey import Journey
from smtplab.view.texts import Language, Texts
from smtplab.view.transcript import lines
from tests.ui.tmux import Terminal

pytestmark = pytest.mark.peer


def _has_a_line(record: Record) -> bool:
    journey = Journey()
    journey.advance(record)
    return bool(lines(record, journey, Texts("en")))


class Student:
    """Knows the answers, and has nothing but the keys and the screen."""

    def __init__(self, terminal: Terminal, lesson: str, language: Language, width: int) -> None:
        self._terminal = terminal
        self._opened = open_to_play(find_lesson(lesson))
        self._solution = read_solution(self._opened.folder / "solution.toml")
        self._prose = self._opened.prose[language]
        self._tabs = width < 120
        self._points = 0
        self._number = 0
        self._picked = {
            step.id: [one for one in picked(self._opened.world, step.records) if _has_a_line(one)]
            for step in self._opened.lesson.steps
            if isinstance(step, Task) and step.records is not None
        }

    def play(self) -> None:
        steps = self._opened.lesson.steps
        for number, step in enumerate(steps, 1):
            self._number = number
            self._stand_at(number)
            if isinstance(step, Show):
                self._watch()
            elif isinstance(step, Question):
                self._answer(step)
            elif isinstance(step, Task):
                self._do(step)
            if number < len(steps):
                self._terminal.press("F8")

    def _stand_at(self, number: int) -> None:
        counted = (f" {number}/{len(self._opened.lesson.steps)} ", f" step {number} ")
        heading = list(self._prose.sections.values())[number - 1].heading
        self._terminal.until(lambda screen: heading in screen and any(mark in screen for mark in counted))

    def _watch(self) -> None:
        if self._tabs:
            self._terminal.press("F6")
        self._terminal.until(lambda screen: "▶" in screen)
        if self._tabs:
            self._terminal.press("F6")

    def _answer(self, question: Question) -> None:
        section = self._prose.sections[question.id]
        if isinstance(question, Choice):
            wrong = next(letter for letter in question.choices if letter != question.right)
            self._terminal.type(wrong)
            first = section.wrong[wrong].split()[0]
            self._terminal.until(lambda screen: f"│ {first}" in screen or f" {first} " in screen)
        self._terminal.type(model_answer(question))
        if not isinstance(question, Choice):
            self._terminal.press("Enter")
        self._have(question)

    def _do(self, task: Task) -> None:
        action = self._solution.actions[task.id]
        self._terminal.press("F6")
        match task.does:
            case "send":
                self._send(action)
            case "speak":
                self._speak(action)
            case "mend" | "configure":
                self._write(action)
            case "find":
                self._find(task, action)
        self._have(task)
        if self._tabs and task.does != "find":
            self._terminal.press("F6")

    def _send(self, action: Action) -> None:
        self._terminal.type(action.send[0].sender)
        self._terminal.press("Enter")
        self._terminal.type(", ".join(action.send[0].recipients))
        self._terminal.press("Enter")

    def _speak(self, action: Action) -> None:
        self._terminal.until(lambda screen: "<-  220" in screen)
        for line in action.script.strip("\n").split("\n"):
            self._terminal.type(line)
            self._terminal.press("Enter")
            # A line that is longer than the window goes over.
            shown = line.rstrip()[:40]
            self._terminal.until(lambda screen, shown=shown: f"-> {shown}" in screen)

    def _write(self, action: Action) -> None:
        """All that stands is taken out, and the model typed in its place."""
        (text,) = (*action.zones.values(), *action.hosts.values())
        standing = text_to_change(self._opened.world, self._opened.lesson.steps[self._number - 1])  # type: ignore[arg-type]
        last = standing.strip("\n").split("\n")[-1]
        self._terminal.press(*(["Up"] * standing.count("\n")), "Home")
        self._terminal.press(*(["C-k"] * (2 * standing.count("\n") + 1)))
        self._terminal.until(lambda screen: last not in screen)
        typed = text.strip("\n").split("\n")
        for line in typed:
            self._terminal.type(line)
            self._terminal.press("Enter")
        self._terminal.until(lambda screen: typed[-1] in screen)
        self._terminal.press("C-r")

    def _find(self, task: Task, action: Action) -> None:
        """Down to the line, and Enter."""
        assert task.records is not None
        assert action.find is not None
        found = [fits_any(one, (action.find,)) for one in self._picked[task.id]]
        self._terminal.until(lambda screen: "===" in screen or "<-" in screen)
        self._terminal.press("Home", *(["Down"] * found.index(True)), "Enter")

    def _have(self, step: AnyStep) -> None:
        """The points of the step show in the bar."""
        self._points += points_of(step)
        counted = f"{self._points}/{self._opened.lesson.points} "
        self._terminal.until(lambda screen: counted in screen)


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    return tmp_path_factory.mktemp("t")


@pytest.mark.parametrize(
    ("lesson", "language", "size"),
    [("1", "vi", (80, 24)), ("3", "en", (160, 48)), ("6", "vi", (160, 48))],
)
def test_a_whole_lesson_is_played_key_by_key(folder: Path, lesson: str, language: Language, size: tuple[int, int]):
    home = folder / "home"
    start = [sys.executable, "-m", "smtplab", "lesson", "start", lesson, "--lang", language, "--home", str(home)]
    terminal = Terminal(start, size, folder)
    try:
        Student(terminal, lesson, language, size[0]).play()
        opened = open_to_play(find_lesson(lesson)).lesson
        owed = [step.id for step in opened.steps if points_of(step)]
        assert list(load_progress(home, opened.id).done) == owed
    finally:
        terminal.close()
