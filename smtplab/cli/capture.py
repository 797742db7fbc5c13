"""`smtplab capture`: lists recorded journeys, shows one, and takes it to other programs."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import click
import msgspec
from click.shell_completion import CompletionItem

from smtplab.capture.library import Shelved, find, shelved
from smtplab.cli.common import Kind, OneOf, State, common_options, state_of
from smtplab.cli.output import print_json
from smtplab.cli.plain import WIDTH_MAX, PlainPrinter
from smtplab.cli.wording import SpokenCommand
from smtplab.journal import Record
from smtplab.lab.bad_input import BadInput, NotWritten
from smtplab.lab.captures import FORMATS, about, exported, opened, redacted
from smtplab.lab.exits import DONE
from smtplab.view.texts import Texts

WARNINGS_MAX = 20
"""Damaged lines that are named one by one; a file that holds more is not worth more lines of warning."""


class CaptureGroup(SpokenCommand, click.Group):
    """Lists its commands in the order in which they are of use."""

    def __init__(self, texts: Texts) -> None:
        commands = {"list": _list_command(texts), "show": _show_command(texts), "export": _export_command(texts)}
        super().__init__(
            name="capture",
            help=texts("cli.help.capture-group"),
            commands=commands,
            invoke_without_command=True,
            params=common_options(texts),
            callback=_take_common,
        )
        self.texts = texts
        self.short_texts = "cli.short.capture"

    def list_commands(self, ctx: click.Context) -> list[str]:
        """As they were given."""
        del ctx
        return list(self.commands)


class _Command(SpokenCommand):
    def __init__(self, texts: Texts, name: str, params: list[click.Parameter], callback: Callable[..., int]) -> None:
        help_text = texts(f"cli.help.capture-{name}")
        super().__init__(name=name, help=help_text, params=[*params, *common_options(texts)], callback=callback)
        self.texts = texts


def make_command(texts: Texts) -> click.Command:
    return CaptureGroup(texts)


class CaptureName(Kind):
    """A path, or a name of the list; which it is is seen when it is opened."""

    name = "capture"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The names that begin so, then files."""
        del param
        names = [one.name for one in shelved(state_of(ctx, dict(ctx.params)).home)]
        return [
            *(CompletionItem(name) for name in names if name.startswith(incomplete)),
            CompletionItem(incomplete, "file"),
        ]


def _take_common(**values: Any) -> None:
    context = click.get_current_context()
    state_of(context, values)
    if context.invoked_subcommand is None:
        raise BadInput("cli.missing", name="COMMAND")


def _list_command(texts: Texts) -> click.Command:
    def run(**values: Any) -> int:
        state = state_of(click.get_current_context(), values)
        found = shelved(state.home)
        if values["as_json"]:
            click.echo(msgspec.json.encode([_as_json(one) for one in found]))
        else:
            _print_lines(_listed(found, texts))
        return DONE

    return _Command(texts, "list", [_flag(texts, "--json", "as_json", "cli.help.capture-json")], run)


def _show_command(texts: Texts) -> click.Command:
    def run(**values: Any) -> int:
        state = state_of(click.get_current_context(), values)
        records = _read(values, state, texts)
        show = print_json() if values["as_json"] else PlainPrinter(texts, color=state.color)
        for record in records:
            show(record)
        return DONE

    params = [
        _file_argument(),
        _flag(texts, "--json", "as_json", "cli.help.json"),
        _flag(texts, "--show-secrets", "show_secrets", "cli.help.show_secrets"),
    ]
    return _Command(texts, "show", params, run)


def _export_command(texts: Texts) -> click.Command:
    def run(**values: Any) -> int:
        state = state_of(click.get_current_context(), values)
        if values["to"] is None:
            raise BadInput("cli.export-to-what", choices=", ".join(FORMATS))
        target = None if values["output"] in (None, "-") else Path(values["output"])
        if target is None and values["to"] == "pcapng" and sys.stdout.isatty():
            raise BadInput("cli.needs", option="--to pcapng", other="--output")
        if target is not None and _same(target, find(values["file"], state.home)):
            raise BadInput("cli.export-onto-itself", file=str(target))
        _write(target, exported(values["to"], _read(values, state, texts), texts))
        return DONE

    params = [
        _file_argument(),
        click.Option(["--to"], type=OneOf(FORMATS), help=texts("cli.help.capture-to")),
        click.Option(["--output", "-o"], metavar="FILE", help=texts("cli.help.capture-output")),
        _flag(texts, "--show-secrets", "show_secrets", "cli.help.show_secrets"),
    ]
    return _Command(texts, "export", params, run)


def _file_argument() -> click.Argument:
    return click.Argument(["file"], type=CaptureName(), metavar="FILE")


def _flag(texts: Texts, name: str, variable: str, text: str) -> click.Option:
    return click.Option([name, variable], is_flag=True, help=texts(text))


# Reading


def _read(values: dict[str, Any], state: State, texts: Texts) -> list[Record]:
    """The records, without secrets unless they are asked for; damaged lines are warned of. Raises BadInput."""
    path = find(values["file"], state.home)
    capture = opened(path)
    for damaged in capture.damaged[:WARNINGS_MAX]:
        _warn(texts("cli.damaged-line", file=str(path), line=damaged.line, detail=damaged.detail))
    if (more := len(capture.damaged) - WARNINGS_MAX) > 0:
        _warn(texts("cli.more-damaged-lines", file=str(path), count=more))
    return list(capture.records) if values["show_secrets"] else redacted(capture.records)


def _warn(said: str) -> None:
    click.echo(f"smtplab: {said}", err=True)


# Writing


def _write(target: Path | None, data: bytes) -> None:
    """Raises BadInput where the file can't be written."""
    if target is None:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    try:
        target.write_bytes(data)
    except (OSError, ValueError) as trouble:
        raise NotWritten(target, trouble) from trouble


def _same(target: Path, source: Path) -> bool:
    try:
        return target.samefile(source)
    except (OSError, ValueError):
        return False


def _print_lines(lines: Iterable[str]) -> None:
    encoding = sys.stdout.encoding or "utf-8"
    for line in lines:
        click.echo(line.encode(encoding, "backslashreplace").decode(encoding))


# The list


def _listed(found: list[Shelved], texts: Texts) -> Iterable[str]:
    """Names in one column, what they hold in another; what is bundled apart from what is the person's own."""
    width = max((len(one.name) for one in found), default=0)
    for bundled, heading in ((True, "cli.capture.bundled"), (False, "cli.capture.kept")):
        group = [one for one in found if one.bundled is bundled]
        if group:
            yield texts(heading)
        for one in group:
            yield _fitted(f"  {one.name:<{width}}  ", about(one, texts))
    if not found:
        yield texts("cli.capture.none")


def _fitted(name: str, about: str) -> str:
    """In a terminal below itself, elsewhere on one line, so that other programs can read it."""
    if not sys.stdout.isatty():
        return name + about
    columns = shutil.get_terminal_size((WIDTH_MAX, 24)).columns
    wrapped = textwrap.wrap(about, max(20, min(WIDTH_MAX, columns) - len(name)), break_long_words=False)
    return name + f"\n{' ' * len(name)}".join(wrapped)


def _as_json(one: Shelved) -> dict[str, object]:
    return {
        "name": one.name,
        "file": str(one.path),
        "bundled": one.bundled,
        "octets": one.octets,
        "elapsed": one.elapsed_s,
        "records": one.records,
        "recipient": None if one.first is None else one.first.recipient,
        "mode": None if one.first is None else one.first.mode,
        "world": None if one.first is None else one.first.world,
        "result": None if one.last is None else one.last.result,
    }
