"""What msgspec says of a file becomes something that can be told in every language."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import pytest

from smtplab.flaws import in_file, misfit, words
from smtplab.told import tell


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
        ({"number": 1, "when": [1]}, words("Expected `array` of length 2, got 1"), "$.when"),
    ],
)
def test_a_field_that_does_not_fit_is_told_with_its_path(written: dict[str, object], flaw: object, path: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(written, Part)
    assert misfit("a.toml", caught.value) == in_file("a.toml", flaw, path)  # type: ignore[arg-type]
