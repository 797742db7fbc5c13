"""Dates and times as messages write them (RFC 5322 3.3)."""

from __future__ import annotations

import datetime as dt
import email.utils
import functools


def format_date(now: float) -> str:
    """`Mon, 23 Nov 2026 01:00:00 +0000`, from seconds since the epoch; always in UTC."""
    # Half a microsecond more: what is shorter is the rounding of a float, and no time.
    return _format_second(int(now + 5e-7))


# A busy server dates many messages with the same second, and the library takes its time over each.
@functools.lru_cache(maxsize=64)
def _format_second(second: int) -> str:
    return email.utils.format_datetime(dt.datetime.fromtimestamp(second, dt.UTC))


def parse_date(text: str) -> float | None:
    """Seconds since the epoch; None for what is no date. Without a zone it is taken as UTC."""
    try:
        when = email.utils.parsedate_to_datetime(text)
        return (when if when.tzinfo is not None else when.replace(tzinfo=dt.UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        # The library's reader gives up in many ways: no date, or one beyond the calendar.
        return None
