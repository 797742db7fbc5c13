"""What every command has in common: the options that hold for all of them, and how values are named and checked."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from smtplab.lab.bad_input import BadInput
from smtplab.view.texts import LANGUAGES, Texts


class State(NamedTuple):
    """What was said to all commands."""

    said_home: str | None
    """None where nobody named a folder."""
    color: bool

    @property
    def home(self) -> Path:
        """The folder that holds everything smtplab keeps; it need not be there yet. Raises BadInput."""
        home = Path(self.said_home or _platform_home()).expanduser()
        if home.exists() and not home.is_dir():
            raise BadInput("cli.not-a-home", folder=str(home))
        return home


class Kind(click.ParamType):  # type: ignore[type-arg] # It takes an argument only from click 8.5 on.
    """A kind of value that refuses with `BadInput`, in the person's language."""


class OneOf(Kind):
    """One of some words, in any case; `also` are other names for them."""

    def __init__(self, words: Sequence[str], also: Mapping[str, str] | None = None) -> None:
        self.words = tuple(words)
        self.name = "|".join(self.words)
        self._meant = {word.lower(): word for word in self.words} | dict(also or {})

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Raises BadInput."""
        del ctx
        found = self._meant.get(str(value).lower())
        if found is None:
            raise BadInput("cli.not-one-of", option=named(param), value=str(value), choices=", ".join(self.words))
        return found

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """`[none|may|...]`."""
        del param, ctx
        return f"[{self.name}]"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The words that begin so."""
        del ctx, param
        return [CompletionItem(word) for word in self.words if word.startswith(incomplete.lower())]


def named(param: click.Parameter | None) -> str:
    """A parameter as a person writes it, by its longest name."""
    return max(param.opts, key=len) if param is not None else ""


def common_options(texts: Texts) -> list[click.Parameter]:
    """They may stand before a command's name as well as after it."""
    return [
        click.Option(["--lang"], type=OneOf(LANGUAGES), help=texts("cli.help.lang")),
        click.Option(["--home"], metavar="DIR", help=texts("cli.help.home")),
        click.Option(["--no-color"], is_flag=True, help=texts("cli.help.no_color")),
    ]


def state_of(context: click.Context, values: dict[str, Any]) -> State:
    """Takes the common options out of a command's values; what was said to the command goes before."""
    values.pop("lang", None)
    home, no_color = values.pop("home", None), values.pop("no_color", False)
    before = context.find_object(State)
    plain = bool(no_color or os.environ.get("NO_COLOR") or (before is not None and not before.color))
    said = before.said_home if home is None and before is not None else home or os.environ.get("SMTPLAB_HOME") or None
    state = State(said, not plain)
    context.obj = state
    return state


def silence_output() -> None:
    """What is still buffered for a reader that went away goes nowhere, and quietly."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _platform_home() -> str:
    # Imported where nobody named a folder: it reads the platform's settings.
    import platformdirs  # noqa: PLC0415

    return platformdirs.user_data_dir("smtplab", appauthor=False)
