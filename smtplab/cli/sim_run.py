"""`smtplab sim run`: plays a whole world at once, prints what happens and whether it was what the world expects."""

from __future__ import annotations

import sys
from typing import Any

import click

from smtplab.cli.common import common_options, state_of
from smtplab.cli.output import opened_output, print_json
from smtplab.cli.plain import PlainPrinter
from smtplab.cli.values import WholeNumber
from smtplab.cli.wording import SpokenCommand
from smtplab.events import JourneyEnded
from smtplab.journal import Record
from smtplab.lab.bad_input import BadInput
from smtplab.lab.simulation import Report, prepare_run
from smtplab.lab.world_page import verdict_line
from smtplab.view.meaning import reason_text
from smtplab.view.texts import Texts

PAUSE_US = 60_000_000
"""A world's clock that jumps by a minute or more is worth a line: nothing else shows that a queue has waited."""


class RunWorld(SpokenCommand):
    def __init__(self, texts: Texts) -> None:
        super().__init__(
            name="run",
            help=texts("sim.help.run"),
            params=[
                click.Argument(["world"], metavar="WORLD"),
                click.Option(["--seed"], type=WholeNumber(), help=texts("sim.help.seed")),
                click.Option(["--until"], metavar="5d|12:30|TIME|EVENT", help=texts("sim.help.until")),
                click.Option(["--capture"], metavar="FILE", help=texts("cli.help.capture")),
                click.Option(["--plain"], is_flag=True, help=texts("sim.help.plain")),
                click.Option(["--json", "as_json"], is_flag=True, help=texts("sim.help.run-json")),
                *common_options(texts),
            ],
            callback=self._run,
        )
        self.texts = texts

    def _run(self, **values: Any) -> int:
        state = state_of(click.get_current_context(), values)
        if values["plain"] and values["as_json"]:
            raise BadInput("cli.not-both", option="--plain", other="--json")
        run = prepare_run(values["world"], values["seed"], values["until"])
        as_json = values["as_json"]
        show = print_json() if as_json else RunPrinter(self.texts, color=state.color)
        with opened_output(self.texts, show, values["capture"], show_secrets=False) as output:
            report = run(output.tell)
        if not as_json:
            for line in ending(report, self.texts):
                click.echo(line)
        else:
            # The stream holds records alone; what failed is told beside it.
            for verdict in report.expectations:
                if verdict.failed:
                    click.echo(f"smtplab: {verdict_line(verdict, self.texts)}", err=True)
        if report.missed:
            click.echo(f"smtplab: {self.texts('sim.run.missed', event=report.missed)}", err=True)
        return report.exit_code


class RunPrinter:
    """The transcript of all of a world's messages, with a line wherever its clock has jumped."""

    def __init__(self, texts: Texts, *, color: bool) -> None:
        self._texts = texts
        self._plain = PlainPrinter(texts, color=color)
        self._shown_us = 0

    def __call__(self, record: Record) -> None:
        """Raises OSError where standard output takes no more."""
        if record.elapsed_us - self._shown_us >= PAUSE_US:
            since = self._texts.duration(record.elapsed_us / 1e6)
            sys.stdout.write(f"\n--- {self._texts('sim.run.clock', since=since)}\n")
        self._shown_us = record.elapsed_us
        if isinstance(record.event, JourneyEnded):
            return  # They all come at the very end, where `ending` sums them up.
        self._plain.follow(record)
        sys.stdout.flush()


def ending(report: Report, texts: Texts) -> list[str]:
    """How each message ended, what is still queued, and every expectation."""
    lines = ["", texts("sim.run.journeys")]
    for number, ended in enumerate(report.journeys, 1):
        if ended.detail == "not-begun":
            said = texts("sim.run.not-begun")
        else:
            # Of a reply the detail holds the whole line, code and all; of a delivery it says no more than the result.
            detail = "" if ended.result == "delivered" else ended.detail or str(ended.code or "")
            said = f"{texts(f'result.{ended.result}')}: {reason_text(detail, texts)}"
        lines.append(f"  {number}  {said}".rstrip(": "))
    if report.queued:
        lines.append("  " + texts("sim.run.queued", count=report.queued))
    if report.expectations:
        lines += ["", texts("sim.run.expectations")]
    lines += [f"  {verdict_line(verdict, texts)}" for verdict in report.expectations]
    return lines


def make_command(texts: Texts) -> click.Command:
    return RunWorld(texts)
