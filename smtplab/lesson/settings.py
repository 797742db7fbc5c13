"""A host's settings as the TOML that a student edits, and back; which of them are wise it does not ask."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping

import msgspec

from smtplab.flaws import in_file, misfit
from smtplab.lesson.lesson import Task
from smtplab.sim.world import Host, World
from smtplab.told import Unfit, tell


class SettingsError(Unfit):
    """A text that is no host's settings: the host, and what is wrong."""


def settings_of(host: Host) -> str:
    """As `[[hosts]]` of a world has them, without the name; what stands at its default is left out."""
    told: dict[str, object] = msgspec.to_builtins(host)
    told.pop("name")
    return "\n".join(_lines(told)) + "\n"


def with_settings(host: Host, text: str) -> Host:
    """The same host, set so. Raises SettingsError."""
    try:
        told = tomllib.loads(text)
        if told.get("name", host.name) != host.name:
            raise SettingsError(in_file(host.name, tell("lesson.flaw.keeps-name", name=host.name), "$.name"))
        return msgspec.convert({**told, "name": host.name}, Host)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as trouble:
        raise SettingsError(misfit(host.name, trouble)) from trouble


def text_to_change(world: World, task: Task) -> str:
    """What a student edits: the zone to mend, or the settings of the host to configure."""
    if task.does == "mend":
        return next(zone.text for zone in world.zones if zone.origin == task.zone).lstrip("\n")
    return settings_of(world.host(task.host))


def _lines(table: Mapping[str, object], path: str = "") -> Iterator[str]:
    """Plain values first: what follows a table's heading belongs to that table."""
    tables = {key: value for key, value in table.items() if isinstance(value, dict)}
    for key, value in table.items():
        if key not in tables:
            # JSON's texts, numbers, truth values and lists are TOML's too.
            yield f"{key} = {msgspec.json.format(msgspec.json.encode(value), indent=0).decode()}"
    for key, value in tables.items():
        yield ""
        yield f"[{path}{key}]"
        yield from _lines(value, f"{path}{key}.")
