"""The queue's alarm: it wakes when the moment has come, by whatever clock."""

from __future__ import annotations

import asyncio

from smtplab.mta.queue.alarm import Alarm
from smtplab.net.clock import SystemClock


class SetClock(SystemClock):
    """Somebody sets it."""

    moment = 0.0

    def now(self):
        return self.moment


def test_a_clock_that_was_set_is_seen_when_it_is_looked_at():
    """As where a machine without a clock of its own hears the time after the server has started."""

    async def play():
        clock = SetClock()
        alarm = Alarm(clock)
        sleeping = asyncio.create_task(alarm.sleep(1_795_435_200.0))
        await asyncio.sleep(0)
        alarm.look()
        await asyncio.sleep(0)
        assert not sleeping.done()
        clock.moment = 1_795_435_200.0
        alarm.look()
        await sleeping
        alarm.look()  # Awake: there is nothing to wake.

    asyncio.run(play())
