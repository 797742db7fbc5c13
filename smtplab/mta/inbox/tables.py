"""The inbox in its database, as the thread that has the connection sees it: kept, found, searched and removed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, delete, func, select, update

from smtplab.capture.codec import RecordEncoder
from smtplab.journal import Record
from smtplab.mta.inbox.port import Kept, Sitting, number_of
from smtplab.mta.inbox.schema import contents, messages, seen, sessions

PAGE = 1000
"""Rows read at a time."""
LOOK = 100
"""Where newest come first: a page of a list needs no more."""

_encode = msgspec.json.Encoder().encode
_kept = msgspec.json.Decoder(Kept).decode
_sitting = msgspec.json.Decoder(Sitting).decode
_insert_messages = messages.insert()
_insert_contents = contents.insert()
_insert_sessions = sessions.insert()
_replace = update(messages).where(messages.c.number == bindparam("key")).values(entry=bindparam("new_entry"))


def keep(connection: Connection, entries: Sequence[Kept], content_rows: Sequence[dict[str, Any]]) -> None:
    """A content's row holds `number` and either `octets` or the place's `segment`, `start` and `length`."""
    connection.execute(
        _insert_messages, [{"number": number_of(one.id), "entry": _encode(one).decode()} for one in entries]
    )
    connection.execute(_insert_contents, list(content_rows))


def keep_sessions(connection: Connection, sittings: Sequence[tuple[Sitting, Sequence[Record]]]) -> None:
    encoder = RecordEncoder()
    connection.execute(
        _insert_sessions,
        [
            {
                "number": number_of(one.id),
                "entry": _encode(one).decode(),
                "records": b"".join(map(encoder.encode, records)),
            }
            for one, records in sittings
        ],
    )


def replace(connection: Connection, entry: Kept) -> None:
    connection.execute(_replace, [{"key": number_of(entry.id), "new_entry": _encode(entry).decode()}])


def remove(connection: Connection, number: int) -> list[int] | None:
    """The spool's segment in which it lay, if it did: the server gives that back, at its next start where another
    process removed it. None where there was no such message."""
    lay = select(contents.c.segment).where(contents.c.number == number, contents.c.segment.is_not(None))
    segments = [segment for segment in connection.scalars(lay) if segment is not None]
    found = connection.execute(delete(messages).where(messages.c.number == number)).rowcount
    connection.execute(delete(contents).where(contents.c.number == number))
    return segments if found else None


def entries(connection: Connection, after: int = -1) -> Iterator[Kept]:
    """In the order of arrival, those behind the number `after`."""
    while True:
        page = select(messages.c.number, messages.c.entry).where(messages.c.number > after)
        found = connection.execute(page.order_by(messages.c.number).limit(PAGE)).all()
        for row in found:
            yield _kept(row.entry)
        if len(found) < PAGE:
            return
        after = found[-1].number


def latest(connection: Connection, before: int | None = None) -> Iterator[Kept]:
    """Newest first, those that came before the number `before`."""
    while True:
        page = select(messages.c.number, messages.c.entry).order_by(messages.c.number.desc()).limit(LOOK)
        found = connection.execute(page if before is None else page.where(messages.c.number < before)).all()
        for row in found:
            yield _kept(row.entry)
        if len(found) < LOOK:
            return
        before = found[-1].number


def newest(connection: Connection) -> int:
    """The number of the message that came last; -1 where there is none."""
    found = connection.scalar(select(func.max(messages.c.number)))
    return -1 if found is None else int(found)


def get(connection: Connection, number: int) -> Kept | None:
    text = connection.scalar(select(messages.c.entry).where(messages.c.number == number))
    return None if text is None else _kept(text)


def count(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(messages)) or 0


def content(connection: Connection, number: int, folder: Path) -> bytes | None:
    """None where there is none, or the spool's file can't be read. `folder` is the spool's."""
    row = connection.execute(select(contents).where(contents.c.number == number)).one_or_none()
    if row is None or row.segment is None:
        return None if row is None else bytes(row.octets)
    # Not through `Spool`, which is its server's alone and clears up as it begins.
    try:
        with (folder / f"{row.segment:08d}.spool").open("rb") as file:
            file.seek(row.start)
            octets = file.read(row.length)
    except OSError:
        return None
    return octets if len(octets) == row.length else None


def sittings(connection: Connection, after: int = -1) -> Iterator[Sitting]:
    """In the order of their beginning, those behind the number `after`."""
    wanted = select(sessions.c.entry).where(sessions.c.number > after)
    for text in connection.scalars(wanted.order_by(sessions.c.number)):
        yield _sitting(text)


def latest_sittings(connection: Connection, before: int | None = None) -> Iterator[Sitting]:
    """Newest first, those that began before the number `before`."""
    while True:
        page = select(sessions.c.number, sessions.c.entry).order_by(sessions.c.number.desc()).limit(LOOK)
        found = connection.execute(page if before is None else page.where(sessions.c.number < before)).all()
        for row in found:
            yield _sitting(row.entry)
        if len(found) < LOOK:
            return
        before = found[-1].number


def newest_sitting(connection: Connection) -> int:
    found = connection.scalar(select(func.max(sessions.c.number)))
    return -1 if found is None else int(found)


def count_sittings(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(sessions)) or 0


def sitting(connection: Connection, number: int) -> tuple[Sitting, bytes] | None:
    """With its records, a line each."""
    row = connection.execute(select(sessions).where(sessions.c.number == number)).one_or_none()
    return None if row is None else (_sitting(row.entry), bytes(row.records))


def numbers(connection: Connection) -> tuple[set[int], set[int]]:
    """Of every message and of every session: what is no longer among them has been removed."""
    return (
        set(connection.scalars(select(messages.c.number)).all()),
        set(connection.scalars(select(sessions.c.number)).all()),
    )


def counts(connection: Connection) -> tuple[int, int]:
    """Of messages and of sessions."""
    return count(connection), connection.scalar(select(func.count()).select_from(sessions)) or 0


def session_numbers(connection: Connection, after: int) -> Sequence[int]:
    """Those behind the number `after`."""
    return connection.scalars(select(sessions.c.number).where(sessions.c.number > after)).all()


def seen_numbers(connection: Connection) -> set[int]:
    return set(connection.scalars(select(seen.c.number)).all())


def seen_among(connection: Connection, among: Sequence[int]) -> set[int]:
    return set(connection.scalars(select(seen.c.number).where(seen.c.number.in_(among))).all())


def mark_seen(connection: Connection, number: int, *, is_seen: bool) -> None:
    connection.execute(delete(seen).where(seen.c.number == number))
    if is_seen:
        connection.execute(seen.insert(), [{"number": number}])


def remove_sitting(connection: Connection, number: int) -> bool:
    """False where there was none."""
    return bool(connection.execute(delete(sessions).where(sessions.c.number == number)).rowcount)


def restore_sitting(connection: Connection, sitting: Sitting, records: bytes) -> None:
    """With its records as `sitting` gave them."""
    row = {"number": number_of(sitting.id), "entry": _encode(sitting).decode(), "records": records}
    connection.execute(_insert_sessions, [row])


def data_version(connection: Connection) -> int | None:
    """Another number once any other connection has changed anything; None where the database does not tell."""
    if connection.dialect.name != "sqlite":
        return None
    return int(connection.exec_driver_sql("PRAGMA data_version").scalar_one())


def spooled(connection: Connection) -> Sequence[int]:
    """The segment of each content that lies in the spool."""
    found = connection.scalars(select(contents.c.segment).where(contents.c.segment.is_not(None)))
    return [segment for segment in found.all() if segment is not None]
