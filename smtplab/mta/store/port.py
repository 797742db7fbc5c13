"""What a queue asks of its store, as values and a protocol; nothing here says where the messages lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from smtplab.mta.bounce import Fate
from smtplab.mta.envelope import Envelope

NUMBER_MAX = 2**63 - 1
"""What a database has room for."""

State = Literal["incoming", "active", "deferred", "hold"]
"""Taken and not looked at yet · in a delivery's hands · waiting for its next attempt · kept until a person says so."""


class Delivering(msgspec.Struct, frozen=True):
    """Content that is about to leave, noted before it does: found after a crash it says who may have it already."""

    host: str
    recipients: tuple[str, ...]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A message in the queue without its content; a new one is made for each change."""

    queue_id: str
    """Hexadecimal, growing with time: its number orders the store."""
    envelope: Envelope
    """With the recipients that are still open and an empty content, which the store keeps apart."""
    octets: int
    """Of the content, our trace line included."""
    hop: int
    """On which it goes on."""
    arrived_at: float
    """Seconds since the epoch."""
    next_attempt_at: float
    """Seconds since the epoch; in the past for what is due."""
    state: State = "incoming"
    attempts: int = 0
    reason: str = ""
    """Why it is still here: what the last attempt brought."""
    relayed: bool = False
    bounced: bool = False
    warned: bool = False
    """Its sender knows of the delay."""
    successes: tuple[Fate, ...] = ()
    """What its sender wants to hear, and has not been told yet: once all deliveries under way have ended, he is."""
    delivering: tuple[Delivering, ...] = ()

    @property
    def number(self) -> int:
        """The queue id as the store's key."""
        return number_of(self.queue_id)


class Put(msgspec.Struct, frozen=True):
    """A message new to the store."""

    entry: Entry
    content: bytes


class Update(msgspec.Struct, frozen=True):
    """An entry as it is from now on; nothing where its message is gone."""

    entry: Entry


class Remove(msgspec.Struct, frozen=True):
    """A message that is nobody's concern any more; nothing where it is gone already."""

    queue_id: str


Change = Put | Update | Remove


class Trouble(msgspec.Struct, frozen=True):
    """The store could not do as asked, and did nothing."""

    reason: Literal["locked", "newer-schema", "not-now", "disk-full", "unreadable", "failed"]
    """`not-now`: it can't be opened, for reasons that may pass."""
    detail: str = ""
    """The place or the system's own words, for the log."""


class StoreFailed(Exception):  # noqa: N818 (it says whose failure it is)
    """Raised by whatever asks a store for something; it may be different in a while."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.detail)
        self.trouble = trouble


class Store(Protocol):
    """One queue works with it at a time. Every method but `apply`, `content` and `close` may raise StoreFailed."""

    async def apply(self, changes: Sequence[Change]) -> Trouble | None:
        """All of them or none. After None they survive whatever happens to the process."""
        ...

    async def recover(self) -> tuple[Entry, ...]:
        """For a queue that begins: what an earlier run left active waits again. Returns those whose delivery was under
        way, and leaves them as they are: the caller first tells of them, then writes them back as `recovered`, so that
        a crash in between hides nothing."""
        ...

    async def claim(self, now: float, limit: int) -> tuple[Entry, ...]:
        """At most so many that are due, made active: half of them deferred ones, so that neither new mail nor old can
        keep the other waiting for ever."""
        ...

    async def next_due(self) -> float | None:
        """The earliest next attempt among what is incoming or deferred; None where there is none."""
        ...

    async def get(self, queue_id: str) -> Entry | None: ...

    async def content(self, queue_id: str) -> bytes | None:
        """None where there is no such message, or its content can't be read."""
        ...

    async def entries(self, after: str = "", limit: int = 1000) -> tuple[Entry, ...]:
        """In the order of arrival, those behind the queue id `after`; fewer than `limit` is the end."""
        ...

    async def count(self) -> int: ...

    async def close(self) -> None:
        """What was asked for before is done first. Closing twice is nothing."""
        ...


def number_of(queue_id: str) -> int:
    """-1 for what is no queue id: a person may ask for anything."""
    try:
        number = int(queue_id, 16)
    except ValueError:
        return -1
    return number if number <= NUMBER_MAX else -1


def recovered(entry: Entry) -> Entry:
    """An active entry that nobody works at any more."""
    return msgspec.structs.replace(entry, state="deferred" if entry.attempts else "incoming", delivering=())
