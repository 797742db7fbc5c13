"""Entries as rows and back; every statement of the store stands here, none decides when it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, select, update

from smtplab.mta.store.port import Entry, State, recovered
from smtplab.mta.store.schema import contents, messages, orders

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Entry).decode

KEYS_MAX = 500
"""In one statement: databases bound the number of its parameters, SQLite's older builds to 999."""

_insert_messages = messages.insert()
_insert_contents = contents.insert()
_update_messages = (
    update(messages)
    .where(messages.c.number == bindparam("key"))
    .values(state=bindparam("new_state"), next_attempt_at=bindparam("new_next"), entry=bindparam("new_entry"))
)
_delete_messages = delete(messages).where(messages.c.number == bindparam("key"))
_delete_contents = delete(contents).where(contents.c.number == bindparam("key"))


def insert(connection: Connection, entries: Sequence[Entry], content_rows: Sequence[dict[str, Any]]) -> None:
    """A content's row holds `number` and either `octets` or the place's `segment`, `start` and `length`."""
    connection.execute(
        _insert_messages,
        [
            {"number": one.number, "state": one.state, "next_attempt_at": one.next_attempt_at, "entry": _text(one)}
            for one in entries
        ],
    )
    connection.execute(_insert_contents, list(content_rows))


def replace(connection: Connection, entries: Sequence[Entry]) -> None:
    """Those that are still there."""
    connection.execute(
        _update_messages,
        [
            {"key": one.number, "new_state": one.state, "new_next": one.next_attempt_at, "new_entry": _text(one)}
            for one in entries
        ],
    )


def remove(connection: Connection, numbers: Sequence[int]) -> list[int]:
    """Returns the segments of the spool that held them, one for each content that lay there."""
    segments: list[int] = []
    for start in range(0, len(numbers), KEYS_MAX):
        some = numbers[start : start + KEYS_MAX]
        spooled = select(contents.c.segment).where(contents.c.number.in_(some), contents.c.segment.is_not(None))
        segments += [segment for segment in connection.scalars(spooled) if segment is not None]
    keys = [{"key": number} for number in numbers]
    connection.execute(_delete_messages, keys)
    connection.execute(_delete_contents, keys)
    return segments


def recover(connection: Connection) -> tuple[Entry, ...]:
    """As `Store.recover`."""
    active = [
        _decode(text) for text in connection.scalars(select(messages.c.entry).where(messages.c.state == "active"))
    ]
    if idle := [recovered(entry) for entry in active if not entry.delivering]:
        replace(connection, idle)
    return tuple(entry for entry in active if entry.delivering)


def claim(connection: Connection, now: float, limit: int) -> tuple[Entry, ...]:
    """As `Store.claim`."""
    claimed = _due(connection, "deferred", now, (limit + 1) // 2)
    claimed += _due(connection, "incoming", now, limit - len(claimed))
    if claimed:
        replace(connection, claimed)
    return tuple(claimed)


def next_due(connection: Connection) -> float | None:
    """As `Store.next_due`. One look into the index for each state: their common minimum would read all of it."""
    earliest = func.min(messages.c.next_attempt_at)
    states: tuple[State, ...] = ("deferred", "incoming")
    found = [connection.scalar(select(earliest).where(messages.c.state == state)) for state in states]
    return min((moment for moment in found if moment is not None), default=None)


def get(connection: Connection, number: int) -> Entry | None:
    text = connection.scalar(select(messages.c.entry).where(messages.c.number == number))
    return None if text is None else _decode(text)


def entries(connection: Connection, after: int, limit: int) -> tuple[Entry, ...]:
    """As `Store.entries`."""
    page = select(messages.c.entry).where(messages.c.number > after).order_by(messages.c.number).limit(limit)
    return tuple(_decode(text) for text in connection.scalars(page))


def count(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(messages)) or 0


def content_row(connection: Connection, number: int) -> Any:
    """None where there is none."""
    return connection.execute(select(contents).where(contents.c.number == number)).one_or_none()


def leave_order(connection: Connection, queue_id: str, verb: str) -> None:
    connection.execute(orders.insert().values(queue_id=queue_id, verb=verb))


def take_orders(connection: Connection) -> tuple[tuple[str, str], ...]:
    """As `OrderBook.take_orders`."""
    found = connection.execute(select(orders).order_by(orders.c.number).limit(KEYS_MAX)).all()
    if found:
        # Not all there are: one may have come meanwhile.
        connection.execute(delete(orders).where(orders.c.number <= found[-1].number))
    return tuple((row.queue_id, row.verb) for row in found)


def _due(connection: Connection, state: State, now: float, limit: int) -> list[Entry]:
    page = (
        select(messages.c.entry)
        .where(messages.c.state == state, messages.c.next_attempt_at <= now)
        .order_by(messages.c.next_attempt_at)
        .limit(limit)
    )
    return [msgspec.structs.replace(_decode(text), state="active") for text in connection.scalars(page)]


def _text(entry: Entry) -> str:
    return _encode(entry).decode()
