"""The system's clock, for the live world."""

from __future__ import annotations

import time


class SystemClock:
    """The wall clock for dates, the monotonic one for durations."""

    # The functions themselves: a server asks them some twenty times for each message.
    now = staticmethod(time.time)
    """Seconds since the epoch, UTC."""
    monotonic = staticmethod(time.monotonic)
    """Seconds since an arbitrary moment."""
