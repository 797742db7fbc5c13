"""What a server lets one transaction and one session hold (LIMITS, RFC 9422), and a message's way within it."""

from __future__ import annotations

from collections.abc import Awaitable

import msgspec

from smtplab.mta.envelope import Envelope
from smtplab.mta.outcome import RecipientOutcome, Setback
from smtplab.mta.session import Session
from smtplab.mta.transaction import BeforeContent, Verdict, transact
from smtplab.wire.address import Mailbox


def batches(session: Session, recipients: tuple[Mailbox, ...]) -> list[tuple[Mailbox, ...]]:
    """Recipients in their order, as many at a time as one transaction may have (RFC 9422 6.2, 6.3)."""
    limits = session.talk.client.extensions.limits
    if not limits and recipients:
        return [recipients]
    most, domains_most = limits.get("RCPTMAX") or len(recipients), limits.get("RCPTDOMAINMAX") or len(recipients)
    found: list[list[Mailbox]] = []
    domains: set[str] = set()
    for who in recipients:
        domains.add(who.domain.lower())
        if not found or len(found[-1]) >= most or len(domains) > domains_most:
            found.append([])
            domains = {who.domain.lower()}
        found[-1].append(who)
    return [tuple(batch) for batch in found]


def spent(session: Session) -> bool:
    """May no further transaction be begun in this session (RFC 9422 6.1)?"""
    limit = session.talk.client.extensions.limits.get("MAILMAX")
    return limit is not None and session.transactions >= limit > 0


def transact_within(
    session: Session, envelope: Envelope, before_content: BeforeContent | None = None
) -> Awaitable[Verdict]:
    """As `transact`, in as many transactions as it takes. Outcomes are those of the first recipients only where the
    session may hold no more transactions: the others want another session."""
    groups = batches(session, envelope.recipients)
    if len(groups) == 1:
        return transact(session, envelope, before_content)
    return _transact_each(session, envelope, groups, before_content)


async def _transact_each(
    session: Session,
    envelope: Envelope,
    groups: list[tuple[Mailbox, ...]],
    before_content: BeforeContent | None,
) -> Verdict:
    outcomes: list[RecipientOutcome] = []
    setback: Setback | None = None
    for group in groups:
        if outcomes and spent(session):
            break
        setback, some = await transact(session, msgspec.structs.replace(envelope, recipients=group), before_content)
        outcomes += some
        if session.ended:
            break
    return setback, tuple(outcomes)
