"""What an outcome means and what to do about it: the ids of texts and their arguments, chosen from the evidence."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from smtplab import events as ev
from smtplab.view.guess import likely_domain
from smtplab.view.host_turn import HostTurn
from smtplab.view.journey import Attempt
from smtplab.view.meaning import looks_greylisted, meaning_of, problem_text, provider_id, reason_text
from smtplab.view.texts import Texts

SUBMISSION_PORTS = (587, 465)

WORDS_MAX = 120
"""Characters of what is no SMTP: enough to know the service by."""


class Evidence(msgspec.Struct, frozen=True):
    """What the records hold that bears on the outcome."""

    ended: ev.JourneyEnded
    recipient: str
    attempts: tuple[Attempt, ...] = ()
    refusal: ev.ReplyReceived | None = None
    """The reply that decided, where one did."""
    refused_by: str = ""
    host: str = ""
    """The last host that was talked to: of a bounce's own journey, where there was one."""
    source: ev.RouteSource | None = None
    """Where the last route came from."""
    tls: ev.TlsEstablished | None = None
    dns_failed: ev.DnsFailed | None = None
    unwilling: str = ""
    """The DNS server that answered REFUSED last."""
    turn: HostTurn = HostTurn()
    """Of the last host that was connected to."""
    mailbox: str = ""
    """Where the message came to rest last."""
    went_to_list: bool = False
    """A list has taken it for its members."""
    recipient_taken: bool = False
    """The last host has said yes to RCPT."""

    @property
    def domain(self) -> str:
        return self.recipient.rpartition("@")[2]

    @property
    def reason(self) -> str:
        """The id with which the outcome's detail begins, where it begins with one."""
        return self.ended.detail.partition(" ")[0]

    @property
    def name(self) -> str:
        """What the detail adds to its id: a host or a name."""
        return self.ended.detail.partition(" ")[2]


class Diagnosis(msgspec.Struct, frozen=True):
    meaning: tuple[str, ...]
    advice: tuple[str, ...] = ()


def diagnose(evidence: Evidence, texts: Texts) -> Diagnosis:
    """Specific where the evidence is; else honest about what is not known."""
    match evidence.ended.result:
        case "delivered" | "accepted":
            return Diagnosis((texts(f"means.{evidence.ended.result}"),))
        case "stopped":
            return _of_stop(evidence, texts)
        case "deferred" | "bounced" | "refused" | "unreachable":
            return _of_failure(evidence, texts)


def _of_stop(evidence: Evidence, texts: Texts) -> Diagnosis:
    if evidence.reason in ("interrupted", "skipped"):
        return Diagnosis((texts(f"means.{evidence.reason}"),))
    if evidence.turn.encryption == "failed":
        return Diagnosis((texts("means.stopped-in-clear"),), (texts("do.see-tls-trouble"), texts("do.send")))
    return Diagnosis((texts("means.stopped"),), (texts("do.send"),))


def _of_failure(evidence: Evidence, texts: Texts) -> Diagnosis:
    if evidence.ended.code is not None and evidence.refusal is not None:
        return _of_refusal(evidence, evidence.refusal, texts)
    if evidence.reason in _OF_DNS:
        return _of_dns(evidence, texts)
    if evidence.reason in _OF_TLS:
        return _of_tls(evidence, texts)
    if evidence.attempts and not any(attempt.connected for attempt in evidence.attempts):
        return _of_silence(evidence, texts)
    return _of_reason(evidence, texts)


# No connection


def _of_silence(evidence: Evidence, texts: Texts) -> Diagnosis:
    """Not one address could be connected to."""
    reasons = {attempt.reason for attempt in evidence.attempts}
    port = evidence.attempts[-1].port
    if reasons == {"timed-out"} or (port == 25 and reasons == {"timed-out", "unreachable"}):
        return _of_time_outs(evidence, port, texts)
    if len(reasons) > 1:
        return Diagnosis((texts("means.unreachable"),), (texts("do.try-later"),))
    match reasons.pop():
        case "refused":
            return Diagnosis((texts("means.all-refused", port=port),), (texts("do.check-port"),))
        case "unreachable":
            return Diagnosis((texts("means.no-way"),), (texts("do.check-network"),))
        case "not-permitted":
            return Diagnosis((texts("means.not-permitted"),))
        case "source-unavailable":
            return Diagnosis((texts("means.source-unavailable"),), (texts("do.source"),))
        case _:
            return Diagnosis((texts("means.unreachable"),), (texts("do.try-later"),))


def _of_time_outs(evidence: Evidence, port: int, texts: Texts) -> Diagnosis:
    if port != 25:
        return Diagnosis((texts("means.silent", port=port),), (texts("do.check-port"),))
    steps = ("do.port-blocked.elsewhere", "do.port-blocked.submission", "do.port-blocked.simulate")
    count = len({attempt.address for attempt in evidence.attempts})
    return Diagnosis(
        (texts("means.port-blocked", count=count, port=port),), tuple(texts(step, port=port) for step in steps)
    )


# DNS and the route

_OF_DNS: dict[str, tuple[str, ...]] = {
    "nxdomain": ("do.check-spelling",),
    "nodata": ("do.check-spelling",),
    "null-mx": ("do.other-address",),
    "servfail": ("do.ask-other-dns", "do.try-later"),
    "malformed": ("do.check-dns",),
    "cname-loop": (),
    "no-usable-host": (),
    "loop": (),
    "bad-literal": (),
}
"""Reasons that no reply and no connection was the cause of, and the advice for each."""


def _of_dns(evidence: Evidence, texts: Texts) -> Diagnosis:
    reason, domain = evidence.reason, evidence.domain
    server = evidence.dns_failed.server if evidence.dns_failed is not None else ""
    if reason == "nxdomain" and evidence.name and evidence.name != domain:
        return Diagnosis((texts("means.host-nxdomain", host=evidence.name),))
    if reason == "servfail" and evidence.unwilling:
        said = texts("means.dns-unwilling", server=evidence.unwilling, domain=evidence.name or domain)
        return Diagnosis((said,), (texts("do.ask-other-dns"),))
    if reason == "servfail":
        domain = evidence.name or domain
    advice = [texts(step, domain=domain, server=server) for step in _OF_DNS[reason]]
    if reason in ("nxdomain", "nodata") and (guess := likely_domain(domain)) is not None:
        advice.append(texts("do.did-you-mean", guess=guess))
    return Diagnosis((texts(f"means.{reason}", domain=domain),), tuple(advice))


# TLS

_OF_TLS = frozenset({"starttls-not-offered", "tls-not-verified", "handshake-failed", "no-common-version", "not-tls"})


def _of_tls(evidence: Evidence, texts: Texts) -> Diagnosis:
    host, tls = evidence.host, evidence.tls
    match evidence.reason:
        case "starttls-not-offered":
            return Diagnosis((texts("means.starttls-not-offered", host=host),), (texts("do.tls-may"),))
        case "tls-not-verified" if tls is not None and tls.problem == "expired" and tls.certificate is not None:
            said = texts("means.tls-expired", host=host, not_after=tls.certificate.not_after[:10])
            return Diagnosis((said,), (texts("do.renew-certificate"), texts("do.tls-require")))
        case "tls-not-verified":
            problem = problem_text(tls, host, texts) if tls is not None else evidence.name
            return Diagnosis((texts("means.tls-not-verified", host=host, problem=problem),), (texts("do.tls-require"),))
        case _:
            reason = reason_text(evidence.reason, texts)
            return Diagnosis((texts("means.tls-failed", host=host, reason=reason),), (texts("do.tls-may"),))


# What a server said


def _of_refusal(evidence: Evidence, refusal: ev.ReplyReceived, texts: Texts) -> Diagnosis:
    if _wrong_password(refusal):
        said = texts("means.auth", host=evidence.refused_by, code=refusal.code)
        return Diagnosis((said,), (texts("do.check-password"),))
    words, meaning = " ".join(refusal.lines), meaning_of(refusal, texts)
    said = texts("means.reply", host=evidence.refused_by, words=words, meaning=meaning)
    temporary = (refusal.code or 0) // 100 == 4
    lasting = texts("means.temporary" if temporary else "means.permanent")
    steps = list(_steps_after(refusal, temporary=temporary))
    if steps == ["do.relaying"] and evidence.source in ("mx", "implicit-mx"):
        steps = ["do.relaying-at-mx"]
    told = {"recipient": evidence.recipient, "domain": evidence.domain, "host": evidence.refused_by}
    # A code of no class (999) says nothing about whether it lasts.
    paragraphs = (said, lasting) if (refusal.code or 0) // 100 in (4, 5) else (said,)
    return Diagnosis(paragraphs, tuple(texts(step, **told) for step in steps))


def steps_after(refusal: ev.ReplyReceived, recipient: str, texts: Texts) -> tuple[str, ...]:
    """What a person can do about one refusal, whatever the rest of the journey was."""
    steps = _steps_after(refusal, temporary=(refusal.code or 0) // 100 == 4)
    return tuple(texts(step, recipient=recipient) for step in steps)


_STEPS_OF_STATUS = {
    "1.1": ("do.user-unknown",),
    "1.6": ("do.user-unknown",),
    "2.1": ("do.mailbox-disabled",),
    "2.2": ("do.mailbox-full",),
    "2.3": ("do.smaller",),
    "3.4": ("do.smaller",),
}


_BUSY_WORDS = ("too many", "too fast", "busy", "rate limit", "rate-limit", "ratelimit", "throttl")
"""The usual words of a temporary refusal that is about how much comes at once, whatever its status is."""


def _wrong_password(refusal: ev.ReplyReceived) -> bool:
    """RFC 4954 6: 535, with 5.7.8. Other refusals of AUTH say nothing about it."""
    return refusal.verb == "AUTH" and (refusal.code == 535 or refusal.enhanced == "5.7.8")


def _steps_after(refusal: ev.ReplyReceived, *, temporary: bool) -> Sequence[str]:
    status = "" if refusal.enhanced is None else refusal.enhanced.partition(".")[2]
    text = " ".join(refusal.lines).lower()
    if looks_greylisted(refusal):
        return ("do.wait",)
    if refusal.code in (530, 538):
        return ("do.begin-tls",) if "tls" in text or refusal.code == 538 else ("do.log-in",)
    if _wrong_password(refusal) or refusal.code == 534:
        return ("do.check-password",)
    if refusal.verb == "AUTH" or (temporary and any(word in text for word in _BUSY_WORDS)):
        return ("do.try-later", "do.read-words") if temporary else ("do.read-words",)
    if status in _STEPS_OF_STATUS:
        return _STEPS_OF_STATUS[status]
    if "relay" in text and refusal.verb == "RCPT":
        return ("do.relaying",)
    if status.startswith("7.") or provider_id(refusal) is not None:
        return ("do.policy", "do.read-words")
    return ("do.try-later", "do.read-words") if temporary else ("do.read-words",)


# What happened on the way

_STEPS_OF_REASON: dict[str, tuple[str, ...]] = {
    "auth-not-offered": ("do.port-587",),
    "auth-mechanism-not-offered": (),
    "too-large": ("do.smaller",),
    "smtputf8-not-offered": (),
    "expired": (),
    "skipped": (),
}


def _of_reason(evidence: Evidence, texts: Texts) -> Diagnosis:
    reason, host = evidence.reason, evidence.host
    in_clear = [one for one in evidence.name.split() if one.upper() in ("PLAIN", "LOGIN")]
    if reason == "auth-mechanism-not-offered" and in_clear and evidence.turn.encryption != "up":
        said = texts("means.auth-in-clear", host=host, mechanisms=texts.listing(in_clear))
        return Diagnosis((said,), (texts("do.log-in-encrypted", mechanism=in_clear[0]),))
    if reason in _STEPS_OF_REASON:
        advice = tuple(texts(step, host=host) for step in _STEPS_OF_REASON[reason])
        return Diagnosis((texts(f"means.{reason}", host=host),), advice)
    if evidence.dns_failed is not None and not evidence.attempts:
        server, why = evidence.dns_failed.server, reason_text(evidence.dns_failed.reason, texts)
        return Diagnosis(
            (texts("means.dns-silent", server=server, reason=why),), (texts("do.check-dns", server=server),)
        )
    if evidence.ended.code is not None:
        return _of_words(evidence, texts)
    return _of_loss(evidence, texts)


def _of_loss(evidence: Evidence, texts: Texts) -> Diagnosis:
    """A connection that stood and came to nothing, with no code."""
    turn, reason = evidence.turn, reason_text(evidence.reason, texts)
    if turn.gibberish:
        words = turn.gibberish[:WORDS_MAX] + ("…" if len(turn.gibberish) > WORDS_MAX else "")
        said = texts("means.not-smtp", host=turn.host, words=words)
        return Diagnosis((said,), (texts("do.check-port"),))
    if turn.broke_off == "content":
        said = texts("means.lost-content", host=turn.host, reason=reason)
        return Diagnosis((said,), (texts("do.ask-before-again"), texts("do.try-later")))
    if turn.broke_off == "handshake":
        return Diagnosis((texts("means.tls-failed", host=turn.host, reason=reason),), (texts("do.tls-may"),))
    if turn.broke_off == "greeting" and evidence.reason in ("closed", "reset"):
        return Diagnosis((texts("means.closed-at-once", host=turn.host, reason=reason),), (texts("do.try-later"),))
    if evidence.reason == "timed-out" and turn.broke_off == "greeting":
        said = texts("means.no-greeting", host=turn.host)
        return Diagnosis((said,), (texts("do.try-implicit"), texts("do.try-later")))
    if evidence.reason == "timed-out" and turn.broke_off:
        return Diagnosis((texts("means.no-answer", host=turn.host),), (texts("do.try-later"),))
    if not turn.broke_off and evidence.reason not in _LOST and texts.has(f"reason.{evidence.reason}"):
        return _of_decision(evidence, texts)
    lost = texts("means.lost", reason=reason_text(evidence.ended.detail, texts))
    return Diagnosis((lost,), (texts("do.try-later"),))


_LOST = frozenset({"timed-out", "closed", "reset", "refused", "unreachable", "failed", "reply-too-long"})
"""What can befall a connection, also where the records don't tell of its end."""


def _of_decision(evidence: Evidence, texts: Texts) -> Diagnosis:
    """One of ours, or of the server that had the message last: no reply told it and nothing was lost."""
    status = (evidence.ended.enhanced or "").partition(".")[2]
    steps = _STEPS_OF_STATUS.get(status, ("do.try-later",) if evidence.ended.result == "deferred" else ())
    said = texts("means.reason", reason=reason_text(evidence.ended.detail, texts))
    return Diagnosis((said,), tuple(texts(step, recipient=evidence.recipient) for step in steps))


def _of_words(evidence: Evidence, texts: Texts) -> Diagnosis:
    """A code without the reply that it came in: a bounce of a server further on tells it."""
    ended = evidence.ended
    reply = ev.ReplyReceived(ended.code, ended.enhanced, (ended.detail,), 0.0, "RCPT")
    said = texts("means.reply.unknown-host", words=ended.detail, meaning=meaning_of(reply, texts))
    temporary = (ended.code or 0) // 100 == 4
    steps = _steps_after(reply, temporary=temporary)
    lasting = texts("means.temporary" if temporary else "means.permanent")
    return Diagnosis((said, lasting), tuple(texts(step, recipient=evidence.recipient) for step in steps))
