"""Whole lessons, played keystroke by keystroke in a real terminal, from the first step to the last."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from smtplab.lesson.agreement import open_to_play
from smtplab.lesson.judge import model_answer
from smtplab.lesson.lesson import AnyStep, Choice, Question, Show, Task, points_of
from smtplab.lesson.library import find_lesson, read_solution
from smtplab.lesson.progress import load_progress
from smtplab.view.texts import Language
from tests.ui.tmux import Terminal

pytestmark = pytest.mark.peer


class Student:
    """Knows the answers, and has nothing but the keys and the screen."""

    def __init__(self, terminal: Terminal, lesson: str, language: Language, width: int) -> None:
        self._terminal = terminal
        self._opened = open_to_play(find_lesson(lesson))
        self._solution = read_solution(self._opened.folder / "solution.toml")
        self._prose = self._opened.prose[language]
        self._tabs = width < 120
        self._points = 0

    def play(self) -> None:
        steps = self._opened.lesson.steps
        for number, step in enumerate(steps, 1):
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
        if task.does == "send":
            self._terminal.type(action.send[0].sender)
            self._terminal.press("Enter")
            self._terminal.type(", ".join(action.send[0].recipients))
            self._terminal.press("Enter")
        else:
            self._terminal.until(lambda screen: "<-  220" in screen)
            for line in action.script.strip("\n").split("\n"):
                self._terminal.type(line)
                self._terminal.press("Enter")
                shown = line.rstrip()
                self._terminal.until(lambda screen, shown=shown: f"-> {shown}" in screen)
        self._have(task)
        if self._tabs:
            self._terminal.press("F6")

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
    [("1", "vi", (80, 24)), ("3", "en", (160, 48))],
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
