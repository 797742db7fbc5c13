"""What `sim list`, `sim show` and `sim run` do: worlds looked at and played, for any front end."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from smtplab.events import JourneyEnded
from smtplab.flaws import in_file
from smtplab.journal import Record
from smtplab.lab.bad_input import BadInput
from smtplab.lab.bad_world import bad_world
from smtplab.lab.exits import DONE, FAILED
from smtplab.sim.expect import EVENTS, Verdict
from smtplab.sim.library import WorldError, bundled_worlds, load_world
from smtplab.sim.run import JourneyError, play
from smtplab.sim.until import Until, parse_until
from smtplab.sim.world import Texts, World
from smtplab.told import tell


class Listed(msgspec.Struct, frozen=True):
    """A bundled world in one line, its texts in every language."""

    name: str
    title: Texts
    teaches: Texts


class Report(msgspec.Struct, frozen=True):
    """What a run came to, apart from its records."""

    world: str
    seed: int
    journeys: tuple[JourneyEnded, ...]
    queued: int
    """Messages that are still in a queue."""
    expectations: tuple[Verdict, ...]
    cut: bool = False
    """It was asked to end before the world came to rest."""
    missed: str = ""
    """The event at which it was asked to end, where none of that name happened."""

    @property
    def exit_code(self) -> int:
        """An expected bounce is as good as a delivery."""
        return DONE if not any(verdict.failed for verdict in self.expectations) else FAILED


Run = Callable[[Callable[[Record], None]], Report]
"""A run that has been read whole; called once with who is to be told of each record, it plays to its end."""


def list_worlds() -> tuple[Listed, ...]:
    """Those that come with smtplab, by name."""
    worlds = (load_world(name) for name in bundled_worlds())
    return tuple(Listed(world.name, world.title, world.teaches) for world in worlds)


def show_world(name_or_path: str) -> World:
    """All of it: hosts, zones, users, links, faults, journeys, expectations; passwords too, which are the lesson's.

    Raises BadInput.
    """
    try:
        return load_world(name_or_path)
    except WorldError as trouble:
        raise bad_world(trouble) from trouble


def prepare_run(name_or_path: str, seed: int | None = None, until: str | None = None) -> Run:
    """Reads everything before anything happens. Raises BadInput."""
    world = show_world(name_or_path)
    limit = _read_until(until, world)
    if not world.journeys:
        raise BadInput("cli.bad-world", reason=in_file(name_or_path, tell("world.no-journeys")))
    return lambda on_record: _run(world, world.seed if seed is None else seed, limit, on_record)


def _run(world: World, seed: int, until: Until, on_record: Callable[[Record], None]) -> Report:
    try:
        played = play(world, seed, until, on_record)
    except JourneyError as trouble:
        raise bad_world(trouble) from trouble
    missed = until if isinstance(until, str) and not played.cut else ""
    return Report(world.name, seed, played.journeys, len(played.queued), played.verdicts, played.cut, missed)


def _read_until(text: str | None, world: World) -> Until:
    if text is None:
        return None
    try:
        return parse_until(text, world.start)
    except ValueError as trouble:
        raise _bad_until(text) from trouble


def _bad_until(text: str) -> BadInput:
    from difflib import get_close_matches  # noqa: PLC0415 - only a slip needs it

    for close in get_close_matches(text.lower(), EVENTS, 1):
        return BadInput("sim.bad-until.close", value=text, close=close)
    return BadInput("sim.bad-until", value=text)
