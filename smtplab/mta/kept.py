"""A session that one delivery leaves open for the next to the same server; who comes next is not its concern."""

from __future__ import annotations

from smtplab.journal import Emit
from smtplab.mta.limits import spent
from smtplab.mta.options import SessionOptions
from smtplab.mta.session import Place, Session, hang_up

MESSAGES_MAX = 100
"""In one session: a server behind a balancer should not keep its visitors for ever, and Exim's own clients stop at
some hundred."""


class Kept:
    """For a carrier that makes one delivery after the other, and writes down what came of each before it says QUIT: a
    server may take its time over that. The carrier `end`s it in the end."""

    def __init__(self) -> None:
        self._session: Session | None = None
        self._messages = 0

    @property
    def open(self) -> bool:
        return self._session is not None

    def keep(self, session: Session) -> bool:
        """After a delivery. False: the caller ends the session."""
        self._messages += 1
        idle = session.connected and not session.talk.over and session.talk.client.state == "ready"
        if not idle or self._messages >= MESSAGES_MAX or spent(session):
            self._messages = 0
            return False
        self._session = session
        return True

    async def take(self, place: Place, options: SessionOptions, emit: Emit) -> Session | None:
        """The open session to this place, now the caller's; one to another place is ended."""
        session = self._session
        if session is None:
            return None
        if session.place != place or session.options != options:
            await self.end()
            return None
        self._session = None
        session.tell_to(emit)
        return session

    async def end(self) -> None:
        """QUIT, where a session is open."""
        session, self._session, self._messages = self._session, None, 0
        if session is not None:
            try:
                await hang_up(session)
            finally:
                await session.close()
