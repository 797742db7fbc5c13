"""Who may set out to which destination, and when: bounds for each and for all, and a pause for one that is dead.

After Postfix's scheduler: a destination begins with a few deliveries at once, gets one more for each that was served
and one less for each that was not. After several failures in a row it is dead for a while: nobody sets out, and what
waits for it is told so instead of holding up the others. Then a single delivery finds out whether it lives again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import msgspec

Trip = TypeVar("Trip")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    destination_max: int = 20
    """Deliveries at once to one destination: Postfix's figure."""
    destination_first: int = 5
    """As many for one of which nothing is known yet; again Postfix's."""
    total_max: int = 200
    """Deliveries at once in all, each with a socket: the usual 1,024 of a process leave room for those who send."""
    failures_max: int = 5
    """In a row make a destination dead."""
    dead_s: float = 300.0
    """For so long."""
    linger_busy_min: int = 3
    """Other deliveries under way to a destination make it worth while to leave a session open for the next; below
    that each ends its own, as servers like it best."""
    linger_s: float = 1.0
    """How long a session is left open: Postfix's two seconds, halved because it holds a server's place too."""


def limits_for(pauses_s: Sequence[float], speed: float = 1.0) -> Limits:
    """A destination is left alone no longer than a message that could not be delivered there."""
    usual = Limits()
    return msgspec.structs.replace(usual, dead_s=min(usual.dead_s / speed, *pauses_s))


COHORTS_MAX = 10_000
"""Destinations remembered with nothing to do: the idle ones are forgotten beyond it, or beyond twice those that were
busy the last time, for to look through them all takes milliseconds."""


class Cohort(Generic[Trip]):
    """What is known of one destination."""

    def __init__(self, limits: Limits) -> None:
        self.waiting: deque[Trip] = deque()
        self.busy = 0
        self.offers: list[asyncio.Future[Trip | None]] = []
        """Carriers that would set out again with the session they have open."""
        self.in_line = False
        self.reason = ""
        """Of the last failure."""
        self._limits = limits
        self._window = min(limits.destination_first, limits.destination_max)
        self._failures = 0
        self._dead_until = 0.0

    @property
    def ready(self) -> bool:
        return bool(self.waiting) and self.busy < self._window

    @property
    def crowded(self) -> bool:
        """More are under way than should be."""
        return self.busy > self._window

    @property
    def idle(self) -> bool:
        return not self.waiting and not self.busy and not self.offers

    def dead(self, now: float) -> bool:
        return now < self._dead_until

    def revive(self) -> None:
        """Somebody may know better: the next one to set out finds out."""
        self._dead_until = 0.0

    def decline(self, offer: asyncio.Future[Trip | None]) -> None:
        """No trip came in time."""
        if offer in self.offers:
            self.offers.remove(offer)
            offer.set_result(None)

    def served(self) -> None:
        """It took, or at least judged, a message."""
        self._failures = 0
        self._window = min(self._limits.destination_max, self._window + 1)

    def not_served(self, now: float, reason: str) -> None:
        """No session with any of its hosts came so far."""
        self.reason = reason
        self._failures += 1
        self._window = max(1, self._window - 1)
        if self._failures >= self._limits.failures_max:
            self._dead_until = now + self._limits.dead_s
            self._failures = self._limits.failures_max - 1
            self._window = 1


class Traffic(Generic[Trip]):
    """All destinations. `depart` begins a trip, whose end is told to `ended`; `suspend` is told why one can't begin."""

    def __init__(
        self,
        limits: Limits,
        now: Callable[[], float],
        depart: Callable[[str, Trip], None],
        suspend: Callable[[Trip, str], None],
    ) -> None:
        self._limits = limits
        self._now = now
        self._depart = depart
        self._suspend = suspend
        self._cohorts: dict[str, Cohort[Trip]] = {}
        self._forget_beyond = COHORTS_MAX
        self._line: deque[tuple[str, Cohort[Trip]]] = deque()
        """Destinations that have a trip to begin, each once, so that they take turns."""
        self._busy = 0
        self._closed = False

    def add(self, trips: Sequence[tuple[str, Trip]]) -> None:
        """Each with its destination."""
        for destination, trip in trips:
            cohort = self._cohort(destination)
            if cohort.dead(self._now()):
                self._suspend(trip, cohort.reason)
            else:
                cohort.waiting.append(trip)
                self._line_up(destination, cohort)
        self._go_on()

    def ended(self, destination: str, *, served: bool | None, reason: str = "") -> Trip | None:
        """`served` None: it says nothing about the destination. Returns a trip that waits for the same one, begun
        already: its carrier goes on, perhaps with the session that it has open."""
        cohort = self._cohorts[destination]
        if served:
            cohort.served()
        elif served is False:
            cohort.not_served(self._now(), reason)
            if cohort.dead(self._now()):
                while cohort.waiting:
                    self._suspend(cohort.waiting.popleft(), cohort.reason)
        # Where the places are all taken, the one that is free now goes to whoever is first in line.
        turn = not self._line or self._busy < self._limits.total_max
        if served and turn and cohort.waiting and not cohort.crowded:
            return cohort.waiting.popleft()
        cohort.busy -= 1
        self._busy -= 1
        self._line_up(destination, cohort)
        self._go_on()
        return None

    def revive(self) -> None:
        """No destination is taken for dead any more."""
        for cohort in self._cohorts.values():
            cohort.revive()

    def is_busy(self, destination: str) -> bool:
        """Asked by a carrier whose trip is about to end: are enough others under way for it to linger then?"""
        cohort = self._cohorts.get(destination)
        return cohort is not None and cohort.busy > self._limits.linger_busy_min

    async def linger(self, destination: str) -> Trip | None:
        """For a carrier with an open session: the next trip to the same destination, begun already, if one comes
        soon."""
        cohort = self._cohorts.get(destination)
        if cohort is None or self._closed:
            return None
        loop = asyncio.get_running_loop()
        offer: asyncio.Future[Trip | None] = loop.create_future()
        cohort.offers.append(offer)
        timer = loop.call_later(self._limits.linger_s, cohort.decline, offer)
        try:
            return await offer
        finally:
            timer.cancel()
            if offer in cohort.offers:
                cohort.offers.remove(offer)

    def close(self) -> None:
        """Nobody sets out any more."""
        self._closed = True
        for cohort in self._cohorts.values():
            cohort.waiting.clear()
            while cohort.offers:
                cohort.offers.pop().set_result(None)

    def _go_on(self) -> None:
        while self._line and self._busy < self._limits.total_max:
            destination, cohort = self._line.popleft()
            cohort.in_line = False
            if cohort.ready:
                trip = cohort.waiting.popleft()
                cohort.busy += 1
                self._busy += 1
                self._line_up(destination, cohort)
                if cohort.offers:
                    # The one that waits least long: the others may go home.
                    cohort.offers.pop().set_result(trip)
                else:
                    self._depart(destination, trip)

    def _line_up(self, destination: str, cohort: Cohort[Trip]) -> None:
        if cohort.ready and not cohort.in_line:
            cohort.in_line = True
            self._line.append((destination, cohort))

    def _cohort(self, destination: str) -> Cohort[Trip]:
        cohort = self._cohorts.get(destination)
        if cohort is None:
            if len(self._cohorts) >= self._forget_beyond:
                self._forget_idle()
            cohort = self._cohorts[destination] = Cohort(self._limits)
        return cohort

    def _forget_idle(self) -> None:
        now = self._now()
        self._cohorts = {
            destination: cohort for destination, cohort in self._cohorts.items() if not cohort.idle or cohort.dead(now)
        }
        self._forget_beyond = max(COHORTS_MAX, 2 * len(self._cohorts))
