"""Delivers one message to one domain: the route, then every host and every address in turn, until one takes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from smtplab.events import HostSkipped
from smtplab.journal import Scope
from smtplab.mta.attempt import Attempt, Errand, attempt
from smtplab.mta.envelope import Envelope
from smtplab.mta.kept import Kept
from smtplab.mta.options import Routing, SessionOptions
from smtplab.mta.outcome import (
    Judgement,
    NoRoute,
    RecipientOutcome,
    final_word,
    judge_no_route,
    stopped,
    worst,
)
from smtplab.mta.route import Route, find_route
from smtplab.mta.session import Place
from smtplab.mta.talk import Gate
from smtplab.mta.transaction import BeforeContent
from smtplab.net.ports import Net
from smtplab.wire.address import Mailbox


class Delivery(msgspec.Struct, frozen=True):
    """What became of a message at one domain."""

    outcomes: tuple[RecipientOutcome, ...]
    """One per recipient, in the envelope's order."""
    attempts: tuple[Attempt, ...]
    """Every session tried, in order; empty where there was no route."""
    no_route: NoRoute | None = None

    @property
    def judgement(self) -> Judgement:
        """The worst of the recipients' fates: the whole delivery is called after it."""
        return worst([outcome.judgement for outcome in self.outcomes])


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What to deliver, and how."""

    domain: str
    """Where to: the recipients' common domain or literal; ignored where the routing names a server."""
    envelope: Envelope
    options: SessionOptions
    routing: Routing
    before_content: BeforeContent | None = None
    kept: Kept | None = None


class _Board:
    """Who still waits for a host, and what the hosts tried so far said of each."""

    def __init__(self, envelope: Envelope) -> None:
        self._envelope = envelope
        self._fates: list[RecipientOutcome | None] = [None] * len(envelope.recipients)
        self._tries: list[list[Judgement]] = [[] for _ in envelope.recipients]
        self.waiting = range(len(envelope.recipients))

    waiting: Sequence[int]
    """By their place in the envelope."""

    def envelope(self) -> Envelope:
        """For those who still wait."""
        if len(self.waiting) == len(self._envelope.recipients):
            return self._envelope
        who = tuple(self._envelope.recipients[index] for index in self.waiting)
        return msgspec.structs.replace(self._envelope, recipients=who)

    def note(self, outcomes: tuple[RecipientOutcome, ...]) -> None:
        waiting = []
        for index, outcome in zip(self.waiting, outcomes, strict=True):
            if outcome.next_host:
                self._tries[index].append(outcome.judgement)
                waiting.append(index)
            else:
                self._fates[index] = outcome
        self.waiting = waiting

    def outcomes(self) -> tuple[RecipientOutcome, ...]:
        """No host is left: each has the last word that counts."""
        whole = zip(self._envelope.recipients, self._fates, self._tries, strict=True)
        return tuple(fate or RecipientOutcome(who, final_word(tries)) for who, fate, tries in whole)


async def deliver(job: Job, net: Net, scope: Scope, gate: Gate | None = None) -> Delivery:
    """Never raises for what the network does. The facts of each session stand in `scope.within(host)`."""
    people = job.envelope.recipients
    route = await find_route(job.domain, net, job.routing, scope)
    if not isinstance(route, Route):
        verdict = judge_no_route(route)
        return Delivery(tuple(RecipientOutcome(who, verdict) for who in people), (), route)
    if job.options.quit_after == "dns":
        return Delivery(tuple(stopped(who, "dns", None, "") for who in people), ())
    envelope, board = job.envelope, None
    attempts = []
    for place, span in _places(route, job.options.port, scope):
        result = await attempt(place, Errand(envelope, job.options, job.before_content, job.kept), net, span, gate)
        attempts.append(result)
        if board is None:
            if not any(outcome.next_host for outcome in result.outcomes):
                # As nearly always: the first host had the last word for everybody.
                return Delivery(result.outcomes, (result,))
            board = _Board(job.envelope)
        board.note(result.outcomes)
        if not board.waiting:
            break
        envelope = board.envelope()
    assert board is not None, "a route has a host, and that an address"
    return Delivery(board.outcomes(), tuple(attempts))


def domains_of(recipients: tuple[Mailbox, ...]) -> dict[str, tuple[Mailbox, ...]]:
    """Recipients by domain, which is what a route is for; in order of first mention."""
    if len(recipients) == 1:
        return {recipients[0].domain.lower(): recipients}
    grouped: dict[str, list[Mailbox]] = {}
    for who in recipients:
        grouped.setdefault(who.domain.lower(), []).append(who)
    return {domain: tuple(people) for domain, people in grouped.items()}


def _places(route: Route, port: int, scope: Scope) -> Iterator[tuple[Place, Scope]]:
    """Every address once: under another name it is the same server with the same answer."""
    tried: set[str] = set()
    for host in route.hosts:
        span = scope.within(host.host)
        for number, address in enumerate(host.addresses, 1):
            if address in tried:
                scope(HostSkipped(host.host, "already-tried"))
                continue
            tried.add(address)
            yield Place(host.host, address, port), span if number == 1 else span.within(str(number))
