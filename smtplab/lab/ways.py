"""The ways to a server for whoever speaks by hand: the real internet, a world, or a server of our own beside us."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from smtplab.events import JourneyStarted
from smtplab.journal import Journal
from smtplab.lab import checked
from smtplab.lab.live import sender_of, session_options
from smtplab.lab.probing import prepare_probe
from smtplab.lab.request import WalkRequest
from smtplab.lab.seat import SPAN, OnRecord, Seat, Way
from smtplab.mta.options import Routing
from smtplab.net.live import live_net

OWN_USER = "student"
OWN_PASSWORD = "secret"  # noqa: S105 - it is told to everybody
OWN_ADDRESS = "127.0.0.1"


def prepare_way(request: WalkRequest, *, own_server: bool = False) -> Way:
    """`request.server` is the host; `request.sim` a world. Raises BadInput."""
    if own_server:
        return OwnWay(request)
    if request.sim is None:
        return LiveWay(request)
    from smtplab.lab.seat_in_world import WorldWay  # noqa: PLC0415 - a world is not wanted for the real internet

    return WorldWay(request, request.sim)


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
