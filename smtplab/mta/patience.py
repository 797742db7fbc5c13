"""Time-outs for the many waits of one dialogue, one after another, with a timer that is set as seldom as can be."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Patience:
    """`with patience.within(limit_s): await ...` ends with TimeoutError, as `asyncio.timeout` does.

    A dialogue waits some fifteen times, hardly ever for long: its one timer stays, and looks at its end whether
    anybody still waits and how long the wait may last.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[object] | None = None
        self._end_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._looks_at_s = 0.0
        self._timed_out = False

    def within(self, limit_s: float) -> Patience:
        """For one wait; one at a time."""
        end_s = self._end_s = self._loop.time() + limit_s
        if self._timer is None or self._looks_at_s > end_s:
            self._look_at(end_s)
        return self

    def end(self) -> None:
        """Nobody waits any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def __enter__(self) -> None:
        self._task = asyncio.current_task(self._loop)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        if self._timed_out:
            self._timed_out = False
            # As asyncio.timeout: where somebody else cancelled the task as well, theirs is what happened.
            if task is not None and task.uncancel() <= 0 and kind is asyncio.CancelledError:
                raise TimeoutError from error

    def _look(self) -> None:
        self._timer = None
        if self._task is None:
            return
        if self._loop.time() < self._end_s:
            self._look_at(self._end_s)
        else:
            self._timed_out = True
            self._task.cancel()

    def _look_at(self, moment_s: float) -> None:
        self.end()
        self._looks_at_s = moment_s
        self._timer = self._loop.call_at(moment_s, self._look)
