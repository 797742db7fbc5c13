"""What the inspector says of one record: what it is, what was decided from it and why, and where that is written."""

from __future__ import annotations

import msgspec

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.view.explain.dialogue import explain_command, explain_reply
from smtplab.view.explain.explanation import Explanation
from smtplab.view.explain.names import explain_dns, explain_route
from smtplab.view.explain.passage import explain_connection, explain_content, explain_session, explain_tls
from smtplab.view.explain.story import explain_journey, explain_person, explain_queue
from smtplab.view.journey import Journey
from smtplab.view.safe import safe
from smtplab.view.texts import Texts

__all__ = ["Explanation", "explain"]


def explain(record: Record, journey: Journey, texts: Texts) -> Explanation:
    """Safe for a terminal, but for `raw`. The journey is the one just after this record."""
    found = _explained(record, journey, texts)
    facts = tuple((safe(label), safe(value)) for label, value in found.facts)
    return msgspec.structs.replace(found, facts=facts, refs=tuple(safe(ref) for ref in found.refs))


def _explained(record: Record, journey: Journey, texts: Texts) -> Explanation:
    event = record.event
    session = journey.session_of(record)
    match event:
        case ev.DnsQueried() | ev.DnsAnswered() | ev.DnsFailed():
            return explain_dns(event, texts)
        case ev.RouteFound() | ev.HostSkipped() | ev.PolicyFound():
            return explain_route(event, texts)
        case ev.ConnectStarted() | ev.Connected() | ev.ConnectFailed() | ev.Disconnected():
            return explain_connection(event, texts)
        case ev.CommandSent() | ev.CommandReceived():
            return explain_command(event, session, texts)
        case ev.ReplyReceived() | ev.ReplySent():
            return explain_reply(event, session, texts)
        case ev.ExtensionsLearned() | ev.StateChanged() | ev.RuleBroken() | ev.Authenticated():
            return explain_session(event, texts)
        case ev.TlsStarted() | ev.TlsEstablished() | ev.TlsFailed():
            return explain_tls(event, session, texts)
        case ev.MessageSent() | ev.MessageReceived() | ev.BytesSent() | ev.BytesReceived():
            return explain_content(event, texts)
        case _:
            return _story(event, record.node, texts)


_QueueEvent = (
    ev.Queued
    | ev.AttemptStarted
    | ev.Delivered
    | ev.Deferred
    | ev.Bounced
    | ev.BounceSent
    | ev.Dequeued
    | ev.MailCollected
)
_PersonEvent = ev.GateHeld | ev.GateReleased | ev.Judged | ev.FaultInjected


def _story(
    event: ev.JourneyStarted | ev.JourneyEnded | _QueueEvent | _PersonEvent, node: str, texts: Texts
) -> Explanation:
    match event:
        case ev.JourneyStarted() | ev.JourneyEnded():
            return explain_journey(event, texts)
        case ev.GateHeld() | ev.GateReleased() | ev.Judged() | ev.FaultInjected():
            return explain_person(event, texts)
        case _:
            return explain_queue(event, node, texts)
