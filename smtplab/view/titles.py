"""One line for each event, for lists and for the notes of a transcript; never longer than the facts need."""

from __future__ import annotations

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.view.meaning import reason_text, rule_text
from smtplab.view.safe import safe
from smtplab.view.texts import Texts


def title(record: Record, texts: Texts) -> str:
    """Always there, and safe for a terminal."""
    event = record.event
    match event:
        case ev.JourneyStarted() | ev.JourneyEnded():
            return _journey(event, texts)
        case ev.DnsQueried() | ev.DnsAnswered() | ev.DnsFailed():
            return _dns(event, texts)
        case ev.RouteFound() | ev.HostSkipped() | ev.PolicyFound():
            return _route(event, texts)
        case ev.ConnectStarted() | ev.Connected() | ev.ConnectFailed() | ev.Disconnected():
            return _connection(event, texts)
        case ev.CommandSent() | ev.CommandReceived() | ev.ReplyReceived() | ev.ReplySent():
            return _dialogue(event, texts)
        case ev.ExtensionsLearned() | ev.StateChanged() | ev.RuleBroken() | ev.Authenticated():
            return _session(event, texts)
        case ev.TlsStarted() | ev.TlsEstablished() | ev.TlsFailed():
            return _tls(event, texts)
        case ev.MessageSent() | ev.MessageReceived() | ev.BytesSent() | ev.BytesReceived() | ev.MailCollected():
            return _octets(event, texts)
        case _:
            return _queue_or_person(event, record.node, texts)


def reply_lines(reply: ev.ReplyReceived | ev.ReplySent) -> tuple[str, ...]:
    """A reply as it stood on the wire, line by line, safe for a terminal."""
    lines = reply.lines or ("",)
    if reply.code is None:
        return tuple(safe(line) for line in lines)
    last = len(lines) - 1
    return tuple(
        safe(f"{reply.code}{'-' if number < last else ' '}{line}").rstrip() for number, line in enumerate(lines)
    )


def _journey(event: ev.JourneyStarted | ev.JourneyEnded, texts: Texts) -> str:
    match event:
        case ev.JourneyStarted(recipient=recipient, sender=sender, mode=mode):
            if not recipient:
                return texts("note.session-started", mode=texts(f"mode.{mode}"))
            note = "note.journey-started" if sender else "note.journey-started.null"
            return texts(note, recipient=recipient, sender=sender, mode=texts(f"mode.{mode}"))
        case ev.JourneyEnded(result=result):
            return texts("note.journey-ended", result=texts(f"result.{result}"))


def _dns(event: ev.DnsQueried | ev.DnsAnswered | ev.DnsFailed, texts: Texts) -> str:
    question = {"name": event.name, "rrtype": event.rrtype, "server": event.server}
    match event:
        case ev.DnsQueried():
            return texts("note.dns-queried", **question)
        case ev.DnsAnswered(rcode=rcode, records=records, ms=ms):
            kind = "" if records else ".none" if rcode == "NOERROR" else ".rcode"
            kind = ".cached" if event.cached and records else kind
            facts = {"records": ", ".join(records), "rcode": rcode, "time": texts.duration(ms / 1000)}
            return texts(f"note.dns-answered{kind}", **question, **facts)
        case ev.DnsFailed(reason=reason):
            return texts("note.dns-failed", reason=reason_text(reason, texts), **question)


def _route(event: ev.RouteFound | ev.HostSkipped | ev.PolicyFound, texts: Texts) -> str:
    match event:
        case ev.RouteFound(domain=domain, hosts=hosts):
            if not hosts:
                return texts("note.route-found.none", domain=domain)
            return texts("note.route-found", domain=domain, hosts=", ".join(found.host for found in hosts))
        case ev.HostSkipped(host=host, reason=reason):
            return texts("note.host-skipped", host=host, reason=texts.first(f"skip.{reason}", f"reason.{reason}"))
        case ev.PolicyFound(kind=kind, policy=policy):
            return texts("note.policy-found", kind=kind, policy=policy)


def _connection(event: ev.ConnectStarted | ev.Connected | ev.ConnectFailed | ev.Disconnected, texts: Texts) -> str:
    match event:
        case ev.ConnectStarted(host=host, address=address, port=port):
            return texts("note.connect-started", host=host, address=address, port=port)
        case ev.Connected(host=host, address=address, port=port, ms=ms):
            time = texts.duration(ms / 1000)
            return texts("note.connected", host=host, address=address, port=port, time=time)
        case ev.ConnectFailed(host=host, address=address, port=port, ms=ms, reason=reason):
            time, said = texts.duration(ms / 1000), reason_text(reason, texts)
            return texts("note.connect-failed", host=host, address=address, port=port, time=time, reason=said)
        case ev.Disconnected(by=by, reason=reason):
            if reason and reason != "closed":
                return texts("note.disconnected.reason", reason=reason_text(reason, texts))
            return texts(f"note.disconnected.{by}")


def _dialogue(event: ev.CommandSent | ev.CommandReceived | ev.ReplyReceived | ev.ReplySent, texts: Texts) -> str:
    match event:
        case ev.CommandSent(line=line) | ev.CommandReceived(line=line):
            return safe(line)
        case ev.ReplyReceived() | ev.ReplySent():
            return reply_lines(event)[-1] or texts("note.reply.dropped")


def _session(event: ev.ExtensionsLearned | ev.StateChanged | ev.RuleBroken | ev.Authenticated, texts: Texts) -> str:
    match event:
        case ev.ExtensionsLearned(extensions=extensions):
            if not extensions:
                return texts("note.extensions-learned.none")
            return texts("note.extensions-learned", extensions=", ".join(extensions))
        case ev.StateChanged(old=old, new=new):
            return texts("note.state-changed", old=texts(f"state.{old}"), new=texts(f"state.{new}"))
        case ev.RuleBroken(rule=rule, by=by):
            return texts(f"note.rule-broken.{by}", rule=rule_text(rule, texts))
        case ev.Authenticated(mechanism=mechanism, user=user):
            return texts("note.authenticated", mechanism=mechanism, user=user)


def _tls(event: ev.TlsStarted | ev.TlsEstablished | ev.TlsFailed, texts: Texts) -> str:
    match event:
        case ev.TlsStarted(server_name=name):
            return texts("note.tls-started" if name else "note.tls-started.unnamed", server_name=name)
        case ev.TlsEstablished(version=version, cipher=cipher):
            verdict = ".verified" if event.verified_by else ".unverified" if event.problem else ""
            return texts(f"note.tls-established{verdict}", version=version, cipher=cipher)
        case ev.TlsFailed(reason=reason):
            return texts("note.tls-failed", reason=reason_text(reason, texts))


def _octets(
    event: ev.MessageSent | ev.MessageReceived | ev.BytesSent | ev.BytesReceived | ev.MailCollected, texts: Texts
) -> str:
    match event:
        case ev.MessageSent(octets=octets, transfer=transfer):
            return texts("note.message-sent", octets=texts.octets(octets), transfer=transfer)
        case ev.MessageReceived(octets=octets, transfer=transfer):
            return texts("note.message-received", octets=texts.octets(octets), transfer=transfer)
        case ev.BytesSent(data=data):
            return texts("note.bytes-sent", octets=texts.octets(len(data)))
        case ev.BytesReceived(data=data):
            return texts("note.bytes-received", octets=texts.octets(len(data)))
        case ev.MailCollected(mailbox=mailbox, octets=octets):
            return texts("note.mail-collected", mailbox=mailbox, octets=texts.octets(octets))


_QueueEvent = ev.Queued | ev.AttemptStarted | ev.Delivered | ev.Deferred | ev.Bounced | ev.BounceSent | ev.Dequeued
_PersonEvent = ev.GateHeld | ev.GateReleased | ev.Judged | ev.FaultInjected


def _queue_or_person(event: _QueueEvent | _PersonEvent, node: str, texts: Texts) -> str:
    match event:
        case ev.GateHeld() | ev.GateReleased() | ev.Judged() | ev.FaultInjected():
            return title_of_person(event, texts)
        case _:
            return _queue(event, node, texts)


def _queue(event: _QueueEvent, node: str, texts: Texts) -> str:
    match event:
        case ev.Queued(queue_id=queue_id):
            return texts("note.queued", node=node, queue_id=queue_id)
        case ev.AttemptStarted(queue_id=queue_id, number=number, host=host):
            return texts("note.attempt-started", node=node, queue_id=queue_id, number=number, host=host)
        case ev.Delivered(recipient=recipient):
            return texts("note.delivered", node=node, recipient=recipient)
        case ev.Deferred(recipient=recipient, next_attempt=moment, reason=reason):
            said = reason_text(reason, texts)
            return texts("note.deferred", node=node, recipient=recipient, next_attempt=clock_time(moment), reason=said)
        case ev.Bounced(recipient=recipient, status=status, diagnostic=diagnostic):
            said = reason_text(diagnostic, texts)
            return texts("note.bounced", node=node, recipient=recipient, status=status, diagnostic=said)
        case ev.BounceSent(recipient=recipient):
            return texts("note.bounce-sent", node=node, recipient=recipient)
        case ev.Dequeued(queue_id=queue_id, reason=reason):
            return texts("note.dequeued", node=node, queue_id=queue_id, reason=reason_text(reason, texts))


def title_of_person(event: _PersonEvent, texts: Texts) -> str:
    match event:
        case ev.GateHeld(line=line):
            return texts("note.gate-held", line=line)
        case ev.GateReleased(line=line, by=by):
            return texts(f"note.gate-released.{by}", line=line)
        case ev.Judged(check=check, verdict=verdict, detail=detail):
            ids = (f"note.judged.{check}.{verdict}", "note.judged" if detail else "note.judged.bare")
            return texts.first(*ids, check=check, verdict=verdict, detail=reason_text(detail, texts))
        case ev.FaultInjected(fault=fault, where=where):
            said = texts(f"fault.{fault}") if texts.has(f"fault.{fault}") else fault
            return texts("note.fault-injected", fault=said, where=where)


def clock_time(moment: str) -> str:
    """`2026-11-23 01:30:00 UTC` of ISO 8601 with Z, seconds' fractions off."""
    date, _, time = moment.partition("T")
    return f"{date} {time[:8]} UTC" if time else moment


def day_and_minute(moment: str) -> str:
    """`11-23 01:30` of ISO 8601 with Z, where there is little room and the year is clear."""
    return clock_time(moment)[5:16]
