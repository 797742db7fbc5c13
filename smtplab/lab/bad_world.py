"""What a person is told of a world that can't be read: the file's flaw, or the names that there are."""

from __future__ import annotations

from smtplab.lab.bad_input import BadInput
from smtplab.sim.library import UnknownWorldError, WorldError, bundled_worlds


def bad_world(trouble: WorldError) -> BadInput:
    """One line; a slip of the pen is told what was meant."""
    if not isinstance(trouble, UnknownWorldError):
        return BadInput("cli.bad-world", reason=str(trouble))
    from difflib import get_close_matches  # noqa: PLC0415 - only a slip needs it

    known = bundled_worlds()
    for close in get_close_matches(trouble.name, known, 1):
        return BadInput("cli.no-such-world.close", name=trouble.name, close=close)
    return BadInput("cli.no-such-world", name=trouble.name, known=", ".join(known))
