"""`smtplab session`: speaks SMTP to a server, by hand in a terminal, or as a script says."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from smtplab.cli import values as read
from smtplab.cli.common import State, common_options, state_of
from smtplab.cli.output import Output, Show, opened_output, print_json, print_nothing
from smtplab.cli.probe import HEEDED, unsaid
from smtplab.cli.script_input import needed, read_script
from smtplab.cli.session_asked import Asked
from smtplab.cli.shared import bare_tls, request_from, shared_options
from smtplab.cli.transcript import Files, Shown, SwaksPrinter
from smtplab.cli.wording import SpokenCommand
from smtplab.journal import Record
from smtplab.lab.bad_input import BadInput, NotWritten
from smtplab.lab.exits import INTERRUPTED
from smtplab.lab.scribe import Scribe
from smtplab.lab.scripting import Played, play
from smtplab.lab.seat import SPAN
from smtplab.lab.walk import until_signal
from smtplab.lab.ways import prepare_way
from smtplab.view.meaning import reason_text
from smtplab.view.texts import Texts

_SHARED = HEEDED | {
    "sender",
    "tls",
    "auth_user",
    "auth_password",
    "auth_mechanism",
    "protocol",
    "show_secrets",
}

_REAL_ONLY = (("dns", "--dns"), ("resolve", "--resolve"), ("tls_roots", "--tls-ca-path"), ("own", "--own-server"))
"""What a world brings itself."""


class SessionCommand(SpokenCommand):
    def __init__(self, texts: Texts) -> None:
        super().__init__(
            name="session",
            help=texts("cli.help.session"),
            params=[
                click.Argument(["server"], metavar="HOST[:PORT]", required=False),
                click.Option(["--script"], metavar="FILE", help=texts("cli.help.script")),
                click.Option(["--record"], metavar="FILE", help=texts("cli.help.record")),
                click.Option(["--sim"], metavar="WORLD", help=texts("session.help.sim")),
                click.Option(["--seed"], type=read.WholeNumber(), help=texts("cli.help.seed")),
                click.Option(["--own-server", "own"], is_flag=True, help=texts("session.help.own")),
                click.Option(["--server", "-s", "named"], metavar="HOST[:PORT]", help=texts("session.help.server")),
                *(one for one in shared_options(texts) if one.name in _SHARED),
                click.Option(["--capture"], metavar="FILE", help=texts("cli.help.capture")),
                click.Option(["--plain"], is_flag=True, help=texts("session.help.plain")),
                click.Option(["--json", "as_json"], is_flag=True, help=texts("cli.help.json")),
                *common_options(texts),
            ],
            callback=self._session,
        )
        self.texts = texts

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, after a bare `--tls` has been given its meaning."""
        return super().parse_args(ctx, bare_tls(args))

    def _session(self, **values: Any) -> int:
        state = state_of(click.get_current_context(), values)
        script, record = values.pop("script"), values.pop("record")
        asked = self._asked(values, state)
        if script is None and sys.stdin.isatty():
            return self._by_hand(asked, record)
        if record is not None:
            raise BadInput("session.record-by-hand")
        return self._play(asked, script)

    def _asked(self, values: dict[str, Any], state: State) -> Asked:
        own, as_json, plain, capture = (values.pop(name) for name in ("own", "as_json", "plain", "capture"))
        if plain and as_json:
            raise BadInput("cli.not-both", option="--plain", other="--json")
        if (named := values.pop("named")) is not None:
            if values["server"] is not None:
                raise BadInput("cli.not-both", option="--server", other=values["server"])
            values["server"] = named
        _refuse_strangers({**values, "own": own})
        of_the_command = {name: values.pop(name) for name in ("sim", "seed")}
        request = request_from("", {**unsaid(self.texts), **values}, **of_the_command)
        return Asked(request, prepare_way(request, own_server=own), state, as_json, plain, capture)

    # By hand

    def _by_hand(self, asked: Asked, record: str | None) -> int:
        # Textual and readline take time to import: each only where a person will see it.
        with _recorded(record, asked.way.subject, show_secrets=asked.request.show_secrets) as scribe:
            if asked.plain or asked.as_json or not sys.stdout.isatty():
                from smtplab.cli.line_mode import speak_by_lines  # noqa: PLC0415

                return speak_by_lines(self.texts, asked, scribe)
            with self._output(asked, print_nothing) as output:
                return self._open_ui(asked, output, scribe)

    def _open_ui(self, asked: Asked, output: Output, scribe: Scribe | None) -> int:
        from smtplab.lab.conversation import Conversation  # noqa: PLC0415 (as above)
        from smtplab.ui.start import run_session  # noqa: PLC0415

        conversation = Conversation(asked.way, output.tell, scribe)
        conversation.remember(asked.request)
        left = run_session(conversation, language=self.texts.language, captures=asked.state.home / "captures")
        ended = conversation.ended
        if not left or ended is None:
            return INTERRUPTED
        if ended.problem is not None:
            click.echo(f"smtplab: {self.texts(ended.problem, **ended.arguments)}", err=True)
        return 0 if ended.exit_code == INTERRUPTED else ended.exit_code

    # By script

    def _play(self, asked: Asked, script: str | None) -> int:
        steps, passwords = needed(read_script(script, self.texts), asked.request)
        printer = SwaksPrinter(self.texts, None, Shown(), Files(None, None, None), color=asked.state.color)
        found: list[Played] = []

        def of_the_script(record: Record) -> None:
            # A world's servers tell the same session once more, and how the mail travels on.
            if record.span == SPAN:
                printer(record)

        with self._output(asked, print_json() if asked.as_json else of_the_script) as output:

            async def run() -> int:
                found.append(await play(steps, asked.way, output.tell, passwords))
                return found[0].exit_code

            code = asyncio.run(until_signal(run()))
        if found and (unmet := found[0].unmet) is not None:
            heard = reason_text(unmet.heard, self.texts)
            said = self.texts("script.unmet", line=unmet.line, expected=unmet.expected, heard=heard)
            click.echo(f"smtplab: {said}", err=True)
        return code

    @contextmanager
    def _output(self, asked: Asked, show: Show) -> Iterator[Output]:
        secrets = asked.request.show_secrets
        with opened_output(self.texts, show, asked.capture, show_secrets=secrets) as output:
            yield output


def make_command(texts: Texts) -> click.Command:
    return SessionCommand(texts)


def _refuse_strangers(values: dict[str, Any]) -> None:
    """Options that contradict each other, or say nothing here. Raises BadInput."""
    if values["server"] is None and not values["own"]:
        raise BadInput("session.no-server")
    if values["server"] is not None and values["own"]:
        raise BadInput("cli.not-both", option="--own-server", other=values["server"])
    if values["sim"] is not None:
        for name, option in _REAL_ONLY:
            if values[name]:
                raise BadInput("cli.not-both", option="--sim", other=option)
    elif values["seed"] is not None:
        raise BadInput("cli.needs", option="--seed", other="--sim")


@contextmanager
def _recorded(record: str | None, subject: str, *, show_secrets: bool) -> Iterator[Scribe | None]:
    """Each line is on its way to the file as soon as it is said. Raises BadInput."""
    if record is None:
        yield None
        return
    try:
        file = Path(record).open("w", encoding="utf-8", errors="surrogatepass", buffering=1)  # noqa: SIM115
        file.write(f"# {subject}\n")
    except (OSError, ValueError) as trouble:
        raise NotWritten(record, trouble) from trouble
    with file:
        yield Scribe(_writer(file.write), show_secrets=show_secrets)


def _writer(write: Callable[[str], int]) -> Callable[[str], None]:
    """A disk that is full ends the recording, not the session."""

    def write_on(line: str) -> None:
        try:
            write(line)
        except (OSError, ValueError) as trouble:
            click.echo(f"smtplab: {trouble}", err=True)

    return write_on
