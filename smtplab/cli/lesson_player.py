"""Plays a lesson in the terminal, as text: reads a step out, asks, does the task, ticks goals, goes on or back."""

from __future__ import annotations

import io
import sys
from typing import assert_never

from smtplab.cli.common import State
from smtplab.cli.lesson_outside import Visit
from smtplab.cli.lesson_page import Page
from smtplab.cli.lesson_task import Workbench
from smtplab.lab.bad_input import NotWritten
from smtplab.lab.exits import DONE
from smtplab.lesson.goals import Goals
from smtplab.lesson.judge import model_answer
from smtplab.lesson.lesson import AnyStep, Choice, Order, Predict, Question, Short, Show, Task, Tell
from smtplab.lesson.library import LessonError, Opened, model_solution
from smtplab.lesson.player import Player
from smtplab.lesson.progress import load_progress, save_progress
from smtplab.lesson.prose import Section
from smtplab.view.texts import Texts

ON, BACK, PASS, HINT, SHOW_ME, OUTSIDE, LEAVE = "", "<", ">", "?", "!", "&", ":q"
"""What a person types to move; no answer and no command of SMTP looks like that."""


def play(opened: Opened, texts: Texts, state: State) -> int:
    """Until the last step or until the person leaves; what was done is kept after each step."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        # A slip on the keyboard of another encoding is a wrong answer, never an end.
        sys.stdin.reconfigure(errors="replace")
    player = Player(opened.lesson, load_progress(state.home, opened.lesson.id))
    Teacher(opened, player, texts, state).teach()
    return DONE


def preview(opened: Opened, texts: Texts, state: State) -> int:
    """The whole lesson at once, recordings and right answers included, as its author wants to read it."""
    page = Page(opened, texts, color=state.color)
    page.title(opened.lesson)
    for number, step in enumerate(opened.lesson.steps, 1):
        section = page.section(step)
        page.heading(number, step)
        _read_out(page, step, section)
        page.goals(section, ())
        if isinstance(step, Question):
            page.say("lesson.model-answer", answer=model_answer(step))
        page.text(section.right, step.records if isinstance(step, Predict) else None)
    return DONE


def _read_out(page: Page, step: AnyStep, section: Section) -> None:
    page.text(section.text, step.records if isinstance(step, Show) else None)
    page.choices(section)


class Teacher:
    """One sitting with one student."""

    def __init__(self, opened: Opened, player: Player, texts: Texts, state: State) -> None:
        self._opened = opened
        self._player = player
        self._texts = texts
        self._state = state
        self._page = Page(opened, texts, color=state.color)

    def teach(self) -> None:
        """From where the student stood last."""
        if self._player.is_first:
            self._page.title(self._opened.lesson)
        self._page.say("lesson.keys")
        while self._teach_step():
            self._keep()
        self._keep()
        lesson = self._opened.lesson
        self._page.say("lesson.points", points=self._player.points, of=lesson.points)

    def _teach_step(self) -> bool:
        """False where the sitting is over."""
        step, section = self._player.step, self._page.section(self._player.step)
        self._page.heading(self._player.number, step)
        _read_out(self._page, step, section)
        if isinstance(step, Task):
            self._set_task(step, section)
        while True:
            said = self._page.ask(self._prompt(step))
            match said:
                case None:
                    return False
                case _ if said.strip() == LEAVE:
                    return False
                case _ if said.strip() == BACK:
                    return self._player.back() or True
                case _ if said.strip() == PASS or (said.strip() == ON and self._player.is_done):
                    return self._player.forward()
                case _:
                    self._respond(step, section, said)

    def _respond(self, step: AnyStep, section: Section, said: str) -> None:
        """To what does not leave the step."""
        match said.strip():
            case word if word == HINT:
                self._hint(section)
            case word if word == SHOW_ME:
                self._show_model(step, section)
            case word if word == OUTSIDE and isinstance(step, Task):
                self._go_out(step, section)
            case word if word == ON:
                self._page.say("lesson.keys")
            case _:
                self._take(step, section, said)

    def _prompt(self, step: AnyStep) -> str:
        if self._player.is_done:
            return self._texts("lesson.ask.on")
        if isinstance(step, Task):
            return self._texts(f"lesson.ask.{step.does}")
        return "> "

    def _set_task(self, task: Task, section: Section) -> None:
        self._page.goals(section, ())
        bench = Workbench(self._opened.world, task, self._page, self._texts)
        if task.does in ("mend", "configure"):
            bench.print_text()
        elif task.does == "find":
            bench.print_records()
        self._page.say(f"lesson.how.{task.does}", client=task.client, server=task.server)

    def _take(self, step: AnyStep, section: Section, said: str) -> None:
        match step:
            case Choice() | Short() | Order() | Predict():
                judgement = self._player.answer(step, said)
                self._page.say("lesson.right" if judgement.right else "lesson.wrong")
                if judgement.right:
                    self._praise(step, section)
                else:
                    self._page.markdown(section.wrong[judgement.wrong])
            case Task():
                goals = self._player.goals(step)
                Workbench(self._opened.world, step, self._page, self._texts).work(goals, said)
                self._close(step, section, goals)
            case Tell() | Show():
                self._page.say("lesson.keys")
            case _:
                assert_never(step)

    def _close(self, task: Task, section: Section, goals: Goals) -> None:
        """The attempt is over."""
        self._page.goals(section, goals.reached)
        if self._player.attempted(task, goals.reached):
            self._praise(task, section)
        else:
            self._page.say("lesson.not-yet")

    def _go_out(self, task: Task, section: Section) -> None:
        """The world stands for other programs until the student comes back."""
        goals = self._player.goals(task)
        Visit(self._opened, task, self._page, self._texts).wait(goals)
        self._close(task, section, goals)

    def _praise(self, step: AnyStep, section: Section) -> None:
        self._page.text(section.right, step.records if isinstance(step, Predict) else None)

    def _hint(self, section: Section) -> None:
        hint = self._player.next_hint(section.hints)
        if hint is None:
            self._page.say("lesson.no-more-hints")
        else:
            self._page.markdown(hint)

    def _show_model(self, step: AnyStep, section: Section) -> None:
        """It earns no points: who has seen how it goes does it again."""
        match step:
            case Choice() | Short() | Order() | Predict():
                self._page.say("lesson.model-answer", answer=model_answer(step))
                self._praise(step, section)
            case Task():
                goals = self._player.goals(step)
                try:
                    action = model_solution(self._opened.folder, step.id)
                except LessonError as trouble:
                    self._page.say("lesson.cannot-do", reason=trouble.told)
                    return
                Workbench(self._opened.world, step, self._page, self._texts).play(action, goals)
                self._page.goals(section, goals.reached)
            case Tell() | Show():
                self._page.say("lesson.keys")
            case _:
                assert_never(step)

    def _keep(self) -> None:
        try:
            save_progress(self._state.home, self._opened.lesson.id, self._player.progress)
        except OSError as trouble:
            raise NotWritten(self._state.home, trouble) from trouble
