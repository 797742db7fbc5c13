"""Carries out what other processes order of a queue; what an order means is the queue's to know."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol, TypeGuard, get_args

from smtplab.mta.queue.manager import Queue
from smtplab.mta.queue.order import Order
from smtplab.mta.store.port import StoreFailed

LOOK_S = 1.0
"""Between two looks: a person who ordered something waits no longer than that to see it done."""


class OrderBook(Protocol):
    """A store that others can write to."""

    async def take_orders(self) -> tuple[tuple[str, str], ...]:
        """(queue id, verb) each, in the order in which they came, the first so many; none of them is returned again.
        May raise StoreFailed."""
        ...


async def obey(queue: Queue, book: OrderBook) -> None:
    """Until cancelled. Whoever looks that often also sees a clock that was set."""
    while True:
        await obey_once(queue, book)
        queue.look_at_clock()
        await asyncio.sleep(LOOK_S)


async def obey_once(queue: Queue, book: OrderBook) -> list[str]:
    """Before a queue runs, so that nothing leaves that was held or deleted meanwhile. Returns the ids of the messages.
    Those that are taken when a crash comes, or a store fails, are lost, a helping at most: whoever gave them sees that
    in the listing."""
    ordered: list[str] = []
    with contextlib.suppress(StoreFailed):  # A full disk, a lock: the next look may find it mended.
        while orders := await book.take_orders():
            await queue.order_all([(queue_id, verb) for queue_id, verb in orders if _is_order(verb)])
            ordered += [queue_id for queue_id, _ in orders]
    return ordered


def _is_order(verb: str) -> TypeGuard[Order]:
    return verb in get_args(Order)
