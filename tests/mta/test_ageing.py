"""What the inbox lets go of, by count, age and size; and that nothing else goes."""

from __future__ import annotations

import asyncio

from smtplab.events import Disconnected
from smtplab.mta.inbox.ageing import Keep
from smtplab.mta.inbox.ledger import Ledger
from smtplab.mta.inbox.port import Kept
from smtplab.mta.inbox.reader import visit_inbox
from smtplab.mta.inbox.store import open_inbox, spool_of
from smtplab.mta.queue.identifier import QueueIds
from smtplab.net.live import unforeseeable

LARGE = 200_000
"""Too much for a row: it lies in the spool."""


class Clock:
    def __init__(self) -> None:
        self.at_s = 1_800_000_000.0

    def now(self) -> float:
        return self.at_s

    def monotonic(self) -> float:
        return self.at_s


async def fill(folder, sizes, keep, *, age_s=0.0, apart_s=1.0, later_s=0.0):
    """A message each second in a session of its own, and between each two a session that brings none."""
    clock = Clock()
    clock.at_s += later_s
    store = open_inbox(folder)
    ids = QueueIds(clock, unforeseeable("queue-id"))
    ledger = Ledger(clock, ids, "mx", store)
    for size in sizes:
        for brings in (True, False):
            recording = ledger.begin("smtp", "10.0.0.1")
            if brings:
                name = ids.next_id()
                entry = Kept(id=name, received_at=clock.now(), sender="", recipients=("a@b",), octets=size)
                assert await store.put(entry, b"x" * size) is None
                recording.messages.append(name)
            recording.scope(Disconnected("us", clean=True, reason=""))
            clock.at_s += apart_s / 2
    await ledger.close(10)
    clock.at_s += age_s
    assert await store.age(keep, clock.now()) is None
    await store.close()


def left(folder):
    with visit_inbox(folder) as inbox:
        rows = list(inbox.messages())
        assert all(inbox.raw(row.id) == b"x" * row.size for row in rows)
        return [row.size for row in rows], [len(one.messages) for one in inbox.sessions.rows()]


def test_nothing_goes_unless_somebody_wants_it(tmp_path):
    asyncio.run(fill(tmp_path, [1, 2, 3], Keep(), age_s=1e9))
    assert left(tmp_path) == ([1, 2, 3], [1, 0, 1, 0, 1, 0])


def test_the_newest_stay_and_a_session_goes_with_its_message(tmp_path):
    asyncio.run(fill(tmp_path, [1, 2, 3, 4], Keep(messages=2)))
    assert left(tmp_path) == ([3, 4], [1, 1, 0])


def test_keeping_none_leaves_none(tmp_path):
    asyncio.run(fill(tmp_path, [1, 2], Keep(messages=0)))
    assert left(tmp_path) == ([], [])


def test_what_is_too_old_goes_and_its_sessions(tmp_path):
    asyncio.run(fill(tmp_path, [1, 2, 3, 4], Keep(age_s=10.0), age_s=7.5))
    assert left(tmp_path) == ([3, 4], [0, 1, 0, 1, 0])


def test_what_is_too_much_goes_and_the_spool_with_it(tmp_path):
    asyncio.run(fill(tmp_path, [LARGE] * 4, Keep(octets=2 * LARGE)))
    assert left(tmp_path)[0] == [LARGE, LARGE]
    asyncio.run(fill(tmp_path, [5], Keep(octets=10), later_s=60.0))
    assert left(tmp_path)[0] == [5]
    assert list(spool_of(tmp_path).iterdir()) == []


def test_the_newest_message_stays_however_large_it_is(tmp_path):
    asyncio.run(fill(tmp_path, [1, LARGE], Keep(octets=10)))
    assert left(tmp_path)[0] == [LARGE]


def test_more_than_a_page_goes_too(tmp_path):
    asyncio.run(fill(tmp_path, [1] * 1200, Keep(messages=3), apart_s=0.01))
    assert left(tmp_path) == ([1, 1, 1], [1, 1, 0, 1, 0])


def test_sessions_that_bring_nothing_are_not_kept_for_ever(tmp_path):
    asyncio.run(fill(tmp_path, [], Keep(messages=2)))

    async def knock():
        clock = Clock()
        store = open_inbox(tmp_path)
        ledger = Ledger(clock, QueueIds(clock, unforeseeable("queue-id")), "mx", store)
        for _ in range(5):
            ledger.begin("smtp", "10.0.0.1").scope(Disconnected("us", clean=True, reason=""))
            clock.at_s += 1
        await ledger.close(10)
        await store.age(Keep(messages=2), clock.now())
        await store.close()

    asyncio.run(knock())
    assert left(tmp_path) == ([], [0, 0])
