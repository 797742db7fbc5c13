"""A lesson's world while other programs have it: what happens there is heard in breaths, not record by record."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from smtplab.journal import Record
from smtplab.lesson.lesson import Action
from smtplab.lesson.outside import Outside, Stood


class Outdoors:
    """One world on loopback at a time; what was not heard when it is closed is forgotten."""

    def __init__(
        self,
        outside: Outside,
        call_later: Callable[[Callable[[], None]], object],
        hear: Callable[[Sequence[Record]], None],
    ) -> None:
        """`hear` is given what has come by the time at which what was asked of `call_later` is done."""
        self._outside = outside
        self._call_later = call_later
        self._hear = hear
        self._fresh: list[Record] = []

    async def open(self, step: str, action: Action) -> Stood:
        """For the task of this name, in the world as the action leaves it. Raises Unplayable."""
        return await self._outside.open(step, action)

    async def listen(self) -> None:
        """Until it is closed."""
        await self._outside.read(self._take)

    async def close(self) -> None:
        await self._outside.close()
        self._fresh.clear()

    def _take(self, record: Record) -> None:
        self._fresh.append(record)
        if len(self._fresh) == 1:
            self._call_later(self._tell)

    def _tell(self) -> None:
        fresh, self._fresh = self._fresh, []
        if fresh:
            self._hear(fresh)
