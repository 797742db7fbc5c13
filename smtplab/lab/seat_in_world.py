"""A person's seat in a simulated world, at the place of one of its hosts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from smtplab.events import JourneyStarted
from smtplab.lab import checked
from smtplab.lab.bad_input import BadInput
from smtplab.lab.bad_world import bad_world
from smtplab.lab.live import session_options
from smtplab.lab.request import WalkRequest
from smtplab.lab.seat import SPAN, OnRecord, Seat
from smtplab.mta.options import Routing
from smtplab.net.live import live_net
from smtplab.sim.directory import own_domains
from smtplab.sim.library import WorldError, load_world
from smtplab.sim.standing import StandingWorld, seat_in
from smtplab.sim.world import RELAYS


class WorldWay:
    """A `Way` to any host of a world."""

    live = False

    def __init__(self, request: WalkRequest, name: str) -> None:
        """Raises BadInput."""
        try:
            self._world = load_world(name)
        except WorldError as trouble:
            raise bad_world(trouble) from trouble
        server, port = checked.server_and_port(request)
        assert server is not None
        seat = seat_in(self._world, request.source, server)
        if seat is None:
            raise BadInput("session.not-in-world", address=request.source or "", world=self._world.name)
        self._request = request
        self._server = server
        self._host = seat
        self._seed = self._world.seed if request.seed is None else request.seed
        self.subject = f"{server}:{port}"
        self.helo = checked.helo(request) or seat.name
        self.sender = request.sender if request.sender is not None else self._sender()
        self.recipients = self._people(server)
        options = session_options(request, live_net(), port)
        self._options = msgspec.structs.replace(options, helo=self.helo, source=None)

    @asynccontextmanager
    async def opened(self, on_record: OnRecord) -> AsyncIterator[Seat]:
        """As `Way.opened`."""
        standing = StandingWorld(self._world, self._seed, on_record)
        async with standing.standing():
            scope = standing.journal.scope(node=self._host.name, hop=0, span=SPAN)
            options = msgspec.structs.replace(self._options, trust=standing.trust)
            started = JourneyStarted("", self.sender, "sim", self._world.name, self._seed)
            routing = Routing(server=self._server, family=self._request.family)
            net = standing.net_of(self._host)
            yield Seat(self._server, options, routing, net, scope, started, standing.drain)

    def _people(self, server: str) -> tuple[str, ...]:
        """Those whose mailboxes are at this server, then all others."""
        host = next((host for host in self._world.hosts if host.name == server.lower()), None)
        own = own_domains(host) if host is not None else frozenset[str]()
        addresses = [user.address for user in self._world.users]
        return tuple(sorted(addresses, key=lambda address: address.rpartition("@")[2].lower() not in own))

    def _sender(self) -> str:
        """Who sits at that host; where nobody does, somebody of its domain."""
        people = [user.address for user in self._world.users if user.agent == self._host.name]
        return people[0] if people else f"user@{'.'.join(self._host.name.split('.')[-2:])}"


def places_of(world_name: str) -> tuple[str, ...]:
    """The servers of a world as `HOST` or `HOST:PORT`, the mail exchangers first. Raises BadInput."""
    try:
        world = load_world(world_name)
    except WorldError as trouble:
        raise bad_world(trouble) from trouble
    servers = [host for host in world.hosts if not RELAYS.isdisjoint(host.roles)]
    exchangers = [host.name for host in sorted(servers, key=lambda host: "mx" not in host.roles)]
    submissions = [f"{host.name}:587" for host in world.hosts if "submission" in host.roles]
    return (*exchangers, *submissions)
