"""What the end of a round tells: the facts for the journal, and the notices for the sender."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from smtplab.events import Bounced, BounceSent, Deferred, Judged
from smtplab.journal import Emit
from smtplab.mta.bounce import Fate, Notice, NoticeWriter
from smtplab.mta.envelope import Envelope
from smtplab.mta.queue.office import Office
from smtplab.mta.queue.round import Ending
from smtplab.mta.store.port import Entry
from smtplab.mta.trace import iso_time

Tells = Literal["", "delivered", "delayed", "failed"]


class Letter(msgspec.Struct, frozen=True):
    """A message that the queue sends itself."""

    envelope: Envelope
    tells: Tells = ""
    """What a notice is about; empty for any other message."""


def tell(ending: Ending, emit: Emit) -> None:
    """Deferred and Bounced, for each recipient."""
    queue_id = ending.entry.queue_id
    moment = iso_time(ending.entry.next_attempt_at) if ending.delays else ""
    for delay in ending.delays:
        emit(Deferred(queue_id, str(delay.recipient), moment, delay.diagnostic))
    for failure in ending.failures:
        emit(Bounced(queue_id, str(failure.recipient), failure.status, failure.diagnostic))


def is_news(ending: Ending) -> bool:
    """Is there anything that its sender might want to know?"""
    return bool(ending.successes or ending.failures or ending.warn)


def write_notices(office: Office, writer: NoticeWriter, entry: Entry, ending: Ending, content: bytes) -> list[Letter]:
    """`entry` as it was when the round ended; who wants to be told of what is the writer's to know."""
    now = ending.now
    until = entry.arrived_at + office.schedule.lifetime_s
    whole = msgspec.structs.replace(entry.envelope, content=content)

    def about(fates: Sequence[Fate]) -> Notice:
        return Notice(office.hostname, entry.queue_id, whole, fates, entry.arrived_at, now, until)

    written: tuple[tuple[Envelope | None, Tells], ...] = (
        (writer.succeeded(about(ending.successes)), "delivered"),
        (writer.delayed(about(ending.delays if ending.warn else ())), "delayed"),
        (writer.failed(about(ending.failures)), "failed"),
    )
    return [Letter(envelope, tells) for envelope, tells in written if envelope is not None]


def tell_of_notices(queue_id: str, letters: Sequence[Letter], emit: Emit) -> None:
    """BounceSent for each bounce, `Judged("notice", "delayed" | "delivered", whom)` for the other notices."""
    for letter in letters:
        whom = str(letter.envelope.recipients[0])
        if letter.tells == "failed":
            emit(BounceSent(queue_id, whom))
        elif letter.tells:
            emit(Judged("notice", letter.tells, whom))
