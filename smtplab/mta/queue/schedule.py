"""When a message is tried again, when its sender is told of a delay, and when it is given up."""

from __future__ import annotations

import msgspec


class Schedule(msgspec.Struct, frozen=True):
    """When to try again."""

    pauses_s: tuple[float, ...] = (300.0, 600.0, 1200.0, 2400.0, 4000.0)
    """Between attempts; the last is repeated. As Postfix has them: RFC 5321 4.5.4.1 would have 30 minutes at least,
    but names quicker first tries as a good strategy."""
    lifetime_s: float = 432000.0
    """RFC 5321 4.5.4.1: four to five days, then the message is returned."""
    warning_s: float | None = 14400.0
    """After so long its sender is told once that it is delayed; None: never. Four hours, as sendmail has it."""

    def pause_s(self, attempts: int) -> float:
        """After so many attempts."""
        return self.pauses_s[min(attempts, len(self.pauses_s)) - 1]
