"""Plays a script of a session to a server, step by step, until it ends or something is not as expected."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence

import msgspec

from smtplab.events import JourneyEnded, Result
from smtplab.lab.exits import FAILED, exit_code_of
from smtplab.lab.script import ANY, Step
from smtplab.lab.seat import OnRecord, Seat, Way, reach
from smtplab.mta.authentication import log_in
from smtplab.mta.opening import handshake
from smtplab.mta.options import Credentials
from smtplab.mta.outcome import Judgement, Setback, judge
from smtplab.mta.session import Session
from smtplab.net.ports import Lost
from smtplab.smtp.sasl import Secret
from smtplab.wire.reply import Reply

Passwords = Mapping[str, Secret]
"""By user."""


class Unmet(msgspec.Struct, frozen=True):
    """Where the script was left."""

    line: int
    expected: str
    heard: str
    """The reply in one line; a reason's id where there was none."""


class Played(msgspec.Struct, frozen=True):
    ending: JourneyEnded
    unmet: Unmet | None = None

    @property
    def exit_code(self) -> int:
        """A server that kept silent has not said no: later it may answer."""
        if self.unmet is not None and self.unmet.heard != "timed-out":
            return FAILED
        return exit_code_of(self.ending.result)


async def play(steps: Sequence[Step], way: Way, on_record: OnRecord, passwords: Passwords | None = None) -> Played:
    """Never raises for what the network does; cancelling it closes the socket. Raises BadInput where `way` does."""
    async with way.opened(on_record) as seat:
        seat.scope(seat.started)
        try:
            played = await _play_in(seat, steps, passwords or {})
        except asyncio.CancelledError:
            seat.scope(JourneyEnded("stopped", None, None, "interrupted"))
            raise
        if seat.onward is not None:
            await seat.onward()
        seat.scope(played.ending)
    return played


async def _play_in(seat: Seat, steps: Sequence[Step], passwords: Passwords) -> Played:
    session = await reach(seat)
    if isinstance(session, Judgement):
        return Played(ending_of(session))
    try:
        return await _play_on(steps, session, passwords)
    finally:
        await session.close()


async def _play_on(steps: Sequence[Step], session: Session, passwords: Passwords) -> Played:
    if session.options.tls == "implicit" and (setback := await handshake(session)):
        return _left(steps[0].line if steps else 0, "tls", judge(setback, "").reason)
    for step in steps:
        if step.word == "drop":
            break
        unmet = await _do(step, session, passwords)
        if unmet is not None:
            return _left(step.line, *unmet)
    return Played(JourneyEnded("stopped", None, None, ""))


def _left(line: int, expected: str, heard: str) -> Played:
    result: Result = "deferred" if heard == "timed-out" else "refused"
    return Played(JourneyEnded(result, None, None, f"unmet line {line}"), Unmet(line, expected, heard))


async def _do(step: Step, session: Session, passwords: Passwords) -> tuple[str, str] | None:
    """What was expected and what came, where they are not the same."""
    match step.word:
        case "wait":
            await asyncio.sleep(step.seconds)
            return None
        case "expect":
            talk = session.talk
            return _compared(step, await talk.hear(talk.timeouts.command_s, unasked=True))
        case _:
            trouble = await do_step(step, session, passwords)
            return None if trouble is None else (step.word, _told(trouble))


async def do_step(step: Step, session: Session, passwords: Passwords) -> Lost | Setback | None:
    """Of those that do something at once; why it could not be done."""
    match step.word:
        case "send" | "raw" | "content":
            return await session.talk.say(step.data)
        case "tls":
            return await handshake(session)
        case "auth":
            password = passwords.get(step.user, Secret(""))
            return await log_in(session, Credentials(step.user, password, step.name))
        case "expect" | "wait" | "drop" | "secret":
            return None


def _told(trouble: Lost | Setback) -> str:
    if isinstance(trouble, Lost):
        return trouble.reason
    judgement = judge(trouble, "")
    return judgement.detail if judgement.reason == "reply" else judgement.reason


def ending_of(judgement: Judgement) -> JourneyEnded:
    """The last fact of a session that never came to stand, or that was lost."""
    return JourneyEnded(judgement.result, judgement.code, judgement.enhanced, judgement.reason)


def _compared(step: Step, answer: Reply | Lost) -> tuple[str, str] | None:
    wanted = step.code or f"/{step.pattern}/"
    if isinstance(answer, Lost):
        return wanted, answer.reason
    said = " ".join([str(answer.code or ""), *answer.lines]).strip()
    if step.code:
        met = step.code == ANY or re.fullmatch(step.code.replace("x", "."), str(answer.code)) is not None
    else:
        met = re.search(step.pattern, said) is not None
    return None if met else (wanted, said)
