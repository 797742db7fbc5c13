"""Does in a lesson's world what an action says; whether that was right it does not ask."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from smtplab.flaws import at
from smtplab.journal import Record
from smtplab.lesson.lesson import Action, Shown, Task
from smtplab.lesson.patterns import fits_any
from smtplab.lesson.settings import SettingsError, with_settings
from smtplab.lesson.shown import ShownLine, shown_lines
from smtplab.lesson.spoken import Speech, speak
from smtplab.sim.consistency import first_problem, pattern_problems
from smtplab.sim.expect import Pattern
from smtplab.sim.run import play
from smtplab.sim.world import Host, World, Zone
from smtplab.told import Told, Unfit, tell
from smtplab.view.texts import Texts


class ActionError(Unfit):
    """An action that can't be done in this world: what is wrong, and the path of the field."""


def perform(world: World, action: Action, seed: int, on_record: Callable[[Record], None]) -> None:
    """Runs the world to its end with the action in it. It blocks, and brings its own event loop.

    Raises ActionError before the first record.
    """
    changed = changed_by(world, action)
    if action.script:
        speak(
            changed, Speech(action.client, action.server, tuple(action.script.strip("\n").split("\n"))), seed, on_record
        )
    elif changed.journeys:
        play(changed, seed, None, on_record)


def records_of(world: World, action: Action, seed: int) -> list[Record]:
    """`perform`, with its records kept. Raises ActionError."""
    records: list[Record] = []
    perform(world, action, seed, records.append)
    return records


def fitted(task: Task, action: Action) -> Action:
    """The action with what the task says of it: who speaks to whom. Raises ActionError where it is of another kind."""
    given = {
        "send": bool(action.send),
        "speak": bool(action.script),
        "mend": bool(action.zones),
        "configure": bool(action.hosts),
        "find": action.find is not None,
    }
    strays = [kind for kind, is_given in given.items() if is_given and kind != task.does]
    if strays:
        flaw = tell("lesson.flaw.other-kind", does=_to(task.does), other=_to(strays[0]))
        raise ActionError(at(f"$.actions.{task.id}", flaw))
    for part, changed, own in (("zones", action.zones, task.zone), ("hosts", action.hosts, task.host)):
        other = [name for name in changed if name != own]
        if other:
            flaw = tell("lesson.flaw.other-thing", does=_to(task.does), own=own)
            raise ActionError(at(f"$.actions.{task.id}.{part}.{other[0]}", flaw))
    return msgspec.structs.replace(action, client=task.client, server=task.server)


def _to(do: str) -> Told:
    """The kind of a task, as a verb."""
    return tell(f"lesson.flaw.to.{do}")


def attempt(world: World, task: Task, action: Action | None, seed: int) -> list[Record]:
    """The records of a student's own doing; without an action nothing is sent or said, and the world stays as it is.

    Of what is to be found it is the one record pointed at. Raises ActionError.
    """
    done = fitted(task, action or Action())
    match task.does:
        case "send" if not done.send:
            return []
        case "speak" if not done.script:
            return []
        case "find":
            return _pointed_at(world, task, done.find, seed)
        case _:
            return records_of(world, done, seed)


def _pointed_at(world: World, task: Task, pattern: Pattern | None, seed: int) -> list[Record]:
    if pattern is None:
        return []
    for problem in pattern_problems(pattern, f"$.actions.{task.id}.find"):
        raise ActionError(at(problem.path, problem.flaw))
    return [one for one in picked(world, task.records or Shown(), seed) if fits_any(one, (pattern,))][:1]


def picked(world: World, shown: Shown, seed: int | None = None) -> list[Record]:
    """The records of a recording that are shown. Raises ActionError."""
    records = records_of(world, shown.run, world.seed if seed is None else seed)
    return [one for one in records if not shown.pick or fits_any(one, shown.pick)]


def show(world: World, shown: Shown, texts: Texts, seed: int | None = None) -> list[ShownLine]:
    """A step's recording, run and read. Raises ActionError."""
    records = records_of(world, shown.run, world.seed if seed is None else seed)
    return list(shown_lines(records, shown, texts))


def changed_by(world: World, action: Action) -> World:
    """The world as the action leaves it: its zones, its hosts, its journeys. Raises ActionError."""
    origins, names = {zone.origin for zone in world.zones}, {host.name for host in world.hosts}
    for origin in action.zones:
        if origin not in origins:
            raise ActionError(at("$.zones", tell("world.no-zone", name=origin)))
    for path, name in (*(("hosts", name) for name in action.hosts), *_speakers(action)):
        if name not in names:
            raise ActionError(at(f"$.{path}", tell("world.no-host", name=name)))
    zones = tuple(Zone(zone.origin, action.zones.get(zone.origin, zone.text)) for zone in world.zones)
    hosts = tuple(_set_up(host, action) for host in world.hosts)
    changed = msgspec.structs.replace(world, zones=zones, hosts=hosts, journeys=action.send or world.journeys)
    problem = first_problem(changed)
    if problem is not None:
        path = problem.path.replace("journeys", "send", 1) if action.send else problem.path
        raise ActionError(at(f"$.{path}", problem.flaw))
    return changed


def _speakers(action: Action) -> tuple[tuple[str, str], ...]:
    return (("client", action.client), ("server", action.server)) if action.script else ()


def _set_up(host: Host, action: Action) -> Host:
    if host.name not in action.hosts:
        return host
    try:
        return with_settings(host, action.hosts[host.name])
    except SettingsError as trouble:
        raise ActionError(trouble.told) from trouble
