"""Picks records out by the patterns of a lesson; what is done with them it does not know."""

from __future__ import annotations

from smtplab.journal import Record
from smtplab.sim.expect import EVENTS, Pattern, Watch


def fits_any(record: Record, patterns: tuple[Pattern, ...]) -> bool:
    """Does the record fit one of them?"""
    for pattern in patterns:
        if type(record.event) is EVENTS[pattern.event]:
            watch = Watch(pattern)
            watch.read(record)
            if watch.seen:
                return True
    return False
