"""Runs `smtplab send --queue`: the messages are on disk before anything is said, and go on from there."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

from smtplab.cli.bulk_options import Many
from smtplab.cli.output import opened_output, print_nothing, print_report
from smtplab.cli.send_many import mailing_items
from smtplab.journal import Record
from smtplab.lab.bad_input import BadInput
from smtplab.lab.exits import INTERRUPTED, TERMINATED
from smtplab.lab.queueing import QueuedMail, QueueRun
from smtplab.lab.request import SendRequest
from smtplab.lab.sending import Preparation
from smtplab.mta.envelope import Envelope
from smtplab.view.texts import Texts

NAMED_MAX = 20
"""Queue ids told one by one; `--json` has them all."""


def send_by_queue(
    request: SendRequest, many: Many, texts: Texts, home: Path, *, as_json: bool, capture: str | None
) -> int:
    """The exit code. Raises BadInput, before anything is queued."""
    for given, option in (
        (many.count is not None, "--count"),
        (many.concurrency > 1, "--concurrency"),
        (many.rate is not None, "--rate"),
    ):
        if given:
            raise BadInput("cli.not-both", option="--queue", other=option)
    preparation = Preparation(request)
    messages, language = _messages(request, preparation, many, texts), texts.language
    if capture is None:
        return _run(lambda: QueueRun(home, preparation, messages, language=language), texts, as_json=as_json)
    with opened_output(texts, print_nothing, capture, show_secrets=request.shared.show_secrets) as output:
        tell: Callable[[Record], None] = output.tell
        return _run(lambda: QueueRun(home, preparation, messages, tell, language=language), texts, as_json=as_json)


def _messages(
    request: SendRequest, preparation: Preparation, many: Many, texts: Texts
) -> Callable[[], Iterable[Envelope]]:
    if many.mailing:
        items = mailing_items(request, preparation, many, texts)
        return lambda: (job.envelope for item in items for job in item.make().jobs)
    if not request.recipients:
        return lambda: ()
    envelope, _ = preparation.envelope(request)
    return lambda: (envelope,)


def _run(make: Callable[[], QueueRun], texts: Texts, *, as_json: bool) -> int:
    mail, stopped = asyncio.run(_until_stopped(make))
    print_report(mail, lambda: _summary(mail, texts), texts, as_json=as_json)
    return stopped or mail.exit_code


async def _until_stopped(make: Callable[[], QueueRun]) -> tuple[QueuedMail, int | None]:
    run = make()
    stopped: list[int] = []

    def stop(code: int) -> None:
        stopped.append(code)
        run.stop()

    loop = asyncio.get_running_loop()
    for sign, code in ((signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)):
        try:
            loop.add_signal_handler(sign, stop, code)
        except (NotImplementedError, ValueError, RuntimeError):
            break
    return await run(), (stopped[0] if stopped else None)


def _summary(mail: QueuedMail, texts: Texts) -> list[str]:
    lines = [texts("queued.id", id=one) for one in mail.queued[:NAMED_MAX]]
    if len(mail.queued) > NAMED_MAX:
        lines.append(texts("queued.more", count=len(mail.queued) - NAMED_MAX))
    if mail.server_at_work:
        return [*lines, texts("queued.server")]
    counts = {"queued.relayed": mail.relayed, "queued.bounced": mail.bounced}
    lines += [texts(name, number=number) for name, number in counts.items() if number]
    if mail.waiting:
        moment = datetime.fromtimestamp(mail.next_attempt, UTC) if mail.next_attempt is not None else None
        at = moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment is not None else "-"
        lines.append(texts("queued.waiting", number=mail.waiting, at=at))
    return lines
