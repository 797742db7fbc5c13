"""Sends many messages to one destination over a few connections, pipelined where the server allows it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence

import msgspec

from smtplab.events import Event
from smtplab.journal import Emit, Journal, Record
from smtplab.lab.grace import until_stopped
from smtplab.lab.pump import Pump
from smtplab.lab.sending import Sending
from smtplab.lab.tally import BulkReport, Tally
from smtplab.mta.deliver import Job
from smtplab.mta.envelope import Envelope
from smtplab.mta.limits import batches, spent, transact_within
from smtplab.mta.opening import open_session
from smtplab.mta.outcome import Judgement, NoRoute, Setback, judge, judge_no_route, worst
from smtplab.mta.route import find_route
from smtplab.mta.session import Place, Session, hang_up, refused
from smtplab.mta.talk import Outcome, Skipped
from smtplab.mta.transaction import envelope_commands, shortfall_of
from smtplab.net.ports import Lost, Net
from smtplab.wire.command import Command, Data, Rset
from smtplab.wire.framing import stuff
from smtplab.wire.reply import Reply

FAILURES_MAX = 5
"""Sessions in a row that brought no message through: the destination is down, and hammering it helps nobody."""

_MESSAGE_ID = re.compile(rb"(?im)^(message-id: <)([0-9a-f]{16})(?=@)")


class Bulk(msgspec.Struct, frozen=True, kw_only=True):
    sending: Sending
    """Its first job is what is sent, again and again."""
    count: int
    concurrency: int = 1
    rate: float | None = None
    """Messages a second, all connections together; None for as fast as they are taken."""
    fresh_ids: bool = True
    """A Message-ID of its own for each: for a message that we made."""


class BulkRun:
    """One run; `stop` ends it in good order."""

    def __init__(self, bulk: Bulk, on_record: Callable[[Record], None] | None) -> None:
        self.tally = Tally(bulk.count)
        self._bulk = bulk
        job = bulk.sending.jobs[0]
        options = msgspec.structs.replace(job.options, untold=on_record is None)
        self._job: Job = msgspec.structs.replace(job, options=options)
        self._net: Net = bulk.sending.net
        self._journal = None if on_record is None else Journal(self._net.clock.now, on_record, keep=False)
        self._begun = 0
        self._again = 0
        """Messages taken and given back, for their session ended before they were handed over."""
        self._failures = 0
        self._stopped = asyncio.Event()
        self._start_s = self._now()
        self._content = _contents(self._job.envelope.content, fresh=bulk.fresh_ids)
        self._wires = Wires(self._job.envelope.content, fresh=bulk.fresh_ids)

    def stop(self) -> None:
        """No message is begun any more; what is under way goes on to its reply."""
        self._stopped.set()

    async def __call__(self) -> BulkReport:
        """Cancelling it closes the sockets."""
        self._start_s = self._now()
        route = await find_route(self._job.domain, self._net, self._job.routing, self._emit(0))
        if isinstance(route, NoRoute):
            self.tally.note(judge_no_route(route))
        else:
            port = self._job.options.port
            places = [Place(host.host, address, port) for host in route.hosts for address in host.addresses]
            await self._work(places)
        return self.report()

    def report(self) -> BulkReport:
        """As things stand."""
        return self.tally.report(self._now() - self._start_s)

    async def _work(self, places: Sequence[Place]) -> None:
        workers = min(self._bulk.concurrency, self._bulk.count)
        await until_stopped(self._everyone(workers, places), self._stopped)

    async def _everyone(self, workers: int, places: Sequence[Place]) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(1, workers + 1):
                group.create_task(self._worker(number, places))

    async def _worker(self, number: int, places: Sequence[Place]) -> None:
        emit = self._emit(number)
        while self._more() and self._failures < FAILURES_MAX:
            session, setback = await self._session(places, emit)
            done = self.tally.done
            try:
                if setback is not None:
                    await self._note_unserved(setback, session)
                elif _may_pipeline(session, self._job.envelope):
                    commands = [*envelope_commands(session, self._job.envelope), Data()]
                    if self._journal is None:
                        await Pump(self, session, commands, self._now).run()
                    else:
                        await _Pipelined(self, session).run()
                else:
                    await self._lockstep(session)
                await hang_up(session)
            finally:
                await session.close()
            served = setback is None and self.tally.done > done
            self._failures = 0 if served else self._failures + 1

    async def _session(self, places: Sequence[Place], emit: Emit) -> tuple[Session, Setback | None]:
        """With the first place that serves; else with the last one and why not."""
        for place in places:
            session = Session(place, self._job.options, self._net, emit, None)
            try:
                setback = await open_session(session)
            except BaseException:
                await session.close()
                raise
            if setback is None or place is places[-1]:
                return session, setback
            await hang_up(session)
            await session.close()
        raise AssertionError("a route has at least one address")

    async def _note_unserved(self, setback: Setback, session: Session) -> None:
        if await self.take():
            self.tally.note(judge(setback, session.place.host))

    async def _lockstep(self, session: Session) -> None:
        while not session.talk.over and not spent(session) and await self.take():
            started = self._now()
            envelope = msgspec.structs.replace(self._job.envelope, content=next(self._content))
            _, outcomes = await transact_within(session, envelope)
            self.tally.note(worst([outcome.judgement for outcome in outcomes]), self._now() - started)

    # What the workers share

    def _more(self) -> bool:
        return not self._stopped.is_set() and (self._again > 0 or self._begun < self._bulk.count)

    def take_now(self) -> bool:
        """A message may be begun at once, and now counts as begun."""
        if not self._more() or self._due_in_s() > 0:
            return False
        if self._again:
            self._again -= 1
        else:
            self._begun += 1
        return True

    async def take(self) -> bool:
        """Waits for the moment at which the rate allows another; False where there is none."""
        while self._more():
            if self.take_now():
                return True
            try:
                async with asyncio.timeout(self._due_in_s()):
                    await self._stopped.wait()
            except TimeoutError:
                pass
        return False

    def give_back(self) -> None:
        """It was not handed over: another session shall carry it."""
        self._again += 1

    def next_content(self) -> bytes:
        return next(self._content)

    # What a pump asks

    def next_wire(self) -> Sequence[bytes]:
        """As `pump.Source.next_wire`."""
        return self._wires.next()

    def handed_over(self) -> None:
        """As `pump.Source.handed_over`."""
        self.tally.unknown += 1

    def answered(self, answer: Reply | Lost, started: float, host: str) -> None:
        """What was said to a content."""
        if isinstance(answer, Lost):
            return
        self.tally.unknown -= 1
        if answer.severity == 2:
            self.tally.accepted(answer, self._now() - started)
        else:
            self.refused(Setback("data", answer), started, host)

    def refused(self, setback: Setback, started: float, host: str) -> None:
        """A message that came to nothing."""
        self.tally.note(judge(setback, host), self._now() - started)

    def now(self) -> float:
        return self._now()

    @property
    def envelope(self) -> Envelope:
        return self._job.envelope

    def _due_in_s(self) -> float:
        if self._bulk.rate is None or self._again:
            return 0.0
        return self._start_s + self._begun / self._bulk.rate - self._now()

    def _now(self) -> float:
        return self._net.clock.monotonic()

    def _emit(self, number: int) -> Emit:
        if self._journal is None:
            return _untold
        return self._journal.scope(node=self._job.options.helo, hop=0, span=f"bulk/{number}")


class _Pipelined:
    """Messages over one session: each content leaves with the envelope of the next (RFC 2920 3.1)."""

    def __init__(self, run: BulkRun, session: Session) -> None:
        self._run = run
        self._talk = session.talk
        self._host = session.place.host
        self._commands: list[Command] = [*envelope_commands(session, run.envelope), Data()]

    async def run(self) -> None:
        if not await self._run.take():
            return
        started = self._run.now()
        answers: Sequence[Outcome] = await self._talk.ask_all(self._commands)
        while True:
            if self._talk.over:
                self._run.give_back()
                return
            setback = _setback(answers)
            if setback is None:
                begun, answers = await self._hand_over(started)
            else:
                self._run.tally.note(judge(setback, self._host), self._run.now() - started)
                await self._clear(answers[-1])
                begun = False
            started = self._run.now()
            if not begun:
                if not await self._run.take():
                    return
                started = self._run.now()
                answers = await self._talk.ask_all(self._commands)

    async def _hand_over(self, started: float) -> tuple[bool, Sequence[Outcome]]:
        """One content; whether another message was begun with it, and what was answered to that."""
        begun = self._run.take_now()
        self._run.tally.unknown += 1
        replies, answers = await self._talk.send_content_with(self._run.next_content(), self._commands if begun else ())
        self._run.tally.unknown -= 1
        setback = refused("data", replies[0])
        if setback is None and isinstance(replies[0], Reply):
            reply = replies[0]
            text = " ".join(reply.lines)
            judgement = Judgement("accepted", "data", reply.code, reply.enhanced, "reply", text, self._host)
            self._run.tally.note(judgement, self._run.now() - started)
        elif isinstance(replies[0], Lost):
            self._run.tally.unknown += 1
        elif setback is not None:
            self._run.tally.note(judge(setback, self._host), self._run.now() - started)
        return begun, answers

    async def _clear(self, answer: Outcome) -> None:
        """Out of a transaction that came to nothing; a 354 without recipients wants at least a dot."""
        if isinstance(answer, Reply) and answer.code == 354:
            await self._talk.send_content(b"")
        await self._talk.ask(Rset())


def _setback(answers: Sequence[Outcome]) -> Setback | None:
    """What was refused of MAIL, the RCPTs and DATA. One recipient refused of several is a message refused: each is
    one and the same every time, and half a success would count as a whole one."""
    for answer in answers[:-1]:
        if (setback := refused("envelope", answer)) is not None:
            return setback
    match answers[-1]:
        case Reply(code=354) | Skipped():
            return None
        case Reply() | Lost() as last:
            return Setback("data", last)


def _may_pipeline(session: Session, envelope: Envelope) -> bool:
    """RFC 2920; LMTP answers a content several times, and chunks need no DATA."""
    options = session.options
    return (
        "PIPELINING" in session.talk.client.extensions
        and options.pipeline is not False
        and options.dialect != "lmtp"
        and not options.chunking
        and (options.mend is None or not (envelope.smtputf8 or envelope.body != "7bit"))
        and shortfall_of(session, envelope) is None
        and len(batches(session, envelope.recipients)) == 1
    )


class Wires:
    """The message for each turn as it goes on the wire, its dots stuffed once for all."""

    def __init__(self, content: bytes, *, fresh: bool) -> None:
        wire = stuff(content)
        found = _MESSAGE_ID.search(wire) if fresh else None
        self._number = None if found is None else int(found[2], 16)
        start, end = (len(wire), len(wire)) if found is None else found.span(2)
        self._before, self._after = wire[:start], wire[end:]

    def next(self) -> Sequence[bytes]:
        """In pieces, of which only the Message-ID is new each time."""
        if self._number is None:
            return (self._before,)
        self._number = (self._number + 1) & (2**64 - 1)
        return self._before, b"%016x" % self._number, self._after


def _contents(content: bytes, *, fresh: bool) -> Iterator[bytes]:
    """The message for each turn, of one size, with a Message-ID of its own where we made it."""
    found = _MESSAGE_ID.search(content) if fresh else None
    if found is None:
        while True:
            yield content
    before, after, number = content[: found.start(2)], content[found.end(2) :], int(found[2], 16)
    while True:
        yield b"%b%016x%b" % (before, number & (2**64 - 1), after)
        number += 1


def _untold(event: Event) -> None:
    """Nobody listens."""
    del event
