"""Where a person sits who speaks SMTP by hand: what is seen of the network from there, and the way to the server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from smtplab.events import JourneyStarted
from smtplab.journal import Record, Scope
from smtplab.mta.opening import connect
from smtplab.mta.options import Routing, SessionOptions
from smtplab.mta.outcome import Judgement, NoRoute, Setback, judge, judge_no_route
from smtplab.mta.route import find_route
from smtplab.mta.session import Place, Session
from smtplab.net.ports import Net

OnRecord = Callable[[Record], None]

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
