"""Finds lessons, those that come with smtplab and a teacher's own, and reads their files, whatever they mean."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import msgspec

import smtplab
from smtplab.flaws import cannot_read, in_file, misfit, no_utf_8, too_large
from smtplab.lesson.lesson import Action, Lesson, Solution, WrongAttempts
from smtplab.lesson.prose import Prose, ProseError, parse_prose
from smtplab.sim.library import WorldError, load_world
from smtplab.sim.world import World
from smtplab.told import Unfit, tell
from smtplab.view.texts import LANGUAGES

FILE_OCTETS_MAX = 1_000_000
"""As for worlds: a larger file is no lesson but a mistake."""

T = TypeVar("T")


class LessonError(Unfit):
    """A lesson that can't be read or played: the file, what is wrong, and where."""


class Outline(msgspec.Struct, frozen=True):
    """What a list of lessons tells of one."""

    folder: Path
    number: str
    """As its folder says, `03`; empty where it says none."""
    lesson: Lesson
    prose: Mapping[str, Prose]
    """By language."""


class Opened(msgspec.Struct, frozen=True):
    """A lesson with all that belongs to it."""

    folder: Path
    number: str
    """As its folder says, `03`; empty where it says none."""
    lesson: Lesson
    world: World
    prose: Mapping[str, Prose]
    """By language."""


def bundled_folder() -> Path:
    """In an installed smtplab within the package, in a checkout beside it."""
    package = Path(smtplab.__file__).parent
    places = (package / "lessons", package.parent / "lessons")
    return next((place for place in places if place.is_dir()), places[0])


def bundled_lessons() -> tuple[Path, ...]:
    """Their folders, in the order of their numbers."""
    return tuple(sorted(file.parent for file in bundled_folder().glob("*/lesson.toml")))


def find_lesson(name: str) -> Path:
    """A bundled lesson by its id, its folder's name or its number, or any folder by its path. Raises LessonError."""
    for folder in bundled_lessons():
        number, _, lesson_id = folder.name.partition("-")
        if name in (folder.name, lesson_id, number, number.lstrip("0")):
            return folder
    if (Path(name) / "lesson.toml").is_file():
        return Path(name)
    known = ", ".join(folder.name for folder in bundled_lessons())
    raise LessonError(in_file(name, tell("lesson.flaw.no-lesson", known=known)))


def outline(folder: Path) -> Outline:
    """Without its world, which takes the longest to read. Raises LessonError."""
    lesson = read_toml(folder / "lesson.toml", Lesson)
    prose: dict[str, Prose] = {language: _read_prose(folder / f"{language}.md") for language in LANGUAGES}
    return Outline(folder, _number(folder), lesson, prose)


def open_lesson(folder: Path) -> Opened:
    """Raises LessonError."""
    told = outline(folder)
    lesson = told.lesson
    own = lesson.world.endswith(".toml")
    try:
        world = load_world(str(folder / lesson.world) if own else lesson.world)
    except WorldError as trouble:
        raise LessonError(trouble.told) from trouble
    return Opened(folder, told.number, lesson, world, told.prose)


def _number(folder: Path) -> str:
    number = folder.resolve().name.partition("-")[0]
    return number if number.isdigit() else ""


def read_solution(path: Path) -> Solution:
    """What a student or an author wrote. Raises LessonError."""
    return read_toml(path, Solution)


def model_solution(folder: Path, task: str) -> Action:
    """The author's own. Raises LessonError."""
    path = folder / "solution.toml"
    action = read_solution(path).actions.get(task)
    if action is None:
        raise LessonError(in_file(path, tell("lesson.flaw.no-solution"), task))
    return action


def read_wrong_attempts(folder: Path) -> WrongAttempts:
    """Raises LessonError."""
    return read_toml(folder / "wrong.toml", WrongAttempts)


def read_toml(path: Path, kind: type[T]) -> T:
    """Raises LessonError, with the path of the field that is wrong."""
    try:
        return msgspec.convert(tomllib.loads(_read(path)), kind)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as trouble:
        raise LessonError(misfit(path, trouble)) from trouble


def _read_prose(path: Path) -> Prose:
    try:
        return parse_prose(_read(path), str(path))
    except ProseError as trouble:
        raise LessonError(trouble.told) from trouble


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_OCTETS_MAX + 1)
    except OSError as trouble:
        raise LessonError(cannot_read(path, trouble)) from trouble
    if len(data) > FILE_OCTETS_MAX:
        raise LessonError(too_large(path, FILE_OCTETS_MAX))
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as trouble:
        raise LessonError(no_utf_8(path, trouble)) from trouble
