"""One session with one server, as its steps share it: whom it is with, how far it is to go, and how it ends."""

from __future__ import annotations

from typing import Literal

import msgspec

from smtplab.events import Judged
from smtplab.journal import Emit, Stage
from smtplab.mta.options import QuitAfter, SessionOptions
from smtplab.mta.outcome import Setback, Shortfall
from smtplab.mta.talk import Gate, Outcome, Skipped, Talk
from smtplab.net.ports import Net
from smtplab.wire.command import Quit, Rset
from smtplab.wire.reply import Reply


class Place(msgspec.Struct, frozen=True):
    """Whom to call."""

    host: str
    address: str
    port: int


class NoTrust:
    """Stands in where nobody can judge certificates: none holds."""

    def judge(self, chain_der: tuple[bytes, ...], server_name: str) -> tuple[str | None, str]:
        del chain_der, server_name
        return None, "unknown-issuer"


class Session:
    """What the steps of one session share."""

    def __init__(self, place: Place, options: SessionOptions, net: Net, emit: Emit, gate: Gate | None) -> None:
        self.place = place
        self.options = options
        self.net = net
        self.emit = emit
        self.gate = gate
        self.finished: tuple[Stage, Reply | None] | None = None
        """Where it ended as asked, and what was said last."""
        self.transactions = 0
        """Begun so far."""
        self.connected = False

    talk: Talk
    """Once connected."""

    @property
    def ended(self) -> bool:
        """As far as we were asked to go."""
        return self.finished is not None

    def begin(self, talk: Talk) -> None:
        self.talk = talk
        self.connected = True

    def tell_to(self, emit: Emit) -> None:
        """Another delivery has it now: there its facts belong."""
        self.emit = emit
        if self.connected:
            self.talk.tell_to(emit)

    def stop_at(self, stage: QuitAfter, told: Stage, reply: Outcome | None = None) -> bool:
        """Is this as far as we were asked to go?"""
        if self.options.quit_after is None or not self.options.ends_at(stage):
            return False
        self.finished = (told, reply if isinstance(reply, Reply) else None)
        return True

    def say(self, verdict: Literal["ended", "goes-on"], reason: str) -> None:
        """Why it ends before it has done its work, or what it does without."""
        if self.options.says_what_lacks:
            self.emit(Judged("session", verdict, reason))

    def without(self, stage: Stage, shortfall: Shortfall, *, needed: bool) -> Setback | None:
        """The server lacks what was asked for: that ends it, or is said."""
        if needed:
            return Setback(stage, shortfall)
        self.say("goes-on", shortfall.words)
        return None

    async def close(self) -> None:
        if self.connected:
            self.connected = False
            await self.talk.close()


async def hang_up(session: Session) -> None:
    """RSET where a transaction is open, QUIT, unless the dialogue is over already."""
    if not session.connected or session.talk.over or session.talk.client.state in ("data", "auth", "tls", "connected"):
        return
    if session.options.drop and (session.ended or session.options.quit_after == "data"):
        return
    if session.options.reset and session.talk.client.state in ("mail", "rcpt", "chunking"):
        await session.talk.ask(Rset())
    await session.talk.ask(Quit())


def refused(stage: Stage, outcome: Outcome) -> Setback | None:
    """None for a 2xx, and for what a person skipped: the dialogue goes on as if it had succeeded."""
    if isinstance(outcome, Reply):
        return None if outcome.severity == 2 else Setback(stage, outcome)
    return None if isinstance(outcome, Skipped) else Setback(stage, outcome)
