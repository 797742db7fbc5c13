"""Runs `smtplab send` for many messages: copies of one, a row of a table each, or messages that lie in files."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Sequence

from smtplab.cli.bulk import Run, run_bulk
from smtplab.cli.bulk_options import Many
from smtplab.cli.output import opened_output, print_nothing
from smtplab.journal import Record
from smtplab.lab.bad_input import BadInput
from smtplab.lab.bulk import Bulk, BulkRun
from smtplab.lab.exits import DONE
from smtplab.lab.mailing import Item, Mailing, MailingRun
from smtplab.lab.many import SpoiledError, merged, stored
from smtplab.lab.request import SendRequest
from smtplab.lab.sending import Preparation, Sending
from smtplab.view.texts import Texts

Tell = Callable[[Record], None]


def send_copies(
    request: SendRequest, sending: Sending, many: Many, texts: Texts, capture: str | None, *, as_json: bool
) -> int:
    """The exit code. Raises BadInput."""
    if len(sending.jobs) > 1:
        raise BadInput("cli.one-destination")
    assert many.count is not None
    fresh = request.shared.content is None
    bulk = Bulk(sending=sending, count=many.count, concurrency=many.concurrency, rate=many.rate, fresh_ids=fresh)
    return _run(lambda tell: BulkRun(bulk, tell), request, texts, capture, as_json=as_json)


def send_mailing(
    request: SendRequest, many: Many, texts: Texts, capture: str | None, *, as_json: bool, dump_mail: bool
) -> int:
    """The exit code. Raises BadInput, before anything is sent."""
    preparation = Preparation(request)
    items = mailing_items(request, preparation, many, texts)
    if dump_mail:
        _print_mbox(items)
        return DONE
    mailing = Mailing(items=items, net=preparation.net, concurrency=many.concurrency, rate=many.rate)
    return _run(lambda tell: MailingRun(mailing, tell), request, texts, capture, as_json=as_json)


def mailing_items(request: SendRequest, preparation: Preparation, many: Many, texts: Texts) -> list[Item]:
    """Every message, looked at. Raises BadInput, which names the row or the file."""
    try:
        if many.merge is not None:
            return merged(request, preparation, many.merge)
        assert many.messages is not None
        _refuse_edits(request)
        return stored(request, preparation, many.messages)
    except SpoiledError as spoiled:
        why = texts(spoiled.bad.text, **spoiled.bad.arguments)
        raise BadInput("merge.spoiled", name=spoiled.name, why=why) from spoiled


def _print_mbox(items: Sequence[Item]) -> None:
    """Every message as it would leave, with mbox's line before it."""
    for item in items:
        envelope = item.make().envelope
        lines = envelope.content.replace(b"\r\n", b"\n")
        quoted = re.sub(rb"(?m)^(>*From )", rb">\1", lines)
        day = time.asctime(time.gmtime())
        sender = envelope.sender or "MAILER-DAEMON"
        sys.stdout.buffer.write(f"From {sender} {day}\n".encode() + quoted + b"\n")


def _run(
    make: Callable[[Tell | None], Run], request: SendRequest, texts: Texts, capture: str | None, *, as_json: bool
) -> int:
    if capture is None:
        return run_bulk(lambda: make(None), texts, as_json=as_json)
    with opened_output(texts, print_nothing, capture, show_secrets=request.shared.show_secrets) as output:
        return run_bulk(lambda: make(output.tell), texts, as_json=as_json)


def _refuse_edits(request: SendRequest) -> None:
    """Stored messages go as they are. Raises BadInput."""
    shared, letter = request.shared, request.letter
    for given, option in (
        (shared.content, "--data"),
        (shared.subject, "--subject"),
        (shared.body, "--body"),
        (shared.headers, "--header"),
        (letter.added, "--add-header"),
        (letter.html, "--html"),
        (letter.pieces, "--attach"),
    ):
        if given:
            raise BadInput("cli.not-both", option="--messages", other=option)
