"""One mail transaction in an open session: MAIL, RCPT, the content, and a verdict for each recipient."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from smtplab.events import Judged, RuleBroken
from smtplab.mta.envelope import Envelope, Needed
from smtplab.mta.outcome import (
    LackingReason,
    RecipientOutcome,
    Setback,
    Shortfall,
    accepted,
    failed,
    left_for_later,
    says_too_many,
    stopped,
)
from smtplab.mta.session import Session, refused
from smtplab.mta.talk import Outcome, Skipped, Talk
from smtplab.net.ports import Lost
from smtplab.smtp.client import PRDR_BEGINS
from smtplab.wire.address import Mailbox
from smtplab.wire.command import Command, Data, Mail, Parameters, Rcpt
from smtplab.wire.reply import Reply

Verdict = tuple[Setback | None, tuple[RecipientOutcome, ...]]

Offered = Mapping[str, tuple[str, ...]]
"""As `Extensions.offered`."""

BeforeContent = Callable[[str, Sequence[Mailbox]], Awaitable[bool]]
"""Given the host and those who will get it; the content leaves only after a True."""


async def transact(session: Session, envelope: Envelope, before_content: BeforeContent | None = None) -> Verdict:
    """One outcome per recipient, in the envelope's order, and the setback that ended it for all, if one did."""
    session.transactions += 1
    if session.options.mend is not None:
        envelope, changed = session.options.mend(envelope, session.talk.client.extensions)
        if changed:
            session.emit(Judged("message", "mended", changed))
    shortfall = shortfall_of(session, envelope)
    if shortfall is not None:
        return _all_failed(session, envelope, Setback("envelope", shortfall))
    mail, *rcpts = await _ask_envelope(session, envelope)
    setback = refused("envelope", mail)
    if setback is not None:
        return _all_failed(session, envelope, setback)
    if session.stop_at("mail", "envelope", mail):
        return None, tuple(_stopped(session, who, mail) for who in envelope.recipients)
    return await _finish(session, envelope, rcpts, before_content)


# The envelope


def shortfall_of(session: Session, envelope: Envelope) -> Shortfall | None:
    """What the server's announcements rule out before anything is asked."""
    extensions, options = session.talk.client.extensions, session.options
    offered = extensions.offered
    if envelope.smtputf8 and "SMTPUTF8" not in offered:
        return Shortfall("smtputf8-not-offered")
    if envelope.mail_parameters and "REQUIRETLS" in envelope.mail_parameters and "REQUIRETLS" not in offered:
        return Shortfall("requiretls-not-offered")  # RFC 8689 4.2.1
    if options.prdr and "PRDR" not in offered:
        return Shortfall("prdr-not-offered")
    if envelope.body == "binary" and not ("BINARYMIME" in offered and "CHUNKING" in offered):
        return Shortfall("binarymime-not-offered")  # RFC 3030 3
    for keyword in envelope.needs:
        if keyword not in offered:
            return Shortfall(_NOT_OFFERED[keyword])
    limit = extensions.size_octets_max
    if limit is not None and len(envelope.content) > limit:
        return Shortfall("too-large", str(limit))  # RFC 1870 6.1
    return None


_NOT_OFFERED: dict[Needed, LackingReason] = {
    "DELIVERBY": "deliverby-not-offered",
    "FUTURERELEASE": "futurerelease-not-offered",
    "MT-PRIORITY": "mt-priority-not-offered",
    "DSN": "dsn-not-offered",
}


def _ask_envelope(session: Session, envelope: Envelope) -> Awaitable[list[Outcome]]:
    """MAIL and each RCPT: the replies in this order.

    RFC 2920 3.1 would let DATA leave with them. Ours waits, as BDAT must: a DATA for which nobody is left would be
    answered with a 554 that says nothing new, or with a 354 for a message to nobody.
    """
    commands = envelope_commands(session, envelope)
    if session.options.ends_at("mail"):
        return session.talk.ask_all(commands[:1])
    if _pipelines(session):
        return session.talk.ask_all(commands)
    return _ask_one_by_one(session.talk, commands)


async def _ask_one_by_one(talk: Talk, commands: Sequence[Command]) -> list[Outcome]:
    mail, *rcpts = commands
    answers = [await talk.ask(mail)]
    if refused("envelope", answers[0]) is None:
        for rcpt in rcpts:
            answers.append(await talk.ask(rcpt))  # noqa: PERF401 - one after the other is the point
    return answers


def envelope_commands(session: Session, envelope: Envelope) -> list[Command]:
    """MAIL and a RCPT for each recipient, with what this server understands of what the message needs."""
    offered, route = session.talk.client.extensions.offered, session.options.source_route
    commands: list[Command] = [Mail(envelope.reverse_path, _mail_parameters(session, envelope, offered))]
    for who in envelope.recipients:
        commands.append(Rcpt(who, _rcpt_parameters(envelope, who, offered), route))  # noqa: PERF401 - of two kinds
    return commands


def _mail_parameters(session: Session, envelope: Envelope, offered: Offered) -> Parameters:
    parameters: Parameters = {}
    if "SIZE" in offered:
        parameters["SIZE"] = str(len(envelope.content))
    if session.options.prdr:
        parameters["PRDR"] = None
    if envelope.body == "binary":
        parameters["BODY"] = "BINARYMIME"
    elif envelope.body == "8bit":
        if "8BITMIME" in offered:
            parameters["BODY"] = "8BITMIME"
        else:
            # Sent as it is: every server of today passes eight bits on, and rewriting would break signatures.
            session.emit(RuleBroken("8bitmime-not-announced", "us", "", "RFC 6152 3"))
    if envelope.smtputf8:
        parameters["SMTPUTF8"] = None
    _add_wishes(parameters, envelope, offered)
    parameters.update(envelope.mail_parameters)
    return parameters


def _add_wishes(parameters: Parameters, envelope: Envelope, offered: Offered) -> None:
    """What the sender asked for, as far as this server can know what to do about it."""
    if envelope.ret and "DSN" in offered:
        parameters["RET"] = envelope.ret
    if envelope.envid and "DSN" in offered:
        parameters["ENVID"] = envelope.envid
    if envelope.tls_wished and "REQUIRETLS" in offered:
        parameters["REQUIRETLS"] = None
    if envelope.priority and "MT-PRIORITY" in offered:
        parameters["MT-PRIORITY"] = str(envelope.priority)


def _rcpt_parameters(envelope: Envelope, recipient: Mailbox, offered: Offered) -> Parameters:
    """What the sender asked for goes on unchanged (RFC 3461 5.2.1)."""
    if not envelope.asked or "DSN" not in offered:
        return envelope.rcpt_parameters
    asked = envelope.asked_for(recipient)
    parameters: Parameters = {}
    if asked.notify:
        parameters["NOTIFY"] = ",".join(asked.notify)
    if asked.orcpt:
        parameters["ORCPT"] = asked.orcpt
    return {**parameters, **envelope.rcpt_parameters}


def _pipelines(session: Session) -> bool:
    wanted = session.options.pipeline
    if wanted is None:
        return "PIPELINING" in session.talk.client.extensions.offered and not session.talk.gated
    return wanted


def _chunks(session: Session, envelope: Envelope) -> bool:
    """A binary message can go no other way (RFC 3030 3)."""
    wanted = session.options.chunking or envelope.body == "binary"
    return wanted and "CHUNKING" in session.talk.client.extensions.offered


def _ends_at_rcpt(session: Session) -> bool:
    return session.options.ends_at("rcpt") or not session.options.transmit


# The recipients and the content


async def _finish(
    session: Session, envelope: Envelope, rcpts: Sequence[Outcome], before_content: BeforeContent | None
) -> Verdict:
    host, people = session.place.host, envelope.recipients
    fates = _fates(people, rcpts, host)
    if _ends_at_rcpt(session):
        session.stop_at("rcpt", "envelope")
        pairs = zip(fates, people, rcpts, strict=True)
        return None, tuple(fate or _stopped(session, who, answer) for fate, who, answer in pairs)
    refusals = [fate for fate in fates if fate is not None]
    takers = [who for who, fate in zip(people, fates, strict=True) if fate is None] if refusals else people
    if not takers:
        return None, tuple(refusals)
    setback: Setback | None
    if before_content is not None and not await before_content(host, takers):
        setback = not_noted = Setback("data", Shortfall("not-noted"))
        results = [failed(who, not_noted, host) for who in takers]
    else:
        setback, results = await _send(session, envelope, takers)
    if not refusals:
        return setback, tuple(results)
    left = iter(results)
    return setback, tuple(next(left) if fate is None else fate for fate in fates)


def _fates(people: Sequence[Mailbox], answers: Sequence[Outcome], host: str) -> list[RecipientOutcome | None]:
    """By the answer to each RCPT; None for one that will get the content."""
    fates: list[RecipientOutcome | None] = []
    some_accepted = False
    for who, answer in zip(people, answers, strict=True):
        setback = Setback("envelope", Shortfall("skipped")) if type(answer) is Skipped else refused("envelope", answer)
        some_accepted = some_accepted or setback is None
        if setback is None:
            fates.append(None)
        elif some_accepted and isinstance(answer, Reply) and says_too_many(answer):
            fates.append(left_for_later(who, answer, host))
        else:
            fates.append(failed(who, setback, host))
    return fates


async def _send(
    session: Session, envelope: Envelope, takers: Sequence[Mailbox]
) -> tuple[Setback | None, list[RecipientOutcome]]:
    """The content, for those recipients that were accepted."""
    host, talk = session.place.host, session.talk
    if _chunks(session, envelope):
        replies = await _send_chunks(session, envelope.content, session.options.chunk_octets)
    else:
        answer = await talk.ask(Data())
        if not (isinstance(answer, Reply) and answer.code == 354):
            setback = _no_content(answer)
            return setback, [failed(who, setback, host) for who in takers]
        if session.stop_at("go-ahead", "data", answer):
            return None, [_stopped(session, who, answer) for who in takers]
        replies = await talk.send_content(envelope.content)
    if isinstance(replies, Skipped):
        setback = Setback("data", Shortfall("skipped"))
        return setback, [failed(who, setback, host) for who in takers]
    notifies = "DSN" in talk.client.extensions.offered
    return _verdicts(takers, _for_each(replies), host, notifies=notifies)


def _for_each(replies: list[Reply | Lost]) -> list[Reply | Lost]:
    """PRDR's replies between the first and the last, unless the last refuses for all (draft-hall-prdr 3.4)."""
    first, last = replies[0], replies[-1]
    if not isinstance(first, Reply) or first.code != PRDR_BEGINS or len(replies) < 3:
        return replies
    return replies[1:-1] if refused("data", last) is None else [last]


def _no_content(answer: Outcome) -> Setback:
    if isinstance(answer, Skipped):
        return Setback("data", Shortfall("skipped"))
    return Setback("data", answer)


async def _send_chunks(session: Session, content: bytes, size: int) -> list[Reply | Lost] | Skipped:
    """RFC 3030 2: a refused chunk ends the transaction; the rest is not sent."""
    for start in range(0, max(1, len(content)), size):
        chunk = content[start : start + size]
        last = start + size >= len(content)
        replies = await session.talk.send_chunk(chunk, last=last)
        if last or isinstance(replies, Skipped) or refused("data", replies[0]) is not None:
            return replies
    raise AssertionError("the last chunk returns")


def _verdicts(
    takers: Sequence[Mailbox], replies: Sequence[Reply | Lost], host: str, *, notifies: bool
) -> tuple[Setback | None, list[RecipientOutcome]]:
    """SMTP answers once for all, LMTP for each in the order of their RCPT (RFC 2033 4.2)."""
    results = []
    setback = None
    for index, who in enumerate(takers):
        reply = replies[min(index, len(replies) - 1)]
        refusal = refused("data", reply)
        if refusal is None and isinstance(reply, Reply):
            results.append(accepted(who, reply, host, notifies=notifies))
        else:
            setback = refusal or Setback("data", reply)
            results.append(failed(who, setback, host))
    return setback, results


def _all_failed(session: Session, envelope: Envelope, setback: Setback) -> Verdict:
    return setback, tuple(failed(who, setback, session.place.host) for who in envelope.recipients)


def _stopped(session: Session, recipient: Mailbox, answer: Outcome) -> RecipientOutcome:
    return stopped(recipient, "envelope", answer if isinstance(answer, Reply) else None, session.place.host)
