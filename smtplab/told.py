"""What is to be said to a person by code that knows no language: a text's id and its arguments, as a value.

It is light, for every command's start needs it.
"""

from __future__ import annotations

from typing import NamedTuple


class Told(NamedTuple):
    """`view.texts` makes words of it. An argument may be such a thing itself: a flaw within a file, say."""

    text: str
    """An id of the catalogues, `world.no-site`."""
    arguments: dict[str, str | int | Told]

    def __str__(self) -> str:
        """For a record, which speaks no language: `flaw.in a.toml world.no-site hanoi`."""
        return " ".join((self.text, *map(str, self.arguments.values())))


class Unfit(Exception):  # noqa: N818 (what was written is unfit, nothing went wrong)
    """Something that a person wrote can't be used; `told` says what is wrong with it, and where."""

    def __init__(self, told: Told) -> None:
        super().__init__(told)
        self.told = told


def tell(text: str, /, **arguments: str | int | Told) -> Told:
    return Told(text, arguments)
