"""The command `smtplab` itself: language, the commands by name, and the one line that says what was wrong."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from types import FrameType
from typing import Any

import click

from smtplab import __version__
from smtplab.cli.common import common_options, silence_output, state_of
from smtplab.cli.wording import SpokenCommand, error_line
from smtplab.lab.bad_input import NO_ROOM, BadInput
from smtplab.lab.exits import BUG, DONE, INTERRUPTED, TEMPORARY, TERMINATED, USAGE
from smtplab.view.texts import LANGUAGES, Texts, choose_language

COMMANDS = {
    "walk": "smtplab.cli.walk",
    "sim": "smtplab.cli.sim",
    "capture": "smtplab.cli.capture",
    "lesson": "smtplab.cli.lesson",
    "serve": "smtplab.cli.serve",
    "inbox": "smtplab.cli.inbox",
    "queue": "smtplab.cli.queue",
    "user": "smtplab.cli.user",
    "send": "smtplab.cli.send",
    "probe": "smtplab.cli.probe",
    "session": "smtplab.cli.session",
    "completion": "smtplab.cli.completion",
}
"""Each module holds `make_command(texts)` and is imported when its command is called: an engine takes time to load."""


class Terminated(BaseException):
    """SIGTERM came where no event loop could take it."""


def run(arguments: Sequence[str]) -> int:
    """The exit code; everything that a person must know has been said."""
    texts = Texts(choose_language(None, os.environ))
    _open_what_is_closed()
    try:
        signal.signal(signal.SIGTERM, _terminate)
        texts = Texts(choose_language(_language_option(arguments), os.environ))
        _check_letters(arguments)
        return _called(arguments, texts)
    except Terminated:
        return TERMINATED
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BadInput as bad:
        _complain(texts(bad.text, **bad.arguments))
        return TEMPORARY if bad.temporary else USAGE
    except click.ClickException as trouble:
        _complain(error_line(trouble, texts))
        return USAGE
    except BrokenPipeError:
        silence_output()
        return DONE
    except Exception as trouble:
        if os.environ.get("SMTPLAB_DEBUG"):
            raise
        return _after_surprise(trouble, texts)


def make_root(texts: Texts) -> click.Group:
    return Root(texts)


class Root(SpokenCommand, click.Group):
    """`smtplab`: without a command it opens the terminal UI."""

    def __init__(self, texts: Texts) -> None:
        super().__init__(
            name="smtplab",
            help=texts("cli.help.smtplab"),
            invoke_without_command=True,
            params=[*common_options(texts), _version_option(texts)],
            callback=self._open,
        )
        self.texts = texts

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which they are of use."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imported now, not before."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name]).make_command(self.texts)
        _collect_garbage_again()
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Whoever reads the output may have had enough of it; click takes that for a failure."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            silence_output()
            return DONE

    def _open(self, **values: Any) -> int:
        context = click.get_current_context()
        state = state_of(context, values)
        if context.invoked_subcommand is not None:
            return DONE
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise BadInput("cli.needs-terminal")
        # Textual takes 0.3 s to import: only where a person will see it.
        from smtplab.ui.start import run as open_ui  # noqa: PLC0415

        _collect_garbage_again()
        left = open_ui(language=self.texts.language, captures=state.home / "captures")
        return DONE if left else INTERRUPTED


def _collect_garbage_again() -> None:
    """The modules are read, and stay: `__main__` told the collector to leave them alone."""
    gc.freeze()
    gc.enable()


def _called(arguments: Sequence[str], texts: Texts) -> int:
    code = make_root(texts).main(
        args=list(arguments), prog_name="smtplab", complete_var="_SMTPLAB_COMPLETE", standalone_mode=False
    )
    # Here, where it can still be told that the last of the output can't be written.
    sys.stdout.flush()
    return code if isinstance(code, int) else DONE


def _after_surprise(trouble: Exception, texts: Texts) -> int:
    """A disk with no room left is nobody's mistake, and later there may be some."""
    if isinstance(trouble, OSError) and trouble.errno in NO_ROOM:
        silence_output()
        _complain(texts("cli.cannot-print", reason=trouble.strerror))
        return TEMPORARY
    _complain(texts("cli.bug", kind=type(trouble).__name__, detail=str(trouble)))
    return BUG


def _version_option(texts: Texts) -> click.Option:
    def show(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
        del parameter
        if wanted:
            click.echo(f"smtplab {__version__}")
            context.exit()

    return click.Option(
        ["--version"], is_flag=True, is_eager=True, expose_value=False, callback=show, help=texts("cli.help.version")
    )


def _language_option(arguments: Sequence[str]) -> str | None:
    """Help and errors speak the language that the command line asks for, last where it asks twice, so it is looked at
    before all else."""
    wished = None
    for place, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name != "--lang":
            continue
        wish = value if equals else next(iter(arguments[place + 1 : place + 2]), "")
        if wish.lower() not in LANGUAGES:
            raise BadInput("cli.not-one-of", option="--lang", value=wish, choices=", ".join(LANGUAGES))
        wished = wish
    return wished


def _open_what_is_closed() -> None:
    """A standard stream that the caller closed (`>&-`): no socket may take its number."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is not None:
            continue
        nowhere = os.open(os.devnull, os.O_RDWR)
        if nowhere != number:
            os.dup2(nowhere, number)
            os.close(nowhere)
        setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def _check_letters(arguments: Sequence[str]) -> None:
    """What is not UTF-8 can be the name of a file that is there, and nothing else. Raises BadInput."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError as trouble:
            name = (argument.partition("=")[2] or argument).removeprefix("@")
            if not os.path.lexists(name):
                shown = argument.encode(errors="backslashreplace").decode()
                raise BadInput("cli.not-utf-8", value=shown) from trouble


def _terminate(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise Terminated


def _complain(line: str) -> None:
    click.echo(f"smtplab: {line}", err=True)
