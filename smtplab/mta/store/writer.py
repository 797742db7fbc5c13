"""Who does what a store is asked: one thread, all at once that has come, in order; or the caller itself."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import msgspec

Job = TypeVar("Job")
Result = TypeVar("Result")

BATCH_MAX = 1000
"""Jobs done together: with several hundred sessions each has its own in one batch, and a batch stays under 100 ms."""


Work = Callable[[Sequence[Job]], Sequence[Result]]
"""Given jobs it returns a result for each, or raises, which then every one of them raises."""


class InlineWriter(Generic[Job, Result]):
    """Works in the caller's thread, one job after the other: for tools and tests, and on a clock that has no thread."""

    def __init__(self, work: Work[Job, Result]) -> None:
        self._work = work

    async def do(self, job: Job) -> Result:
        """It is done when this returns."""
        return self._work((job,))[0]


class _Asked(msgspec.Struct, Generic[Job, Result], frozen=True):
    job: Job
    future: asyncio.Future[Result]
    loop: asyncio.AbstractEventLoop


class Writer(Generic[Job, Result]):
    """`work` runs in the thread."""

    def __init__(self, work: Work[Job, Result], name: str) -> None:
        self._work = work
        self._asked: queue.SimpleQueue[_Asked[Job, Result] | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    async def do(self, job: Job) -> Result:
        """Waits until it is done. A caller that is cancelled meanwhile doesn't undo it."""
        if self._closed:
            raise RuntimeError("the store is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._asked.put(_Asked(job, future, loop))
        return await future

    def close(self) -> None:
        """Returns once all that was asked for is done. Closing twice is nothing."""
        if not self._closed:
            self._closed = True
            self._asked.put(None)
        self._thread.join()

    def _run(self) -> None:
        while True:
            batch = self._next_batch()
            jobs = [asked.job for asked in batch if asked is not None]
            if jobs:
                self._answer([asked for asked in batch if asked is not None], jobs)
            if None in batch:
                return

    def _next_batch(self) -> list[_Asked[Job, Result] | None]:
        batch = [self._asked.get()]
        try:
            while len(batch) < BATCH_MAX and batch[-1] is not None:
                batch.append(self._asked.get_nowait())
        except queue.Empty:
            pass
        return batch

    def _answer(self, batch: list[_Asked[Job, Result]], jobs: list[Job]) -> None:
        failure: Exception | None = None
        results: Sequence[Result] = ()
        try:
            results = self._work(jobs)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            failure = error
        loop = batch[0].loop
        if not loop.is_closed():
            # One call for all: waking the loop costs a write to its pipe.
            loop.call_soon_threadsafe(_tell, batch, results, failure)


def _tell(batch: list[_Asked[Job, Result]], results: Sequence[Result], failure: Exception | None) -> None:
    for index, asked in enumerate(batch):
        if asked.future.done():
            continue
        if failure is not None:
            asked.future.set_exception(failure)
        else:
            asked.future.set_result(results[index])
