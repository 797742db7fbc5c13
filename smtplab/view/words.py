"""One event, one sentence per language: what just happened and what it means, short and plain."""

from __future__ import annotations

import re

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.view.abilities import abilities
from smtplab.view.journey import Journey
from smtplab.view.meaning import Reply, is_pop3, meaning_of, path_of, problem_text
from smtplab.view.stages import refuses
from smtplab.view.texts import Texts
from smtplab.view.titles import title

__all__ = ["Speaker", "sentence", "title"]


class Speaker:
    """Says each sentence once: what was told of the first hop need not be told of the second."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._said: set[str] = set()

    def __call__(self, record: Record, journey: Journey) -> str | None:
        """As `sentence`, for records in their order; None where it was said before."""
        said = sentence(record, journey, self._texts)
        if said is None or said in self._said:
            return None
        self._said.add(said)
        return said


def sentence(record: Record, journey: Journey, texts: Texts) -> str | None:
    """One short sentence where the step needs one; None where it speaks for itself.

    The journey is the one just after this record.
    """
    if journey.tells_twice(record):
        return None
    event = record.event
    match event:
        case ev.JourneyStarted(mode=mode, world=world):
            return texts(f"say.journey-started.{mode}", world=world or "")
        case ev.DnsQueried() | ev.DnsAnswered() | ev.DnsFailed():
            return _of_dns(event, texts)
        case ev.RouteFound() | ev.HostSkipped():
            return _of_route(event, texts)
        case ev.ConnectFailed() | ev.Disconnected():
            return _of_connection(event, texts)
        case ev.ReplyReceived() | ev.ReplySent():
            return _of_reply(event, _host(record, journey), journey, texts)
        case ev.ExtensionsLearned() | ev.RuleBroken() | ev.Authenticated():
            return _of_session(event, journey, texts)
        case ev.TlsEstablished() | ev.TlsFailed():
            return _of_tls(event, _host(record, journey), texts)
        case _:
            return _of_the_rest(event, record.node, texts)


def _host(record: Record, journey: Journey) -> str:
    """Who is on the server's side of the record's dialogue."""
    session = journey.session_of(record)
    if session is not None and session.side == "server":
        return session.node
    hop = journey.hops.get(record.hop)
    return (session.host if session else "") or (hop.host if hop else "") or record.node


_REVERSED = re.compile(r"(?:\d{1,3}\.){4}|(?:[0-9a-f]\.){32}")
"""An address as a blocklist is asked for it (RFC 5782 2.1, 2.4)."""


def _of_dns(event: ev.DnsQueried | ev.DnsAnswered | ev.DnsFailed, texts: Texts) -> str | None:
    match event:
        case ev.DnsQueried(rrtype="MX", name=name):
            return texts("say.dns-queried.MX", name=name)
        case ev.DnsQueried():
            return None
        case ev.DnsFailed():
            return texts("say.dns-failed")
        case ev.DnsAnswered(rcode="NOERROR", rrtype="MX", name=name, records=records):
            return _of_mx(name, records, texts)
        case ev.DnsAnswered(rcode="NXDOMAIN", rrtype="A", name=name) if _REVERSED.match(name):
            return texts("say.dns-answered.not-listed")
        case ev.DnsAnswered(rcode="NXDOMAIN" | "SERVFAIL" | "REFUSED" as rcode, name=name):
            return texts(f"say.dns-answered.{rcode.lower()}", name=name)
        case ev.DnsAnswered():
            return None


def _of_mx(name: str, records: tuple[str, ...], texts: Texts) -> str:
    entries = sorted(_mx_entry(record) for record in records if not record.startswith("CNAME "))
    if not entries:
        return texts("say.dns-answered.no-mx", name=name)
    if all(host == "." for _, host in entries):
        return texts("say.dns-answered.null-mx", name=name)
    hosts = ", ".join(f"{host} ({preference})" for preference, host in entries)
    kind = "say.dns-answered.MX.one" if len(entries) == 1 else "say.dns-answered.MX"
    return texts(kind, number=len(entries), name=name, hosts=hosts)


def _mx_entry(record: str) -> tuple[int, str]:
    preference, _, host = record.partition(" ")
    return (int(preference) if preference.isdecimal() else 0, host.rstrip(".") or ".")


def _of_route(event: ev.RouteFound | ev.HostSkipped, texts: Texts) -> str:
    match event:
        case ev.HostSkipped():
            return texts("say.host-skipped")
        case ev.RouteFound(source=source, hosts=hosts):
            named = ", ".join(f"{found.host} [{', '.join(found.addresses)}]" for found in hosts)
            return texts(f"say.route.{source}", hosts=named)


def _of_connection(event: ev.ConnectFailed | ev.Disconnected, texts: Texts) -> str | None:
    match event:
        case ev.ConnectFailed(reason=reason, address=address, port=port):
            text_id = f"say.connect-failed.{reason}"
            return texts(text_id, address=address, port=port) if texts.has(text_id) else None
        case ev.Disconnected(by=by, clean=clean):
            return None if clean or by == "us" else texts("say.lost")


def _of_reply(reply: Reply, host: str, journey: Journey, texts: Texts) -> str | None:
    if reply.code is None:
        return _of_pop3(reply, host, texts) if is_pop3(reply) else texts("say.no-code")
    severity = reply.code // 100
    if reply.code == 421:
        return texts("say.refused.421", host=host)
    if reply.verb == "EHLO" and reply.code in (500, 502):
        return texts("say.ehlo-refused")
    if severity in (4, 5) and reply.verb:
        return texts(f"say.refused.{severity}", host=host, code=reply.code, meaning=meaning_of(reply, texts))
    name = {"": "greeting", ".": "content", "BDAT": "content"}.get(reply.verb, reply.verb.lower())
    text_id = f"say.{name}.{severity}"
    if not texts.has(text_id):
        return None
    answered = journey.session.answered if journey.session is not None else None
    recipient = path_of(answered.line) if answered is not None else ""
    return texts(text_id, host=host, recipient=recipient)


def _of_pop3(reply: Reply, host: str, texts: Texts) -> str | None:
    text_id = "say.pop3.no" if refuses(reply) else f"say.pop3.{reply.verb or 'greeting'}"
    return texts(text_id, host=host) if texts.has(text_id) else None


def _of_session(
    event: ev.ExtensionsLearned | ev.RuleBroken | ev.Authenticated, journey: Journey, texts: Texts
) -> str | None:
    match event:
        case ev.ExtensionsLearned() if journey.session is not None and journey.session.collects:
            return None
        case ev.ExtensionsLearned(extensions=extensions):
            in_clear = journey.session.extensions_in_clear if journey.session is not None else ()
            return _of_extensions(extensions, in_clear, texts)
        case ev.RuleBroken(rule=rule):
            return texts(f"rule-why.{rule}") if texts.has(f"rule-why.{rule}") else None
        case ev.Authenticated():
            return texts("say.authenticated")


def _of_extensions(extensions: tuple[str, ...], in_clear: tuple[str, ...], texts: Texts) -> str | None:
    if not in_clear:
        known = abilities(extensions, texts)
        return texts("say.extensions", abilities=", ".join(known)) if known else None
    new = abilities([line for line in extensions if line not in in_clear], texts)
    return texts("say.extensions.again" if new else "say.extensions.same", abilities=", ".join(new))


def _of_tls(event: ev.TlsEstablished | ev.TlsFailed, host: str, texts: Texts) -> str:
    match event:
        case ev.TlsFailed():
            return texts("say.tls-failed")
        case ev.TlsEstablished(verified_by=verified_by):
            if verified_by:
                return texts("say.tls.verified", host=host)
            problem = problem_text(event, host, texts)
            return texts("say.tls.problem", host=host, problem=problem) if problem else texts("say.tls.unverified")


_Speechless = (
    ev.JourneyEnded
    | ev.PolicyFound
    | ev.ConnectStarted
    | ev.Connected
    | ev.CommandSent
    | ev.CommandReceived
    | ev.StateChanged
    | ev.TlsStarted
    | ev.MessageSent
    | ev.MessageReceived
    | ev.BytesSent
    | ev.BytesReceived
    | ev.AttemptStarted
    | ev.Dequeued
    | ev.MailCollected
    | ev.GateHeld
    | ev.GateReleased
    | ev.Judged
    | ev.FaultInjected
)
"""Their line says all."""


def _of_the_rest(
    event: ev.Queued | ev.Delivered | ev.Deferred | ev.Bounced | ev.BounceSent | _Speechless, node: str, texts: Texts
) -> str | None:
    match event:
        case ev.Queued():
            return texts("say.queued", node=node)
        case ev.Delivered():
            return texts("say.delivered")
        case ev.Deferred():
            return texts("say.deferred", node=node)
        case ev.Bounced():
            return texts("say.bounced", node=node)
        case ev.BounceSent():
            return texts("say.bounce-sent")
        case _:
            return None
