"""A student at one task: which goals the records have reached, and what is said of the last attempt."""

from __future__ import annotations

from collections.abc import Iterable

from smtplab.journal import Record
from smtplab.lesson.goals import Goals
from smtplab.lesson.judge import Judgement, judge_found
from smtplab.lesson.lesson import Task
from smtplab.lesson.note import Note
from smtplab.lesson.player import Player
from smtplab.told import Told


class Attempt:
    """Of a step that is no task nothing can be attempted, and nothing is reached."""

    def __init__(self, player: Player, task: Task | None) -> None:
        self._player = player
        self._task = task
        self._inside: Goals | None = None if task is None else player.goals(task)
        self._outside: Goals | None = None if task is None else player.goals(task)
        self.demonstrating = False
        """The model solution is being played: it earns nothing."""
        self.verdict = Note("right") if task is not None and player.is_solved(task) else None

    @property
    def reached(self) -> frozenset[str]:
        """The goals of the task; all of them where it was solved before."""
        task = self._task
        if task is None:
            return frozenset()
        if self._player.is_done and not self.demonstrating:
            return frozenset(goal.id for goal in task.goals)
        return frozenset((*_reached_by(self._inside), *_reached_by(self._outside)))

    def begin(self, *, demonstrating: bool = False) -> None:
        """Goals reached in an earlier attempt have to be reached again; those reached by other programs stay."""
        task = self._task
        if task is not None:
            self.demonstrating = demonstrating
            self._inside = self._player.goals(task)
            if not self._player.is_done:
                self.verdict = None

    def read(self, records: Iterable[Record]) -> bool:
        """What the student does in smtplab; true where the task was solved by it just now."""
        return self._read(self._inside, records)

    def read_outside(self, records: Iterable[Record]) -> bool:
        """What a program of the student's own did to the world on loopback; likewise."""
        return self._read(self._outside, records)

    def end(self) -> None:
        """Nothing more comes of it."""
        task = self._task
        if task is not None and not self.demonstrating and not self._all_reached(task):
            self._player.attempted(task, self.reached)
            self.verdict = Note("not-yet")

    def point_at(self, record: Record, *, demonstrating: bool = False) -> Judgement | None:
        """None where the step has nothing to find."""
        task = self._task
        if task is None or task.does != "find":
            return None
        self.begin(demonstrating=demonstrating)
        judgement = judge_found(task, record)
        self.read((record,))
        if not judgement.right:
            self._player.attempted(task, ())
            self.verdict = Note("wrong", judgement.wrong)
        return judgement

    def cannot(self, why: Told) -> None:
        """What was asked for can't be done in this world."""
        self.verdict = Note("trouble", trouble=why)

    def _read(self, goals: Goals | None, records: Iterable[Record]) -> bool:
        task = self._task
        if task is None or goals is None:
            return False
        for record in records:
            goals.read(record)
        if self._player.is_done or not self._all_reached(task):
            return False
        if self.demonstrating:
            self.verdict = Note("model")
            return False
        self.verdict = Note("right")
        return self._player.attempted(task, self.reached)

    def _all_reached(self, task: Task) -> bool:
        return len(self.reached) == len(task.goals)


def _reached_by(goals: Goals | None) -> tuple[str, ...]:
    return () if goals is None else goals.reached
