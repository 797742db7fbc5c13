"""How far a world is to be played: to a moment, to an event, or to the end."""

from __future__ import annotations

import re

from smtplab.sim.expect import EVENTS

Until = float | str | None
"""Seconds since the world's start, an event's name, or None for the end."""

_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:s|min|m|h|d))+")
_PART = re.compile(r"(\d+(?:\.\d+)?)(s|min|m|h|d)")


def parse_until(text: str) -> Until:
    """`5d`, `1h30m`, `90s` or the name of an event such as `bounced`. Raises ValueError with the text."""
    if _DURATION.fullmatch(text):
        return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
    if text in EVENTS:
        return text
    raise ValueError(text)
