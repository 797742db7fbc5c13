"""A world that stands in memory on the real clock, so that a person can speak to its hosts; it forgets at its end."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import msgspec

from smtplab.journal import Journal, Record
from smtplab.net.ports import Net, Trust
from smtplab.sim.character import takes_mail
from smtplab.sim.hosts import Server
from smtplab.sim.internet import Internet
from smtplab.sim.serve import WorldClock, tasks_until_the_end
from smtplab.sim.world import Host, World

DRAIN_S_MAX = 10.0
"""Between the hosts of a world a message takes seconds; what takes longer waits for a retry."""


class StandingWorld:
    """Its servers and queues are at work for as long as `standing` is entered."""

    def __init__(self, world: World, seed: int, on_record: Callable[[Record], None]) -> None:
        clock = WorldClock()
        self.world = msgspec.structs.replace(world, start=dt.datetime.fromtimestamp(clock.now(), dt.UTC))
        self.journal = Journal(clock.now, self._count, keep=False)
        self._on_record = on_record
        self._records = 0
        self._servers: list[Server] = []
        self._internet = Internet(self.world, seed, clock, self.journal)

    @property
    def trust(self) -> Trust:
        """The world's one authority."""
        return self._internet.trust

    def net_of(self, host: Host) -> Net:
        """What this host sees; its connections are the first hop."""
        return self._internet.hops.net_at(self._internet.net(host), host.addresses, 0)

    async def drain(self) -> None:
        """Until all queues are empty, or for as long as anybody looks on: a retry may be hours away."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S_MAX):
                seen = -1
                while self._records != seen:
                    seen = self._records
                    for server in self._servers:
                        await server.queue.drain()

    def _count(self, record: Record) -> None:
        self._records += 1
        self._on_record(record)

    @asynccontextmanager
    async def standing(self) -> AsyncIterator[None]:
        """At its end every session is reset and every delivery broken off."""
        async with AsyncExitStack() as stack:
            queues = await stack.enter_async_context(tasks_until_the_end())
            for host in self.world.hosts:
                if takes_mail(host):
                    server = Server(self.world, host, self._internet)
                    self._servers.append(server)
                    stack.push_async_callback(server.abort)
                    await server.open()
                    queues.append(asyncio.create_task(server.queue.run(), name=host.name))
            yield


def seat_in(world: World, source: str | None, server: str) -> Host | None:
    """Whose place a person takes: the host of that address, else of a sender's program, from elsewhere if it can be.

    None where no host has the address.
    """
    if source is not None:
        return next((host for host in world.hosts if source in host.addresses), None)
    hosts = [host for host in world.hosts if "user-agent" in host.roles] or list(world.hosts)
    elsewhere = [host for host in hosts if _domain(host.name) != _domain(server)]
    return (elsewhere or hosts)[0]


def _domain(name: str) -> str:
    return ".".join(name.lower().split(".")[-2:])
