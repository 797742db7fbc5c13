"""Who sets out to which destination, and when."""

from __future__ import annotations

import asyncio

import pytest

from smtplab.mta.queue import cohort
from smtplab.mta.queue.cohort import Limits, Traffic, limits_for


class Road:
    """Traffic that notes who departs and who is put off."""

    def __init__(self, **limits):
        self.now = 0.0
        self.departed, self.put_off = [], []
        self.traffic = Traffic(
            Limits(**limits),
            lambda: self.now,
            lambda destination, trip: self.departed.append(trip),
            lambda trip, reason: self.put_off.append((trip, reason)),
        )

    def add(self, destination, *trips):
        self.traffic.add([(destination, trip) for trip in trips])

    def fail(self, destination, times):
        for _ in range(times):
            assert self.traffic.ended(destination, served=False, reason="timed-out") is None


def test_a_destination_begins_with_a_few_and_gets_more_as_it_serves():
    road = Road(destination_first=2, destination_max=3)
    road.add("d", 1, 2, 3, 4, 5, 6)
    assert road.departed == [1, 2]
    assert road.traffic.ended("d", served=True) == 3
    assert road.departed == [1, 2]
    road.traffic.add([])
    assert road.traffic.ended("d", served=None) is None
    assert road.departed == [1, 2, 4, 5]


@pytest.mark.parametrize(
    ("pauses_s", "speed", "dead_s"),
    [((300.0, 4000.0), 1.0, 300.0), ((5.0, 60.0), 1.0, 5.0), ((900.0,), 1.0, 300.0), ((15.0,), 60.0, 5.0)],
)
def test_a_destination_is_left_alone_no_longer_than_its_messages(pauses_s, speed, dead_s):
    assert limits_for(pauses_s, speed).dead_s == dead_s


def test_a_dead_destination_holds_up_no_other():
    road = Road(destination_first=5, failures_max=5, dead_s=300.0, total_max=6)
    road.add("dead", *range(20))
    road.add("d", "x", "y")
    assert road.departed == [0, 1, 2, 3, 4, "x"]
    road.fail("dead", 5)
    assert road.departed[-1] == "y"
    assert len(road.put_off) + len([trip for trip in road.departed if trip in range(20)]) == 20
    assert all(reason == "timed-out" for _, reason in road.put_off)


def test_a_dead_destination_is_asked_again_by_one_delivery_alone_after_its_pause():
    road = Road(destination_first=2, failures_max=2, dead_s=300.0)
    road.add("d", 1, 2)
    road.fail("d", 2)
    road.add("d", 3)
    assert road.put_off == [(3, "timed-out")]
    road.now = 300.0
    road.add("d", 4, 5, 6)
    assert road.departed == [1, 2, 4]
    road.fail("d", 1)
    assert [trip for trip, _ in road.put_off] == [3, 5, 6]
    road.now = 600.0
    road.add("d", 7, 8)
    assert road.traffic.ended("d", served=True) == 8
    assert road.departed == [1, 2, 4, 7]


def test_where_all_places_are_taken_destinations_take_turns():
    road = Road(destination_first=1, total_max=1)
    road.add("a", 1, 2)
    road.add("b", 3)
    assert road.traffic.ended("a", served=True) is None
    assert road.departed == [1, 3]
    assert road.traffic.ended("b", served=True) is None
    assert road.departed == [1, 3, 2]


def test_a_carrier_that_lingers_gets_the_next_trip_and_none_departs_for_it():
    async def play():
        road = Road(linger_busy_min=1)
        road.add("d", 1, 2)
        assert road.traffic.ended("d", served=True) is None
        lingering = asyncio.create_task(road.traffic.linger("d"))
        await asyncio.sleep(0)
        road.add("d", 3)
        assert await lingering == 3
        assert road.departed == [1, 2]

    asyncio.run(play())


@pytest.mark.parametrize("closed", [False, True])
def test_a_carrier_goes_home_when_nothing_comes_or_the_day_is_over(closed):
    async def play():
        road = Road(linger_busy_min=1, linger_s=60.0 if closed else 0.01)
        road.add("d", 1, 2)
        road.traffic.ended("d", served=True)
        lingering = asyncio.create_task(road.traffic.linger("d"))
        await asyncio.sleep(0)
        if closed:
            road.traffic.close()
        assert await lingering is None
        road.add("d", 3)
        assert road.departed == [1, 2, 3]

    asyncio.run(play())


def test_it_is_worth_lingering_while_enough_others_are_under_way():
    road = Road(linger_busy_min=1)
    road.add("d", 1)
    assert not road.traffic.is_busy("d")
    road.add("d", 2)
    assert road.traffic.is_busy("d")
    assert not road.traffic.is_busy("elsewhere")


def test_idle_destinations_are_forgotten_and_many_busy_ones_are_not_looked_through_at_each_new_one(monkeypatch):
    monkeypatch.setattr(cohort, "COHORTS_MAX", 10)
    looked_at = []

    class Watched(cohort.Cohort):
        @property
        def idle(self):
            looked_at.append(self)
            return super().idle

    monkeypatch.setattr(cohort, "Cohort", Watched)
    road = Road(total_max=10)
    for number in range(1000):
        road.add(f"busy{number}", number)
    assert len(looked_at) < 2 * 1000
    road = Road()
    for number in range(1000):
        road.add(f"d{number}", number)
        road.traffic.ended(f"d{number}", served=True)
    assert len(road.traffic._cohorts) <= 10
