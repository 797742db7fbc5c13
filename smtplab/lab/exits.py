"""The exit code that says how a journey ended, after sysexits.h where the mail world uses it."""

from __future__ import annotations

from typing import assert_never

from smtplab.events import Result

DONE = 0
FAILED = 1
USAGE = 2
BUG = 70
"""EX_SOFTWARE: a mistake of ours."""
TEMPORARY = 75
"""EX_TEMPFAIL: later may be better."""
INTERRUPTED = 130
"""128 and SIGINT, as shells have it."""
TERMINATED = 143
"""128 and SIGTERM."""


def exit_code_of(result: Result) -> int:
    """A walk that stopped where it was asked to stop is done."""
    match result:
        case "delivered" | "accepted" | "stopped":
            return DONE
        case "bounced" | "refused":
            return FAILED
        case "deferred" | "unreachable":
            return TEMPORARY
        case _:
            assert_never(result)
