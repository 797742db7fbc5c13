"""Waits until an app has done all that it was told, as its own queues say: no clock, and no guess from a CPU at rest.

Textual's pilot waits after every key, twice, until the process has used little CPU for 20 ms. That is most of the time
that a test of the UI takes, and where the machine is busy it comes too early, for then the app had no CPU to use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from textual._context import active_app
from textual.app import App
from textual.message_pump import MessagePump
from textual.pilot import Pilot
from textual.screen import Screen

LONGEST_S = 20.0
"""On a busy machine; who waits as long waits for something that only another key brings."""


async def settle(_at_least: float = 0, at_most: float = LONGEST_S) -> None:
    """In the place of `textual._wait.wait_for_idle`: every message is handled, and the screen is painted."""
    app = active_app.get()
    try:
        async with asyncio.timeout(at_most):
            await asyncio.sleep(0)
            while await _went_on(app):
                await asyncio.sleep(0)
    except TimeoutError:
        pass


async def _went_on(app: App[object]) -> bool:
    """Whether there was something to wait for."""
    if not all(_rests(pump) for pump in _pumps(app)):
        return await Pilot(app)._wait_for_screen()
    if _is_to_be_painted(app.screen):
        app.screen._on_timer_update()
        return True
    return False


def _pumps(app: App[object]) -> Iterator[MessagePump]:
    yield app
    for screen in app.screen_stack:
        yield from screen.walk_children(with_self=True)


def _rests(pump: MessagePump) -> bool:
    """Whether it waits for its next message."""
    queue = pump._message_queue
    return not pump._running or bool(
        queue.empty() and pump._pending_message is None and not pump._next_callbacks and queue.ready_event._waiters
    )


def _is_to_be_painted(screen: Screen[object]) -> bool:
    return bool(
        screen._layout_required
        or screen._scroll_required
        or screen._repaint_required
        or screen._recompose_required
        or screen._dirty_widgets
    )
