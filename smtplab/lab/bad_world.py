"""What a person is told of a world that can't be read, or can't be played: its flaw, or the names that there are."""

from __future__ import annotations

from smtplab.lab.bad_input import BadInput
from smtplab.sim.library import UnknownWorldError, bundled_worlds
from smtplab.told import Unfit


def bad_world(trouble: Unfit) -> BadInput:
    """One line; a slip of the pen is told what was meant."""
    if isinstance(trouble, UnknownWorldError):
        from difflib import get_close_matches  # noqa: PLC0415 - only a slip needs it

        for close in get_close_matches(trouble.name, bundled_worlds(), 1):
            return BadInput("cli.no-such-world.close", name=trouble.name, close=close)
    return BadInput("cli.bad-world", reason=trouble.told)
