"""The end of sending much: at a Ctrl-C what is under way is still answered, within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

GRACE_S = 10.0
"""After a Ctrl-C for what is under way to be answered; then it is given up and counted as unknown."""


async def until_stopped(work: Coroutine[Any, Any, None], stopped: asyncio.Event) -> None:
    """Runs `work`, which sees for itself that no more is begun once `stopped` is set. Raises what it raised; cancelling
    this closes its sockets."""
    everyone = asyncio.create_task(work)
    ending = asyncio.create_task(stopped.wait())
    both: set[asyncio.Task[Any]] = {everyone, ending}
    try:
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        if not everyone.done():
            await asyncio.wait({everyone}, timeout=GRACE_S)
        if everyone.done():
            await everyone
    finally:
        for task in both:
            task.cancel()
        await asyncio.gather(*both, return_exceptions=True)
