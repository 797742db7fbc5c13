"""Names for queued messages: hexadecimal, growing with time."""

from __future__ import annotations

import random

from smtplab.net.ports import Clock

CHANCE_BITS = 20
"""Beside the milliseconds since the epoch: 61 bits in all until the year 2039, 63 for centuries."""


class QueueIds:
    """Each differs from all before it, also where the clock stands still or is set back."""

    def __init__(self, clock: Clock, chance: random.Random) -> None:
        self._clock = clock
        # Drawn once: each draw from the system's own randomness lets another thread in, and that costs more than the
        # message. Nobody is kept out by a queue id.
        self._chance = random.Random(chance.getrandbits(64))  # noqa: S311
        self._last = 0

    def next_id(self) -> str:
        """A store that is ordered by it is ordered by arrival, and grows at its end."""
        now_ms = int(self._clock.now() * 1000)
        self._last = max(self._last + 1, now_ms << CHANCE_BITS | self._chance.getrandbits(CHANCE_BITS))
        return f"{self._last:X}"
