"""A session in a person's hands: what is asked of it is done in order, and replies are heard whenever they come."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from smtplab.events import JourneyEnded
from smtplab.journal import Record
from smtplab.lab import exits
from smtplab.lab.bad_input import BadInput
from smtplab.lab.feed import Ended, FeedKind
from smtplab.lab.gate import PersonGate
from smtplab.lab.request import WalkRequest
from smtplab.lab.scribe import Scribe
from smtplab.lab.script import STEPS_MAX, Step
from smtplab.lab.scripting import do_step, ending_of
from smtplab.lab.seat import OnRecord, Seat, Way, reach
from smtplab.mta.opening import handshake
from smtplab.mta.outcome import Judgement, Setback, judge
from smtplab.mta.session import Session
from smtplab.mta.talk import Talk
from smtplab.net.ports import Lost
from smtplab.smtp.legality import Standing
from smtplab.smtp.sasl import Secret, choose
from smtplab.smtp.states import CONTENT
from smtplab.wire.reply import Reply

IDLE_S_MAX = 86_400.0
"""A day: nobody thinks longer about the next command, and servers give up after minutes (RFC 5321 4.5.3.2.7)."""

RECORDS_MAX = 100_000
"""Some forty megabytes, which nobody types: a server that floods is left."""

EXPECT_S_MAX = 10.0
"""For each reply that a passage waits for before it goes on: a line that was broken on purpose may never have one."""

FAREWELL_S_MAX = 5.0
"""For the answer to the QUIT of somebody who leaves."""

_FAREWELL_STEPS = 2
"""QUIT and its answer."""

QUIT = Step(0, "send", b"QUIT\r\n")
_QUIET_STATES = frozenset({"greeted", "refused", "ready", "mail", "rcpt", "chunking"})
"""In which a line is a command."""


class Conversation:
    """A `Feed` that goes on until it is left, or lost. Not thread-safe."""

    def __init__(self, way: Way, on_record: OnRecord | None = None, scribe: Scribe | None = None) -> None:
        self.way = way
        self.kind: FeedKind = "live" if way.live else "sim"
        self.subject = way.subject
        self.gate: PersonGate | None = None
        self.records: list[Record] = []
        self.ended: Ended | None = None
        self.over = False
        """Nothing more can be said; in a world the mail may still be on its way."""
        self.content_octets = 0
        """Of a content that is being said, its dots and line ends counted too; its records come with its end."""
        self.steps: list[Step] = []
        """What was said and heard so far, secrets too: never to be shown, and only good for saying it again."""
        self.passwords: dict[str, Secret] = {}
        self.user = ""
        """Who logs in where nobody else is named."""
        self.looks_on = True
        """In a world the end is told once what the server took has travelled on."""
        self._mechanism: str | None = None
        self.on_rest: Callable[[], None] | None = None
        """Told whenever nothing more is asked and no reply is owed, and at the end."""
        self._on_record = on_record
        self._scribe = scribe
        self._asked: deque[Step] = deque()
        self._news = asyncio.Event()
        self._leaving = False
        self._session: Session | None = None
        self._patience_end_s = 0.0
        self._last: Reply | None = None

    @property
    def standing(self) -> Standing | None:
        """What the next command will be judged by; None before there is a connection and after it."""
        return self._session.talk.client.standing if self._session is not None else None

    @property
    def secure(self) -> bool:
        return self._session is not None and self._session.talk.client.secure

    @property
    def at_rest(self) -> bool:
        """Connected; nothing is asked, and no reply can come before something more is said."""
        if self._session is None or self._asked:
            return False
        client = self._session.talk.client
        return not client.pending or client.standing.chunk_unfinished

    def remember(self, request: WalkRequest) -> None:
        """Who logs in and how, where a person has said so beforehand."""
        self.user = request.auth_user or ""
        self._mechanism = request.auth_mechanism
        if request.auth_user is not None and request.auth_password is not None:
            self.passwords[request.auth_user] = Secret(request.auth_password)

    @property
    def mechanism(self) -> str:
        """What was asked for, else the best that the server announced, else the one that every server has."""
        if self._mechanism is not None:
            return self._mechanism
        standing = self.standing
        announced = standing.extensions.auth_mechanisms if standing is not None else ()
        return choose(announced, self.secure) or "PLAIN"

    def ask(self, *steps: Step) -> None:
        """Done once those before are done; `expect` waits for a reply where one is owed."""
        self._asked.extend(steps)
        self._news.set()

    def leave(self) -> None:
        """QUIT where a command may be said, and then the end."""
        self._leaving = True
        self._news.set()

    async def run(self) -> Ended:
        """As `Feed.run`; cancelling it drops the connection."""
        try:
            async with self.way.opened(self._tell) as seat:
                self.ended = await self._sit(seat)
        except BadInput as bad:
            self.ended = Ended(exits.TEMPORARY, bad.text, bad.arguments)
        except asyncio.CancelledError:
            self.ended = Ended(exits.INTERRUPTED)
            raise
        finally:
            self._rest()
        return self.ended

    async def _sit(self, seat: Seat) -> Ended:
        seat.scope(seat.started)
        try:
            ending = await self._talk_from(seat)
        except asyncio.CancelledError:
            seat.scope(JourneyEnded("stopped", None, None, "interrupted"))
            raise
        if seat.onward is not None and self.looks_on:
            await seat.onward()
        seat.scope(ending)
        return Ended(exits.exit_code_of(ending.result))

    async def _talk_from(self, seat: Seat) -> JourneyEnded:
        session = await reach(seat)
        if isinstance(session, Judgement):
            return ending_of(session)
        self._session = session
        try:
            trouble = await handshake(session) if session.options.tls == "implicit" else None
            self._wait_anew(session.talk)
            if trouble is None:
                trouble = await self._converse(session)
        finally:
            self.over = True
            self._session = None
            self._rest()
            await session.close()
        return JourneyEnded("stopped", None, None, "") if trouble is None else ending_of(judge(trouble, seat.host))

    async def _converse(self, session: Session) -> Setback | None:
        talk = session.talk
        while not talk.over:
            if self._asked:
                step = self._asked.popleft()
                if step.word == "drop":
                    self._note(step, talk)
                    return None
                await self._do(step, session)
            elif self._leaving:
                await self._say_farewell(session)
                return None
            else:
                self._rest()
                await self._hear_until(talk, self._news.wait())
                self._news.clear()
        return await self._loss(talk)

    async def _do(self, step: Step, session: Session) -> None:
        talk = session.talk
        match step.word:
            case "wait":
                self._note(step, talk)
                await self._hear_until(talk, asyncio.sleep(step.seconds))
            case "expect":
                if talk.client.pending:
                    await self._hear_until(talk, asyncio.sleep(EXPECT_S_MAX), replies=1)
            case "tls" if step.code and talk.client.state != "tls":
                pass  # Only after the 220 that did not come.
            case "auth":
                await self._hear_until(talk, asyncio.sleep(EXPECT_S_MAX), replies=talk.client.pending)
                await self._do_at_once(step, session)
            case _:
                await self._do_at_once(step, session)

    async def _do_at_once(self, step: Step, session: Session) -> None:
        self._note(step, session.talk)
        await do_step(step, session, self.passwords)
        self._wait_anew(session.talk)

    async def _say_farewell(self, session: Session) -> None:
        talk = session.talk
        while talk.client.pending and not talk.over:
            self._heard(await talk.hear(min(FAREWELL_S_MAX, talk.timeouts.command_s)), talk)
        if talk.client.state in _QUIET_STATES and not talk.over:
            await self._do_at_once(QUIT, session)
            self._heard(await talk.hear(min(FAREWELL_S_MAX, talk.timeouts.quit_s)), talk)

    # Hearing

    async def _hear_until(self, talk: Talk, other: Coroutine[Any, Any, object], replies: int | None = None) -> None:
        """Replies are heard while something else is waited for, or until there were so many."""
        waiting = asyncio.create_task(other)
        heard = 0
        try:
            while not waiting.done() and not talk.over and heard != replies:
                hearing = asyncio.create_task(talk.hear(self._limit_s(talk)))
                try:
                    await asyncio.wait({hearing, waiting}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    hearing.cancel()
                    await asyncio.wait({hearing})
                if not hearing.cancelled():
                    heard += 1
                    self._heard(hearing.result(), talk)
        finally:
            waiting.cancel()

    def _heard(self, answer: Reply | Lost, talk: Talk) -> None:
        self._wait_anew(talk)
        if isinstance(answer, Lost):
            return
        self._last = answer
        code = answer.code
        self._keep(Step(0, "expect", code=str(code) if code is not None and 200 <= code < 600 else "any"))
        if self._scribe is not None:
            self._scribe.heard(code)
        self._rest()

    def _limit_s(self, talk: Talk) -> float:
        """A reply that is owed has its time; who owes nothing may keep silent."""
        if not talk.client.pending:
            return IDLE_S_MAX
        return max(self._patience_end_s - asyncio.get_running_loop().time(), 0.0)

    def _wait_anew(self, talk: Talk) -> None:
        of_content = talk.client.standing.awaited == CONTENT
        limit_s = talk.timeouts.content_s if of_content else talk.timeouts.command_s
        self._patience_end_s = asyncio.get_running_loop().time() + limit_s

    async def _loss(self, talk: Talk) -> Setback | None:
        """None where the dialogue ended as somebody here wanted it, with QUIT."""
        if QUIT.data in [step.data.upper() for step in self.steps[-_FAREWELL_STEPS:]]:
            return None
        # It is over, so this waits for nothing: a 421 that came with another reply has not been heard yet.
        answer = await talk.hear(FAREWELL_S_MAX)
        self._heard(answer, talk)
        return Setback("quit", self._last if self._last is not None and self._last.code == 421 else answer)

    # Keeping

    def _note(self, step: Step, talk: Talk) -> None:
        self._keep(step)
        of_content = talk.client.standing.state == "data"
        self.content_octets = self.content_octets + len(step.data) if of_content else 0
        if self._scribe is not None:
            self._scribe.said(step, talk.client.standing.state)

    def _keep(self, step: Step) -> None:
        if len(self.steps) < STEPS_MAX:
            self.steps.append(step)

    def _tell(self, record: Record) -> None:
        self.records.append(record)
        if len(self.records) == RECORDS_MAX:
            self._asked.clear()
            self.ask(Step(0, "drop"))
        if self._on_record is not None:
            self._on_record(record)

    def _rest(self) -> None:
        if self.on_rest is not None and (self.at_rest or self.over or self.ended is not None):
            self.on_rest()
