"""What msgspec or tomllib says of a file becomes something that can be told in every language."""

from __future__ import annotations

import tomllib
from typing import Annotated, Literal

import msgspec
import pytest

from smtplab.flaws import in_file, misfit
from smtplab.told import Told, tell
from smtplab.view.texts import Texts


class Part(msgspec.Struct, forbid_unknown_fields=True):
    number: Annotated[int, msgspec.Meta(gt=0)]
    word: Literal["one", "two"] = "one"
    name: Annotated[str, msgspec.Meta(pattern="^[a-z]+$", max_length=4)] = "abc"
    some: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = ("a",)
    when: tuple[int, int] = (0, 0)


@pytest.mark.parametrize(
    ("written", "flaw", "path"),
    [
        ({}, tell("flaw.missing", field="number"), ""),
        ({"number": 1, "odd": 2}, tell("flaw.unknown-field", field="odd"), ""),
        ({"number": "1"}, tell("flaw.type", wanted="int", found="str"), "$.number"),
        ({"number": 0}, tell("flaw.number", sign=">=", bound="1"), "$.number"),
        ({"number": 1, "word": "three"}, tell("flaw.no-choice", value="three"), "$.word"),
        ({"number": 1, "name": "A"}, tell("flaw.pattern", pattern="^[a-z]+$"), "$.name"),
        ({"number": 1, "name": "abcde"}, tell("flaw.length", sign="<=", bound="4"), "$.name"),
        ({"number": 1, "some": []}, tell("flaw.empty"), "$.some"),
        ({"number": 1, "when": [1]}, tell("flaw.items", wanted=2, found=1), "$.when"),
    ],
)
def test_a_field_that_does_not_fit_is_told_with_its_path(written: dict[str, object], flaw: object, path: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(written, Part)
    assert misfit("a.toml", caught.value) == in_file("a.toml", flaw, path)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("= 1", tell("toml.statement")),
        ("x = y", tell("toml.value")),
        ("x = 2026-02-30T00:00:00", tell("toml.date")),
        ('x = "\\uZZZZ"', tell("toml.hex")),
        ("[.a]", tell("toml.key")),
        ("x = [1 2]", tell("toml.array-open")),
        ("x = {a = 1 b = 2}", tell("toml.table-open")),
        ('x = "a\\q"', tell("toml.backslash")),
        ("x = 'a\nb'", tell("toml.character", character="'\\n'")),
        ("x = 1 y = 2", tell("toml.line-end")),
        ("x 1", tell("toml.equals")),
        ("[a b]", tell("toml.bracket", bracket="]")),
        ("[[a]", tell("toml.bracket", bracket="]]")),
        ("x = 1\nx = 2\n", tell("toml.twice")),
        ("[a.b]\n[a.b]\n", tell("toml.table-twice", table="a.b")),
        ("x = {a = 1, a = 2}", tell("toml.key-twice", key="a")),
    ],
)
def test_what_is_no_toml_is_told_with_its_line(text: str, flaw: Told) -> None:
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads(f"first = 1\n{text}\n# last")
    told = misfit("a.toml", caught.value)
    placed = told.arguments["flaw"]
    assert isinstance(placed, Told)
    assert (placed.text, placed.arguments["flaw"]) == ("flaw.at-line", flaw)
    assert Texts("en").told(told) != Texts("vi").told(told)
    assert "⟦" not in Texts("en").told(told) + Texts("vi").told(told)


def test_a_file_that_ends_too_soon_is_told_so() -> None:
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads('x = "a')
    assert misfit("a.toml", caught.value) == in_file("a.toml", tell("flaw.at-end", flaw=tell("toml.string-open")))
    assert Texts("en").told(misfit("a.toml", caught.value)) == "a.toml: Unterminated string (at end of document)"


def test_a_record_speaks_no_language_and_has_the_ids_and_what_they_are_about() -> None:
    assert str(in_file("a.toml", tell("flaw.missing", field="seed"))) == "flaw.in a.toml flaw.missing seed"
