"""Does in a lesson's world what an action says; whether that was right it does not ask."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from smtplab.journal import Record
from smtplab.lesson.lesson import Action, Task
from smtplab.lesson.spoken import Speech, speak
from smtplab.sim.consistency import first_problem
from smtplab.sim.run import play
from smtplab.sim.world import World, Zone


class ActionError(Exception):
    """An action that can't be done in this world; the message is one line with the path of the field."""


def perform(world: World, action: Action, seed: int, on_record: Callable[[Record], None]) -> None:
    """Runs the world to its end with the action in it. It blocks, and brings its own event loop.

    Raises ActionError before the first record.
    """
    changed = _changed(world, action)
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
    given = {"send": bool(action.send), "speak": bool(action.script), "mend": bool(action.zones)}
    strays = [kind for kind, is_given in given.items() if is_given and kind != task.does]
    if strays:
        raise ActionError(f"this task is to {task.does}, not to {strays[0]} - at `$.actions.{task.id}`")
    other = [origin for origin in action.zones if origin != task.zone]
    if other:
        raise ActionError(f"the zone to mend is {task.zone!r} - at `$.actions.{task.id}.zones.{other[0]}`")
    return msgspec.structs.replace(action, client=task.client, server=task.server)


def attempt(world: World, task: Task, action: Action | None, seed: int) -> list[Record]:
    """The records of a student's own doing; without an action nothing is sent or said, and the zones stay as they are.

    Raises ActionError.
    """
    done = fitted(task, action or Action())
    idle = (task.does == "send" and not done.send) or (task.does == "speak" and not done.script)
    return [] if idle else records_of(world, done, seed)


def _changed(world: World, action: Action) -> World:
    origins = {zone.origin for zone in world.zones}
    for origin in action.zones:
        if origin not in origins:
            raise ActionError(f"no zone is called {origin!r} - at `$.zones`")
    for field, name in (("client", action.client), ("server", action.server)):
        if action.script and name not in {host.name for host in world.hosts}:
            raise ActionError(f"no host is called {name!r} - at `$.{field}`")
    zones = tuple(Zone(zone.origin, action.zones.get(zone.origin, zone.text)) for zone in world.zones)
    journeys = action.send or world.journeys
    changed = msgspec.structs.replace(world, zones=zones, journeys=journeys)
    problem = first_problem(changed)
    if problem is not None:
        raise ActionError(f"{problem.text} - at `$.{problem.path}`")
    return changed
