"""An asyncio event loop on a virtual clock that jumps to the next timer instead of waiting; it knows nothing of mail.

Where two runs of asyncio may differ, this loop decides: timers due at the same moment run first-in-first-out, and tasks
and futures hash by birth, so that a set of them (a TaskGroup's, for one) is walked in the same order in every process.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextvars import Context
from datetime import datetime
from typing import Any, NoReturn, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

RESOLUTION_S = 1e-6
"""That of a record's time. asyncio's own 1e-9 vanishes in the float of a late hour, and the loop would spin."""

VIRTUAL_S_MAX = 30 * 86400.0
"""RFC 5321 4.5.4.1 gives up after 4 to 5 days, a bounce may take as long again: thirty days end every honest run."""

STEPS_MAX = 10_000_000
"""A message's whole way takes some hundred turns of the loop; this is some ten thousand messages tried for days."""


class SimulationError(Exception):
    """The simulation is at fault, never the mail in it: a deadlock, a run without end, a way out of the clock."""


class VirtualClock:
    """`net.ports.Clock` on a virtual loop. The loop's own time starts at 0 and stays small; the epoch is kept apart."""

    def __init__(self, loop: VirtualLoop, start_epoch: float) -> None:
        self._loop = loop
        self._start_epoch = start_epoch

    def now(self) -> float:
        return self._start_epoch + self._loop.time()

    def monotonic(self) -> float:
        return self._loop.time()


def run(
    main: Callable[[VirtualClock], Coroutine[Any, Any, T]],
    start: datetime,
    *,
    virtual_s_max: float = VIRTUAL_S_MAX,
    steps_max: int = STEPS_MAX,
) -> T:
    """Run `main` to its end with a clock that begins at `start`, an aware datetime.

    Raises SimulationError for a deadlock and for a run past either bound, and whatever a callback raised. What is
    still running when `main` ends is cancelled and awaited.
    """
    loop = VirtualLoop(virtual_s_max, steps_max)
    clock = VirtualClock(loop, start.timestamp())
    try:
        result = loop.run_until_complete(main(clock))
    finally:
        loop.cancel_what_is_left()
        loop.close()
    if loop.fault is not None:
        raise loop.fault
    return result


class VirtualLoop(asyncio.BaseEventLoop):
    """Tasks, timers and futures only: no thread, no socket, no look at the system's resolver."""

    _scheduled: list[asyncio.TimerHandle]
    """BaseEventLoop's heap of timers; with `_selector` and `_clock_resolution` all that is used of its inside."""

    def __init__(self, virtual_s_max: float = VIRTUAL_S_MAX, steps_max: int = STEPS_MAX) -> None:
        super().__init__()
        self._selector = _Jump(self, virtual_s_max, steps_max)
        self._clock_resolution = RESOLUTION_S
        self._births = itertools.count()
        self._now = 0.0
        self.fault: BaseException | None = None
        """What a callback raised, or a task that nobody awaited: the next turn raises it."""
        self.set_task_factory(_make_task)
        self.set_exception_handler(_keep_fault)

    def time(self) -> float:
        return self._now

    def jump(self) -> None:
        """Go on to the next timer, whose own value the clock then shows: a sum would miss it by a rounding."""
        self._now = max(self._now, self._scheduled[0].when())

    def next_birth(self) -> int:
        return next(self._births)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = _Timer(when, callback, args, self, context)
        heapq.heappush(self._scheduled, timer)
        return timer

    def create_future(self) -> asyncio.Future[Any]:
        return _Future(loop=self)

    def cancel_what_is_left(self) -> None:
        """In the order of birth, so that what they record on their way out has one order too."""
        left = sorted(asyncio.all_tasks(self), key=hash)
        for task in left:
            task.cancel()
        self._selector = _Jump(self, self._now + VIRTUAL_S_MAX, STEPS_MAX)
        if left:
            self.run_until_complete(asyncio.gather(*left, return_exceptions=True))

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        raise SimulationError(f"a simulation has no second thread: {callback!r}, {args!r}, {context!r}")

    def run_in_executor(self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts) -> asyncio.Future[T]:
        raise SimulationError(f"a simulation has no threads: {executor!r}, {func!r}, {args!r}")

    async def getaddrinfo(self, *question: object, **_hints: object) -> NoReturn:
        raise SimulationError(f"a simulation asks its own DNS: getaddrinfo {question!r}")

    async def getnameinfo(self, *question: object, **_hints: object) -> NoReturn:
        raise SimulationError(f"a simulation asks its own DNS: getnameinfo {question!r}")

    # What BaseEventLoop leaves to its subclasses. With nothing but timers there is nothing to do.

    def _process_events(self, event_list: object) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


class _Task(asyncio.Task[Any]):
    """Hashes by birth, not by address."""

    def __init__(self, work: Any, *, loop: VirtualLoop, **options: Any) -> None:
        self._birth = loop.next_birth()
        super().__init__(work, loop=loop, **options)

    def __hash__(self) -> int:
        return self._birth


class _Future(asyncio.Future[Any]):
    def __init__(self, *, loop: VirtualLoop) -> None:
        self._birth = loop.next_birth()
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self._birth


class _Timer(asyncio.TimerHandle):
    """Sorts by its moment, then by birth."""

    def __init__(
        self, when: float, callback: Callable[..., object], args: Any, loop: VirtualLoop, context: Context | None
    ) -> None:
        super().__init__(when, callback, args, loop, context)
        self._scheduled = True
        self._order = (when, loop.next_birth())

    def __lt__(self, other: asyncio.TimerHandle) -> bool:
        return self._order < other._order if isinstance(other, _Timer) else NotImplemented


class _Jump(selectors.BaseSelector):
    """Where a selector would wait, the clock moves on."""

    def __init__(self, loop: VirtualLoop, virtual_s_max: float, steps_max: int) -> None:
        self._loop = loop
        self._virtual_s_max = virtual_s_max
        self._steps_max = steps_max
        self._steps = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self._loop.fault is not None:
            fault, self._loop.fault = self._loop.fault, None
            raise fault
        self._steps += 1
        if self._steps > self._steps_max:
            raise SimulationError(f"the simulation did not end within {self._steps_max} steps")
        if timeout is None:
            waiting = ", ".join(sorted(task.get_name() for task in asyncio.all_tasks(self._loop)))
            raise SimulationError(f"deadlock at {self._loop.time():.6f} s: nothing is due, and these wait: {waiting}")
        if timeout > 0:
            self._loop.jump()
        if self._loop.time() > self._virtual_s_max:
            raise SimulationError(f"the simulation did not end within {self._virtual_s_max:.0f} s of its own time")
        return []

    def register(self, fileobj: object, events: int, data: object = None) -> NoReturn:
        raise SimulationError(f"a simulation has no real sockets: {fileobj!r}, {events}, {data!r}")

    def unregister(self, fileobj: object) -> NoReturn:
        raise SimulationError(f"a simulation has no real sockets: {fileobj!r}")

    def get_map(self) -> dict[Any, selectors.SelectorKey]:
        return {}


def _make_task(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
    assert isinstance(loop, VirtualLoop)
    return _Task(work, loop=loop, **options)


def _keep_fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if isinstance(loop, VirtualLoop) and loop.fault is None:
        loop.fault = context.get("exception") or SimulationError(context["message"])
