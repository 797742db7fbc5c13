"""`smtplab walk`: takes one message through every stage and prints it, or opens the terminal UI on it."""

from __future__ import annotations

import sys
from typing import Any

import click

from smtplab.cli.common import State, common_options, state_of
from smtplab.cli.output import opened_output, print_json, print_nothing
from smtplab.cli.plain import PlainPrinter
from smtplab.cli.shared import bare_tls, request_from, shared_options
from smtplab.cli.values import WholeNumber
from smtplab.cli.wording import SpokenCommand
from smtplab.lab.bad_input import BadInput
from smtplab.lab.exits import INTERRUPTED
from smtplab.lab.request import WalkRequest
from smtplab.lab.walk import prepare
from smtplab.view.texts import Texts


class Walk(SpokenCommand):
    def __init__(self, texts: Texts) -> None:
        super().__init__(
            name="walk",
            help=texts("cli.help.walk"),
            params=[
                click.Argument(["recipient"], required=False, metavar="RECIPIENT"),
                click.Option(["--to", "-t", "to"], metavar="ADDRESS", help=texts("cli.help.to")),
                click.Option(["--sim"], metavar="WORLD", help=texts("cli.help.sim")),
                click.Option(["--live"], is_flag=True, help=texts("cli.help.live")),
                click.Option(["--seed"], type=WholeNumber(), help=texts("cli.help.seed")),
                *shared_options(texts),
                click.Option(["--capture"], metavar="FILE", help=texts("cli.help.capture")),
                click.Option(["--plain"], is_flag=True, help=texts("cli.help.plain")),
                click.Option(["--json", "as_json"], is_flag=True, help=texts("cli.help.json")),
                *common_options(texts),
            ],
            callback=self._walk,
        )
        self.texts = texts

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, after a bare `--tls` has been given its meaning."""
        return super().parse_args(ctx, bare_tls(args))

    def _walk(self, **values: Any) -> int:
        state = state_of(click.get_current_context(), values)
        plain, as_json, capture = (values.pop(name) for name in ("plain", "as_json", "capture"))
        if plain and as_json:
            raise BadInput("cli.not-both", option="--plain", other="--json")
        recipient = _recipient(values)
        of_the_walk = {name: values.pop(name) for name in ("sim", "live", "seed")}
        request = request_from(recipient, values, **of_the_walk)
        if not (plain or as_json) and sys.stdin.isatty() and sys.stdout.isatty():
            return self._open_ui(request, state, capture)
        walk = prepare(request)
        show = print_json() if as_json else PlainPrinter(self.texts, color=state.color)
        with opened_output(self.texts, show, capture, show_secrets=request.show_secrets) as output:
            return walk(output.tell)

    def _open_ui(self, request: WalkRequest, state: State, capture: str | None) -> int:
        # Textual and what feeds it take 0.4 s to import: only where a person will see it.
        from smtplab.lab.feed import feed_for  # noqa: PLC0415
        from smtplab.ui.start import run as open_ui  # noqa: PLC0415

        with opened_output(self.texts, print_nothing, capture, show_secrets=request.show_secrets) as output:
            feed = feed_for(request, output.tell)
            left = open_ui(language=self.texts.language, captures=state.home / "captures", feed=feed)
        if not left:
            return INTERRUPTED
        return feed.ended.exit_code if feed.ended is not None else INTERRUPTED


def make_command(texts: Texts) -> click.Command:
    return Walk(texts)


def _recipient(values: dict[str, Any]) -> str:
    argument, option = values.pop("recipient"), values.pop("to")
    if argument and option:
        raise BadInput("cli.not-both", option=argument, other=f"--to {option}")
    if not (argument or option):
        raise BadInput("cli.no-recipient", command="walk")
    return str(argument or option)
