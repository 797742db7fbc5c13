"""What a person may order of a queued message, and what that makes of its entry."""

from __future__ import annotations

from typing import Literal

import msgspec

from smtplab.mta.store.port import Entry, Remove, Update

Order = Literal["hold", "release", "delete", "retry"]
"""Keep until released · to be tried now · forget, nobody is told · try now, even where it would be in vain."""

Answer = Literal["done", "later", "unknown"]
"""`later`: once the deliveries of the message that are under way have ended."""


def ordered(entry: Entry, order: Order, now: float) -> Update | Remove:
    match order:
        case "delete":
            return Remove(entry.queue_id)
        case "hold":
            return Update(msgspec.structs.replace(entry, state="hold"))
        case "release" | "retry":
            waiting = "deferred" if entry.attempts else "incoming"
            return Update(msgspec.structs.replace(entry, state=waiting, next_attempt_at=now))
