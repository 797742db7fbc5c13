"""Sends a message of the inbox on to a real server, as a relay would; whose wish that is the caller has checked."""

from __future__ import annotations

import asyncio
import re

import msgspec

from smtplab.journal import Record
from smtplab.lab.bad_input import BadInput
from smtplab.lab.inbox import MessageRow
from smtplab.lab.request import SendRequest, WalkRequest
from smtplab.lab.sending import Sending, Sent, prepare_sending, send

RECIPIENTS_MAX = 100
"""Any server takes so many in one transaction (RFC 5321 4.5.3.1.8)."""
RELEASE_S_MAX = 60.0
"""A person waits for it."""
RECORDS_MAX = 5000
"""A hundred recipients make some five hundred."""

_RETURN_PATH = re.compile(rb"\AReturn-Path:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*\r?\n", re.IGNORECASE)


class Released(msgspec.Struct, frozen=True):
    sent: Sent | None
    """None where it took too long: what became of it is not known."""
    records: tuple[Record, ...]
    """Of the session with that server."""


async def release(
    row: MessageRow, content: bytes, server: str, *, sender: str | None = None, recipients: tuple[str, ...] = ()
) -> Released:
    """To `HOST[:PORT]`, with the envelope as it came where none is named. Raises BadInput; nothing was sent then."""
    if not server:
        raise BadInput("inbox.release.server")  # The page asks for one: mail shall not leave for the MX unawares.
    people = recipients or row.recipients
    if not people or len(people) > RECIPIENTS_MAX:
        raise BadInput("inbox.release.recipients", number=RECIPIENTS_MAX)
    envelope_sender = row.sender if sender is None else sender
    sending = prepare_release(content, server=server, sender=envelope_sender, recipients=people)
    records: list[Record] = []

    def keep(record: Record) -> None:
        if len(records) < RECORDS_MAX:
            records.append(record)

    try:
        async with asyncio.timeout(RELEASE_S_MAX):
            sent: Sent | None = await send(sending, keep)
    except TimeoutError:
        sent = None
    return Released(sent, tuple(records))


def prepare_release(content: bytes, *, server: str, sender: str, recipients: tuple[str, ...]) -> Sending:
    """`server` is `HOST[:PORT]`; empty for the MX of each domain. Raises BadInput."""
    shared = WalkRequest(
        recipient=recipients[0] if recipients else "",
        sender=sender,
        server=server or None,
        content=relayed(content),
        live=True,
        send=True,
    )
    return prepare_sending(SendRequest(shared=shared, recipients=recipients, line_endings="keep"))


def relayed(content: bytes) -> bytes:
    """With our Received line, and without the Return-Path, which only the last server writes (RFC 5321 4.4)."""
    return _RETURN_PATH.sub(b"", content, count=1)
