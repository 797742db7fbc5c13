"""A lesson as data: its steps, questions and tasks; its texts stand in the prose, and nothing is read or run here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta

from smtplab.lesson.goals import Goal
from smtplab.sim.expect import Expectation, Pattern
from smtplab.sim.parts import Name, Part
from smtplab.sim.world import Trip

Id = Annotated[str, Meta(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?\Z", max_length=48)]
Letter = Annotated[str, Meta(pattern=r"^[a-z]\Z")]
"""What a person types to choose."""
Points = Annotated[int, Meta(ge=0, le=100)]
Accepted = Annotated[tuple[str, ...], Meta(min_length=1)]
"""Any of these, whatever the case; `*` and `?` stand for any letters and any one."""

SCRIPT_LETTERS_MAX = 65_536
"""What a person types by hand is a page or two."""

SENT_MAX = 100
"""Messages in one action: an autograder runs strangers' files, and a task asks for a handful."""


class Action(Part, frozen=True, kw_only=True):
    """What somebody does in the lesson's world; with nothing given the world plays its own journeys."""

    send: Annotated[tuple[Trip, ...], Meta(max_length=SENT_MAX)] = ()
    """In place of the world's journeys."""
    script: Annotated[str, Meta(max_length=SCRIPT_LETTERS_MAX)] = ""
    """What is said by hand, line by line; LF for CR LF."""
    client: Name = ""
    """The host from which the script is spoken."""
    server: Name = ""
    """The host to which it is spoken, on port 25."""
    zones: Mapping[str, str] = {}
    """New texts of zones, by origin."""
    hosts: Mapping[str, str] = {}
    """New settings of hosts, by name: TOML with the keys of a world's `[[hosts]]`."""
    find: Pattern | None = None
    """The record pointed at: the first of those shown that fits."""


class Shown(Part, frozen=True, kw_only=True):
    """A recording: the world is run when the step is shown, so no dialogue is typed text."""

    run: Action = Action()
    pick: tuple[Pattern, ...] = ()
    """The records to show; all where nothing is said."""
    mark: tuple[Pattern, ...] = ()
    """The ones to look at."""
    body: bool = True
    """False where of a message that is told the header is enough, as of a notice in two languages."""


class Step(Part, frozen=True, kw_only=True, tag_field="kind"):
    id: Id


class Tell(Step, frozen=True, tag="tell"):
    """Text to read."""


class Show(Step, frozen=True, kw_only=True, tag="show"):
    """Records to look at, where the text says `[[records]]`."""

    records: Shown


class Choice(Step, frozen=True, kw_only=True, tag="choice"):
    """One of some choices is right."""

    choices: Annotated[tuple[Letter, ...], Meta(min_length=2)]
    right: Letter
    points: Points = 1


class Short(Step, frozen=True, kw_only=True, tag="short"):
    """A word or a number."""

    accept: Accepted
    wrong: Mapping[Id, Accepted] = {}
    """Answers that have an explanation of their own, by its name in the prose."""
    points: Points = 1


class Order(Step, frozen=True, kw_only=True, tag="order"):
    """Things to put in order."""

    right: Annotated[tuple[Letter, ...], Meta(min_length=3)]
    """The choices' letters, in the right order; the prose lists them in another."""
    points: Points = 1


class Predict(Step, frozen=True, kw_only=True, tag="predict"):
    """What will come? Answered first, then the records are shown."""

    accept: Accepted
    wrong: Mapping[Id, Accepted] = {}
    truth: Expectation
    """Holds over the recording, so that it is the run that says what is right."""
    records: Shown
    points: Points = 1


class Task(Step, frozen=True, kw_only=True, tag="task"):
    """Something to do in the world, in any way that reaches the goals."""

    does: Literal["send", "speak", "mend", "configure", "find"]
    """Journeys to send, a session to speak by hand, a zone to mend, a host to configure, a record to point at."""
    goals: Annotated[tuple[Goal, ...], Meta(min_length=1)]
    client: Name = ""
    server: Name = ""
    """Between which hosts is spoken."""
    zone: str = ""
    """The origin of the zone to mend."""
    host: Name = ""
    """The host to configure."""
    records: Shown | None = None
    """Among which to find the one; its goals are predicates over that record alone."""
    wrong: Mapping[Id, Pattern] = {}
    """Records with an explanation of their own, by its name in the prose, for who points at them."""
    points: Points = 2


AnyStep = Tell | Show | Choice | Short | Order | Predict | Task
Question = Choice | Short | Order | Predict


class Lesson(Part, frozen=True, kw_only=True):
    id: Id
    minutes: Annotated[int, Meta(ge=1, le=90)]
    prerequisites: tuple[Id, ...] = ()
    speed: Annotated[float, Meta(ge=1, le=10_000)] = 60.0
    """How much quicker than ours time goes where the world stands on loopback for other programs."""
    world: str = "world.toml"
    """A file in the lesson's folder, or the name of a bundled world."""
    steps: Annotated[tuple[AnyStep, ...], Meta(min_length=1)]

    def step(self, step_id: str) -> AnyStep | None:
        return next((step for step in self.steps if step.id == step_id), None)

    @property
    def points(self) -> int:
        """All that can be had."""
        return sum(points_of(step) for step in self.steps)


class Solution(Part, frozen=True, kw_only=True):
    """What a student hands in, and an author's model of it."""

    answers: Mapping[Id, str] = {}
    actions: Mapping[Id, Action] = {}


class WrongAttempt(Part, frozen=True, kw_only=True):
    """An attempt at a task that must miss goals: it proves that the goals tell right from wrong."""

    step: Id
    misses: Annotated[tuple[Id, ...], Meta(min_length=1)]
    action: Action


class WrongAttempts(Part, frozen=True):
    attempts: tuple[WrongAttempt, ...] = ()


def points_of(step: AnyStep) -> int:
    """None for what is only read."""
    match step:
        case Tell() | Show():
            return 0
        case Choice() | Short() | Order() | Predict() | Task():
            return step.points
