"""`smtplab send`: one message to its recipients, with the options, the transcript and, if wanted, the exit codes of
swaks."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from typing import Any, Literal

import click
import msgspec

from smtplab.cli import send_asked, send_auth, send_ignored, send_letter, send_proxied, send_tls
from smtplab.cli import values as read
from smtplab.cli.bulk_options import bulk_options
from smtplab.cli.common import OneOf, common_options, state_of
from smtplab.cli.output import Show, opened_output, print_json
from smtplab.cli.send_door import door_from, door_options
from smtplab.cli.send_protocols import SWAKS_PROTOCOLS
from smtplab.cli.send_sections import ALL, named_sections
from smtplab.cli.send_stages import stage_options, stages_from
from smtplab.cli.send_ways import another_way, ways_from
from smtplab.cli.shared import TLS_POLICIES, request_from, shared_options
from smtplab.cli.transcript import OPTIONAL, Files, SwaksPrinter, Told, output_options, shown_from
from smtplab.cli.wording import SpokenCommand
from smtplab.cli.words import IN_ORDER, Habits, one_of, settled
from smtplab.journal import Record
from smtplab.lab.bad_input import BadInput
from smtplab.lab.exits import DONE
from smtplab.lab.live import this_host
from smtplab.lab.request import Letter, SendRequest
from smtplab.lab.sending import Sending, Sent, prepare_sending, send
from smtplab.lab.swaks_exit import SwaksExit
from smtplab.lab.walk import until_signal
from smtplab.view.meaning import reason_text
from smtplab.view.swaks import DoorKind, Said
from smtplab.view.texts import Texts

_HABITS = Habits(
    optional={
        **OPTIONAL,
        **send_auth.OPTIONAL,
        "dump": named_sections,
        "dump_as_body": named_sections,
        **send_ignored.OPTIONAL,
        **send_letter.OPTIONAL,
        **send_tls.OPTIONAL,
        "tls": one_of(*TLS_POLICIES, "dane", "mta-sts"),
    },
    in_order=send_letter.IN_ORDER | send_proxied.IN_ORDER,
)


class Send(SpokenCommand):
    def __init__(self, texts: Texts) -> None:
        super().__init__(name="send", help=texts("cli.help.send_command"), params=_options(texts), callback=self._send)
        self.texts = texts

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, after swaks' habits have been brought to click's. Raises BadInput."""
        return super().parse_args(ctx, settled(self.params, _HABITS, args, os.environ))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Under headings: there are many."""
        from smtplab.cli.send_help import write_sections  # noqa: PLC0415 (only for `--help`)

        self._rename_help(ctx)
        options = [one for one in self.get_params(ctx) if isinstance(one, click.Option)]
        write_sections(options, ctx, formatter, self.texts)

    def _send(self, **values: Any) -> int:
        state = state_of(click.get_current_context(), values)
        told = Told(
            shown=shown_from(values),
            as_json=values.pop("as_json"),
            capture=values.pop("capture"),
            files=(values.pop("output"), values.pop("output_stdout"), values.pop("output_stderr")),
            swaks_codes=values.pop("swaks_exit_codes"),
            color=state.color,
        )
        ways, peer_files = ways_from(values), send_tls.PeerFiles(values)
        if ways.several and values["pipeline"] is None:
            values["pipeline"] = True
        request = _request(values, keep_chain=peer_files.wanted, of_many=ways.names_its_own)
        if (code := another_way(request, ways, self.texts, lambda: state.home, told)) is not None:
            return code
        sending = prepare_sending(request)
        if ways.dumps:
            from smtplab.cli.send_dump import dumped  # noqa: PLC0415 (rarely wanted)

            if (sent_on := dumped(request, sending, ways.dumping)) is None:
                return DONE
            request, sending = sent_on
        if ways.many.count is not None:
            from smtplab.cli.send_many import send_copies  # noqa: PLC0415 (what sends many is not wanted for one)

            return send_copies(request, sending, ways.many, self.texts, told.capture, as_json=told.as_json)
        return self._send_one(request, sending, told, peer_files)

    def _send_one(self, request: SendRequest, sending: Sending, told: Told, peer_files: send_tls.PeerFiles) -> int:
        exits = SwaksExit()
        with Files(*told.files) as opened:
            door: DoorKind = "pipe" if request.door.program else "socket" if request.door.socket else ""
            shown = msgspec.structs.replace(told.shown, door=door)
            printer = SwaksPrinter(self.texts, sending.envelope.content, shown, opened, color=told.color)
            show: Show = print_json() if told.as_json else printer
            with opened_output(self.texts, show, told.capture, show_secrets=request.shared.show_secrets) as output:

                def tell(record: Record) -> None:
                    exits(record)
                    output.tell(record)

                code, sent = _run(sending, tell)
            peer_files.write(sending.chain.chain_der if sending.chain else ())
            if sent is not None and not told.as_json:
                _say_outcomes(sent, printer, self.texts)
        if sent is not None and told.swaks_codes:
            return exits.code([outcome.judgement for outcome in sent.outcomes])
        return code


def make_command(texts: Texts) -> click.Command:
    return Send(texts)


def _options(texts: Texts) -> list[click.Parameter]:
    def option(*names: str, dest: str, **how: Any) -> click.Option:
        return click.Option([*names, dest], help=texts(f"cli.help.{dest}"), **how)

    left_out = {"send", "protocol", "headers", "source", "quit_after", "auth_mechanism", "raw"}
    return [
        click.Argument(["recipients"], nargs=-1, metavar="[RECIPIENT]..."),
        option("--to", "-t", dest="to", metavar="ADDRESS[,ADDRESS]", multiple=True),
        *(one for one in shared_options(texts) if one.name not in left_out),
        option("--protocol", dest="protocol", type=_protocol_type()),
        *send_auth.auth_options(texts),
        *door_options(texts),
        *send_tls.tls_options(texts),
        *stage_options(texts),
        *send_letter.letter_options(texts),
        option("--line-endings", dest="line_endings", type=OneOf(("repair", "keep"))),
        *send_asked.asked_options(texts),
        *bulk_options(texts),
        option("--sim", dest="sim", metavar="WORLD"),
        option("--seed", dest="seed", type=read.WholeNumber()),
        option("--queue", dest="queue", is_flag=True),
        option("--resume", dest="resume", is_flag=True),
        *send_proxied.proxied_options(texts),
        option("--raw", "--show-raw-text", "-raw", dest="raw", is_flag=True),
        *output_options(texts),
        option("--dump-mail", dest="dump_mail", is_flag=True),
        option("--dump", dest="dump", is_flag=False, flag_value=ALL, metavar="[SECTION,SECTION]"),
        option(
            "--dump-as-body",
            "-dab",
            dest="dump_as_body",
            is_flag=False,
            flag_value=ALL,
            metavar="[SECTION,SECTION]",
        ),
        option("--force-getpwuid", dest="force_getpwuid", is_flag=True),
        option("--swaks-exit-codes", dest="swaks_exit_codes", is_flag=True),
        option("--config", dest="config", metavar="FILE"),
        click.Option(["--capture"], metavar="FILE", help=texts("cli.help.capture")),
        click.Option(["--json", "as_json"], is_flag=True, help=texts("cli.help.json")),
        *common_options(texts),
        click.Option([IN_ORDER, "in_order"], multiple=True, hidden=True),
        *send_ignored.ignored_options(),
    ]


def _protocol_type() -> OneOf:
    with_auth = [f"{name}a" for name in SWAKS_PROTOCOLS if name not in ("smtp", "smtps")]
    return OneOf((*SWAKS_PROTOCOLS, *with_auth))


def _request(values: dict[str, Any], *, keep_chain: bool, of_many: bool) -> SendRequest:
    """`of_many`: each message may name its own recipients. Raises BadInput."""
    values.pop("config")  # Read before click saw the words.
    send_ignored.drop_ignored(values)
    in_order = [(name, value) for name, _, value in (one.partition("=") for one in values.pop("in_order"))]
    recipients = _recipients(values.pop("recipients"), values.pop("to"))
    if not recipients and not of_many:
        raise BadInput("cli.no-recipient", command="send")
    if values.pop("force_getpwuid") and values["sender"] is None:
        values["sender"] = f"{read.user_name()}@{this_host()}"
    with_auth = _apply_protocol(values)
    door = door_from(values)
    tls = send_tls.tls_from(values, keep_chain=keep_chain)
    xclient = send_proxied.xclient_from(values, in_order)
    explicit_tls = any(values[key] for key in ("tls_required", "tls_optional")) or values["tls"] in _STARTTLS
    stages = stages_from(values, several_hellos=explicit_tls)
    auth = send_auth.auth_from(values, wanted=with_auth)
    preface = send_proxied.preface_from(values)
    letter = send_letter.letter_from(values, in_order)
    own = send_asked.asked_from(values)
    chunked, chunk_octets = own.pop("chunked"), own.pop("chunk_octets")
    line_endings: Literal["repair", "keep"] = values.pop("line_endings") or "repair"
    content = _content(values, letter)
    shared = request_from(
        next(iter(recipients), ""), {**values, "data": None, "send": True, "quit_after": stages.quit_after}
    )
    return SendRequest(
        shared=msgspec.structs.replace(shared, content=content, chunking=shared.chunking or chunked),
        recipients=recipients,
        line_endings=line_endings,
        drop=stages.drop,
        cut=stages.cut,
        chunk_octets=chunk_octets,
        door=door,
        tls=tls,
        auth=auth,
        preface=preface,
        xclient=xclient,
        letter=letter,
        **own,
    )


_STARTTLS = ("may", "require", "verify")


def _content(values: dict[str, Any], letter: Letter) -> bytes | None:
    """The whole message, where one is given. Raises BadInput where other options would be lost on it."""
    if values["data"] is None:
        return None
    texts = [("subject", "--subject"), ("body", "--body"), ("headers", "--header")]
    refused = [option for name, option in texts if values[name] and not letter.fix_up]
    refused += [option for given, option in ((letter.html, "--html"), (letter.pieces, "--attach")) if given]
    refused += ["--add-header"] if letter.added and not letter.fix_up else []
    if refused:
        raise BadInput("cli.not-both", option="--data" if letter.fix_up else "--no-data-fixup", other=refused[0])
    content = read.message_octets(values["data"])
    typed = letter.fix_up and read.is_text(values["data"])
    return _CLOSING_DOT.sub(b"\n", content) if typed else content


# swaks' users are used to end what they type with a dot of their own.
_CLOSING_DOT = re.compile(rb"\r?\n\.(?:\r?\n)?\Z")


def _recipients(arguments: tuple[str, ...], options: tuple[str, ...]) -> tuple[str, ...]:
    """swaks parts them at commas; a quoted local part may hold one, and is then given as an argument."""
    found = [*arguments, *send_letter.parted(options)]
    return tuple(dict.fromkeys(each for each in found if each))


def _apply_protocol(values: dict[str, Any]) -> bool:
    """swaks' names for a protocol bring TLS and a port with them; what was said otherwise goes before. Whether the
    name has the A of AUTH."""
    name = values["protocol"] or "esmtp"
    with_auth = name.endswith("a")
    name = name.removesuffix("a")
    protocol, tls, port = SWAKS_PROTOCOLS[name]
    said = any(values[key] for key in ("tls", "tls_required", "tls_optional", "tls_implicit"))
    values["protocol"] = protocol
    if tls and not said:
        values["tls"] = tls
    implicit = values["tls"] == "implicit" or values["tls_implicit"]
    values["port"] = values["port"] or (465 if implicit else port)
    return with_auth


def _run(sending: Sending, tell: Callable[[Record], None]) -> tuple[int, Sent | None]:
    """The exit code, and what was sent unless a signal came first."""
    done: list[Sent] = []

    async def run() -> int:
        done.append(await send(sending, tell))
        return done[0].exit_code

    code = asyncio.run(until_signal(run()))
    return code, (done[0] if done else None)


def _say_outcomes(sent: Sent, printer: SwaksPrinter, texts: Texts) -> None:
    """Where there were several ways or several ends, which recipient met which."""
    ends = {outcome.judgement for outcome in sent.outcomes}
    if len(sent.attempts) < 2 and len(ends) < 2:
        return
    for outcome in sent.outcomes:
        judgement = outcome.judgement
        why = judgement.detail if judgement.reason == "reply" else reason_text(judgement.reason, texts)
        said = texts(
            "swaks.outcome",
            recipient=str(outcome.recipient),
            result=texts(f"result.{judgement.result}"),
            code=" ".join(filter(None, (str(judgement.code or ""), why))),
        )
        printer.say(Said("===", said, "info"))
