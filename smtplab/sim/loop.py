"""An asyncio event loop on a virtual clock that jumps to the next timer instead of waiting; it knows nothing of mail.

Where two runs of asyncio may differ, this loop decides: timers due at the same moment run first-in-first-out, and tasks
and futures hash by birth, so that a set of them (a TaskGroup's, for one) is walked in the same order in every process.
"""

from __future__ import annotations

import asyncio
import gc
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextvars import Context
from datetime import datetime
from typing import Any, NoReturn, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

RESOLUTION_S = 1e-6
"""That of a record's time: timers that are due within it are due together."""

SWEEP_AT = 100
"""Cancelled timers from which on they are looked for: fewer cost less than looking, more make every timer's way into
the heap and out of it longer."""

VIRTUAL_S_MAX = 30 * 86400.0
"""RFC 5321 4.5.4.1 gives up after 4 to 5 days, a bounce may take as long again: thirty days end every honest run."""

STEPS_MAX = 10_000_000
"""A message's whole way takes some hundred turns of the loop; this is some ten thousand messages tried for days."""


YOUNG_OBJECTS_MAX = 20_000
"""Python looks for circles of garbage once this many objects more were made than dropped. Its own 700 come about every
other delivery, for the two ends of a session are such a circle, and cost a tenth of a run; these are some megabytes."""


class SimulationError(Exception):
    """The simulation is at fault, never the mail in it: a deadlock, a run without end, a way out of the clock."""


class EndlessError(SimulationError):
    """A run past one of its bounds: the world in it, or whoever made it, allows more than any honest one."""

    def __init__(self, bound: str, now_s: float) -> None:
        super().__init__(f"the simulation did not end within {bound}")
        self.days = int(now_s / 86400)
        """Of its own time, that it took until then."""


_Step = tuple[Callable[..., object], tuple[Any, ...]]
"""What is to be called, and its arguments."""


class VirtualClock:
    """`net.ports.Clock` on a virtual loop. The loop's own time starts at 0 and stays small; the epoch is kept apart."""

    def __init__(self, loop: VirtualLoop, start_epoch: float) -> None:
        loop.start_epoch = start_epoch
        self._loop = loop
        self.monotonic = loop.time

    def now(self) -> float:
        return self._loop.start_epoch + self._loop.now_s

    def tell_moments(self, tell: Callable[[float], None]) -> None:
        """`tell` is called with what `now` says, at once and after each jump."""
        tell(self.now())
        self._loop.on_jump = tell


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
    thresholds = gc.get_threshold()
    gc.set_threshold(YOUNG_OBJECTS_MAX, *thresholds[1:])
    try:
        result = loop.run_until_complete(main(clock))
    finally:
        loop.cancel_what_is_left()
        loop.close()
        gc.set_threshold(*thresholds)
    if loop.fault is not None:
        raise loop.fault
    return result


class VirtualLoop(asyncio.BaseEventLoop):
    """Tasks, timers and futures only: no thread, no socket, no look at the system's resolver."""

    _ready: deque[_Step]
    """BaseEventLoop's callbacks; with `_stopping` and `_run_once`, which `run_forever` calls, all of its inside that is
    used here. Its own turn asks a selector and sorts timers by a method in Python, for half the time of a delivery."""
    _stopping: bool

    def __init__(self, virtual_s_max: float = VIRTUAL_S_MAX, steps_max: int = STEPS_MAX) -> None:
        super().__init__()
        self._timers: list[tuple[float, int, _Timer | None, Callable[[], object]]] = []
        """A heap of when, in the order of birth: a timer, or what nobody calls off."""
        self._cancelled_timers = 0
        self._no_handle = _Call(_nothing, (), self, None)
        """Stands for what can't be called off."""
        self._virtual_s_max = virtual_s_max
        self._steps_left = self._steps_max = steps_max
        self.births = itertools.count()
        """A number for each task, and for whatever else has to keep its place among its like."""
        self.now_s = 0.0
        """What `time` says."""
        self.start_epoch = 0.0
        """When that was 0, in seconds since the epoch."""
        self.on_jump: Callable[[float], object] = _nothing_of
        """Told what the clock shows after each jump, in seconds since the epoch."""
        self.fault: BaseException | None = None
        """What a callback raised, or a task that nobody awaited: the next turn raises it."""
        self.set_exception_handler(_keep_fault)

    def time(self) -> float:
        return self.now_s

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = _Timer(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self.births), timer, _nothing))
        return timer

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        if context is not None:
            # A task's step, or what waits for a future: asyncio keeps no handle of these.
            self._ready.append((context.run, (callback, *args)))
            return self._no_handle
        handle = _Call(callback, args, self, context)
        self._ready.append((handle.go, ()))
        return handle

    get_debug = bool
    """Asked for every task and future: False, without a call in Python. Whoever looks for a bug has the journal."""

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        # As `call_at`, without the call.
        when = self.now_s + delay
        timer = _Timer(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self.births), timer, _nothing))
        return timer

    def call_surely(self, delay: float, callback: Callable[[], object]) -> None:
        """As `call_later`, for what nobody will call off: a packet on its way."""
        heapq.heappush(self._timers, (self.now_s + delay, next(self.births), None, callback))

    def forget_timer(self) -> None:
        """One of the timers was cancelled. Time-outs are, nearly all: they are swept out before they are the most."""
        self._cancelled_timers += 1
        if self._cancelled_timers > SWEEP_AT and self._cancelled_timers * 2 > len(self._timers):
            self._timers[:] = [entry for entry in self._timers if entry[2] is None or not entry[2].cancelled()]
            heapq.heapify(self._timers)
            self._cancelled_timers = 0

    def create_future(self) -> asyncio.Future[Any]:
        return _Future(loop=self)

    def create_task(self, coro: Any, *, name: object = None, context: Context | None = None) -> asyncio.Task[Any]:
        return _Task(coro, loop=self, name=name, context=context)

    def cancel_what_is_left(self) -> None:
        """In the order of birth, so that what they record on their way out has one order too."""
        left = sorted(asyncio.all_tasks(self), key=hash)
        for task in left:
            task.cancel()
        self._virtual_s_max, self._steps_left = self.now_s + VIRTUAL_S_MAX, STEPS_MAX
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

    # A turn

    def _run_once(self) -> None:
        """Turns until the loop is stopped: everything that is ready now, in its order; where nothing is, the clock
        moves on to what is due next. `run_forever` would call for each turn, some thirty times a delivery."""
        ready, timers = self._ready, self._timers
        for left in range(self._steps_left, 0, -1):
            if not ready and not self._stopping:
                self._jump()
            for _ in range(len(ready)):
                step, args = ready.popleft()
                try:
                    step(*args)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as error:  # noqa: BLE001 - whatever it is, the next turn raises it
                    self.fault = self.fault or error
            if self._stopping or self.fault is not None:
                self._steps_left = left - 1
                break
            if ready and timers and timers[0][0] <= self.now_s:
                self._wake()
        else:
            self.fault = EndlessError(f"{self._steps_max} steps", self.now_s)
        if not self._stopping and (fault := self.fault) is not None:
            self.fault = None
            raise fault

    def _jump(self) -> None:
        """To the next timer's own value, which the clock then shows: a sum would miss it by a rounding."""
        timers = self._timers
        while timers:
            when, _, timer, callback = heapq.heappop(timers)
            if timer is None:
                break
            timer.fired = True
            if not timer._cancelled:  # noqa: SLF001
                callback = timer.go
                break
            self._cancelled_timers -= 1
        else:
            waiting = ", ".join(sorted(task.get_name() for task in asyncio.all_tasks(self)))
            raise SimulationError(f"deadlock at {self.now_s:.6f} s: nothing is due, and these wait: {waiting}")
        self._ready.append((callback, ()))
        if when > self.now_s:
            self.now_s = when
            self.on_jump(self.start_epoch + when)
            if when > self._virtual_s_max:
                raise EndlessError(f"{self._virtual_s_max:.0f} s of its own time", self._virtual_s_max)
        if timers and timers[0][0] < when + RESOLUTION_S:
            self._wake()

    def _wake(self) -> None:
        """What else is due becomes ready."""
        timers, due, append = self._timers, self.now_s + RESOLUTION_S, self._ready.append
        while timers and timers[0][0] < due:
            _, _, timer, callback = heapq.heappop(timers)
            if timer is None:
                append((callback, ()))
                continue
            timer.fired = True
            if timer._cancelled:  # noqa: SLF001
                self._cancelled_timers -= 1
            else:
                append((timer.go, ()))

    def _write_to_self(self) -> None:
        pass


class _Task(asyncio.Task[Any]):
    """Hashes by birth, not by address."""

    def __init__(self, work: Any, *, loop: VirtualLoop, **options: Any) -> None:
        self._birth = next(loop.births)
        super().__init__(work, loop=loop, **options)

    def __hash__(self) -> int:
        return self._birth


class _Future(asyncio.Future[Any]):
    """Hashes by when it was hashed first, which is never for most: they are awaited, and gone."""

    _loop: VirtualLoop
    _birth: int | None = None

    def __hash__(self) -> int:
        if self._birth is None:
            self._birth = next(self._loop.births)
        return self._birth


class _Call(asyncio.Handle):
    """A callback for the next turn, without a context: asyncio would copy the caller's for each packet, and no packet
    reads it."""

    __slots__ = ()

    def __init__(self, callback: Callable[..., object], args: Any, loop: VirtualLoop, context: Context | None) -> None:
        # As its base class does, which asks for debugging and for a traceback each time.
        self._context = context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = self._source_traceback = None

    def go(self) -> None:
        if not self._cancelled:
            self._callback(*self._args)


class _Timer(asyncio.TimerHandle):
    """Tells the loop when it is cancelled while it waits."""

    __slots__ = ("fired",)

    _loop: VirtualLoop

    def __init__(
        self, when: float, callback: Callable[..., object], args: Any, loop: VirtualLoop, context: Context | None
    ) -> None:
        # As its base classes do, which ask for debugging and for a traceback each time.
        self._context = context
        self._loop = loop
        self._callback = callback
        self._args = args
        self._cancelled = False
        self._repr = self._source_traceback = None
        self._when = when
        self._scheduled = True
        self.fired = False

    def go(self) -> None:
        if self._context is not None:
            self._context.run(self._callback, *self._args)
        elif not self._cancelled:
            self._callback(*self._args)

    def cancel(self) -> None:
        if not self._cancelled:
            self._cancelled = True
            self._callback, self._args = _nothing, ()  # What it held may go before its time comes.
            if not self.fired:
                self._loop.forget_timer()


def _nothing() -> None:
    pass


def _nothing_of(moment: float) -> None:
    """Nobody is told."""


def _keep_fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if isinstance(loop, VirtualLoop) and loop.fault is None:
        loop.fault = context.get("exception") or SimulationError(context["message"])
