import asyncio
from datetime import UTC, datetime

import pytest

from smtplab.sim import loop as virtual
from smtplab.sim.loop import SimulationError, VirtualClock

START = datetime(2026, 11, 23, 1, tzinfo=UTC)


def test_five_days_pass_in_no_time():
    async def main(clock: VirtualClock) -> tuple[float, float]:
        await asyncio.sleep(5 * 86400)
        return clock.now(), clock.monotonic()

    now, monotonic = virtual.run(main, START)
    assert now == START.timestamp() + 5 * 86400
    assert monotonic == 5 * 86400


def test_timers_of_one_moment_run_in_the_order_of_their_birth():
    order: list[int] = []

    async def main(clock: VirtualClock) -> None:
        loop = asyncio.get_running_loop()
        for number in range(200):
            loop.call_at(1.0, order.append, number)
        await asyncio.sleep(2)

    virtual.run(main, START)
    assert order == list(range(200))


def test_the_clock_shows_the_exact_moment_of_each_timer():
    async def main(clock: VirtualClock) -> list[float]:
        seen = []
        for _ in range(3):
            await asyncio.sleep(0.1)
            seen.append(clock.monotonic())
        return seen

    assert virtual.run(main, START) == [0.1, 0.1 + 0.1, 0.1 + 0.1 + 0.1]


def test_a_time_out_under_the_virtual_clock_ends_what_never_comes():
    async def main(clock: VirtualClock) -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(300):
                await asyncio.Event().wait()
        return clock.monotonic()

    assert virtual.run(main, START) == 300


def test_a_deadlock_is_told_with_the_names_of_those_who_wait():
    async def stuck() -> None:
        await asyncio.Event().wait()

    async def main(clock: VirtualClock) -> None:
        await asyncio.create_task(stuck(), name="mx1.neu.example")

    with pytest.raises(SimulationError, match=r"deadlock at 0\.000000 s.*mx1\.neu\.example"):
        virtual.run(main, START)


def test_a_run_that_spins_is_ended():
    async def main(clock: VirtualClock) -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(SimulationError, match="within 1000 steps"):
        virtual.run(main, START, steps_max=1000)


def test_a_run_that_never_ends_is_ended():
    async def main(clock: VirtualClock) -> None:
        while True:
            await asyncio.sleep(3600)

    with pytest.raises(SimulationError, match="within 86400 s"):
        virtual.run(main, START, virtual_s_max=86400)


def test_threads_the_systems_resolver_and_sockets_are_forbidden():
    async def main(clock: VirtualClock) -> None:
        loop = asyncio.get_running_loop()
        with pytest.raises(SimulationError, match="no threads"):
            await asyncio.to_thread(int)
        with pytest.raises(SimulationError, match="no threads"):
            await loop.run_in_executor(None, int)
        with pytest.raises(SimulationError, match="no second thread"):
            loop.call_soon_threadsafe(int)
        with pytest.raises(SimulationError, match="its own DNS"):
            await loop.getaddrinfo("localhost", 25)
        with pytest.raises(SimulationError):
            await asyncio.open_connection("localhost", 25)

    virtual.run(main, START)


def test_what_a_callback_raises_ends_the_run():
    async def main(clock: VirtualClock) -> None:
        asyncio.get_running_loop().call_later(1, int, "no number")
        await asyncio.sleep(10)

    with pytest.raises(ValueError, match="no number"):
        virtual.run(main, START)


def test_what_a_callback_raises_in_the_very_last_turn_is_not_lost():
    async def main(clock: VirtualClock) -> None:
        asyncio.get_running_loop().call_soon(int, "no number")

    with pytest.raises(ValueError, match="no number"):
        virtual.run(main, START)


def test_tasks_left_over_are_cancelled_and_awaited_in_the_order_of_their_birth():
    ended: list[int] = []

    async def wait_for_ever(number: int) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(number)

    async def main(clock: VirtualClock) -> list[object]:
        tasks: list[object] = [asyncio.create_task(wait_for_ever(number)) for number in range(20)]
        await asyncio.sleep(1)
        return tasks

    virtual.run(main, START)
    assert ended == list(range(20))


def test_a_task_group_cancels_in_the_same_order_every_time():
    async def main(clock: VirtualClock) -> list[int]:
        ended: list[int] = []

        async def wait_for_ever(number: int) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(number)

        async def fail() -> None:
            await asyncio.sleep(1)
            raise RuntimeError

        async def fail_together() -> None:
            async with asyncio.TaskGroup() as group:
                for number in range(50):
                    group.create_task(wait_for_ever(number))
                group.create_task(fail())

        with pytest.raises(ExceptionGroup):
            await fail_together()
        return ended

    assert virtual.run(main, START) == virtual.run(main, START)
