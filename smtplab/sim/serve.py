"""A world on the loopback interface, in real time: its servers, name servers and mailboxes for tools of any kind."""

from __future__ import annotations

import asyncio
import datetime as dt
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding

from smtplab.journal import Journal, Record
from smtplab.net.clock import SystemClock
from smtplab.net.names import DNS_PORT
from smtplab.net.ports import Endpoint
from smtplab.sim.character import takes_mail
from smtplab.sim.hosts import Server
from smtplab.sim.internet import Fabric, Internet
from smtplab.sim.lanes import LoopbackExchange, LoopbackHopDialer, LoopbackNetwork
from smtplab.sim.loopback import Addresses, served
from smtplab.sim.nameserver import NameServer
from smtplab.sim.places import SERVICES, SHARED, CannotListen, Places
from smtplab.sim.world import Host, World

POP3_PORT = 110


class Open(msgspec.Struct, frozen=True):
    """One listener. `dns` is two, UDP and TCP, at the same port."""

    node: str
    protocol: str
    host: str
    port: int


class WorldClock(SystemClock):
    """The system's; a world's faults count from its start."""

    def __init__(self) -> None:
        self._start_s = time.monotonic()

    def monotonic(self) -> float:
        return time.monotonic() - self._start_s


class Serving:
    """One world, standing for as long as `standing` is entered. It keeps what it took in memory and forgets it then."""

    def __init__(
        self,
        world: World,
        seed: int,
        on_record: Callable[[Record], None],
        *,
        speed: float = 1.0,
        privileged: bool = False,
        shared: bool | int | None = None,
    ) -> None:
        """`shared`: all hosts at 127.0.0.1, on ports of their own, of which a number is the first; where the system
        can't do better, if not said.

        Raises Unservable.
        """
        clock = WorldClock()
        addresses = Addresses(world)
        self.world = served(world, addresses, speed=speed, start=dt.datetime.fromtimestamp(clock.now(), dt.UTC))
        if shared is None:
            shared = not _can_bind(self.world.hosts[0].addresses[0])
        self._places = Places(addresses, privileged=privileged, shared=shared)
        self._on_record = on_record
        self._over = False
        self._journal = Journal(clock.now, self._tell, keep=False)
        fabric = Fabric(
            partial(LoopbackNetwork, self._places, speed),
            # Where all share an address, a question would not tell who asks: the hosts then ask without a socket.
            None if shared else lambda _, source: LoopbackExchange(self._places, source),
            LoopbackHopDialer,
            speed,
        )
        self._internet = Internet(self.world, seed, clock, self._journal, fabric)
        self._places.meet = self._internet.hops.meet
        self._sessions = 0

    @property
    def authority_pem(self) -> bytes:
        """The certificate that everybody in this world trusts."""
        return self._internet.root.public_bytes(Encoding.PEM)

    @asynccontextmanager
    async def standing(self) -> AsyncIterator[tuple[Open, ...]]:
        """Raises CannotListen. At its end everything is closed at once."""
        async with AsyncExitStack() as stack:
            opened: list[Open] = []
            for host in self.world.hosts:
                if "resolver" in host.roles:
                    opened += await self._open_names(host, stack)
            queues = await stack.enter_async_context(tasks_until_the_end())
            for host in self.world.hosts:
                if takes_mail(host):
                    server = Server(self.world, host, self._internet)
                    opened += await self._open_server(host, server, stack)
                    queues.append(asyncio.create_task(server.queue.run(), name=host.name))
            stack.callback(self._fall_silent)
            yield tuple(opened)

    def _tell(self, record: Record) -> None:
        if not self._over:
            self._on_record(record)

    def _fall_silent(self) -> None:
        """A world that ends cuts every session off: nobody in it broke a rule then, and nothing failed."""
        self._over = True

    async def _open_names(self, host: Host, stack: AsyncExitStack) -> list[Open]:
        opened = []
        for address in host.addresses:
            real = self._places.real(address, DNS_PORT)
            names = NameServer(
                self._internet.name_servers, address, self._for_strangers if self._places.shared else None
            )
            stack.push_async_callback(names.close)
            try:
                endpoint = await names.open(real)
            except OSError as trouble:
                raise CannotListen(real, trouble) from trouble
            opened.append(_opened(host, DNS_PORT, endpoint))
        return opened

    async def _open_server(self, host: Host, server: Server, stack: AsyncExitStack) -> list[Open]:
        stack.push_async_callback(server.abort)
        return [_opened(host, port, endpoint) for port, endpoint in await server.open()]

    def _for_strangers(self, address: str) -> str:
        """A host of the world as the machine knows it."""
        return SHARED if self._places.holds(address) else address


@asynccontextmanager
async def tasks_until_the_end() -> AsyncIterator[list[asyncio.Task[None]]]:
    """They are cancelled and awaited at the end; what one of them raised is raised then."""
    tasks: list[asyncio.Task[None]] = []
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in ended:
        if isinstance(outcome, Exception):
            raise outcome


def _opened(host: Host, port: int, endpoint: Endpoint) -> Open:
    return Open(host.name, SERVICES[port], endpoint.address, endpoint.port)


def _can_bind(address: str) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
