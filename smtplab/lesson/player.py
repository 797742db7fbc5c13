"""A student's way through one lesson: where they stand, what is done, which hints were given; no screen, no files."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from smtplab.lesson.goals import Goals
from smtplab.lesson.judge import Judgement, judge
from smtplab.lesson.lesson import AnyStep, Lesson, Question, Show, Task, Tell, points_of


class Progress(msgspec.Struct, frozen=True):
    """What is kept of a lesson between two sittings."""

    at: str = ""
    """The step to go on with; empty for the first."""
    done: tuple[str, ...] = ()
    """Questions answered and tasks solved, in the order of the lesson."""
    tries: dict[str, int] = {}
    """Wrong ones, by step."""


class Player:
    """Every front end drives one of these; it may go back and forth at any time."""

    def __init__(self, lesson: Lesson, progress: Progress = Progress()) -> None:  # noqa: B008 (a frozen value)
        self.lesson = lesson
        ids = [step.id for step in lesson.steps]
        self._place = ids.index(progress.at) if progress.at in ids else 0
        self._done = set(progress.done) & set(ids)
        self._tries = {step: tries for step, tries in progress.tries.items() if step in ids}
        self._hints = 0

    @property
    def step(self) -> AnyStep:
        return self.lesson.steps[self._place]

    @property
    def number(self) -> int:
        """From 1."""
        return self._place + 1

    @property
    def is_first(self) -> bool:
        return self._place == 0

    @property
    def is_last(self) -> bool:
        return self._place == len(self.lesson.steps) - 1

    @property
    def is_begun(self) -> bool:
        """The student went on, answered or tried something."""
        return self._place > 0 or bool(self._done) or bool(self._tries)

    @property
    def is_done(self) -> bool:
        """Nothing is owed here: the step is only read, or was answered or solved."""
        return isinstance(self.step, Tell | Show) or self.is_solved(self.step)

    def is_solved(self, step: AnyStep) -> bool:
        """A question answered, a task done, now or in an earlier sitting."""
        return step.id in self._done

    @property
    def points(self) -> int:
        return sum(points_of(step) for step in self.lesson.steps if step.id in self._done)

    @property
    def progress(self) -> Progress:
        """To be kept."""
        done = tuple(step.id for step in self.lesson.steps if step.id in self._done)
        return Progress(self.step.id, done, dict(self._tries))

    def forward(self) -> bool:
        """False at the end. What is not done yet may be passed over: it stays open."""
        return self._go(1)

    def back(self) -> bool:
        """False at the beginning."""
        return self._go(-1)

    def answer(self, question: Question, said: str) -> Judgement:
        """Of the step that stands here."""
        judgement = judge(question, said)
        self._note(done=judgement.right)
        return judgement

    def goals(self, task: Task) -> Goals:
        """A reader for one attempt: its goals tick as the records come."""
        return Goals(task.goals)

    def attempted(self, task: Task, reached: Collection[str]) -> bool:
        """The attempt is over, and these goals were reached: were they all?"""
        solved = len(reached) == len(task.goals)
        self._note(done=solved)
        return solved

    def next_hint(self, hints: tuple[str, ...]) -> str | None:
        """One degree more; None after the last."""
        if self._hints >= len(hints):
            return None
        self._hints += 1
        return hints[self._hints - 1]

    def _note(self, *, done: bool) -> None:
        if done:
            self._done.add(self.step.id)
        else:
            self._tries[self.step.id] = self._tries.get(self.step.id, 0) + 1

    def _go(self, steps: int) -> bool:
        place = self._place + steps
        if not 0 <= place < len(self.lesson.steps):
            return False
        self._place, self._hints = place, 0
        return True
