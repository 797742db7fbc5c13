"""Proves a lesson: both languages have the same steps, and its goals tell right doing from none and from wrong."""

from __future__ import annotations

from collections.abc import Iterator

from smtplab.lesson.agreement import Finding, step_findings, text_findings
from smtplab.lesson.doing import ActionError, attempt, picked, records_of
from smtplab.lesson.goals import reached_by
from smtplab.lesson.judge import judge
from smtplab.lesson.lesson import Action, Predict, Question, Show, Shown, Solution, Task, WrongAttempt, WrongAttempts
from smtplab.lesson.library import Opened, bundled_lessons, read_solution, read_wrong_attempts
from smtplab.lesson.patterns import fits_any
from smtplab.sim.expect import Expectations
from smtplab.told import tell

SEEDS = (1, 2, 3)
"""A model solution that holds at one seed only holds by chance."""


def validate(opened: Opened) -> list[Finding]:
    """Everything that is wrong, none where the lesson stands. Raises LessonError where a file can't be read."""
    findings = [*_frame(opened), *step_findings(opened), *text_findings(opened)]
    if findings:
        # What follows runs the lesson's world, which asks for steps and patterns that fit.
        return findings
    solution, wrong = read_solution(opened.folder / "solution.toml"), read_wrong_attempts(opened.folder)
    return [*_recordings(opened), *_solution(opened, solution), *_wrong_attempts(opened, wrong)]


# The lesson's own file


def _frame(opened: Opened) -> Iterator[Finding]:
    lesson, folder = opened.lesson, opened.folder.resolve().name
    if folder != f"{opened.number}-{lesson.id}" or len(opened.number) < 2:
        yield Finding("lesson.toml", "$.id", tell("lesson.flaw.other-folder", lesson=lesson.id, folder=folder))
    around = {path.parent.name for path in opened.folder.resolve().parent.glob("*/lesson.toml")}
    known = {name.partition("-")[2] for name in around | {path.name for path in bundled_lessons()}}
    for place, wanted in enumerate(lesson.prerequisites):
        if wanted not in known or wanted == lesson.id:
            flaw = tell("lesson.flaw.no-other-lesson", lesson=wanted)
            yield Finding("lesson.toml", f"$.prerequisites[{place}]", flaw)


# Runs


def _recordings(opened: Opened) -> Iterator[Finding]:
    for step in opened.lesson.steps:
        if isinstance(step, Show | Predict | Task) and step.records is not None:
            try:
                yield from _of_recording(opened, step.id, step.records)
                if isinstance(step, Predict):
                    yield from _truth(opened, step)
            except ActionError as trouble:
                yield Finding("lesson.toml", f"{step.id}.records.run", trouble.told)


def _of_recording(opened: Opened, step_id: str, shown: Shown) -> Iterator[Finding]:
    found = picked(opened.world, shown)
    if not found:
        yield Finding("lesson.toml", f"{step_id}.records", tell("lesson.flaw.no-such-records"))
    if shown.mark and not any(fits_any(one, shown.mark) for one in found):
        yield Finding("lesson.toml", f"{step_id}.records.mark", tell("lesson.flaw.nothing-marked"))


def _truth(opened: Opened, step: Predict) -> Iterator[Finding]:
    for seed in SEEDS:
        reader = Expectations((step.truth,))
        for record in records_of(opened.world, step.records.run, seed):
            reader.read(record)
        if not reader.verdicts()[0].held:
            yield Finding("lesson.toml", f"{step.id}.truth", tell("lesson.flaw.not-borne-out", seed=seed))


def _solution(opened: Opened, solution: Solution) -> Iterator[Finding]:
    file = "solution.toml"
    for step in opened.lesson.steps:
        if isinstance(step, Question) and not judge(step, solution.answers.get(step.id, "")).right:
            yield Finding(file, step.id, tell("lesson.flaw.no-answer"))
        if isinstance(step, Task) and step.id not in solution.actions:
            yield Finding(file, step.id, tell("lesson.flaw.no-solution"))
        elif isinstance(step, Task):
            try:
                yield from _of_task(opened, step, solution.actions[step.id])
            except ActionError as trouble:
                yield Finding(file, step.id, trouble.told)


def _of_task(opened: Opened, task: Task, action: Action) -> Iterator[Finding]:
    for seed in SEEDS:
        reached = reached_by(task.goals, attempt(opened.world, task, action, seed))
        for goal in task.goals:
            if goal.id not in reached:
                yield Finding("solution.toml", task.id, tell("lesson.flaw.misses", goal=goal.id, seed=seed))
    for goal_id in reached_by(task.goals, attempt(opened.world, task, None, SEEDS[0])):
        yield Finding("lesson.toml", task.id, tell("lesson.flaw.idle-reaches", goal=goal_id))


def _wrong_attempts(opened: Opened, wrong: WrongAttempts) -> Iterator[Finding]:
    file = "wrong.toml"
    for number, one in enumerate(wrong.attempts):
        task, path = opened.lesson.step(one.step), f"$.attempts[{number}]"
        if isinstance(task, Task):
            yield from _of_attempt(opened, task, one, path)
        else:
            yield Finding(file, f"{path}.step", tell("lesson.flaw.no-task", step=one.step))
    missed = {(one.step, goal_id) for one in wrong.attempts for goal_id in one.misses}
    for step in opened.lesson.steps:
        if isinstance(step, Task):
            for goal in step.goals:
                if (step.id, goal.id) not in missed:
                    yield Finding(file, step.id, tell("lesson.flaw.untried", goal=goal.id))


def _of_attempt(opened: Opened, task: Task, one: WrongAttempt, path: str) -> Iterator[Finding]:
    file = "wrong.toml"
    unknown = set(one.misses) - {goal.id for goal in task.goals}
    if unknown:
        yield Finding(file, f"{path}.misses", tell("lesson.flaw.no-goal", goal=min(unknown)))
    try:
        reached = reached_by(task.goals, attempt(opened.world, task, one.action, SEEDS[0]))
    except ActionError as trouble:
        yield Finding(file, f"{path}.action", trouble.told)
        return
    for goal_id in one.misses:
        if goal_id in reached:
            yield Finding(file, path, tell("lesson.flaw.reaches", goal=goal_id))
