"""A process of its own that plays a lesson's world: orders come in on standard input, records go out as they are made.

`python -m smtplab.lesson.workshop FOLDER` is started by `lesson.running` alone, and ends when its input does.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from smtplab.capture.codec import RecordEncoder
from smtplab.flaws import misfit_value
from smtplab.journal import Record
from smtplab.lesson.doing import ActionError, perform
from smtplab.lesson.lesson import Action
from smtplab.lesson.library import open_lesson
from smtplab.told import Told


class Order(msgspec.Struct, frozen=True):
    """What is to be done, in a world that stands at its start."""

    action: Action
    seed: int


class Over(msgspec.Struct, frozen=True):
    """The last line of each answer."""

    over: bool = True
    trouble: Told | None = None
    """Why it can't be done, where it can't."""


def work(folder: Path) -> None:
    """One order after the other."""
    world = open_lesson(folder).world
    out = sys.stdout.buffer
    for line in sys.stdin.buffer:
        encoder = RecordEncoder()

        def tell(record: Record, encoder: RecordEncoder = encoder) -> None:
            out.write(encoder.encode(record))

        try:
            order = msgspec.json.decode(line, type=Order)
            perform(world, order.action, order.seed, tell)
            over = Over()
        except ActionError as trouble:
            over = Over(trouble=trouble.told)
        except msgspec.ValidationError as trouble:
            over = Over(trouble=misfit_value(trouble))
        out.write(msgspec.json.encode(over) + b"\n")
        out.flush()


if __name__ == "__main__":
    try:
        work(Path(sys.argv[1]))
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(0)
