"""`smtplab sim`: the simulated internet's commands by name."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from smtplab.cli.common import common_options, state_of
from smtplab.cli.wording import SpokenCommand
from smtplab.lab.bad_input import BadInput
from smtplab.lab.exits import DONE
from smtplab.view.texts import Texts

COMMANDS = {
    "list": "smtplab.cli.sim_list",
    "show": "smtplab.cli.sim_show",
    "run": "smtplab.cli.sim_run",
    "serve": "smtplab.cli.sim_serve",
}
"""Each module holds `make_command(texts)` and is imported when its command is called."""


class Sim(SpokenCommand, click.Group):
    short_texts = "sim.short"

    def __init__(self, texts: Texts) -> None:
        super().__init__(
            name="sim",
            help=texts("sim.help.sim"),
            invoke_without_command=True,
            params=common_options(texts),
            callback=_need_command,
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
        return command


def make_command(texts: Texts) -> click.Command:
    return Sim(texts)


def _need_command(**values: Any) -> int:
    context = click.get_current_context()
    state_of(context, values)
    if context.invoked_subcommand is None:
        raise BadInput("sim.no-command", commands=", ".join(COMMANDS))
    return DONE
