"""What waits to be sent on, for every front end: listed, and acted on through the queue that works with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smtplab.lab.bad_input import BadInput, NotNow
from smtplab.lab.stores import bad_store
from smtplab.mta.queue.listing import QueueRow, queue_rows
from smtplab.mta.queue.manager import Order
from smtplab.mta.store.port import StoreFailed, Trouble
from smtplab.mta.store.sql import place_of
from smtplab.mta.store.visit import Visit, visit_store


async def list_queue(home: Path) -> list[QueueRow]:
    """Oldest first. Raises BadInput where the store can't be read, NotNow where that may pass."""
    visit = _visit(home)
    if visit is None:
        return []
    with _closing(visit, home):
        return [row async for row in queue_rows(visit)]


async def order(home: Path, queue_ids: tuple[str, ...], verb: Order) -> None:
    """The server at work carries it out within a second, or the next one as it begins. Raises BadInput for an id that
    the queue does not hold; those before it are ordered then."""
    visit = _visit(home)
    if visit is None:
        raise BadInput("queue.unknown", id=queue_ids[0])
    with _closing(visit, home):
        unknown = await visit.leave_orders(queue_ids, verb)
        if unknown is not None:
            raise BadInput("queue.unknown", id=unknown)


@contextmanager
def _closing(visit: Visit, home: Path) -> Iterator[None]:
    """Raises NotNow where the store fails."""
    try:
        yield
    except StoreFailed as failed:
        raise NotNow("queue.not-now", place=str(home / "queue"), reason=failed.trouble.detail) from failed
    finally:
        visit.close()


def _visit(home: Path) -> Visit | None:
    """None where nothing was ever queued."""
    folder = home / "queue"
    if not place_of(folder).exists():
        return None
    visit = visit_store(folder)
    if isinstance(visit, Trouble):
        raise bad_store(visit)
    return visit
