"""What `sim serve` does: a world on loopback until somebody ends it, for any front end."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import msgspec

from smtplab.journal import Record
from smtplab.lab.bad_input import BadInput
from smtplab.lab.exits import DONE, INTERRUPTED
from smtplab.lab.simulation import show_world
from smtplab.sim.loopback import Unservable
from smtplab.sim.places import CannotListen
from smtplab.sim.serve import Open, Serving
from smtplab.sim.world import World


class Standing(msgspec.Struct, frozen=True):
    """A world that serves, told once."""

    world: World
    """As it stands, with its addresses of loopback."""
    opened: tuple[Open, ...]
    authority_pem: bytes
    """The certificate of the authority that signed every host's."""


Serve = Callable[[Callable[[Record], None], Callable[[Standing], None]], int]
"""Given who is told of each record and who is told once that all stands; returns the exit code."""


def prepare_serving(name_or_path: str, seed: int | None = None, *, speed: float = 1.0, privileged: bool) -> Serve:
    """Reads everything before anything happens. Raises BadInput, and so does what it returns."""
    world = show_world(name_or_path)

    def serve(on_record: Callable[[Record], None], on_standing: Callable[[Standing], None]) -> int:
        chosen = world.seed if seed is None else seed
        try:
            serving = Serving(world, chosen, on_record, speed=speed, privileged=privileged)
            return asyncio.run(_stand(serving, on_standing))
        except Unservable as trouble:
            raise BadInput("sim.unservable", world=world.name, host=str(trouble)) from trouble
        except CannotListen as trouble:
            raise BadInput(trouble.told.text, **trouble.told.arguments) from trouble

    return serve


async def _stand(serving: Serving, on_standing: Callable[[Standing], None]) -> int:
    over: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    with _signals(over):
        async with serving.standing() as opened:
            on_standing(Standing(serving.world, opened, serving.authority_pem))
            return await over


@contextmanager
def _signals(over: asyncio.Future[int]) -> Iterator[None]:
    """SIGTERM is how a server is ended, SIGINT how a person breaks off."""
    loop = asyncio.get_running_loop()
    codes = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: DONE}
    taken = []
    for number, code in codes.items():
        try:
            loop.add_signal_handler(number, partial(_end, over, code))
        except NotImplementedError:
            continue  # Windows: Ctrl-C cancels the run instead.
        taken.append(number)
    try:
        yield
    finally:
        for number in taken:
            loop.remove_signal_handler(number)


def _end(over: asyncio.Future[int], code: int) -> None:
    if not over.done():
        over.set_result(code)
