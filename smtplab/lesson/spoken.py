"""A session spoken by hand in a simulated world: each line of a script leaves as it is, and each reply is awaited."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec

from smtplab.journal import Record
from smtplab.mta.opening import open_session
from smtplab.mta.options import SessionOptions
from smtplab.mta.session import Place, Session
from smtplab.mta.talk import Talk
from smtplab.sim import loop
from smtplab.sim.character import SMTP_PORT
from smtplab.sim.loop import VirtualClock
from smtplab.sim.simulation import Simulation
from smtplab.sim.world import World
from smtplab.smtp.client import RawLine


class Speech(msgspec.Struct, frozen=True):
    """Who says what to whom."""

    client: str
    server: str
    lines: tuple[str, ...]
    """Without their ends; they leave whatever they hold."""


def speak(world: World, speech: Speech, seed: int, on_record: Callable[[Record], None]) -> None:
    """Until the last line is answered and every queue of the world is empty. It brings its own event loop.

    Raises KeyError where the world has no such host: a checked speech names only hosts that it has.
    """
    loop.run(partial(_speak, world, speech, seed, on_record), world.start)


async def _speak(
    world: World, speech: Speech, seed: int, on_record: Callable[[Record], None], clock: VirtualClock
) -> None:
    records = 0

    def tell(record: Record) -> None:
        nonlocal records
        records += 1
        on_record(record)

    simulation = Simulation(world, seed, clock, tell)
    client, server = world.host(speech.client), world.host(speech.server)
    net = simulation.internet.hops.net_at(simulation.internet.net(client), client.addresses, 0)
    scope = simulation.journal.scope(node=client.name, hop=0, span=f"session/1/{server.name}")
    # By hand nothing is said for us: the session ends for its opener with the greeting.
    options = SessionOptions(helo=client.name, tls="none", quit_after="greeting")
    session = Session(Place(server.name, server.addresses[0], SMTP_PORT), options, net, scope, None)
    async with simulation.running():
        try:
            if await open_session(session) is None:
                await _say(session.talk, speech.lines)
        finally:
            await session.close()
        await simulation.drain(lambda: records)


async def _say(talk: Talk, lines: tuple[str, ...]) -> None:
    """Where DATA was refused, the lines meant as content leave as commands, which is what would happen by hand."""
    for line in lines:
        if talk.over:
            return
        await talk.ask(RawLine(line.encode() + b"\r\n"))
