"""`smtplab completion`: the script with which a shell completes our commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from smtplab.cli.common import OneOf, common_options
from smtplab.cli.wording import SpokenCommand
from smtplab.lab.exits import DONE
from smtplab.view.texts import Texts

SHELLS = ("bash", "zsh", "fish")


class Completion(SpokenCommand):
    def __init__(self, texts: Texts) -> None:
        super().__init__(
            name="completion",
            help=texts("cli.help.completion"),
            params=[click.Argument(["shell"], type=OneOf(SHELLS), metavar="SHELL"), *common_options(texts)],
            callback=_show,
        )
        self.texts = texts


def make_command(texts: Texts) -> click.Command:
    return Completion(texts)


def _show(shell: str, **common: object) -> int:
    del common
    root = click.get_current_context().find_root().command
    kind = get_completion_class(shell)
    assert kind is not None
    # Not `source()`, which asks the bash that happens to be installed for its version.
    complete = kind(root, {}, "smtplab", "_SMTPLAB_COMPLETE")
    click.echo(complete.source_template % complete.source_vars())
    return DONE
