"""Explains the beginning and the end, the queue, the mailbox, and what a person, a check or a fault did."""

from __future__ import annotations

from smtplab import events as ev
from smtplab.view.explain.explanation import Explanation, Facts, kept
from smtplab.view.meaning import reason_text
from smtplab.view.texts import Texts
from smtplab.view.titles import clock_time, title_of_person

QueueEvent = (
    ev.Queued
    | ev.AttemptStarted
    | ev.Delivered
    | ev.Deferred
    | ev.Bounced
    | ev.BounceSent
    | ev.Dequeued
    | ev.MailCollected
)


def explain_journey(event: ev.JourneyStarted | ev.JourneyEnded, texts: Texts) -> Explanation:
    match event:
        case ev.JourneyStarted(recipient=recipient, sender=sender, mode=mode, world=world, seed=seed):
            if not recipient:
                own = texts("explain.session-started"), texts(f"say.journey-started.{mode}", world=world or "")
                return Explanation(texts("explain.title.session-started"), own)
            paragraphs = (
                texts("explain.journey-started", recipient=recipient, sender=sender or "<>"),
                texts(f"explain.journey-started.{mode}"),
            )
            facts = [
                (texts("fact.recipient"), recipient),
                (texts("fact.sender"), sender or "<>"),
                (texts("fact.mode"), texts(f"mode.{mode}")),
            ]
            facts += [(texts("fact.world"), world)] if world is not None else []
            facts += [(texts("fact.seed"), str(seed))] if seed is not None else []
            refs = ("RFC 5321 2.3.1",)
            return Explanation(texts("explain.title.journey-started"), paragraphs, tuple(facts), refs)
        case ev.JourneyEnded(result=result, code=code, enhanced=enhanced, detail=detail):
            said = texts("note.journey-ended", result=texts(f"result.{result}"))
            means_id = f"means.{result}"
            # What a failure means is the summary's to say: it needs all of the records.
            means = texts(means_id) if result in ("delivered", "accepted", "stopped") else ""
            ended = [(texts("fact.code"), str(code))] if code is not None else []
            ended += [(texts("fact.enhanced"), enhanced)] if enhanced else []
            ended += [(texts("fact.detail"), reason_text(detail, texts))] if detail else []
            refs = ("RFC 5321 6.1",)
            return Explanation(texts("explain.title.journey-ended"), kept(f"{said}.", means), tuple(ended), refs)


def explain_queue(event: QueueEvent, node: str, texts: Texts) -> Explanation:
    match event:
        case ev.Delivered(recipient=recipient, mailbox=mailbox):
            facts = ((texts("fact.recipient"), recipient),)
            said = texts("explain.delivered", mailbox=mailbox)
            return Explanation(texts("explain.title.delivered"), (said,), facts, ("RFC 5321 4.4",))
        case ev.MailCollected(protocol=protocol, octets=octets):
            facts = ((texts("fact.size"), texts.octets(octets)),)
            said = texts("explain.mail-collected", protocol=protocol.upper())
            return Explanation(texts("explain.title.mail-collected"), (said,), facts, ("RFC 1939",))
        case ev.Queued() | ev.AttemptStarted() | ev.Dequeued():
            return _at_rest(event, node, texts)
        case ev.Deferred() | ev.Bounced() | ev.BounceSent():
            return _in_trouble(event, texts)


def _at_rest(event: ev.Queued | ev.AttemptStarted | ev.Dequeued, node: str, texts: Texts) -> Explanation:
    facts: Facts = ((texts("fact.queue-id"), event.queue_id), (texts("fact.node"), node))
    match event:
        case ev.Queued():
            said = texts("explain.queued", node=node)
            return Explanation(texts("explain.title.queued"), (said,), facts, ("RFC 5321 2.1", "RFC 5321 6.1"))
        case ev.AttemptStarted(number=number, host=host):
            said = texts("explain.attempt-started", number=number)
            facts = (*facts, (texts("fact.host"), host))
            return Explanation(texts("explain.title.attempt-started"), (said,), facts, ("RFC 5321 4.5.4",))
        case ev.Dequeued(reason=reason):
            said = texts("explain.dequeued", reason=reason_text(reason, texts))
            return Explanation(texts("explain.title.dequeued"), (said,), facts, ("RFC 5321 6.1",))


def _in_trouble(event: ev.Deferred | ev.Bounced | ev.BounceSent, texts: Texts) -> Explanation:
    facts: Facts = ((texts("fact.queue-id"), event.queue_id), (texts("fact.recipient"), event.recipient))
    match event:
        case ev.Deferred(next_attempt=moment, reason=reason):
            said = texts("explain.deferred", reason=reason_text(reason, texts), next_attempt=clock_time(moment))
            return Explanation(texts("explain.title.deferred"), (said,), facts, ("RFC 5321 4.5.4.1",))
        case ev.Bounced(status=status, diagnostic=diagnostic):
            said = texts("explain.bounced", status=status, diagnostic=reason_text(diagnostic, texts))
            means_id = f"status.{status.partition('.')[2]}"
            means = (
                texts("explain.reply.enhanced", enhanced=status, meaning=texts(means_id)) if texts.has(means_id) else ""
            )
            facts = (*facts, (texts("fact.enhanced"), status))
            return Explanation(texts("explain.title.bounced"), kept(said, means), facts, ("RFC 5321 6.1", "RFC 3463"))
        case ev.BounceSent(recipient=recipient):
            paragraphs = (texts("explain.bounce-sent", recipient=recipient), texts("say.bounce-sent"))
            return Explanation(texts("explain.title.bounce-sent"), paragraphs, facts, ("RFC 3464", "RFC 5321 4.5.5"))


def explain_person(event: ev.GateHeld | ev.GateReleased | ev.Judged | ev.FaultInjected, texts: Texts) -> Explanation:
    said = title_of_person(event, texts)
    match event:
        case ev.GateHeld():
            return Explanation(texts("explain.title.gate-held"), (said, texts("explain.gate-held")))
        case ev.GateReleased(by=by):
            return Explanation(texts("explain.title.gate-released"), (said, texts(f"explain.gate-released.{by}")))
        case ev.Judged(check=check, verdict=verdict):
            why = texts.first(f"explain.judged.{check}", "explain.judged", check=check, verdict=verdict)
            return Explanation(texts("explain.title.judged"), (said, why))
        case ev.FaultInjected(where=where):
            return Explanation(
                texts("explain.title.fault-injected"), (said, texts("explain.fault-injected", where=where))
            )
