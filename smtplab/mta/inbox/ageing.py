"""What an inbox lets go of: too many messages, too old ones, too much of them; a session goes with its last message."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, delete, func, select

from smtplab.mta.inbox.port import Sitting, number_of
from smtplab.mta.inbox.schema import contents, messages, seen, sessions
from smtplab.mta.queue.identifier import CHANCE_BITS

PAGE = 500
"""Removed at a time: SQLite takes some 32,000 values in one statement, and a message that has come meanwhile waits."""

_sitting = msgspec.json.Decoder(Sitting).decode


class Keep(msgspec.Struct, frozen=True):
    """How much is kept; None for all of it."""

    messages: int | None = None
    """The newest; and as many of the newest sessions, beside those in which these messages came."""
    age_s: float | None = None
    octets: int | None = None
    """Of all contents together; the newest message stays, however large it is."""

    @property
    def everything(self) -> bool:
        return self.messages is None and self.age_s is None and self.octets is None


def let_go(connection: Connection, keep: Keep, now: float) -> tuple[int, list[int]]:
    """How many messages and sessions went, at most `PAGE` of each, and the spool's segments in which they lay."""
    gone = connection.scalars(
        select(messages.c.number)
        .where(messages.c.number <= _last_to_go(connection, keep, now))
        .order_by(messages.c.number)
        .limit(PAGE)
    ).all()
    spooled = select(contents.c.segment).where(contents.c.number.in_(gone), contents.c.segment.is_not(None))
    segments = [segment for segment in connection.scalars(spooled).all() if segment is not None]
    for table in (messages, contents, seen):
        connection.execute(delete(table).where(table.c.number.in_(gone)))
    sittings = _sessions_to_go(connection, keep, now)
    for table in (sessions, seen):
        connection.execute(delete(table).where(table.c.number.in_(sittings)))
    return len(gone) + len(sittings), segments


def _last_to_go(connection: Connection, keep: Keep, now: float) -> int:
    """The number of the newest message that is too much; -1 for none."""
    last = -1
    if keep.age_s is not None:
        last = max(last, _number_at(now - keep.age_s))
    newest_first = select(messages.c.number).order_by(messages.c.number.desc())
    if keep.messages is not None:
        beyond = connection.scalar(newest_first.offset(keep.messages).limit(1))
        last = max(last, -1 if beyond is None else beyond)
    if keep.octets is not None:
        last = max(last, _beyond_octets(connection, keep.octets))
    return last


def _beyond_octets(connection: Connection, octets_max: int) -> int:
    length = func.coalesce(contents.c.length, func.length(contents.c.octets))
    octets = 0
    for count, row in enumerate(
        connection.execute(select(contents.c.number, length).order_by(contents.c.number.desc()))
    ):
        octets += row[1] or 0
        if octets > octets_max and count:
            return int(row[0])
    return -1


def _sessions_to_go(connection: Connection, keep: Keep, now: float) -> list[int]:
    """Of those that are older than every message that is left: the ones that hold none of these."""
    oldest = connection.scalar(select(func.min(messages.c.number)))
    before = []
    if oldest is not None and (keep.octets is not None or keep.messages is not None):
        before.append(oldest)
    if keep.age_s is not None:
        before.append(_number_at(now - keep.age_s))
    if keep.messages is not None:
        beyond = select(sessions.c.number).order_by(sessions.c.number.desc()).offset(keep.messages).limit(1)
        if (found := connection.scalar(beyond)) is not None:
            before.append(found + 1)
    if not before:
        return []
    candidates = select(sessions.c.number, sessions.c.entry).where(sessions.c.number < max(before))
    gone = []
    for row in connection.execute(candidates.order_by(sessions.c.number)):
        brought = _sitting(row.entry).messages
        # What came last goes last.
        if not brought or oldest is None or number_of(brought[-1]) < oldest:
            gone.append(row.number)
        if len(gone) == PAGE:
            break
    return gone


def _number_at(moment: float) -> int:
    """Every id of that time or before is no larger."""
    return int(moment * 1000) << CHANCE_BITS
