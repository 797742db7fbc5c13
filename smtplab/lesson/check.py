"""Checks what a student handed in against a lesson: points for right answers and for goals reached, and why not."""

from __future__ import annotations

from typing import Literal

import msgspec

from smtplab.flaws import at
from smtplab.lesson.doing import attempt
from smtplab.lesson.goals import reached_by
from smtplab.lesson.judge import judge, judge_found
from smtplab.lesson.lesson import AnyStep, Question, Show, Solution, Task, Tell, points_of
from smtplab.lesson.library import LessonError, Opened
from smtplab.told import tell


class GoalChecked(msgspec.Struct, frozen=True):
    goal: str
    reached: bool


class StepChecked(msgspec.Struct, frozen=True):
    """One question or one task."""

    step: str
    kind: str
    status: Literal["done", "wrong", "missing"]
    points: int
    points_max: int
    explanation: str | None = None
    """The name of the explanation of a wrong answer, or of the wrong record found."""
    goals: tuple[GoalChecked, ...] = ()


class Checked(msgspec.Struct, frozen=True):
    """As `lesson check --json` prints it."""

    lesson: str
    seed: int
    passed: bool
    points: int
    points_max: int
    steps: tuple[StepChecked, ...]


def check(opened: Opened, solution: Solution, seed: int | None = None) -> Checked:
    """Raises ActionError where an action can't be done, LessonError where a step is named that there is not."""
    lesson, seed = opened.lesson, opened.world.seed if seed is None else seed
    _refuse_strangers(opened, solution)
    steps = tuple(
        _check_step(opened, step, solution, seed) for step in lesson.steps if not isinstance(step, Tell | Show)
    )
    points = sum(step.points for step in steps)
    passed = all(step.status == "done" for step in steps)
    return Checked(lesson.id, seed, passed, points, lesson.points, steps)


def _refuse_strangers(opened: Opened, solution: Solution) -> None:
    for part, given, kind in (("answers", solution.answers, Question), ("actions", solution.actions, Task)):
        for step_id in given:
            if not isinstance(opened.lesson.step(step_id), kind):
                known = ", ".join(step.id for step in opened.lesson.steps if isinstance(step, kind))
                flaw = tell("lesson.flaw.no-such-step", lesson=opened.lesson.id, known=known)
                raise LessonError(at(f"$.{part}.{step_id}", flaw))


def _check_step(opened: Opened, step: Question | Task, solution: Solution, seed: int) -> StepChecked:
    if isinstance(step, Task):
        return _check_task(opened, step, solution, seed)
    if step.id not in solution.answers:
        return _checked(step, "missing")
    judgement = judge(step, solution.answers[step.id])
    return _checked(step, "done" if judgement.right else "wrong", explanation=judgement.wrong or None)


def _check_task(opened: Opened, task: Task, solution: Solution, seed: int) -> StepChecked:
    if task.id not in solution.actions:
        return _checked(task, "missing", goals=tuple(GoalChecked(goal.id, reached=False) for goal in task.goals))
    records = attempt(opened.world, task, solution.actions[task.id], seed)
    reached = reached_by(task.goals, records)
    goals = tuple(GoalChecked(goal.id, goal.id in reached) for goal in task.goals)
    wrong = judge_found(task, records[0]).wrong if task.does == "find" and records else ""
    done = all(goal.reached for goal in goals)
    return _checked(task, "done" if done else "wrong", explanation=wrong or None, goals=goals)


def _checked(
    step: AnyStep,
    status: Literal["done", "wrong", "missing"],
    *,
    explanation: str | None = None,
    goals: tuple[GoalChecked, ...] = (),
) -> StepChecked:
    worth = points_of(step)
    kind = str(step.__struct_config__.tag)
    return StepChecked(step.id, kind, status, worth if status == "done" else 0, worth, explanation, goals)
