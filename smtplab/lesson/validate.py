"""Proves a lesson: both languages have the same steps, and its goals tell right doing from none and from wrong."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from smtplab.lesson.doing import ActionError, attempt, records_of
from smtplab.lesson.goals import reached_by
from smtplab.lesson.judge import judge
from smtplab.lesson.lesson import (
    AnyStep,
    Choice,
    Order,
    Predict,
    Question,
    Short,
    Show,
    Shown,
    Solution,
    Task,
    Tell,
    WrongAttempts,
)
from smtplab.lesson.library import LessonError, Opened, bundled_lessons, read_solution, read_wrong_attempts
from smtplab.lesson.prose import OTHER, RECORDS, Section
from smtplab.lesson.rfcs import unknown_citations
from smtplab.lesson.shown import fits_any
from smtplab.sim.consistency import Problem, expectation_problems, pattern_problems
from smtplab.sim.expect import Expectations

SEEDS = (1, 2, 3)
"""A model solution that holds at one seed only holds by chance."""

_LINK = re.compile(r"\[[^\]\[]*\]\((?P<target>[^)\s]+)\)")


class Finding(msgspec.Struct, frozen=True):
    """Something to mend."""

    file: str
    where: str
    """The step, or the path of the field; empty for the whole file."""
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.text}" + (f" - at `{self.where}`" if self.where else "")


def validate(opened: Opened) -> list[Finding]:
    """Everything that is wrong, none where the lesson stands. Raises LessonError where a file can't be read."""
    findings = [*_frame(opened), *_patterns(opened)]
    for language in opened.prose:
        findings += _language(opened, language)
    if findings:
        # What follows runs the lesson's world, which asks for steps and patterns that fit.
        return findings
    solution, wrong = read_solution(opened.folder / "solution.toml"), read_wrong_attempts(opened.folder)
    try:
        findings += [*_recordings(opened), *_solution(opened, solution), *_wrong_attempts(opened, wrong)]
    except ActionError as trouble:
        raise LessonError(f"{opened.folder}: {trouble}") from trouble
    return findings


# The lesson's own file


def _frame(opened: Opened) -> Iterator[Finding]:
    lesson, folder = opened.lesson, opened.folder.resolve().name
    if folder != f"{opened.number}-{lesson.id}" or len(opened.number) < 2:
        yield Finding("lesson.toml", "$.id", f"the folder of {lesson.id!r} is called NN-{lesson.id}, not {folder}")
    ids = [step.id for step in lesson.steps]
    for place, step_id in enumerate(ids):
        if step_id in ids[:place]:
            yield Finding("lesson.toml", f"$.steps[{place}].id", f"a second step of the name {step_id!r}")
    around = {path.parent.name for path in opened.folder.resolve().parent.glob("*/lesson.toml")}
    known = {name.partition("-")[2] for name in around | {path.name for path in bundled_lessons()}}
    for place, wanted in enumerate(lesson.prerequisites):
        if wanted not in known or wanted == lesson.id:
            yield Finding("lesson.toml", f"$.prerequisites[{place}]", f"no other lesson is called {wanted!r}")


def _patterns(opened: Opened) -> Iterator[Finding]:
    for place, step in enumerate(opened.lesson.steps):
        path = f"$.steps[{place}]"
        problems: list[Problem] = []
        match step:
            case Task(goals=goals):
                for number, goal in enumerate(goals):
                    problems += expectation_problems(goal, f"{path}.goals[{number}]")
            case Predict(truth=truth, records=records):
                problems += expectation_problems(truth, f"{path}.truth")
                problems += _of_shown(records, path)
            case Show(records=records):
                problems += _of_shown(records, path)
            case _:
                pass
        for problem in problems:
            yield Finding("lesson.toml", problem.path, problem.text)


def _of_shown(records: Shown, path: str) -> Iterator[Problem]:
    for name, patterns in (("pick", records.pick), ("mark", records.mark)):
        for number, pattern in enumerate(patterns):
            yield from pattern_problems(pattern, f"{path}.records.{name}[{number}]")


# The prose


def _language(opened: Opened, language: str) -> Iterator[Finding]:
    file, prose = f"{language}.md", opened.prose[language]
    wanted, found = [step.id for step in opened.lesson.steps], list(prose.sections)
    if wanted != found:
        odd = next((step for step in (*wanted, *found) if (step in wanted) != (step in found)), "")
        said = f"{odd!r} stands in one of lesson.toml and this file only" if odd else "the steps stand in another order"
        yield Finding(file, odd, said)
        return
    yield from _whole_text(opened.folder, file)
    for step in opened.lesson.steps:
        for text in _section(step, prose.sections[step.id]):
            yield Finding(file, step.id, text)


def _whole_text(folder: Path, file: str) -> Iterator[Finding]:
    text = (folder / file).read_text("utf-8")
    if not unicodedata.is_normalized("NFC", text):
        yield Finding(file, "", "not in Unicode's form NFC")
    for number in unknown_citations(text):
        yield Finding(file, "", f"no document RFC {number} is known here")
    for link in _LINK.finditer(text):
        target = link["target"]
        if not target.startswith(("https://", "http://", "#")) and not (folder / target).exists():
            yield Finding(file, "", f"the link {target} leads nowhere")


def _section(step: AnyStep, section: Section) -> Iterator[str]:
    if not section.text:
        yield "the step has no text"
    yield from _place_of_records(step, section)
    match step:
        case Choice(choices=choices, right=right):
            yield from _same("choices", section.choices, choices)
            yield from _same("wrong", section.wrong, (*(one for one in choices if one != right), OTHER))
        case Order(right=order):
            yield from _same("choices", section.choices, order)
            yield from _same("wrong", section.wrong, (OTHER,))
            if tuple(section.choices) == order:
                yield "the choices stand in the right order already"
        case Short(wrong=wrong) | Predict(wrong=wrong):
            yield from _same("wrong", section.wrong, (*wrong, OTHER))
        case Task(goals=goals):
            yield from _same("goals", section.goals, tuple(goal.id for goal in goals))
        case Tell() | Show():
            return
    if not section.right:
        yield "`right` is missing: what is said when it is done"
    if not section.hints:
        yield "`hints` are missing"


def _place_of_records(step: AnyStep, section: Section) -> Iterator[str]:
    before, after = (text.split("\n").count(RECORDS) for text in (section.text, section.right))
    match step:
        case Show():
            if (before, after) != (1, 0):
                yield f"one line {RECORDS} belongs into the text"
        case Predict():
            if (before, after) != (0, 1):
                yield f"one line {RECORDS} belongs under `right`: predict first, then watch"
        case _:
            if before or after:
                yield f"no {RECORDS} belongs here: the step has no recording"


def _same(part: str, found: Mapping[str, str], wanted: tuple[str, ...]) -> Iterator[str]:
    for name in wanted:
        if name not in found:
            yield f"`{part}` lacks {name!r}"
    for name in found:
        if name not in wanted:
            yield f"`{part}` has {name!r}, which lesson.toml has not"


# Runs


def _recordings(opened: Opened) -> Iterator[Finding]:
    for step in opened.lesson.steps:
        if not isinstance(step, Show | Predict):
            continue
        records = records_of(opened.world, step.records.run, opened.world.seed)
        picked = [one for one in records if not step.records.pick or fits_any(one, step.records.pick)]
        if not picked:
            yield Finding("lesson.toml", f"{step.id}.records", "the recording has no such records")
        if step.records.mark and not any(fits_any(one, step.records.mark) for one in picked):
            yield Finding("lesson.toml", f"{step.id}.records.mark", "nothing shown is marked")
        if isinstance(step, Predict):
            yield from _truth(opened, step)


def _truth(opened: Opened, step: Predict) -> Iterator[Finding]:
    for seed in SEEDS:
        reader = Expectations((step.truth,))
        for record in records_of(opened.world, step.records.run, seed):
            reader.read(record)
        if not reader.verdicts()[0].held:
            yield Finding("lesson.toml", f"{step.id}.truth", f"the recording does not bear it out at seed {seed}")


def _solution(opened: Opened, solution: Solution) -> Iterator[Finding]:
    file = "solution.toml"
    for step in opened.lesson.steps:
        if isinstance(step, Question) and not judge(step, solution.answers.get(step.id, "")).right:
            yield Finding(file, step.id, "the model answer is missing or not right")
        if isinstance(step, Task):
            if step.id not in solution.actions:
                yield Finding(file, step.id, "the model solution is missing")
                continue
            for seed in SEEDS:
                reached = reached_by(step.goals, attempt(opened.world, step, solution.actions[step.id], seed))
                for goal in step.goals:
                    if goal.id not in reached:
                        yield Finding(file, step.id, f"misses the goal {goal.id!r} at seed {seed}")
            for goal_id in reached_by(step.goals, attempt(opened.world, step, None, SEEDS[0])):
                yield Finding("lesson.toml", step.id, f"doing nothing reaches the goal {goal_id!r}")


def _wrong_attempts(opened: Opened, wrong: WrongAttempts) -> Iterator[Finding]:
    file = "wrong.toml"
    missed: set[tuple[str, str]] = set()
    for number, one in enumerate(wrong.attempts):
        task = opened.lesson.step(one.step)
        if not isinstance(task, Task):
            yield Finding(file, f"$.attempts[{number}].step", f"no task is called {one.step!r}")
            continue
        reached = reached_by(task.goals, attempt(opened.world, task, one.action, SEEDS[0]))
        for goal_id in one.misses:
            if goal_id in reached:
                yield Finding(file, f"$.attempts[{number}]", f"reaches the goal {goal_id!r}, which it should miss")
            missed.add((one.step, goal_id))
    for step in opened.lesson.steps:
        if isinstance(step, Task):
            for goal in step.goals:
                if (step.id, goal.id) not in missed:
                    yield Finding(file, step.id, f"no wrong attempt misses the goal {goal.id!r}")
