"""`smtplab lesson`: its subcommands by name, and what they share; how a lesson is played stands elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec

from smtplab.cli.common import State, common_options, state_of
from smtplab.cli.values import WholeNumber
from smtplab.cli.wording import SpokenCommand
from smtplab.lab.bad_input import BadInput, NotWritten
from smtplab.lab.exits import DONE, FAILED, INTERRUPTED
from smtplab.lesson.agreement import Finding, open_to_play
from smtplab.lesson.check import Checked, check
from smtplab.lesson.doing import ActionError
from smtplab.lesson.draft import write_draft
from smtplab.lesson.library import LessonError, Opened, bundled_lessons, find_lesson, open_lesson, read_solution
from smtplab.lesson.player import Player
from smtplab.lesson.progress import load_progress
from smtplab.lesson.validate import validate
from smtplab.told import tell
from smtplab.view.texts import Texts

Do = Callable[[Texts, State, dict[str, Any]], int]


class Subcommand(SpokenCommand):
    """What a lesson has wrong with it, and what an action names that the world has not, is one line."""

    def __init__(self, texts: Texts, name: str, parameters: list[click.Parameter], do: Do) -> None:
        super().__init__(
            name=name,
            help=texts(f"lesson.help.{name}"),
            params=[*parameters, *common_options(texts)],
            callback=self._call,
        )
        self.texts = texts
        self._do = do

    def _call(self, **values: Any) -> int:
        state = state_of(click.get_current_context(), values)
        try:
            return self._do(self.texts, state, values)
        except (LessonError, ActionError) as trouble:
            raise BadInput("cli.bad-world", reason=trouble.told) from trouble


class LessonGroup(SpokenCommand, click.Group):
    short_texts = "lesson.short"

    def __init__(self, texts: Texts) -> None:
        super().__init__(
            name="lesson",
            help=texts("lesson.help.lesson"),
            params=common_options(texts),
            commands=_subcommands(texts),
            no_args_is_help=False,
            callback=lambda **values: state_of(click.get_current_context(), values),
        )
        self.texts = texts

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which they are of use."""
        del ctx
        return list(self.commands)


def make_command(texts: Texts) -> click.Command:
    return LessonGroup(texts)


def _subcommands(texts: Texts) -> dict[str, click.Command]:
    lesson = click.Argument(["lesson"], metavar="LESSON")
    lessons = click.Argument(["lessons"], metavar="[LESSON]...", nargs=-1)
    as_json = click.Option(["--json", "as_json"], is_flag=True, help=texts("lesson.help.json"))
    plain = click.Option(["--plain"], is_flag=True, help=texts("lesson.help.plain"))
    seed = click.Option(["--seed"], type=WholeNumber(), help=texts("lesson.help.seed"))
    commands = (
        Subcommand(texts, "list", [as_json], _list),
        Subcommand(texts, "start", [click.Argument(["lesson"], metavar="[LESSON]", required=False), plain], _start),
        Subcommand(texts, "check", [lesson, click.Argument(["file"], metavar="FILE"), seed, as_json], _check),
        Subcommand(texts, "validate", [lessons, as_json], _validate),
        Subcommand(texts, "new", [click.Argument(["folder"], metavar="NN-NAME")], _new),
        Subcommand(texts, "preview", [lesson], _preview),
    )
    return {str(command.name): command for command in commands}


def _list(texts: Texts, state: State, values: dict[str, Any]) -> int:
    opened = [open_lesson(folder) for folder in bundled_lessons()]
    players = [Player(one.lesson, load_progress(state.home, one.lesson.id)) for one in opened]
    if values["as_json"]:
        _print_json([_row(one, player, texts) for one, player in zip(opened, players, strict=True)])
        return DONE
    for one, player in zip(opened, players, strict=True):
        said = texts("lesson.row", minutes=one.lesson.minutes, points=player.points, of=one.lesson.points)
        click.echo(f"{one.number}  {one.lesson.id:<22} {one.prose[texts.language].title}")
        click.echo(f"    {said}")
    click.echo("\n" + texts("lesson.how-to-start"))
    return DONE


def _row(opened: Opened, player: Player, texts: Texts) -> dict[str, object]:
    lesson = opened.lesson
    return {
        "number": opened.number,
        "id": lesson.id,
        "title": opened.prose[texts.language].title,
        "minutes": lesson.minutes,
        "prerequisites": lesson.prerequisites,
        "points": player.points,
        "points_max": lesson.points,
    }


def _start(texts: Texts, state: State, values: dict[str, Any]) -> int:
    folder = find_lesson(values["lesson"]) if values["lesson"] else _next_lesson(state.home)
    opened = open_to_play(folder)
    if not values["plain"] and sys.stdin.isatty() and sys.stdout.isatty():
        # Textual takes 0.3 s to import: only where a person will see it.
        from smtplab.ui.start import run_lesson  # noqa: PLC0415

        left = run_lesson(folder, language=texts.language, captures=state.home / "captures")
        return DONE if left else INTERRUPTED
    # Rich takes 0.1 s to import: only where a lesson is read.
    from smtplab.cli.lesson_player import play  # noqa: PLC0415

    return play(opened, texts, state)


def _next_lesson(home: Path) -> Path:
    """The first that is not done yet, else the first."""
    folders = bundled_lessons()
    if not folders:
        raise LessonError(tell("lesson.flaw.none-came"))
    for folder in folders:
        lesson = open_lesson(folder).lesson
        if Player(lesson, load_progress(home, lesson.id)).points < lesson.points:
            return folder
    return folders[0]


def _check(texts: Texts, state: State, values: dict[str, Any]) -> int:
    del state
    opened = open_to_play(find_lesson(values["lesson"]))
    checked = check(opened, read_solution(Path(values["file"])), values["seed"])
    if values["as_json"]:
        _print_json(checked)
    else:
        _print_checked(checked, opened, texts)
    return DONE if checked.passed else FAILED


def _print_checked(checked: Checked, opened: Opened, texts: Texts) -> None:
    sections = opened.prose[texts.language].sections
    for step in checked.steps:
        section = sections[step.step]
        status = texts(f"lesson.status.{step.status}")
        click.echo(f"{status:<12} {step.points}/{step.points_max}  {section.heading} ({step.step})")
        for goal in step.goals:
            click.echo(f"    {'✓' if goal.reached else '·'} {section.goals[goal.goal]}")
        if step.explanation is not None:
            click.echo(f"    {section.wrong[step.explanation]}")
    click.echo(texts("lesson.points", points=checked.points, of=checked.points_max))


def _validate(texts: Texts, state: State, values: dict[str, Any]) -> int:
    del state
    folders = [find_lesson(name) for name in values["lessons"]] or list(bundled_lessons())
    found = [(folder, validate(open_lesson(folder))) for folder in folders]
    if values["as_json"]:
        _print_json([{"lesson": str(folder), "findings": _in_words(findings, texts)} for folder, findings in found])
    else:
        for folder, findings in found:
            for finding in findings:
                click.echo(texts.told(finding.told(folder)))
            if not findings:
                click.echo(texts("lesson.stands", lesson=folder.name))
    return FAILED if any(findings for _, findings in found) else DONE


def _in_words(findings: list[Finding], texts: Texts) -> list[dict[str, str]]:
    return [{"file": one.file, "where": one.where, "text": texts.told(one.flaw)} for one in findings]


def _new(texts: Texts, state: State, values: dict[str, Any]) -> int:
    del state
    folder = Path(values["folder"])
    try:
        write_draft(folder)
    except OSError as trouble:
        raise NotWritten(folder, trouble) from trouble
    click.echo(texts("lesson.drafted", folder=str(folder)))
    return DONE


def _preview(texts: Texts, state: State, values: dict[str, Any]) -> int:
    from smtplab.cli.lesson_player import preview  # noqa: PLC0415 (as in _start)

    return preview(open_to_play(find_lesson(values["lesson"])), texts, state)


def _print_json(value: object) -> None:
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
