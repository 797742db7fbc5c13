"""`smtplab sim show`: one world as a page to read, or as the data that it is."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from smtplab.cli.common import common_options, state_of
from smtplab.cli.wording import SpokenCommand
from smtplab.lab.exits import DONE
from smtplab.lab.simulation import show_world
from smtplab.lab.world_page import page
from smtplab.view.texts import Texts


class ShowWorld(SpokenCommand):
    def __init__(self, texts: Texts) -> None:
        super().__init__(
            name="show",
            help=texts("sim.help.show"),
            params=[
                click.Argument(["world"], metavar="WORLD"),
                click.Option(["--json", "as_json"], is_flag=True, help=texts("sim.help.show-json")),
                *common_options(texts),
            ],
            callback=self._show,
        )
        self.texts = texts

    def _show(self, world: str, as_json: bool, **values: Any) -> int:
        state = state_of(click.get_current_context(), values)
        found = show_world(world)
        if as_json:
            click.echo(msgspec.json.encode(found))
            return DONE
        for line in page(found, self.texts):
            click.secho(line.text, bold=line.heading, color=None if state.color else False)
        return DONE


def make_command(texts: Texts) -> click.Command:
    return ShowWorld(texts)
