"""`smtplab session`: speaks SMTP to a server as a script says, from a file or from standard input."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import click

from smtplab.cli import values as read
from smtplab.cli.common import common_options, state_of
from smtplab.cli.output import Show, opened_output, print_json
from smtplab.cli.probe import HEEDED, unsaid
from smtplab.cli.shared import request_from, shared_options
from smtplab.cli.transcript import Files, Shown, SwaksPrinter
from smtplab.cli.wording import SpokenCommand
from smtplab.lab.bad_input import BadInput
from smtplab.lab.exits import FAILED, exit_code_of
from smtplab.lab.probing import prepare_probe
from smtplab.lab.script import ScriptFault, Step, parse_script
from smtplab.lab.scripting import Played, play
from smtplab.lab.walk import until_signal
from smtplab.view.meaning import reason_text
from smtplab.view.texts import Texts


class SessionCommand(SpokenCommand):
    def __init__(self, texts: Texts) -> None:
        super().__init__(
            name="session",
            help=texts("cli.help.session"),
            params=[
                click.Argument(["server"], metavar="HOST[:PORT]"),
                click.Option(["--script"], metavar="FILE", help=texts("cli.help.script")),
                *(one for one in shared_options(texts) if one.name in HEEDED | {"show_secrets"} and one.name != "helo"),
                click.Option(["--capture"], metavar="FILE", help=texts("cli.help.capture")),
                click.Option(["--json", "as_json"], is_flag=True, help=texts("cli.help.json")),
                *common_options(texts),
            ],
            callback=self._session,
        )
        self.texts = texts

    def _session(self, **values: Any) -> int:
        state = state_of(click.get_current_context(), values)
        script, as_json, capture = (values.pop(name) for name in ("script", "as_json", "capture"))
        asked = prepare_probe(request_from("", {**unsaid(self.texts), **values}))
        steps = self._steps(script)
        printer = SwaksPrinter(self.texts, None, Shown(), Files(None, None, None), color=state.color)
        show: Show = print_json() if as_json else printer
        found: list[Played] = []
        with opened_output(self.texts, show, capture, show_secrets=values["show_secrets"]) as output:

            async def run() -> int:
                found.append(await play(steps, asked, output.tell))
                return FAILED if found[0].unmet else exit_code_of(found[0].ending.result)

            code = asyncio.run(until_signal(run()))
        if found and (unmet := found[0].unmet) is not None:
            heard = reason_text(unmet.heard, self.texts)
            said = self.texts("script.unmet", line=unmet.line, expected=unmet.expected, heard=heard)
            click.echo(f"smtplab: {said}", err=True)
        return code

    def _steps(self, script: str | None) -> list[Step]:
        name = "-" if script is None else script
        text = sys.stdin.buffer.read(read.MESSAGE_OCTETS_MAX) if name == "-" else read.file_octets(name)
        steps = parse_script(text.decode("utf-8", "replace"))
        if isinstance(steps, ScriptFault):
            problem = self.texts(steps.problem, detail=steps.detail)
            raise BadInput("script.fault", file=name, line=steps.line, problem=problem)
        return steps


def make_command(texts: Texts) -> click.Command:
    return SessionCommand(texts)
