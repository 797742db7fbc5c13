"""Wakes the queue when the next attempt is due, or earlier where something comes up; what is due is not its concern."""

from __future__ import annotations

import asyncio
import math

from smtplab.net.ports import Clock


class Alarm:
    """For one sleeper."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wake = asyncio.Event()
        self._wakes_at: float | None = None
        """While it sleeps, for ever perhaps; None while it is awake."""
        self._timer: asyncio.TimerHandle | None = None

    async def sleep(self, until: float | None) -> None:
        """Seconds since the epoch; None: until `wake` or `wake_by`. Whatever came up since the last sleep ends it at
        once."""
        self._wakes_at = math.inf
        if until is not None:
            self._set(until)
        try:
            await self._wake.wait()
        finally:
            # Until the next sleep, whatever comes up is news.
            self._wakes_at = None
            if self._timer is not None:
                self._timer.cancel()
        self._wake.clear()

    def wake(self) -> None:
        self._wake.set()

    def wake_by(self, moment: float) -> None:
        """Something is to be done then; earlier, perhaps, than what is slept for."""
        if self._wakes_at is None:
            self._wake.set()
        elif moment < self._wakes_at:
            self._set(moment)

    def look(self) -> None:
        """Now and then, where the clock may be set, or go on while the machine sleeps: timers know nothing of that."""
        if self._wakes_at is not None and self._clock.now() >= self._wakes_at:
            self._wake.set()

    def _set(self, moment: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._wakes_at = moment
        wait_s = max(0.0, moment - self._clock.now())
        self._timer = asyncio.get_running_loop().call_later(wait_s, self._wake.set)
