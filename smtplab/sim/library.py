"""Finds worlds, those that come with smtplab and a person's own, reads them from TOML and refuses what cannot run."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path

import msgspec

from smtplab.flaws import cannot_read, in_file, misfit, no_utf_8, too_large
from smtplab.sim.consistency import first_problem
from smtplab.sim.world import World
from smtplab.told import Unfit, tell

WORLD_OCTETS_MAX = 1_000_000
"""A class of thirty domains fits in a tenth of it; a larger file is no world but a mistake."""


_BYTE_ORDER_MARK = "\ufeff"
"""Some editors put it in front of UTF-8."""


class WorldError(Unfit):
    """A world that can't be read; what is told is the file, what is wrong, and the path of the field."""


class UnknownWorldError(WorldError):
    """Neither a bundled world's name nor a file's."""

    def __init__(self, name: str) -> None:
        super().__init__(in_file(name, tell("world.unknown", known=", ".join(bundled_worlds()))))
        self.name = name


def bundled_worlds() -> tuple[str, ...]:
    """The names of the worlds that come with smtplab, sorted."""
    files = resources.files("smtplab").joinpath("worlds").iterdir()
    return tuple(sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml")))


def load_world(name_or_path: str) -> World:
    """A bundled world by its name, or any `.toml` file by its path. Raises WorldError."""
    if name_or_path in bundled_worlds():
        bundled = resources.files("smtplab").joinpath("worlds", f"{name_or_path}.toml")
        return parse_world(bundled.read_text("utf-8"), name_or_path)
    if not name_or_path.endswith(".toml"):
        if Path(name_or_path).is_file():
            raise WorldError(in_file(name_or_path, tell("world.no-toml")))
        raise UnknownWorldError(name_or_path)
    try:
        with Path(name_or_path).open("rb") as file:
            data = file.read(WORLD_OCTETS_MAX + 1)
    except OSError as error:
        raise WorldError(cannot_read(name_or_path, error)) from error
    if len(data) > WORLD_OCTETS_MAX:
        raise WorldError(too_large(name_or_path, WORLD_OCTETS_MAX))
    try:
        return parse_world(data.decode("utf-8"), name_or_path)
    except UnicodeDecodeError as error:
        raise WorldError(no_utf_8(name_or_path, error)) from error


def parse_world(text: str, origin: str) -> World:
    """A world from the text of its file. Raises WorldError, whose told line begins with `origin`."""
    if len(text) > WORLD_OCTETS_MAX:
        raise WorldError(too_large(origin, WORLD_OCTETS_MAX))
    try:
        world = msgspec.convert(tomllib.loads(text.removeprefix(_BYTE_ORDER_MARK)), World)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise WorldError(misfit(origin, error)) from error
    problem = first_problem(world)
    if problem is not None:
        raise WorldError(in_file(origin, problem.flaw, f"$.{problem.path}"))
    return world
