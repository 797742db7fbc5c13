"""When Python looks for circles of garbage among all that lives, which holds keys up for 0.1 s after a long capture."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

OLD_TURN = 1_000
"""Python's own is 10: it looked through everything a dozen times while a capture of 100,000 records was read. What was
left meanwhile is looked for by `look`."""


@contextmanager
def seldom() -> Iterator[None]:
    """Within, only after so many of the short looks at what is new, which go on."""
    young, middle, old = gc.get_threshold()
    gc.set_threshold(young, middle, OLD_TURN)
    try:
        yield
    finally:
        gc.set_threshold(young, middle, old)


def look() -> None:
    """Now, at all that lives; what is left of it stays, and is not looked at again until the next time."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
