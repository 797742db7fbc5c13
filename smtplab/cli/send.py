"""`smtplab send`: one message to its recipients, with the options, the transcript and, if wanted, the exit codes of
swaks."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from typing import Any, Literal

import click
import msgspec

from smtplab.cli import values as read
from smtplab.cli.bulk import bulk_numbers, bulk_options, run_bulk
from smtplab.cli.common import OneOf, common_options, state_of
from smtplab.cli.output import Show, opened_output, print_json, print_nothing
from smtplab.cli.shared import TLS_POLICIES, refuse_parts_beside_data, request_from, shared_options
from smtplab.cli.swaks import SWAKS_PROTOCOLS
from smtplab.cli.transcript import OPTIONAL, Files, SwaksPrinter, output_options, shown_from
from smtplab.cli.wording import SpokenCommand
from smtplab.cli.words import settled
from smtplab.journal import Record
from smtplab.lab.bad_input import BadInput
from smtplab.lab.bulk import Bulk
from smtplab.lab.exits import DONE
from smtplab.lab.request import SendRequest
from smtplab.lab.sending import Sending, Sent, prepare_sending, send
from smtplab.lab.swaks_exit import SwaksExit
from smtplab.lab.walk import until_signal
from smtplab.view.meaning import reason_text
from smtplab.view.swaks import Said
from smtplab.view.texts import Texts

CHUNK_OCTETS_MAX = 2**31 - 1
"""More than any server takes at once; the message itself is smaller."""


class Send(SpokenCommand):
    def __init__(self, texts: Texts) -> None:
        super().__init__(name="send", help=texts("cli.help.send_command"), params=_options(texts), callback=self._send)
        self.texts = texts

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, after swaks' habits have been brought to click's. Raises BadInput."""
        optional = {**OPTIONAL, "tls": frozenset({*TLS_POLICIES, "dane", "mta-sts"})}
        return super().parse_args(ctx, settled(self.params, optional, args, os.environ))

    def _send(self, **values: Any) -> int:
        state = state_of(click.get_current_context(), values)
        shown, as_json, capture = shown_from(values), values.pop("as_json"), values.pop("capture")
        files = (values.pop("output"), values.pop("output_stdout"), values.pop("output_stderr"))
        dump, swaks_codes = values.pop("dump_mail"), values.pop("swaks_exit_codes")
        count, concurrency, rate = bulk_numbers(values)
        if count is not None and values["pipeline"] is None:
            values["pipeline"] = True
        request = _request(values)
        sending = prepare_sending(request)
        if dump:
            sys.stdout.buffer.write(sending.envelope.content)
            return DONE
        if count is not None:
            fresh = request.shared.content is None
            bulk = Bulk(sending=sending, count=count, concurrency=concurrency, rate=rate, fresh_ids=fresh)
            return self._send_bulk(bulk, capture, as_json=as_json, show_secrets=request.shared.show_secrets)
        exits = SwaksExit()
        with Files(*files) as opened:
            printer = SwaksPrinter(self.texts, sending.envelope.content, shown, opened, color=state.color)
            show: Show = print_json() if as_json else printer
            show_secrets = request.shared.show_secrets
            with opened_output(self.texts, show, capture, show_secrets=show_secrets) as output:

                def tell(record: Record) -> None:
                    exits(record)
                    output.tell(record)

                code, sent = _run(sending, tell)
            if sent is not None and not as_json:
                _say_outcomes(sent, printer, self.texts)
        if sent is not None and swaks_codes:
            return exits.code([outcome.judgement for outcome in sent.outcomes])
        return code

    def _send_bulk(self, bulk: Bulk, capture: str | None, *, as_json: bool, show_secrets: bool) -> int:
        if len(bulk.sending.jobs) > 1:
            raise BadInput("cli.one-destination")
        if capture is None:
            return run_bulk(bulk, None, self.texts, as_json=as_json)
        with opened_output(self.texts, print_nothing, capture, show_secrets=show_secrets) as output:
            return run_bulk(bulk, output.tell, self.texts, as_json=as_json)


def make_command(texts: Texts) -> click.Command:
    return Send(texts)


def _options(texts: Texts) -> list[click.Parameter]:
    def option(*names: str, dest: str, **how: Any) -> click.Option:
        return click.Option([*names, dest], help=texts(f"cli.help.{dest}"), **how)

    left_out = {"send", "protocol"}
    return [
        click.Argument(["recipients"], nargs=-1, metavar="[RECIPIENT]..."),
        option("--to", "-t", dest="to", metavar="ADDRESS[,ADDRESS]", multiple=True),
        *(one for one in shared_options(texts) if one.name not in left_out),
        option("--protocol", dest="protocol", type=OneOf(tuple(SWAKS_PROTOCOLS))),
        option("--tls-verify", dest="tls_verify", is_flag=True),
        option("--drop-after", "-da", dest="drop_after", type=_quit_type(texts)),
        option("--line-endings", dest="line_endings", type=OneOf(("repair", "keep"))),
        option("--dsn-notify", dest="notify", metavar="NEVER|SUCCESS,FAILURE,DELAY"),
        option("--dsn-return", dest="ret", type=OneOf(("full", "hdrs"))),
        option("--dsn-envid", dest="envid", metavar="TEXT"),
        option("--dsn-orcpt", dest="orcpt", is_flag=True),
        option("--require-tls", dest="require_tls", is_flag=True),
        option("--mail-parameter", dest="mail_parameters", metavar="NAME[=VALUE]", multiple=True),
        option("--rcpt-parameter", dest="rcpt_parameters", metavar="NAME[=VALUE]", multiple=True),
        option("--chunk-size", dest="chunk_octets", type=read.WholeNumber()),
        *bulk_options(texts),
        *output_options(texts),
        option("--dump-mail", dest="dump_mail", is_flag=True),
        option("--swaks-exit-codes", dest="swaks_exit_codes", is_flag=True),
        option("--config", dest="config", metavar="FILE"),
        click.Option(["--capture"], metavar="FILE", help=texts("cli.help.capture")),
        click.Option(["--json", "as_json"], is_flag=True, help=texts("cli.help.json")),
        *common_options(texts),
    ]


def _quit_type(texts: Texts) -> click.ParamType:  # type: ignore[type-arg] # As in `common.Kind`.
    return next(one.type for one in shared_options(texts) if one.name == "quit_after")


def _request(values: dict[str, Any]) -> SendRequest:
    values.pop("config")  # Read before click saw the words.
    recipients = _recipients(values.pop("recipients"), values.pop("to"))
    _apply_protocol(values)
    drop = _apply_drop(values)
    if values.pop("tls_verify"):
        values["tls"] = "verify"
        values["tls_required"] = False
    own = {name: values.pop(name) for name in ("notify", "ret", "envid", "orcpt", "require_tls")}
    own |= {name: values.pop(name) for name in ("mail_parameters", "rcpt_parameters")}
    size = values.pop("chunk_octets")
    if size is not None and not 0 < size <= CHUNK_OCTETS_MAX:
        raise BadInput("cli.not-a-number", option="--chunk-size", value=str(size))
    line_endings: Literal["repair", "keep"] = values.pop("line_endings") or "repair"
    refuse_parts_beside_data(values)
    content = None if values["data"] is None else read.message_octets(values["data"])
    shared = request_from(recipients[0], {**values, "data": None, "send": True})
    return SendRequest(
        shared=msgspec.structs.replace(shared, content=content, chunking=shared.chunking or size is not None),
        recipients=recipients,
        line_endings=line_endings,
        drop=drop,
        chunk_octets=size or 1048576,
        **own,
    )


def _recipients(arguments: tuple[str, ...], options: tuple[str, ...]) -> tuple[str, ...]:
    """swaks parts them at commas; a quoted local part may hold one, and is then given as an argument."""
    found = [*arguments, *(each.strip() for text in options for each in text.split(","))]
    if not any(found):
        raise BadInput("cli.no-recipient")
    return tuple(dict.fromkeys(each for each in found if each))


def _apply_protocol(values: dict[str, Any]) -> None:
    """swaks' names for a protocol bring TLS and a port with them; what was said otherwise goes before."""
    name = values["protocol"] or "esmtp"
    protocol, tls, port = SWAKS_PROTOCOLS[name]
    said = any(values[key] for key in ("tls", "tls_required", "tls_optional", "tls_implicit"))
    values["protocol"] = protocol
    if tls and not said:
        values["tls"] = tls
    implicit = values["tls"] == "implicit" or values["tls_implicit"]
    values["port"] = values["port"] or (465 if implicit else port)


def _apply_drop(values: dict[str, Any]) -> bool:
    drop_after = values.pop("drop_after")
    if drop_after is None:
        return False
    if values["quit_after"] is not None:
        raise BadInput("cli.not-both", option="--quit-after", other="--drop-after")
    values["quit_after"] = drop_after
    return True


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
