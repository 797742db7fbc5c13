"""The words of a command line as swaks takes them: from a file and the environment too, cancelled by `no-`, with one
dash or two; what the options mean it does not know."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click
import msgspec

from smtplab.lab.bad_input import BadInput

PREFIX = "SMTPLAB_OPT_"
CONFIG = "config"
DEFAULT_CONFIG = ".smtplabrc"
"""In the home folder of the person, as swaks has its own."""

IN_ORDER = "--in-order"
"""Its value is `NAME=VALUE`, the parameter's name."""

Takes = Callable[[str], bool]


def one_of(*words: str) -> Takes:
    """Takes one of these, in any case."""
    return lambda word: word.lower() in words


def any_word(word: str) -> bool:
    """Takes whatever is no option and no address, as swaks' optional values do but for the latter."""
    return not word.startswith("-") and "@" not in word


_NAMED_HEADER = re.compile(r"--?(?:header|h)-([!-9;-~]+):?")


class _Said(msgspec.Struct, frozen=True):
    words: tuple[str, ...]
    """As click shall read them."""
    option: str = ""
    """The parameter's name; empty for what is no option."""


class Habits(msgspec.Struct, frozen=True):
    """What some options do that click does not know of, by their parameter's name."""

    optional: Mapping[str, Takes] = {}
    """Those that may stand bare, and which word after them is theirs."""
    in_order: frozenset[str] = frozenset()
    """Those whose order counts, among each other: they become one option, `IN_ORDER`."""


def settled(
    parameters: Sequence[click.Parameter], habits: Habits, arguments: Sequence[str], environ: Mapping[str, str]
) -> list[str]:
    """One list for click: the file's words, then the environment's, then the command line's. Raises BadInput."""
    reader = _Reader(parameters, habits)
    of_environ = [_of_variable(name, environ) for name in sorted(environ) if name.startswith(PREFIX)]
    config = _config_named([*_without_end(arguments), *(word for words in of_environ for word in words)])
    if config is None:
        default = Path(environ.get("HOME", ""), DEFAULT_CONFIG)
        config = str(default) if environ.get("HOME") and default.is_file() else ""
    said: list[_Said] = []
    for words in (*(_of_file(config) if config else []), *of_environ, arguments):
        reader.read(words, said)
    return [word for each in said for word in each.words]


class _Reader:
    def __init__(self, parameters: Sequence[click.Parameter], habits: Habits) -> None:
        self._habits = habits
        self._by_word: dict[str, click.Option] = {}
        for parameter in parameters:
            if isinstance(parameter, click.Option):
                self._by_word.update(dict.fromkeys([*parameter.opts, *parameter.secondary_opts], parameter))
        self._written = {word.lstrip("-"): word for word in self._by_word}

    def read(self, words: Sequence[str], said: list[_Said]) -> None:
        """Adds to `said`, or takes from it what a `no-` cancels."""
        left = list(words)
        while left:
            word = left.pop(0)
            if word == "--":
                said.append(_Said((word, *left)))
                return
            name, equals, value = word.partition("=")
            if not word.startswith("-") or word == "-":
                said.append(_Said((word,)))
            elif header := _NAMED_HEADER.fullmatch(name):
                content = value if equals or not left else left.pop(0)
                said.append(_Said((f"--header={header[1]}: {content}",), "headers"))
            else:
                self._option(word, left, said)

    def _option(self, word: str, left: list[str], said: list[_Said]) -> None:
        name, equals, value = word.partition("=")
        bare = name.lstrip("-")
        if bare in (CONFIG, f"no-{CONFIG}"):
            if bare == CONFIG and not equals and left:
                left.pop(0)
            return
        written = name if name in self._by_word else self._written.get(bare)
        if written is None:
            cancelled = self._written.get(bare[3:]) if bare.startswith("no-") else None
            if cancelled is None:
                said.append(_Said((word,)))
            else:
                gone = self._by_word[cancelled].name
                said[:] = [each for each in said if each.option != gone]
            return
        option = self._by_word[written]
        assert option.name is not None
        said.append(_Said((self._as_click_has_it(option, written, value if equals else None, left),), option.name))

    def _as_click_has_it(self, option: click.Option, written: str, value: str | None, left: list[str]) -> str:
        """One word; takes the option's value from what is left where it stands there."""
        takes, longest = self._habits.optional.get(option.name or ""), max(option.opts, key=len)
        flag = option.is_flag or option.count
        if value is None and left and (takes(left[0]) if takes is not None else not flag):
            value = left.pop(0)
        if option.name in self._habits.in_order and (value is not None or flag or takes is not None):
            return f"{IN_ORDER}={option.name}={value or ''}"
        if value is None:
            return written if takes is None else longest
        return f"{written if flag else longest}={value}"


def _without_end(arguments: Sequence[str]) -> list[str]:
    return list(arguments[: arguments.index("--")]) if "--" in arguments else list(arguments)


def _config_named(words: Sequence[str]) -> str | None:
    """The file's name; empty where none shall be read, None where nothing was said."""
    for place, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name.lstrip("-") == f"no-{CONFIG}":
            return ""
        if name in (f"-{CONFIG}", f"--{CONFIG}"):
            return value if equals else next(iter(words[place + 1 : place + 2]), "")
    return None


def _of_variable(name: str, environ: Mapping[str, str]) -> list[str]:
    option, value = "--" + name.removeprefix(PREFIX).replace("_", "-"), environ[name]
    return [option, value] if value else [option]


def _of_file(path: str) -> list[list[str]]:
    """swaks' form: an option a line, dashes or none, then a space and its value, all of the rest of the line."""
    try:
        with Path(path).open(encoding="utf-8") as file:
            text = file.read(FILE_LETTERS_MAX + 1)
    except (OSError, ValueError) as trouble:
        reason = getattr(trouble, "strerror", None) or str(trouble)
        raise BadInput("cli.cannot-read", file=path, reason=reason) from trouble
    if len(text) > FILE_LETTERS_MAX:
        raise BadInput("cli.too-large", file=path, limit=FILE_LETTERS_MAX)
    return [_of_line(line) for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _of_line(line: str) -> list[str]:
    option, space, value = line.partition(" ")
    return ["--" + option.lstrip("-"), value] if space else ["--" + option.lstrip("-")]


FILE_LETTERS_MAX = 1_000_000
"""Of a file of options; nobody writes so many by hand."""
