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
        return in_file(file, _flaw_of_toml(said))
    return in_file(file, misfit_value(trouble))


def misfit_value(trouble: msgspec.ValidationError) -> Told:
    """The same of something that is no file."""
    what, _, path = " ".join(str(trouble).split()).partition(" - at ")
    return at(path.strip("`"), _read(what, _OF_TYPES))


def _flaw_of_toml(said: str) -> Told:
    found = _PLACED.fullmatch(said)
    if found is None:
        return words(said)
    flaw = _read(found["what"], _OF_TOML)
    if found["line"] is None:
        return tell("flaw.at-end", flaw=flaw)
    return tell("flaw.at-line", flaw=flaw, line=int(found["line"]), column=int(found["column"]))


_PLACED = re.compile(r"(?P<what>.+) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)")

_Sentences = tuple[tuple[str, Callable[[re.Match[str]], Told]], ...]


def _read(said: str, sentences: _Sentences) -> Told:
    """A library's errors are sentences: those that it is known to make are read, any other one is given on."""
    for pattern, make in sentences:
        if (found := re.fullmatch(pattern, said)) is not None:
            return make(found)
    return words(said)


ONE_LINE = r"^[^\x00-\x1f\x7f]*\Z"
"""The pattern of a text without control characters. Python's `$` would let a line end stand behind all others."""

_OF_TYPES: _Sentences = (
    (r"Object missing required field `(.+)`", lambda m: tell("flaw.missing", field=m[1])),
    (r"Object contains unknown field `(.+)`", lambda m: tell("flaw.unknown-field", field=m[1])),
    (r"Invalid (?:enum )?value '?(.*?)'?", lambda m: tell("flaw.no-choice", value=m[1])),
    (r"Expected `(.+)`, got `(.+)`", lambda m: tell("flaw.type", wanted=m[1], found=m[2])),
    (r"Expected `array` of length >= 1", lambda _: tell("flaw.empty")),
    (re.escape(f"Expected `str` matching regex {ONE_LINE!r}"), lambda _: tell("flaw.one-line")),
    (r"Expected `str` matching regex (.+)", lambda m: tell("flaw.pattern", pattern=_unquoted(m[1]))),
    (r"Expected `(?:int|float)` ([<>]=?) (.+)", lambda m: tell("flaw.number", sign=m[1], bound=m[2])),
    (r"Expected `(?:str|array)` of length ([<>]=?) (.+)", lambda m: tell("flaw.length", sign=m[1], bound=m[2])),
    (r"Expected `array` of length (\d+), got (\d+)", lambda m: tell("flaw.items", wanted=int(m[1]), found=int(m[2]))),
)
"""msgspec's."""


def _unquoted(pattern: str) -> str:
    """A regular expression as one writes it, not as Python quotes it."""
    return pattern.strip("'\"").replace(r"\\", "\\").replace(r"\Z", "$")


def _dotted(key: str) -> str:
    """`('a', 'b')` as one writes it, `a.b`."""
    return ".".join(re.findall(r"'([^']*)'", key))


_OF_TOML: _Sentences = (
    (r"Invalid statement", lambda _: tell("toml.statement")),
    (r"Invalid value", lambda _: tell("toml.value")),
    (r"Invalid date or datetime", lambda _: tell("toml.date")),
    (r"Invalid hex value", lambda _: tell("toml.hex")),
    (r"Invalid initial character for a key part", lambda _: tell("toml.key")),
    (r"Unclosed array", lambda _: tell("toml.array-open")),
    (r"Unclosed inline table", lambda _: tell("toml.table-open")),
    (r"Unterminated string", lambda _: tell("toml.string-open")),
    (r"Unescaped '\\' in a string", lambda _: tell("toml.backslash")),
    (r"(?:Illegal character|Found invalid character) (.+)", lambda m: tell("toml.character", character=m[1])),
    (r"Expected newline or end of document after a statement", lambda _: tell("toml.line-end")),
    (r"Expected '=' after a key in a key/value pair", lambda _: tell("toml.equals")),
    (r"Expected '(\]+)' at the end of (?:a table|an array) declaration", lambda m: tell("toml.bracket", bracket=m[1])),
    (r"Cannot overwrite a value", lambda _: tell("toml.twice")),
    (r"Cannot (?:declare|redefine namespace|mutate immutable namespace) (\(.+\))(?: twice)?",
     lambda m: tell("toml.table-twice", table=_dotted(m[1]))),
    (r"Duplicate inline table key '(.+)'", lambda m: tell("toml.key-twice", key=m[1])),
)  # fmt: skip
"""tomllib's."""
