"""A terminal's line with history and completion, and the event loop that runs in another thread meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from types import FrameType
from typing import Any, Generic, TypeVar

T = TypeVar("T")

POKE_S = 0.1
"""Between two tries to wake somebody."""

LAST_WORDS_S_MAX = 5.0
"""For a session that was broken off to close its socket."""


class Over(BaseException):
    """What the line was typed for has ended."""


class Editor:
    """What `input` has of a line so far."""

    def begun(self) -> str:
        return ""


@contextlib.contextmanager
def line_editor(complete: Callable[[str], Sequence[str]]) -> Iterator[Editor]:
    """GNU readline or editline for `input`, where the system has one; whole lines are completed."""
    try:
        import readline  # noqa: PLC0415 - not on every system
    except ImportError:
        yield Editor()
        return

    class Read(Editor):
        def begun(self) -> str:
            return readline.get_line_buffer()

    found: list[str] = []

    def completer(text: str, number: int) -> str | None:
        if number == 0:
            found[:] = complete(text)
        return found[number] if number < len(found) else None

    before = readline.get_completer(), readline.get_completer_delims()
    readline.set_completer(completer)
    readline.set_completer_delims("")
    readline.parse_and_bind("tab: complete")
    try:
        yield Read()
    finally:
        readline.set_completer(before[0])
        readline.set_completer_delims(before[1])


class Running(Generic[T]):
    """Work in the other thread."""

    def __init__(self, future: Future[T], gone: threading.Event) -> None:
        self._future = future
        self._gone = gone

    def wait(self) -> T:
        """A signal breaks the waiting off."""
        return self._future.result()

    def cancel(self) -> None:
        """And wait until it has tidied up."""
        self._future.cancel()
        self._gone.wait(LAST_WORDS_S_MAX)


class Engine:
    """An event loop in a thread of its own, for as long as it is entered."""

    def __enter__(self) -> Engine:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="engine", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *trouble: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def begin(self, work: Coroutine[Any, Any, T], when_done: Callable[[], None]) -> Running[T]:
        """`when_done` is called in the other thread."""
        gone = threading.Event()

        async def to_its_end() -> T:
            try:
                return await work
            finally:
                when_done()
                gone.set()

        return Running(asyncio.run_coroutine_threadsafe(to_its_end(), self._loop), gone)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """To its end; a signal ends the waiting, and the work with it."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """In the other thread; what is asked for next is done after it."""
        self._loop.call_soon_threadsafe(function, *arguments)


class Alarm:
    """Wakes the main thread while `input` waits for keys; what it is woken for, the signal's handler decides.

    A signal that comes just before `input` begins to wait is not noticed by it, so it is woken again and again until
    it has gone.
    """

    def __init__(self, engine: Engine, is_typing: Callable[[], bool]) -> None:
        self._engine = engine
        self._is_typing = is_typing
        self._over = False

    @property
    def _works(self) -> bool:
        return hasattr(signal, "pthread_kill")  # Not on Windows: there the person presses Enter.

    def __enter__(self) -> Alarm:
        if self._works:
            self._before = signal.signal(signal.SIGUSR1, self._wake)
            self._near, self._far = os.pipe()
            for end in (self._near, self._far):
                os.set_blocking(end, False)
            self._fd_before = signal.set_wakeup_fd(self._far, warn_on_full_buffer=False)
            self._engine.do(self._listen(on=True))
        return self

    def __exit__(self, *trouble: object) -> None:
        if self._works:
            self._engine.do(self._listen(on=False))
            signal.set_wakeup_fd(self._fd_before)
            signal.signal(signal.SIGUSR1, self._before)
            os.close(self._near)
            os.close(self._far)

    def ring(self) -> None:
        """From the engine's thread: what was typed for is over, and `input` raises Over."""
        self._over = True
        self._poke()

    async def _listen(self, *, on: bool) -> None:
        loop = asyncio.get_running_loop()
        if on:
            loop.add_reader(self._near, self._noticed)
        else:
            loop.remove_reader(self._near)

    def _noticed(self) -> None:
        with contextlib.suppress(OSError):
            os.read(self._near, 4096)
        asyncio.get_running_loop().call_later(POKE_S, self._poke)

    def _poke(self) -> None:
        main = threading.main_thread().ident
        if self._works and self._is_typing() and main is not None:
            signal.pthread_kill(main, signal.SIGUSR1)

    def _wake(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self._over and self._is_typing():
            raise Over
