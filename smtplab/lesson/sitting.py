"""One student at one lesson: what was answered, hinted and reached at the step at hand; how it looks it knows not."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal, NamedTuple

from smtplab.journal import Record
from smtplab.lesson.goals import Goals
from smtplab.lesson.judge import Judgement, judge_found, model_answer
from smtplab.lesson.lesson import AnyStep, Predict, Question, Show, Shown, Task
from smtplab.lesson.library import Opened
from smtplab.lesson.player import Player

NoteKind = Literal["right", "wrong", "hint", "no-more-hints", "not-yet", "model", "trouble"]


class Note(NamedTuple):
    """Something said below the step's text; in which language is the screen's affair."""

    kind: NoteKind
    name: str = ""
    """Of the explanation, the hint's number from 0, the model answer, or what can't be done."""


class Sitting:
    """Every change of a step begins with clean paper; what was solved stays solved."""

    def __init__(self, opened: Opened, player: Player) -> None:
        self.opened = opened
        self.player = player
        self.demonstrating = False
        """The model solution is being played: it earns nothing."""
        self._verdict: Note | None = None
        self._hints: list[Note] = []
        self._inside: Goals | None = None
        self._outside: Goals | None = None
        self._begin()

    @property
    def step(self) -> AnyStep:
        return self.player.step

    @property
    def task(self) -> Task | None:
        return self.step if isinstance(self.step, Task) else None

    @property
    def notes(self) -> tuple[Note, ...]:
        """Hints first, in the order in which they were given, then what was said of the last answer or attempt."""
        return (*self._hints, *(() if self._verdict is None else (self._verdict,)))

    @property
    def reached(self) -> frozenset[str]:
        """The goals of the task at hand; all of them where it was solved before."""
        task = self.task
        if task is None:
            return frozenset()
        now = {*self._reached_by(self._inside), *self._reached_by(self._outside)}
        if self.player.is_done and not self.demonstrating:
            return frozenset(goal.id for goal in task.goals)
        return frozenset(now)

    @property
    def recording(self) -> tuple[str, Shown] | None:
        """What there is to look at beside the text, by its step: this step's, or the last one shown before it.

        A prediction's is not shown before it was answered.
        """
        for step in reversed(self.opened.lesson.steps[: self.player.number]):
            if isinstance(step, Show) or (isinstance(step, Predict) and self._may_be_seen(step)):
                return step.id, step.records
        return None

    @property
    def shown(self) -> Shown | None:
        """The recording that the step's stage shows: among which to find, or to look at."""
        task = self.task
        if task is not None:
            return task.records
        found = self.recording
        return None if found is None else found[1]

    def _may_be_seen(self, step: Predict) -> bool:
        here = step.id == self.step.id
        return self.player.is_solved(step) or (here and self._verdict is not None and self._verdict.kind == "model")

    # The way through the lesson

    def forward(self) -> bool:
        return self._moved(self.player.forward())

    def back(self) -> bool:
        return self._moved(self.player.back())

    def _moved(self, moved: bool) -> bool:
        if moved:
            self._begin()
        return moved

    def _begin(self) -> None:
        self.demonstrating = False
        self._verdict = Note("right") if self.player.is_solved(self.step) else None
        self._hints = []
        task = self.task
        self._inside, self._outside = (
            (None, None) if task is None else (self.player.goals(task), self.player.goals(task))
        )

    # Questions

    def answer(self, said: str) -> Judgement | None:
        """None where the step asks nothing."""
        step = self.step
        if not isinstance(step, Question):
            return None
        judgement = self.player.answer(step, said)
        self._verdict = Note("right") if judgement.right else Note("wrong", judgement.wrong)
        return judgement

    def hint(self, hints: tuple[str, ...]) -> None:
        """One degree more; `hints` are the step's, in any language."""
        if self.player.next_hint(hints) is None:
            if Note("no-more-hints") not in self._hints:
                self._hints.append(Note("no-more-hints"))
        else:
            self._hints.append(Note("hint", str(len(self._hints))))

    def give_away(self) -> str | None:
        """The model answer of a question; it earns nothing."""
        step = self.step
        if not isinstance(step, Question):
            return None
        answer = model_answer(step)
        if not self.player.is_done:
            self._verdict = Note("model", answer)
        return answer

    # Tasks

    def begin_attempt(self, *, demonstrating: bool = False) -> None:
        """Goals reached in an earlier attempt have to be reached again; those reached by other programs stay."""
        task = self.task
        if task is not None:
            self.demonstrating = demonstrating
            self._inside = self.player.goals(task)
            if not self.player.is_done:
                self._verdict = None

    def read(self, records: Iterable[Record]) -> bool:
        """What the student does in smtplab; true where the task was solved by it just now."""
        return self._read(self._inside, records)

    def read_outside(self, records: Iterable[Record]) -> bool:
        """What a program of the student's own did to the world on loopback; likewise."""
        return self._read(self._outside, records)

    def end_attempt(self) -> None:
        """Nothing more comes of it."""
        task = self.task
        if task is not None and not self.demonstrating and not self._all(self.reached):
            self.player.attempted(task, self.reached)
            self._verdict = Note("not-yet")

    def point_at(self, record: Record, *, demonstrating: bool = False) -> Judgement | None:
        """None where the step has nothing to find."""
        task = self.task
        if task is None or task.does != "find":
            return None
        self.begin_attempt(demonstrating=demonstrating)
        judgement = judge_found(task, record)
        self.read((record,))
        if not judgement.right:
            self.player.attempted(task, ())
            self._verdict = Note("wrong", judgement.wrong)
        return judgement

    def cannot(self, why: str) -> None:
        """What was asked for can't be done in this world."""
        self._verdict = Note("trouble", why)

    def _read(self, goals: Goals | None, records: Iterable[Record]) -> bool:
        task = self.task
        if task is None or goals is None:
            return False
        for record in records:
            goals.read(record)
        if self.player.is_done or not self._all(self.reached):
            return False
        if self.demonstrating:
            self._verdict = Note("model")
            return False
        self._verdict = Note("right")
        return self.player.attempted(task, self.reached)

    def _all(self, reached: Collection[str]) -> bool:
        task = self.task
        return task is not None and len(reached) == len(task.goals)

    @staticmethod
    def _reached_by(goals: Goals | None) -> tuple[str, ...]:
        return () if goals is None else goals.reached
