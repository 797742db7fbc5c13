"""`smtplab probe`: what a server offers, before and after TLS, explained."""

from __future__ import annotations

import asyncio
import shutil
import sys
import textwrap
from typing import Any

import click
import msgspec

from smtplab.cli.common import common_options, state_of
from smtplab.cli.output import opened_output, print_nothing
from smtplab.cli.shared import request_from, shared_options
from smtplab.cli.wording import SpokenCommand
from smtplab.lab.probing import ProbeReport, prepare_probe, probe
from smtplab.lab.walk import until_signal
from smtplab.view.abilities import ability_facts
from smtplab.view.meaning import problem_text, reason_text
from smtplab.view.safe import safe
from smtplab.view.texts import Texts

WIDTH_MAX = 100
"""As in a walk: what the eye finds back from."""

HEEDED = frozenset(
    ("helo", "tls_implicit", "tls_roots", "source", "family", "family_4", "family_6", "timeout_s", "dns", "port")
) | {"resolve"}


class ProbeCommand(SpokenCommand):
    def __init__(self, texts: Texts) -> None:
        super().__init__(
            name="probe",
            help=texts("cli.help.probe"),
            params=[
                click.Argument(["server"], metavar="HOST[:PORT]"),
                *(one for one in shared_options(texts) if one.name in HEEDED),
                click.Option(["--capture"], metavar="FILE", help=texts("cli.help.capture")),
                click.Option(["--json", "as_json"], is_flag=True, help=texts("cli.help.json.report")),
                *common_options(texts),
            ],
            callback=self._probe,
        )
        self.texts = texts

    def _probe(self, **values: Any) -> int:
        state_of(click.get_current_context(), values)
        as_json, capture = values.pop("as_json"), values.pop("capture")
        asked = prepare_probe(request_from("", {**unsaid(self.texts), **values}))
        found: list[ProbeReport] = []
        with opened_output(self.texts, print_nothing, capture, show_secrets=False) as output:

            async def run() -> int:
                found.append(await probe(asked, output.tell))
                return found[0].exit_code

            code = asyncio.run(until_signal(run()))
        for report in found:
            if as_json:
                sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
            else:
                sys.stdout.write("\n".join(described(report, self.texts)) + "\n")
        sys.stdout.flush()
        return code


def make_command(texts: Texts) -> click.Command:
    return ProbeCommand(texts)


def described(report: ProbeReport, texts: Texts) -> list[str]:
    """The report for people."""
    where = f"{safe(report.host)}:{report.port}"
    if report.result != "accepted":
        return _failed(report, where, texts)
    lines = [texts("probe.reached", where=where, address=report.address or "")]
    for name, offered in (("before", report.before), ("after", report.after)):
        if offered is not None:
            lines += ["", texts(f"probe.{name}")]
            for line, meaning in ability_facts(offered, texts):
                lines += [f"    {safe(line)}", *_paragraph(meaning)]
    if report.after is not None and report.before is not None:
        kept = "STARTTLS" in report.after
        unchanged = "probe.starttls-again" if kept else "probe.unchanged"
        lines += ["", texts("probe.changed" if report.new or report.gone else unchanged)]
        lines += [f"    + {safe(line)}" for line in report.new] + [f"    - {safe(line)}" for line in report.gone]
    return [*lines, "", *_tls(report, texts), *_auth(report, texts)]


def _failed(report: ProbeReport, where: str, texts: Texts) -> list[str]:
    reason = reason_text(report.reason, texts)
    if report.address is None and report.result != "refused":
        return [texts("probe.not-looked-up", where=where, reason=reason)]
    lines = [texts("probe.failed", where=where, reason=reason)]
    # Silence after a connection that stood: it is what a port looks like that waits for a ClientHello.
    silent = report.result == "deferred" and report.reason == "timed-out"
    return [*lines, texts("probe.try-implicit")] if silent and report.tls is None else lines


def _tls(report: ProbeReport, texts: Texts) -> list[str]:
    lines = []
    if report.tls is not None:
        lines.append(texts("probe.tls", version=report.tls.version, cipher=report.tls.cipher))
        problem = problem_text(report.tls, report.host, texts)
        lines.append(texts("probe.not-verified", problem=problem) if problem else texts("probe.verified"))
    elif report.tls_failure:
        refused = report.tls_failure[:1].isdigit()
        said = "probe.starttls-refused" if refused else "probe.tls-failed"
        lines.append(texts(said, reason=reason_text(report.tls_failure, texts)))
    lines.append(texts(f"probe.enforced.{report.tls_enforced}", reply=report.mail_reply))
    return lines


def _auth(report: ProbeReport, texts: Texts) -> list[str]:
    if not report.auth:
        return ["", texts("probe.no-auth")]
    lines = ["", texts("probe.auth")]
    return lines + [f"    {safe(one.mechanism):<16} {texts(f'probe.grade.{one.grade}')}" for one in report.auth]


def _paragraph(text: str) -> list[str]:
    width = min(WIDTH_MAX, shutil.get_terminal_size((WIDTH_MAX, 24)).columns)
    indent = " " * 8
    return textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def unsaid(texts: Texts) -> dict[str, Any]:
    """The values of the shared options where nothing was said."""
    values: dict[str, Any] = {}
    for one in shared_options(texts):
        if isinstance(one, click.Option) and one.name is not None:
            values[one.name] = () if one.multiple else None if one.name == "pipeline" or not one.is_flag else False
    return values
