"""Sends many messages, each with an envelope of its own, over a few sessions that are kept from one to the next."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Sequence

import msgspec

from smtplab.journal import Journal, Record, Scope
from smtplab.lab.bad_input import BadInput
from smtplab.lab.grace import until_stopped
from smtplab.lab.sending import Sending
from smtplab.lab.tally import BulkReport, Failed, Tally
from smtplab.mta.deliver import deliver
from smtplab.mta.kept import Kept
from smtplab.mta.outcome import Judgement, RecipientOutcome, worst
from smtplab.net.ports import Net
from smtplab.told import Told

FAILURES_MAX = 5
"""In a row, then no other message is tried there: the place is down, and each try may take minutes."""


class Item(msgspec.Struct, frozen=True):
    """One message of a mailing."""

    name: str
    """What a person calls it: a row, a file."""
    place: str
    """The server, or the domain of its first recipient: messages to the same hosts follow each other in one session."""
    make: Callable[[], Sending]
    """Its jobs; made when its turn comes, for a mailing may be large."""


class Mailing(msgspec.Struct, frozen=True, kw_only=True):
    items: Sequence[Item]
    net: Net
    concurrency: int = 1
    rate: float | None = None
    """Messages a second, all connections together; None for as fast as they are taken."""


class MailingRun:
    """One run; `stop` ends it in good order. As `bulk.BulkRun` to whoever shows it."""

    def __init__(self, mailing: Mailing, on_record: Callable[[Record], None] | None) -> None:
        self.tally = Tally(len(mailing.items))
        self._mailing = mailing
        self._net = mailing.net
        self._journal = Journal(self._net.clock.now, on_record or _nobody, keep=False)
        self._untold = on_record is None
        self._left = deque(sorted(mailing.items, key=lambda item: item.place))
        self._under_way: dict[int, str] = {}
        self._begun = 0
        self._failed: list[Failed] = []
        self._down: Counter[str] = Counter()
        """How often a place could not be reached, in a row."""
        self._stopped = asyncio.Event()
        self._start_s = self._now()

    def stop(self) -> None:
        """No message is begun any more; what is under way goes on to its reply."""
        self._stopped.set()

    async def __call__(self) -> BulkReport:
        """Cancelling it closes the sockets."""
        self._start_s = self._now()
        await until_stopped(self._everyone(), self._stopped)
        return self.report()

    def report(self) -> BulkReport:
        """As things stand."""
        report = self.tally.report(self._now() - self._start_s)
        unsent = tuple(item.name for item in self._left)
        unknown = tuple(self._under_way.values())
        return msgspec.structs.replace(
            report,
            failed=tuple(self._failed),
            unsent=unsent,
            doubtful=unknown,
            not_sent=len(unsent),
            unknown=len(unknown),
        )

    async def _everyone(self) -> None:
        workers = min(self._mailing.concurrency, len(self._mailing.items))
        async with asyncio.TaskGroup() as group:
            for number in range(1, workers + 1):
                group.create_task(self._worker(number))

    async def _worker(self, number: int) -> None:
        kept = Kept()
        scope = self._journal.scope(node="", hop=0, span=f"mailing/{number}")
        try:
            while await self._may_begin():
                item = self._left.popleft()
                self._begun += 1
                self._under_way[number] = item.name
                started = self._now()
                if self._down[item.place] >= FAILURES_MAX:
                    self._not_tried(item, Judgement("deferred", "connect", reason="destination-suspended"))
                else:
                    try:
                        sending = item.make()
                    except BadInput as bad:
                        why = str(Told(bad.text, bad.arguments))
                        self._not_tried(item, Judgement("refused", "submit", reason="unreadable", detail=why))
                    else:
                        self._note(item, await self._deliver(sending, scope, kept), self._now() - started)
                self._under_way.pop(number)
        finally:
            await kept.end()

    async def _deliver(self, sending: Sending, scope: Scope, kept: Kept) -> list[RecipientOutcome]:
        outcomes: list[RecipientOutcome] = []
        for job in sending.jobs:
            options = msgspec.structs.replace(job.options, untold=self._untold)
            own = self._journal.scope(node=options.helo, hop=0, span=scope.span)
            delivery = await deliver(msgspec.structs.replace(job, options=options, kept=kept), self._net, own)
            outcomes += delivery.outcomes
        return outcomes

    def _note(self, item: Item, outcomes: Sequence[RecipientOutcome], latency_s: float) -> None:
        judgement = worst([outcome.judgement for outcome in outcomes])
        self.tally.note(judgement, latency_s)
        down = judgement.retriable and judgement.stage in ("dns", "connect", "greeting")
        self._down[item.place] = self._down[item.place] + 1 if down else 0
        for outcome in outcomes:
            fate = outcome.judgement
            if not fate.good:
                why = fate.detail if fate.reason == "reply" else fate.reason
                self._failed.append(Failed(item.name, str(outcome.recipient), fate.result, fate.code, why))

    def _not_tried(self, item: Item, judgement: Judgement) -> None:
        """It can't be read any more as when the mailing began, or its hosts are down."""
        self.tally.note(judgement)
        why = " ".join(filter(None, (judgement.reason, judgement.detail)))
        self._failed.append(Failed(item.name, "", judgement.result, None, why))

    async def _may_begin(self) -> bool:
        """Waits for the moment at which the rate allows another; False where there is none."""
        while self._left and not self._stopped.is_set():
            rate = self._mailing.rate
            due_in_s = 0.0 if rate is None else self._start_s + self._begun / rate - self._now()
            if due_in_s <= 0:
                return True
            try:
                async with asyncio.timeout(due_in_s):
                    await self._stopped.wait()
            except TimeoutError:
                pass
        return False

    def _now(self) -> float:
        return self._net.clock.monotonic()


def _nobody(record: Record) -> None:
    del record
