"""The system's clock, for the live world."""

from __future__ import annotations

import time


class SystemClock:
    """The wall clock for dates, the monotonic one for durations."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since an arbitrary moment."""
        return time.monotonic()
