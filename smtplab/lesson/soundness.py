"""What a lesson's types cannot say, because it speaks of two fields: whether its steps can be played in its world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from smtplab.lesson.lesson import AnyStep, Choice, Lesson, Predict, Show, Shown, Task
from smtplab.sim.consistency import Problem, expectation_problems, pattern_problems
from smtplab.sim.expect import Pattern
from smtplab.sim.world import World
from smtplab.told import tell


def problems(lesson: Lesson, world: World) -> Iterator[Problem]:
    """Everything that would keep a student from playing it, in the order of its file."""
    known: set[str] = set()
    for place, step in enumerate(lesson.steps):
        if step.id in known:
            yield Problem(f"$.steps[{place}].id", tell("lesson.flaw.second-step", step=step.id))
        known.add(step.id)
        yield from _of_step(step, world, f"$.steps[{place}]")


def _of_step(step: AnyStep, world: World, path: str) -> Iterator[Problem]:
    match step:
        case Choice(choices=choices, right=right):
            if right not in choices:
                yield Problem(f"{path}.right", tell("lesson.flaw.no-choice", letter=right))
        case Show(records=records):
            yield from _of_shown(records, world, path)
        case Predict(truth=truth, records=records):
            yield from expectation_problems(truth, f"{path}.truth")
            yield from _of_shown(records, world, path)
        case Task():
            for number, goal in enumerate(step.goals):
                yield from expectation_problems(goal, f"{path}.goals[{number}]")
            yield from _of_task(step, world, path)
        case _:
            pass


def _of_task(task: Task, world: World, path: str) -> Iterator[Problem]:
    hosts, zones = {host.name for host in world.hosts}, {zone.origin for zone in world.zones}
    match task.does:
        case "speak":
            yield from _named("host", {"client": task.client, "server": task.server}, hosts, path)
        case "mend":
            yield from _named("zone", {"zone": task.zone}, zones, path)
        case "configure":
            yield from _named("host", {"host": task.host}, hosts, path)
        case "find":
            if task.records is None:
                yield Problem(f"{path}.records", tell("lesson.flaw.which-records"))
            else:
                yield from _of_shown(task.records, world, path)
        case "send":
            pass
    yield from _patterns(tuple(task.wrong.values()), [f"{path}.wrong.{name}" for name in task.wrong])


def _of_shown(shown: Shown, world: World, path: str) -> Iterator[Problem]:
    hosts, run = {host.name for host in world.hosts}, shown.run
    if run.script:
        yield from _named("host", {"client": run.client, "server": run.server}, hosts, f"{path}.records.run")
    for name, patterns in (("pick", shown.pick), ("mark", shown.mark)):
        yield from _patterns(patterns, [f"{path}.records.{name}[{number}]" for number in range(len(patterns))])


def _patterns(patterns: tuple[Pattern, ...], paths: list[str]) -> Iterator[Problem]:
    for pattern, path in zip(patterns, paths, strict=True):
        yield from pattern_problems(pattern, path)


def _named(kind: Literal["host", "zone"], named: Mapping[str, str], known: set[str], path: str) -> Iterator[Problem]:
    for key, name in named.items():
        if name not in known:
            flaw = tell(f"world.no-{kind}", name=name) if name else tell(f"lesson.flaw.which-{kind}")
            yield Problem(f"{path}.{key}", flaw)
