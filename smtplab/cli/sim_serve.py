"""`smtplab sim serve`: a world on loopback, and what to ask it with."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from smtplab.cli.common import Kind, common_options, named, silence_output, state_of
from smtplab.cli.output import opened_output, print_nothing
from smtplab.cli.sim_serve_examples import examples
from smtplab.cli.values import WholeNumber
from smtplab.cli.wording import SpokenCommand
from smtplab.lab.bad_input import BadInput, NotWritten
from smtplab.lab.world_serving import Standing, prepare_serving
from smtplab.view.texts import Texts

SPEED_MAX = 100_000.0
"""At this, five days pass in four seconds."""


class Speed(Kind):
    name = "N"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """More than nothing. Raises BadInput."""
        del ctx
        text = str(value)
        speed = float(text) if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text) else 0.0
        if not 0 < speed <= SPEED_MAX:
            raise BadInput("sim.not-a-speed", option=named(param), value=text, limit=int(SPEED_MAX))
        return speed


class ServeWorld(SpokenCommand):
    def __init__(self, texts: Texts) -> None:
        super().__init__(
            name="serve",
            help=texts("sim.help.serve"),
            params=[
                click.Argument(["world"], metavar="WORLD"),
                click.Option(["--seed"], type=WholeNumber(), help=texts("sim.help.seed")),
                click.Option(["--speed"], type=Speed(), default="1", help=texts("sim.help.speed")),
                click.Option(["--privileged"], is_flag=True, help=texts("sim.help.privileged")),
                click.Option(["--authority"], metavar="FILE", help=texts("sim.help.authority")),
                click.Option(["--capture"], metavar="FILE", help=texts("cli.help.capture")),
                click.Option(["--json", "as_json"], is_flag=True, help=texts("sim.help.serve-json")),
                *common_options(texts),
            ],
            callback=self._serve,
        )
        self.texts = texts

    def _serve(self, **values: Any) -> int:
        state_of(click.get_current_context(), values)
        serve = prepare_serving(values["world"], values["seed"], speed=values["speed"], privileged=values["privileged"])

        def tell(standing: Standing) -> None:
            if values["authority"] is not None:
                _write(values["authority"], standing.authority_pem)
            _print(_json_lines(standing) if values["as_json"] else _lines(standing, self.texts))

        with opened_output(self.texts, print_nothing, values["capture"], show_secrets=False) as output:
            return serve(output.tell, tell)


def make_command(texts: Texts) -> click.Command:
    return ServeWorld(texts)


def _write(path: str, content: bytes) -> None:
    try:
        Path(path).write_bytes(content)
    except OSError as trouble:
        raise NotWritten(path, trouble) from trouble


def _print(lines: Iterator[str]) -> None:
    try:
        for line in lines:
            click.echo(line)
        sys.stdout.flush()
    except BrokenPipeError:
        silence_output()


def _json_lines(standing: Standing) -> Iterator[str]:
    for one in standing.opened:
        yield msgspec.json.encode({"event": "listening", **msgspec.structs.asdict(one)}).decode()
    yield '{"event":"ready"}'


def _lines(standing: Standing, texts: Texts) -> Iterator[str]:
    width = max((len(one.node) for one in standing.opened), default=0)
    for one in standing.opened:
        yield f"{one.node:<{width}}  {one.protocol:<11}  {one.host}:{one.port}"
    yield ""
    yield texts("sim.serve.ready")
    for line in examples(standing):
        yield f"  {line}"
    yield texts("sim.serve.end")
