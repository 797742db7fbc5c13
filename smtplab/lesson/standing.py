"""A process of its own in which a lesson's world stands on loopback, for any program that the student likes.

`python -m smtplab.lesson.standing FOLDER` is started by `lesson.outside` alone: the first line of its input says how
the world is to stand, and it stands until its input ends. Its output is one line that says where, then the records.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

import msgspec

from smtplab.capture.codec import RecordEncoder
from smtplab.journal import Record
from smtplab.lesson.commands import commands
from smtplab.lesson.doing import ActionError, changed_by
from smtplab.lesson.lesson import Action, Task
from smtplab.lesson.library import Opened, open_lesson
from smtplab.lesson.mirror import Mirror
from smtplab.sim.loopback import Unservable
from smtplab.sim.places import FIRST_SHARED_PORT, CannotListen
from smtplab.sim.serve import Open, Serving
from smtplab.told import Told, tell

_SHARED_PORTS = range(FIRST_SHARED_PORT, 32_000, 500)
"""A world has some dozen services, and from 32768 on the system gives out ports itself."""


class Wish(msgspec.Struct, frozen=True):
    """The first line of the input."""

    step: str
    """The task at hand."""
    action: Action = Action()
    """What the student has changed in the world."""


class Stands(msgspec.Struct, frozen=True):
    """The first line of the output."""

    opened: tuple[Open, ...] = ()
    commands: tuple[str, ...] = ()
    trouble: Told | None = None
    """Why it can't stand, where it can't."""


async def stand(folder: Path, wish: Wish) -> None:
    """Until the input ends."""
    opened = open_lesson(folder)
    try:
        await _stand_somewhere(opened, wish)
    except ActionError as trouble:
        _say(Stands(trouble=trouble.told))
    except Unservable as trouble:
        _say(Stands(trouble=tell("sim.unservable", world=opened.world.name, host=str(trouble))))
    except CannotListen as trouble:
        _say(Stands(trouble=trouble.told))


async def _stand_somewhere(opened: Opened, wish: Wish) -> None:
    """Where somebody stands at the world's own addresses, another sitting perhaps, there may be room at 127.0.0.1."""
    for shared in (None, *_SHARED_PORTS[:-1]):
        with contextlib.suppress(CannotListen):
            await _stand(_serving(opened, wish, shared), opened, wish)
            return
    await _stand(_serving(opened, wish, _SHARED_PORTS[-1]), opened, wish)


def _serving(opened: Opened, wish: Wish, shared: int | None) -> Serving:
    world, encoder, out = changed_by(opened.world, wish.action), RecordEncoder(), sys.stdout.buffer

    def hand_on(record: Record) -> None:
        out.write(encoder.encode(record))
        out.flush()

    task = opened.lesson.step(wish.step)
    mirror = Mirror(world, task.client if isinstance(task, Task) else "", hand_on)
    return Serving(world, world.seed, mirror.read, speed=opened.lesson.speed, shared=shared)


async def _stand(serving: Serving, opened: Opened, wish: Wish) -> None:
    task = opened.lesson.step(wish.step)
    async with serving.standing() as ports:
        lines = commands(serving.world, task if isinstance(task, Task) else None, ports)
        _say(Stands(ports, lines))
        await asyncio.to_thread(sys.stdin.buffer.read)


def _say(stands: Stands) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(stands) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    try:
        asyncio.run(stand(Path(sys.argv[1]), msgspec.json.decode(sys.stdin.buffer.readline(), type=Wish)))
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(0)
