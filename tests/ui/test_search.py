"""The search in a transcript: while it is still being read it says so, and takes in what comes."""

import asyncio

from smtplab.lab.feed import Ended
from smtplab.ui.search import Found, Search


async def until(stage, said: str) -> None:
    """The screen looks some thirty times a second."""
    for _ in range(500):
        if said in stage.shown():
            return
        await stage.pilot.pause(0.01)
    raise AssertionError(stage.shown())


class Rows:
    """Rows that become searchable one after the other."""

    def __init__(self, *rows: str) -> None:
        self.rows = rows
        self.selected = 0
        self.searchable = len(rows)

    def find(self, wanted: str, start: int = 0) -> list[int]:
        return [row for row in range(start, self.searchable) if wanted in self.rows[row]]


def test_the_count_grows_as_more_rows_can_be_searched_and_the_person_stays():
    rows = Rows("a", "x", "a", "x", "x")
    rows.searchable = 2
    search = Search(rows)
    assert search.look("x") == Found(1, 1)
    assert search.look_on() is None
    rows.searchable = 5
    assert search.look_on() == Found(1, 3)
    assert rows.selected == 1
    assert search.go(1) == Found(2, 3)


def test_the_first_match_that_comes_is_gone_to_where_the_person_waits_for_it():
    rows = Rows("a", "a", "x", "x")
    rows.searchable = 1
    search = Search(rows)
    assert search.look("x") == Found(0, 0)
    rows.searchable = 4
    assert (search.look_on(), rows.selected) == (Found(1, 2), 2)


def test_a_person_who_went_elsewhere_is_left_there():
    rows = Rows("a", "a", "x")
    rows.searchable = 1
    search = Search(rows)
    search.look("x")
    rows.searchable, rows.selected = 3, 1
    assert (search.look_on(), rows.selected) == (Found(0, 1), 1)


def test_back_in_time_there_are_fewer_matches():
    rows = Rows("x", "a", "x")
    search = Search(rows)
    search.look("x")
    assert search.go(1) == Found(2, 2)
    rows.searchable, rows.selected = 1, 0
    assert search.look_on() == Found(1, 1)
    assert search.go(1) == Found(1, 1)


def test_a_journey_that_is_not_over_is_searched_so_far(play, tape):
    async def scene(stage):
        await stage.press("slash", *"mail from")
        assert "nothing found so far" in stage.shown()
        await stage.press("enter", "end")
        await until(stage, "2 found")
        assert "so far" not in stage.shown()
        await stage.press("n")
        assert "1 of 2" in stage.shown()

    play(scene, tape())


def test_what_is_found_stays_in_sight_until_it_is_dropped(play, tape):
    async def scene(stage):
        await stage.press("end", "slash", *"mail from", "enter", "n")
        assert "2 of 2" in stage.shown()
        await stage.press("escape")
        assert "of 2" not in stage.shown()
        assert "MAIL FROM" in stage.shown()
        await stage.press("slash", *"mail from")
        await stage.press("escape")
        assert "of 2" not in stage.shown()

    play(scene, tape())


def test_a_count_says_so_far_until_the_feed_has_ended(play, tape):
    class Open(type(tape())):
        async def run(self) -> Ended:
            self.records.extend(self._tape)
            await self.over.wait()
            self.ended = Ended(0)
            return self.ended

    async def scene(stage):
        await stage.press("end", "slash", *"mail from")
        assert "1 of 2 so far" in stage.shown()
        feed.over.set()
        await until(stage, "1 of 2 \n")

    feed = Open(tape()._tape)
    feed.over = asyncio.Event()
    play(scene, feed)
