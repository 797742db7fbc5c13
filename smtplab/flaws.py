"""What is wrong with a file that a person wrote, as something to tell them: unreadable, too large, not of our types."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from smtplab.told import Told, tell


def words(of_others: object) -> Told:
    """What the system or a library said, in its own words, on one line."""
    return tell("flaw.words", words=" ".join(str(of_others).split()))


def at(path: str, flaw: Told) -> Told:
    """What is wrong, and the path of the field, `$.hosts[1].site`; empty where it is no field's."""
    return tell("flaw.at", flaw=flaw, path=path) if path else flaw


def in_file(file: object, flaw: Told, path: str = "") -> Told:
    """The file, what is wrong with it, and the path of the field where it is one's."""
    return tell("flaw.in", file=str(file), flaw=at(path, flaw))


def cannot_read(file: object, trouble: OSError) -> Told:
    return in_file(file, words(trouble.strerror or trouble))


def too_large(file: object, octets_max: int) -> Told:
    return in_file(file, tell("flaw.too-large", octets=octets_max))


def no_utf_8(file: object, trouble: UnicodeDecodeError) -> Told:
    return in_file(file, tell("flaw.no-utf-8", octet=trouble.start))


def misfit(file: object, trouble: Exception) -> Told:
    """A file that is not TOML, or not of our types: what msgspec or the reader said."""
    said = " ".join(str(trouble).split())
    if isinstance(trouble, RecursionError):
        return in_file(file, tell("flaw.nested"))
    if not isinstance(trouble, msgspec.ValidationError):
        return in_file(file, words(said))
    return in_file(file, misfit_value(trouble))


def misfit_value(trouble: msgspec.ValidationError) -> Told:
    """The same of something that is no file."""
    what, _, path = " ".join(str(trouble).split()).partition(" - at ")
    return at(path.strip("`"), _flaw_of_type(what))


def _flaw_of_type(said: str) -> Told:
    """msgspec's errors are sentences: those that it is known to make are read, any other one is given on."""
    for pattern, make in _SENTENCES:
        if (found := pattern.fullmatch(said)) is not None:
            return make(found)
    return words(said)


_Make = Callable[[re.Match[str]], Told]

_SENTENCES: tuple[tuple[re.Pattern[str], _Make], ...] = tuple(
    (re.compile(pattern), make)
    for pattern, make in (
        (r"Object missing required field `(.+)`", lambda m: tell("flaw.missing", field=m[1])),
        (r"Object contains unknown field `(.+)`", lambda m: tell("flaw.unknown-field", field=m[1])),
        (r"Invalid (?:enum )?value '?(.*?)'?", lambda m: tell("flaw.no-choice", value=m[1])),
        (r"Expected `(.+)`, got `(.+)`", lambda m: tell("flaw.type", wanted=m[1], found=m[2])),
        (r"Expected `array` of length >= 1", lambda _: tell("flaw.empty")),
        (r"Expected `str` matching regex (.+)", lambda m: tell("flaw.pattern", pattern=m[1].strip("'\""))),
        (r"Expected `(?:int|float)` ([<>]=?) (.+)", lambda m: tell("flaw.number", sign=m[1], bound=m[2])),
        (r"Expected `(?:str|array)` of length ([<>]=?) (.+)", lambda m: tell("flaw.length", sign=m[1], bound=m[2])),
    )
)
