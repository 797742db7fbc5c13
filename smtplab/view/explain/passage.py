"""Explains the connection, TLS, what is learned in a session and the content that goes through it."""

from __future__ import annotations

from smtplab import events as ev
from smtplab.view.abilities import ability_facts
from smtplab.view.explain.explanation import Explanation, Facts, kept
from smtplab.view.meaning import problem_text, reason_text, rule_text
from smtplab.view.session import Session
from smtplab.view.texts import Texts

_RFC_OF_PORT = {25: "RFC 5321 4.5.4.2", 465: "RFC 8314 3.3", 587: "RFC 6409 3.1", 24: "RFC 2033 5"}


def explain_connection(
    event: ev.ConnectStarted | ev.Connected | ev.ConnectFailed | ev.Disconnected, texts: Texts
) -> Explanation:
    match event:
        case ev.Disconnected(by=by, clean=clean, reason=reason):
            how = texts("explain.disconnected.clean" if clean else "explain.disconnected.unclean")
            why = texts("explain.disconnected.reason", reason=reason_text(reason, texts)) if reason else ""
            paragraphs = kept(texts(f"note.disconnected.{by}") + ".", how, why)
            refs = ("RFC 5321 4.1.1.10", "RFC 5321 3.8")
            return Explanation(texts("explain.title.disconnected"), paragraphs, (), refs)
        case ev.ConnectStarted(address=address, port=port):
            meaning = texts.first(f"explain.port.{port}", "explain.port.other")
            said = texts("explain.connect-started", address=address, port=port, meaning=meaning)
            return Explanation(texts("explain.title.connect-started"), (said,), _end(event, texts), _port_refs(port))
        case ev.Connected(ms=ms):
            facts = (*_end(event, texts), (texts("fact.time"), texts.duration(ms / 1000)))
            said = texts("explain.connected")
            return Explanation(texts("explain.title.connected"), (said,), facts, ("RFC 5321 3.1",))
        case ev.ConnectFailed():
            return _connect_failed(event, texts)


def _connect_failed(event: ev.ConnectFailed, texts: Texts) -> Explanation:
    reason = reason_text(event.reason, texts)
    said = texts("explain.connect-failed", host=event.host, address=event.address, reason=reason)
    meaning_id = f"say.connect-failed.{event.reason}"
    meaning = texts(meaning_id, port=event.port, address=event.address) if texts.has(meaning_id) else ""
    facts = (*_end(event, texts), (texts("fact.time"), texts.duration(event.ms / 1000)))
    return Explanation(texts("explain.title.connect-failed"), kept(said, meaning), facts, ("RFC 5321 5.1",))


def _end(event: ev.ConnectStarted | ev.Connected | ev.ConnectFailed, texts: Texts) -> Facts:
    return (
        (texts("fact.host"), event.host),
        (texts("fact.address"), event.address),
        (texts("fact.port"), str(event.port)),
    )


def _port_refs(port: int) -> tuple[str, ...]:
    return (_RFC_OF_PORT[port],) if port in _RFC_OF_PORT else ()


def explain_tls(
    event: ev.TlsStarted | ev.TlsEstablished | ev.TlsFailed, session: Session | None, texts: Texts
) -> Explanation:
    match event:
        case ev.TlsStarted(server_name=name):
            said = texts("explain.tls-started" if name else "explain.tls-started.unnamed", server_name=name)
            return Explanation(texts("explain.title.tls-started"), (said,), (), ("RFC 3207 4", "RFC 6066 3"))
        case ev.TlsFailed(reason=reason):
            said = texts("explain.tls-failed", reason=reason_text(reason, texts))
            return Explanation(texts("explain.title.tls-failed"), (said,), (), ("RFC 3207 4.1",))
        case ev.TlsEstablished(version=version):
            host = session.host if session is not None else ""
            age = texts.first(f"explain.tls.{version}", "explain.tls.old")
            paragraphs = (*_verdict(event, host, texts), age)
            refs = ("RFC 3207 4.2", "RFC 9525") if event.verified_by else ("RFC 3207 4.1", "RFC 7435")
            return Explanation(texts("explain.title.tls-established"), paragraphs, _tls_facts(event, texts), refs)


def _verdict(event: ev.TlsEstablished, host: str, texts: Texts) -> tuple[str, ...]:
    if event.verified_by:
        return (texts("explain.tls.verified"),)
    problem = problem_text(event, host, texts)
    if not problem:
        return (texts("explain.tls.unverified"),)
    return (texts("explain.tls.problem", problem=problem), texts("explain.tls.opportunistic"))


def _tls_facts(event: ev.TlsEstablished, texts: Texts) -> Facts:
    facts = [(texts("fact.version"), event.version), (texts("fact.cipher"), event.cipher)]
    seen = event.certificate
    if seen is not None:
        facts += [
            (texts("fact.subject"), seen.subject),
            (texts("fact.issuer"), seen.issuer),
            (texts("fact.names"), ", ".join(seen.names)),
            (texts("fact.not-after"), seen.not_after),
            (texts("fact.sha256"), seen.sha256),
        ]
    facts += [(texts("fact.issuer"), above.subject) for above in event.chain]
    return tuple(facts)


def explain_session(
    event: ev.ExtensionsLearned | ev.StateChanged | ev.RuleBroken | ev.Authenticated, texts: Texts
) -> Explanation:
    match event:
        case ev.ExtensionsLearned(extensions=extensions):
            said = texts("explain.extensions" if extensions else "explain.extensions.none")
            facts, refs = ability_facts(extensions, texts), ("RFC 5321 2.2", "RFC 5321 4.1.1.1")
            return Explanation(texts("explain.title.extensions-learned"), (said,), facts, refs)
        case ev.StateChanged(old=old, new=new):
            said = texts("explain.state", old=texts(f"state.{old}"), new=texts(f"state.{new}"))
            return Explanation(texts("explain.title.state-changed"), (said,), (), ("RFC 5321 4.1.4",))
        case ev.RuleBroken(rule=rule, by=by, detail=detail, rfc=rfc):
            why = texts(f"rule-why.{rule}") if texts.has(f"rule-why.{rule}") else ""
            broken = texts(f"note.rule-broken.{by}", rule=rule_text(rule, texts))
            facts = ((texts("fact.detail"), detail),) if detail else ()
            paragraphs = kept(f"{broken}.", why, texts(f"explain.rule.{by}"))
            return Explanation(texts("explain.title.rule-broken"), paragraphs, facts, (rfc,) if rfc else ())
        case ev.Authenticated(mechanism=mechanism, user=user):
            said = texts("explain.authenticated", user=user, mechanism=mechanism)
            facts = ((texts("fact.mechanism"), mechanism), (texts("fact.user"), user))
            return Explanation(texts("explain.title.authenticated"), (said,), facts, ("RFC 4954 4",))


def explain_content(
    event: ev.MessageSent | ev.MessageReceived | ev.BytesSent | ev.BytesReceived, texts: Texts
) -> Explanation:
    match event:
        case ev.MessageSent(octets=octets, transfer=transfer) | ev.MessageReceived(octets=octets, transfer=transfer):
            facts = ((texts("fact.size"), texts.octets(octets)),)
            refs = ("RFC 5321 4.5.2",) if transfer == "DATA" else ("RFC 3030 2",)
            return Explanation(texts("explain.title.message"), (texts(f"explain.message.{transfer}"),), facts, refs)
        case ev.BytesSent(data=data) | ev.BytesReceived(data=data):
            facts = ((texts("fact.size"), texts.octets(len(data))),)
            return Explanation(texts("explain.title.bytes"), (texts("explain.bytes"),), facts, (), data)
