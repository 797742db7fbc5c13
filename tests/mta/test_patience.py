import asyncio
import datetime as dt

import pytest

from smtplab.mta.patience import Patience
from smtplab.sim import loop
from smtplab.sim.loop import VirtualClock

START = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)


def virtually(work):
    """Runs `work(patience)` on a clock that jumps; gives its result and how long it took."""

    async def main(clock: VirtualClock):
        result = await work(Patience())
        return result, clock.monotonic()

    return loop.run(main, START)


async def how_it_ended(patience: Patience, limit_s: float, wait_s: float) -> str:
    try:
        with patience.within(limit_s):
            await asyncio.sleep(wait_s)
    except TimeoutError:
        return "timed out"
    return "done"


def test_a_wait_ends_by_itself_or_with_the_patience():
    assert virtually(lambda patience: how_it_ended(patience, 10, 9)) == ("done", 9)
    assert virtually(lambda patience: how_it_ended(patience, 10, 11)) == ("timed out", 10)


def test_each_wait_has_its_own_limit_whatever_the_one_before_was():
    async def work(patience: Patience) -> list[str]:
        waits = ((300, 1), (30, 31), (300, 299), (5, 6), (300, 301))
        return [await how_it_ended(patience, limit_s, wait_s) for limit_s, wait_s in waits]

    assert virtually(work) == (["done", "timed out", "done", "timed out", "timed out"], 1 + 30 + 299 + 5 + 300)


def test_who_waits_may_still_be_cancelled_by_others():
    async def work(patience: Patience) -> bool:
        task = asyncio.get_running_loop().create_task(how_it_ended(patience, 10, 20))
        await asyncio.sleep(5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return task.cancelled()

    assert virtually(work) == (True, 5)


def test_a_time_out_of_a_wait_is_not_taken_for_one_around_it():
    async def work(patience: Patience) -> str:
        async with asyncio.timeout(100):
            ended = await how_it_ended(patience, 10, 20)
            await asyncio.sleep(1)
        return ended

    assert virtually(work) == ("timed out", 11)


def test_between_waits_nothing_is_cancelled():
    async def work(patience: Patience) -> str:
        ended = await how_it_ended(patience, 10, 1)
        await asyncio.sleep(100)
        return ended

    assert virtually(work) == ("done", 101)
