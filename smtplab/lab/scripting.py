"""Plays a script of a session to a server, step by step, until it ends or something is not as expected."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence

import msgspec

from smtplab.events import JourneyEnded, JourneyStarted
from smtplab.journal import Journal, Record
from smtplab.lab.probing import Probe
from smtplab.lab.script import Step
from smtplab.mta.outcome import NoRoute, Setback, judge, judge_no_route
from smtplab.mta.route import find_route
from smtplab.mta.session import Place, Session, connect, handshake
from smtplab.net.ports import Lost
from smtplab.wire.reply import Reply


class Unmet(msgspec.Struct, frozen=True):
    """Where the script was left."""

    line: int
    expected: str
    heard: str
    """The reply in one line; a reason's id where there was none."""


class Played(msgspec.Struct, frozen=True):
    ending: JourneyEnded
    unmet: Unmet | None = None


async def play(steps: Sequence[Step], asked: Probe, on_record: Callable[[Record], None]) -> Played:
    """Never raises for what the network does; cancelling it closes the socket."""
    journal = Journal(asked.net.clock.now, on_record, keep=False)
    scope = journal.scope(node=asked.options.helo, hop=0, span="session/1")
    scope(JourneyStarted("", "", "live", None, None))
    route = await find_route(asked.host, asked.net, asked.routing, scope)
    setback: Setback | None = None
    if isinstance(route, NoRoute):
        judgement = judge_no_route(route)
    else:
        places = [Place(host.host, address, asked.options.port) for host in route.hosts for address in host.addresses]
        for place in places:
            session = Session(place, asked.options, asked.net, scope, None)
            try:
                setback = await connect(session)
                if setback is None:
                    played = await _play_on(steps, session)
            finally:
                await session.close()
            if setback is None:
                scope(played.ending)
                return played
        assert setback is not None
        judgement = judge(setback, asked.host)
    ending = JourneyEnded(judgement.result, judgement.code, judgement.enhanced, judgement.reason)
    scope(ending)
    return Played(ending)


async def _play_on(steps: Sequence[Step], session: Session) -> Played:
    if session.options.tls == "implicit" and (setback := await handshake(session)):
        return _left(steps[0].line if steps else 0, "tls", judge(setback, "").reason)
    for step in steps:
        if step.word == "drop":
            break
        unmet = await _do(step, session)
        if unmet is not None:
            return _left(step.line, *unmet)
    return Played(JourneyEnded("stopped", None, None, ""))


def _left(line: int, expected: str, heard: str) -> Played:
    return Played(JourneyEnded("refused", None, None, f"unmet line {line}"), Unmet(line, expected, heard))


async def _do(step: Step, session: Session) -> tuple[str, str] | None:
    """What was expected and what came, where they are not the same."""
    talk = session.talk
    match step.word:
        case "send" | "raw":
            lost = await talk.say(step.data)
            return None if lost is None else (step.word, lost.reason)
        case "wait":
            await asyncio.sleep(step.seconds)
            return None
        case "tls":
            setback = await handshake(session)
            return None if setback is None else ("tls", judge(setback, "").reason)
        case "expect":
            answer = await talk.hear(talk.timeouts.command_s)
            return _compared(step, answer)
        case "drop":
            return None


def _compared(step: Step, answer: Reply | Lost) -> tuple[str, str] | None:
    wanted = step.code or f"/{step.pattern}/"
    if isinstance(answer, Lost):
        return wanted, answer.reason
    said = " ".join([str(answer.code or ""), *answer.lines]).strip()
    if step.code:
        met = re.fullmatch(step.code.replace("x", "."), str(answer.code)) is not None
    else:
        met = re.search(step.pattern, said) is not None
    return None if met else (wanted, said)
