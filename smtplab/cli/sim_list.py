"""`smtplab sim list`: the worlds that come with smtplab."""

from __future__ import annotations

import shutil
import textwrap
from typing import Any

import click
import msgspec

from smtplab.cli.common import common_options, state_of
from smtplab.cli.wording import SpokenCommand
from smtplab.lab.exits import DONE
from smtplab.lab.simulation import list_worlds
from smtplab.view.texts import Texts

WIDTH_MAX = 100


class ListWorlds(SpokenCommand):
    def __init__(self, texts: Texts) -> None:
        super().__init__(
            name="list",
            help=texts("sim.help.list"),
            params=[
                click.Option(["--json", "as_json"], is_flag=True, help=texts("sim.help.list-json")),
                *common_options(texts),
            ],
            callback=self._list,
        )
        self.texts = texts

    def _list(self, as_json: bool, **values: Any) -> int:
        state_of(click.get_current_context(), values)
        language = self.texts.language
        rows = [
            {"name": world.name, "title": getattr(world.title, language), "teaches": getattr(world.teaches, language)}
            for world in list_worlds()
        ]
        if as_json:
            click.echo(msgspec.json.encode(rows))
            return DONE
        width = min(WIDTH_MAX, shutil.get_terminal_size((WIDTH_MAX, 24)).columns)
        indent = " " * (max(len(row["name"]) for row in rows) + 2)
        for row in rows:
            click.echo(f"{row['name']:<{len(indent)}}{row['title']}")
            click.echo(textwrap.fill(row["teaches"], width, initial_indent=indent, subsequent_indent=indent))
        return DONE


def make_command(texts: Texts) -> click.Command:
    return ListWorlds(texts)
