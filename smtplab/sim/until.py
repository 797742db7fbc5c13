"""How far a world is to be played: to a moment, to an event, or to the end."""

from __future__ import annotations

import datetime as dt
import re

from smtplab.sim.expect import EVENTS

Until = float | str | None
"""Seconds since the world's start, an event's name, or None for the end."""

DAY_S = 86400.0

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:s|min|m|h|d))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(s|min|m|h|d)")


def parse_until(text: str, start: dt.datetime | None = None) -> Until:
    """`5d`, `1h30m`, `90s` or the name of an event such as `bounced`; of a world that starts then also `12:30`, the
    next time that its clock shows that, and `2026-11-24T08:00Z`. Raises ValueError with the text."""
    if _DURATION.fullmatch(text):
        return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
    if text in EVENTS:
        return text
    if start is not None and (seconds := _moment_s(text, start)) is not None:
        return seconds
    raise ValueError(text)


def _moment_s(text: str, start: dt.datetime) -> float | None:
    """Seconds from the start; None for what is no moment, or one before it. A date without an offset is in UTC."""
    begun = start.astimezone(dt.UTC)
    if clock := _CLOCK.fullmatch(text):
        moment = begun.replace(hour=int(clock[1]), minute=int(clock[2]), second=0, microsecond=0)
        return (moment - begun).total_seconds() % DAY_S
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    seconds = (moment - begun).total_seconds()
    return seconds if seconds >= 0 else None
