"""What a look at the inbox finds: what came, what went, and how seldom it counts."""

from __future__ import annotations

import asyncio

from smtplab.lab.inbox import opened_inbox
from smtplab.mta.inbox.port import Kept
from smtplab.mta.inbox.store import open_inbox
from smtplab.web.watch import COUNT_SHARE, ROWS_MAX, Seen, Watch


def at_leisure() -> float:
    """A clock on which counting takes no time, so that it is never put off."""
    return 0.0


def put(home, *names: str) -> None:
    async def play():
        store = open_inbox(home / "inbox")
        for name in names:
            entry = Kept(id=name, received_at=0.0, sender="", recipients=("a@b.example",), octets=1)
            assert await store.put(entry, b"x") is None
        await store.close()

    asyncio.run(play())


def remove(home, name: str) -> None:
    with opened_inbox(home) as inbox:
        assert inbox.delete(name)


def ids(seen: Seen) -> list[str]:
    return [row.id for row in seen.rows]


def test_the_first_look_is_a_reason_to_read_and_the_next_finds_nothing(tmp_path):
    put(tmp_path, "A1")
    watch = Watch(tmp_path, at_leisure)
    assert watch.look().anew
    assert watch.look() == Seen()
    watch.close()


def test_what_came_is_told_one_by_one_and_what_went_as_a_reason_to_read_anew(tmp_path):
    put(tmp_path, "A1")
    watch = Watch(tmp_path, at_leisure)
    watch.look()
    put(tmp_path, "A2", "A3")
    assert ids(watch.look()) == ["A2", "A3"]
    remove(tmp_path, "A2")
    assert watch.look() == Seen(anew=True)
    remove(tmp_path, "A3")
    assert watch.look() == Seen(anew=True)
    watch.close()


def test_what_was_removed_and_told_here_is_no_news(tmp_path):
    put(tmp_path, "A1", "A2")
    watch = Watch(tmp_path, at_leisure)
    watch.look()
    remove(tmp_path, "A1")
    assert watch.look(1) == Seen()
    put(tmp_path, "A3")
    assert ids(watch.look()) == ["A3"]
    watch.close()


def test_very_many_at_once_are_a_reason_to_read_anew(tmp_path):
    put(tmp_path, "A1")
    watch = Watch(tmp_path, at_leisure)
    watch.look()
    put(tmp_path, *(f"B{number:03X}" for number in range(ROWS_MAX + 1)))
    assert watch.look() == Seen(anew=True)
    put(tmp_path, "C001")
    assert ids(watch.look()) == ["C001"]
    watch.close()


def test_where_counting_takes_long_it_is_done_seldom_and_nothing_is_missed(tmp_path):
    put(tmp_path, "A1", "A2")
    moment = [0.0]

    def clock() -> float:
        moment[0] += 0.5
        return moment[0]

    watch = Watch(tmp_path, clock)
    watch.look()
    counted_until = moment[0]
    remove(tmp_path, "A1")
    looks = 0
    while not watch.look().anew:
        looks += 1
    assert moment[0] - counted_until >= COUNT_SHARE * 0.5
    assert looks > 5
    watch.close()


def test_an_inbox_that_is_not_there_yet_is_watched_too(tmp_path):
    watch = Watch(tmp_path, at_leisure)
    assert watch.look().anew
    assert watch.look() == Seen()
    put(tmp_path, "A1")
    assert ids(watch.look()) == ["A1"]
    watch.close()
