"""What is at work behind a screen, a feed most often: begun with it, and ended before it is gone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Literal

from textual.screen import Screen
from textual.worker import Worker, WorkerError

from smtplab.lab.bad_input import BadInput
from smtplab.lab.feed import Ended
from smtplab.view.texts import Texts


class Work:
    """One coroutine as the screen's worker; what it came to, the screen hears as any worker's."""

    def __init__(self, screen: Screen[Any]) -> None:
        self._screen = screen
        self._worker: Worker[Any] | None = None

    def begin(self, work: Coroutine[Any, Any, Any]) -> None:
        self._worker = self._screen.run_worker(work, exit_on_error=True)

    async def end(self) -> None:
        """Its sockets are closed, and its process has ended."""
        if self._worker is not None and not self._worker.is_finished:
            self._worker.cancel()
            with contextlib.suppress(WorkerError):
                await self._worker.wait()


def tell_problem(screen: Screen[Any], ended: Ended, texts: Texts) -> None:
    """Nothing where there was none."""
    if ended.problem is not None:
        severity: Literal["error", "warning"] = "error" if ended.exit_code else "warning"
        screen.notify(texts(ended.problem, **ended.arguments), severity=severity, timeout=10, markup=False)


def run_beside(screen: Screen[Any], work: Coroutine[Any, Any, None], failed: Callable[[BadInput], None]) -> None:
    """Beside the keys: none of them waits for the disk."""

    async def run() -> None:
        try:
            await work
        except BadInput as bad:
            failed(bad)

    screen.run_worker(run(), group="beside")
