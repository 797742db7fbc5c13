"""Where a person sits who speaks SMTP by hand, and how the server is reached: live, in a world, or one of our own."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from smtplab.events import JourneyStarted
from smtplab.journal import Journal, Record, Scope
from smtplab.lab import checked
from smtplab.lab.live import sender_of, session_options
from smtplab.lab.probing import prepare_probe
from smtplab.lab.request import WalkRequest
from smtplab.mta.options import Routing, SessionOptions
from smtplab.mta.outcome import Judgement, NoRoute, Setback, judge, judge_no_route
from smtplab.mta.route import find_route
from smtplab.mta.session import Place, Session, connect
from smtplab.net.live import live_net
from smtplab.net.ports import Net

OnRecord = Callable[[Record], None]

OWN_USER = "student"
OWN_PASSWORD = "secret"  # noqa: S105 - it is told to everybody
OWN_ADDRESS = "127.0.0.1"

SPAN = "session/1"


class Seat(msgspec.Struct, frozen=True):
    """A person's view of the network, and whom they want to talk to."""

    host: str
    options: SessionOptions
    routing: Routing
    net: Net
    scope: Scope
    started: JourneyStarted
    onward: Callable[[], Awaitable[None]] | None = None
    """Waits, within bounds, for what the server does with the mail that it took; None where nobody can see it."""


class Way(Protocol):
    """A way to a server that has been read whole; nothing has been asked yet."""

    subject: str
    sender: str
    """What MAIL FROM is offered as."""
    recipients: tuple[str, ...]
    """Whom RCPT TO is offered for."""
    helo: str
    """What EHLO is offered as."""
    live: bool

    def opened(self, on_record: OnRecord) -> AbstractAsyncContextManager[Seat]:
        """Everything that the way needs stands within. Raises BadInput where it can't."""
        ...


def prepare_way(request: WalkRequest, *, own_server: bool = False) -> Way:
    """`request.server` is the host; `request.sim` a world. Raises BadInput."""
    if own_server:
        return OwnWay(request)
    if request.sim is None:
        return LiveWay(request)
    from smtplab.lab.seat_in_world import WorldWay  # noqa: PLC0415 - a world is not wanted for the real internet

    return WorldWay(request, request.sim)


async def reach(seat: Seat) -> Session | Judgement:
    """Connected to the first address that answers, or why none does; the greeting has not been heard."""
    route = await find_route(seat.host, seat.net, seat.routing, seat.scope)
    if isinstance(route, NoRoute):
        return judge_no_route(route)
    setback: Setback | None = None
    for host in route.hosts:
        for address in host.addresses:
            place = Place(host.host, address, seat.options.port)
            session = Session(place, seat.options, seat.net, seat.scope, None)
            setback = await connect(session)
            if setback is None:
                return session
            await session.close()
    assert setback is not None
    return judge(setback, seat.host)


class LiveWay:
    live = True
    recipients: tuple[str, ...] = ("postmaster",)
    """Every server has to take mail for this one (RFC 5321 4.5.1)."""

    def __init__(self, request: WalkRequest) -> None:
        """Raises BadInput."""
        self._asked = prepare_probe(request)
        self.subject = f"{self._asked.host}:{self._asked.options.port}"
        self.sender = str(sender_of(request) or "")
        self.helo = self._asked.options.helo

    @asynccontextmanager
    async def opened(self, on_record: OnRecord) -> AsyncIterator[Seat]:
        """As `Way.opened`."""
        asked = self._asked
        scope = Journal(asked.net.clock.now, on_record, keep=False).scope(node=self.helo, hop=0, span=SPAN)
        started = JourneyStarted("", self.sender, "live", None, None)
        yield Seat(asked.host, asked.options, asked.routing, asked.net, scope, started)


class OwnWay:
    """The server of `smtplab serve` beside us, on a port of its own; it accepts everything and keeps nothing."""

    live = True
    recipients: tuple[str, ...] = ("someone@example.org", "rcpt550_5.1.1@example.org", "content451@example.org")
    """Addresses may ask for their own fault there."""

    def __init__(self, request: WalkRequest) -> None:
        """Raises BadInput."""
        self._net = live_net()
        self._options = session_options(request, self._net, request.port)
        self.subject = "smtplab serve"
        self.sender = str(sender_of(request) or "")
        self.helo = checked.helo(request) or self._options.helo

    @asynccontextmanager
    async def opened(self, on_record: OnRecord) -> AsyncIterator[Seat]:
        """As `Way.opened`."""
        from smtplab.lab.serve_request import Place as Listen  # noqa: PLC0415 (only where it is wanted)
        from smtplab.lab.serve_request import ServeRequest  # noqa: PLC0415
        from smtplab.lab.serving import standing  # noqa: PLC0415

        with tempfile.TemporaryDirectory(prefix="smtplab-") as home:
            request = ServeRequest(
                home=Path(home),
                places=(Listen("smtp", OWN_ADDRESS, 0),),
                users=((OWN_USER, OWN_PASSWORD),),
                discard=True,
            )
            async with standing(request) as found:
                options = msgspec.structs.replace(self._options, port=found[0].port)
                scope = Journal(self._net.clock.now, on_record, keep=False).scope(node=self.helo, hop=0, span=SPAN)
                started = JourneyStarted("", self.sender, "live", None, None)
                yield Seat(OWN_ADDRESS, options, Routing(server=OWN_ADDRESS), self._net, scope, started)
