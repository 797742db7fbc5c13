"""What ids and codes stand for, as texts: reasons of failure, replies, enhanced codes, what known providers mean."""

from __future__ import annotations

import re

from smtplab import events as ev
from smtplab.view.safe import safe
from smtplab.view.texts import Texts

Reply = ev.ReplyReceived | ev.ReplySent

_PROVIDER_STATUSES = frozenset({"7.23", "7.25", "7.26", "7.27", "7.29", "7.30", "7.31", "7.32"})
"""Enhanced codes that Gmail gives a meaning of its own, some of them against the registry."""

_GMAIL_MARK = "gsmtp"
"""Gmail ends its replies with an id and this word."""

_PATH = re.compile(r"<([^>]*)>")


def reason_text(reason: str, texts: Texts) -> str:
    """A reason's text by its id, whatever follows the id in brackets; a peer's own words as they are."""
    word, _, rest = reason.partition(" ")
    if not texts.has(f"reason.{word}"):
        return safe(reason)
    said = texts(f"reason.{word}")
    return f"{said} ({safe(rest)})" if rest else said


def rule_text(rule: str, texts: Texts) -> str:
    """What was done against a rule, as a clause."""
    return texts.first(f"rule.{rule}", "rule.unknown", rule=rule)


def path_of(line: str) -> str:
    """What stands between the angle brackets of MAIL or RCPT; the line itself where there are none."""
    found = _PATH.search(line)
    return found[1] if found else line


def problem_text(tls: ev.TlsEstablished, host: str, texts: Texts) -> str:
    """Why the certificate is not verified, as a clause; empty where it is or where nothing was found."""
    if not tls.problem:
        return ""
    seen = tls.certificate
    if seen is None:
        return texts("problem.no-certificate")
    names = texts.listing(seen.names[:4]) or seen.subject
    ids, facts = (f"problem.{tls.problem}", "problem.unknown"), {"names": names, "not_after": seen.not_after[:10]}
    return texts.first(*ids, host=host, issuer=seen.issuer, problem=tls.problem, **facts)


def meaning_of(reply: Reply, texts: Texts) -> str:
    """What a reply means, as a clause: the provider's own code, else the enhanced one, else the code or its class."""
    return texts.first(*_meaning_ids(reply))


def provider_id(reply: Reply) -> str | None:
    """The id of the text on a code that a well-known provider uses in its own way; None where there is none."""
    text = " ".join(reply.lines)
    status = "" if reply.enhanced is None else reply.enhanced.partition(".")[2]
    if "5.7.515" in text:
        return "provider.outlook.7.515"
    if _GMAIL_MARK in text and status in _PROVIDER_STATUSES:
        return f"provider.gmail.{status}"
    if "spamhaus" in text.lower():
        return "provider.spamhaus-error" if "127.255.255." in text else "provider.spamhaus"
    return None


def is_pop3(reply: Reply) -> bool:
    """POP3's responses have a sign in place of a code (RFC 1939 3)."""
    return reply.code is None and bool(reply.lines) and reply.lines[0].startswith(("+", "-ERR"))


def looks_greylisted(reply: Reply) -> bool:
    """A temporary refusal of a stranger that says, in one of the usual ways, to come again."""
    text = " ".join(reply.lines).lower()
    return reply.code in (450, 451) and any(word in text for word in ("greylist", "graylist", "grey-list", "gray-list"))


def code_ids(reply: Reply) -> list[str]:
    """The texts about its code, that for the command it answers first. A 452 to RCPT is about the number of recipients
    (RFC 5321 4.5.3.1.10), unless its status is about something else, such as a full mailbox."""
    of_all = f"reply.{reply.code}"
    about_else = reply.enhanced is not None and not reply.enhanced.endswith((".5.3", ".0.0"))
    if reply.code == 452 and reply.verb == "RCPT" and about_else:
        return [of_all]
    return [f"{of_all}.{reply.verb}", of_all]


def _meaning_ids(reply: Reply) -> list[str]:
    ids = []
    if (provider := provider_id(reply)) is not None:
        ids.append(provider)
    if looks_greylisted(reply):
        ids.append("meaning.greylisted")
    if reply.enhanced is not None and not reply.enhanced.endswith(".0"):
        ids.append(f"status.{reply.enhanced.partition('.')[2]}")
    if reply.code is not None:
        ids += code_ids(reply)
    ids.append(f"severity.{(reply.code or 0) // 100}")
    return [*ids, "severity.0"]
