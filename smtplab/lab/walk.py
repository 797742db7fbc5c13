"""The walk that every front end calls: a request goes through the world that fits it, record by record."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any

from smtplab.journal import Record
from smtplab.lab import checked
from smtplab.lab.choice import choose_world
from smtplab.lab.exits import INTERRUPTED, TERMINATED
from smtplab.lab.request import WalkRequest

OnRecord = Callable[[Record], None]
Walk = Callable[[OnRecord], int]
"""A request that has been read whole; called once, it walks to the end and returns the contract's exit code.

On SIGINT and SIGTERM a live walk closes its sockets and tells its last record before it returns 130 or 143.
"""


def prepare(request: WalkRequest) -> Walk:
    """Reads all of the request before anything happens. Raises BadInput; so does the walk of a world."""
    # Sockets, TLS and DNS on one side and the simulator on the other take 0.2 s each to import; a walk needs one.
    world = choose_world(request, checked.mailbox(request.recipient))
    if world is not None:
        from smtplab.lab.simulated import prepare_simulated, walk_simulated  # noqa: PLC0415

        simulated = prepare_simulated(request, world)
        return lambda on_record: walk_simulated(simulated, on_record)

    from smtplab.lab.live import prepare_live, walk_live  # noqa: PLC0415

    live = prepare_live(request)
    return lambda on_record: asyncio.run(until_signal(walk_live(live, on_record)))


def run_walk(request: WalkRequest, on_record: OnRecord) -> int:
    """`prepare` and the walk in one."""
    return prepare(request)(on_record)


async def until_signal(walk: Coroutine[Any, Any, int]) -> int:
    """The walk's exit code, or the signal's. It stands in a task of its own, so that a signal cancels nothing else."""
    task = asyncio.create_task(walk)
    stopped: list[int] = []

    def stop(code: int) -> None:
        stopped.append(code)
        task.cancel()

    loop = asyncio.get_running_loop()
    for sign, code in ((signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)):
        try:
            loop.add_signal_handler(sign, stop, code)
        except (NotImplementedError, ValueError, RuntimeError):
            # Windows' loops take no signals, nor does a thread: Ctrl-C is then a KeyboardInterrupt, which cancels too.
            break
    try:
        return await task
    except asyncio.CancelledError:
        if stopped:
            return stopped[0]
        raise
