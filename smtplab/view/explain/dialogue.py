"""Explains commands and replies: what they ask, what they grant or refuse, and what was decided from them."""

from __future__ import annotations

import re

from smtplab import events as ev
from smtplab.view.explain.explanation import Explanation, Facts, kept
from smtplab.view.meaning import code_ids, is_pop3, looks_greylisted, provider_id
from smtplab.view.safe import safe
from smtplab.view.session import Command, Session
from smtplab.view.stages import refuses
from smtplab.view.texts import Texts
from smtplab.wire.codes import REPLY_CODES, find_enhanced

Reply = ev.ReplyReceived | ev.ReplySent

_RFC_OF_VERB = {
    "": "RFC 5321 3.1",
    ".": "RFC 5321 4.1.1.4",
    "*": "RFC 5321 3.8",
    "EHLO": "RFC 5321 4.1.1.1",
    "HELO": "RFC 5321 4.1.1.1",
    "LHLO": "RFC 2033 4.1",
    "MAIL": "RFC 5321 4.1.1.2",
    "RCPT": "RFC 5321 4.1.1.3",
    "DATA": "RFC 5321 4.1.1.4",
    "BDAT": "RFC 3030 2",
    "RSET": "RFC 5321 4.1.1.5",
    "VRFY": "RFC 5321 4.1.1.6",
    "EXPN": "RFC 5321 4.1.1.7",
    "HELP": "RFC 5321 4.1.1.8",
    "NOOP": "RFC 5321 4.1.1.9",
    "QUIT": "RFC 5321 4.1.1.10",
    "STARTTLS": "RFC 3207 4",
    "AUTH": "RFC 4954 4",
    "ETRN": "RFC 1985 5",
}

_RFC_OF_PARAMETER = {
    "SIZE": "RFC 1870 6",
    "BODY": "RFC 6152 3",
    "SMTPUTF8": "RFC 6531 3.4",
    "AUTH": "RFC 4954 5",
    "RET": "RFC 3461 4.3",
    "ENVID": "RFC 3461 4.4",
    "NOTIFY": "RFC 3461 4.1",
    "ORCPT": "RFC 3461 4.2",
    "REQUIRETLS": "RFC 8689 2",
}

_HOST_VERBS = frozenset({"", "EHLO", "HELO", "LHLO", "STARTTLS"})
"""What is refused here concerns the host, not the message (as `mta.outcome` decides)."""

_POP3_VERBS = frozenset({"USER", "PASS", "APOP", "STAT", "LIST", "UIDL", "RETR", "TOP", "DELE", "CAPA", "STLS"})
"""NOOP, RSET, AUTH and QUIT are SMTP's too and mean as much."""

_AFTER_PATH = re.compile(r"<[^>]*>(.*)", re.DOTALL)


# Commands


def explain_command(command: Command, session: Session | None, texts: Texts) -> Explanation:
    verb, line = command.verb, command.line
    response = verb == "AUTH" and not line.upper().startswith("AUTH")
    title = texts("explain.title.response") if response else texts("explain.title.command", verb=verb)
    parameters = _parameters(verb, line)
    paragraphs = kept(
        _what_it_asks(verb, line, session, texts, response=response),
        *(texts(f"explain.parameter.{name}") for name in parameters),
        *_on_secrets(verb, line, session, texts),
    )
    refs = (
        _RFC_OF_VERB.get(verb, "RFC 1939 5" if verb in _POP3_VERBS else "RFC 5321 4.2.4"),
        *(_RFC_OF_PARAMETER[name] for name in parameters),
    )
    facts = ((texts("fact.state"), texts(f"state.{session.state}")),) if session is not None else ()
    return Explanation(title, paragraphs, (*facts, *_decoded_line(command, texts)), refs, _raw_of_command(command))


def _decoded_line(event: Command | Reply, texts: Texts) -> tuple[tuple[str, str], ...]:
    """What the base64 of an AUTH exchange says."""
    return ((texts("fact.decoded"), safe(event.decoded)),) if event.decoded else ()


def _what_it_asks(verb: str, line: str, session: Session | None, texts: Texts, *, response: bool) -> str:
    if response:
        return texts("explain.command.AUTH.response")
    if verb == "MAIL" and "<>" in line:
        return texts("explain.command.MAIL.null")
    if verb == "EHLO" and session is not None and session.secure and session.extensions_in_clear:
        return texts("explain.command.EHLO.again")
    known = "explain.command.pop3" if verb in _POP3_VERBS else "explain.command.unknown"
    pop3 = f"explain.command.pop3.{verb}" if session is not None and session.collects else ""
    return texts.first(*filter(None, (pop3, f"explain.command.{verb}", known)), verb=verb)


def _on_secrets(verb: str, line: str, session: Session | None, texts: Texts) -> tuple[str, ...]:
    if verb != "AUTH":
        return ()
    secret = texts("explain.command.AUTH.secret") if line.endswith("***") else ""
    clear = texts("explain.command.AUTH.clear") if session is not None and not session.secure else ""
    return kept(secret, clear)


def _parameters(verb: str, line: str) -> tuple[str, ...]:
    """The keywords behind the path of MAIL or RCPT that have an explanation."""
    path = _AFTER_PATH.search(line) if verb in ("MAIL", "RCPT") else None
    if path is None:
        return ()
    names = [word.partition("=")[0].upper() for word in path[1].split()]
    return tuple(name for name in dict.fromkeys(names) if name in _RFC_OF_PARAMETER)


def _raw_of_command(command: Command) -> bytes | None:
    """None where a secret is masked: what went over the wire was something else."""
    if command.raw is not None:
        return command.raw
    return None if "***" in command.line else command.line.encode() + b"\r\n"


# Replies


def explain_reply(reply: Reply, session: Session | None, texts: Texts) -> Explanation:
    if is_pop3(reply):
        return _explain_pop3(reply, texts)
    if reply.code is None:
        title, said = texts("explain.title.reply.no-code"), texts("say.no-code")
        return Explanation(title, (said,), (), ("RFC 5321 4.2",), _raw_of_reply(reply))
    answered = session.answered if session is not None else None
    paragraphs = kept(
        texts("explain.answers", line=answered.line) if answered is not None and reply.verb else "",
        _on_code(reply, reply.code, texts),
        _on_enhanced(reply, texts),
        _on_provider(reply, texts),
        _decided(reply, reply.code, texts),
        _on_class(reply.code, texts),
    )
    return Explanation(
        _title(reply, texts),
        paragraphs,
        (*_facts(reply, texts), *_decoded_line(reply, texts)),
        _refs(reply, reply.code),
        _raw_of_reply(reply),
    )


def _explain_pop3(reply: Reply, texts: Texts) -> Explanation:
    kind = "explain.title.reply.pop3" if reply.verb else "explain.title.reply.pop3.greeting"
    said = texts("explain.pop3.no" if refuses(reply) else "explain.pop3.yes")
    return Explanation(texts(kind, verb=reply.verb), (said,), (), ("RFC 1939 3",), _raw_of_reply(reply))


def _title(reply: Reply, texts: Texts) -> str:
    kind = {"": ".greeting", ".": ".content", "*": ".unasked"}.get(reply.verb, "")
    return texts(f"explain.title.reply{kind}", code=reply.code, verb=reply.verb)


def _on_code(reply: Reply, code: int, texts: Texts) -> str:
    ids = code_ids(reply)
    if not any(texts.has(text_id) for text_id in ids):
        return texts("explain.reply.code.unknown", code=code)
    return texts("explain.reply.means", code=code, meaning=texts.first(*ids))


def _on_enhanced(reply: Reply, texts: Texts) -> str:
    if reply.enhanced is None or reply.enhanced.endswith(".0.0"):
        return ""
    # A provider's own meaning of a code stands in place of the registry's.
    if provider_id(reply) is not None:
        return ""
    text_id = f"status.{reply.enhanced.partition('.')[2]}"
    if not texts.has(text_id):
        return texts("explain.reply.enhanced.unknown", enhanced=reply.enhanced)
    return texts("explain.reply.enhanced", enhanced=reply.enhanced, meaning=texts(text_id))


def _on_provider(reply: Reply, texts: Texts) -> str:
    own = provider_id(reply) or ("meaning.greylisted" if looks_greylisted(reply) else None)
    if own is None:
        return ""
    return texts("explain.reply.means", code=reply.enhanced or reply.code, meaning=texts(own))


def _decided(reply: Reply, code: int, texts: Texts) -> str:
    if code == 421:
        return texts("explain.reply.421")
    severity = code // 100
    if severity == 2:
        granted = {"": "greeting-2", "RCPT": "rcpt-2", ".": "content-2"}.get(reply.verb)
        if reply.verb == "STARTTLS":
            return texts("explain.reply.starttls-2")
        return texts(f"explain.reply.decided.{granted}") if granted else ""
    if severity in (4, 5) and reply.verb in _HOST_VERBS:
        return texts("explain.reply.decided.host")
    if severity in (4, 5) and reply.verb == "RCPT":
        return texts(f"explain.reply.decided.recipient-{severity}")
    return ""


def _on_class(code: int, texts: Texts) -> str:
    return texts.first(f"explain.class.{code // 100}", f"severity.{code // 100}", "severity.0")


def _facts(reply: Reply, texts: Texts) -> Facts:
    facts = [(texts("fact.code"), str(reply.code))]
    if reply.enhanced:
        facts.append((texts("fact.enhanced"), reply.enhanced))
    if isinstance(reply, ev.ReplyReceived):
        facts.append((texts("fact.time"), texts.duration(reply.ms / 1000)))
    return tuple(facts)


def _refs(reply: Reply, code: int) -> tuple[str, ...]:
    listed = REPLY_CODES.get(code)
    enhanced = find_enhanced(reply.enhanced) if reply.enhanced is not None else None
    refs = [_RFC_OF_VERB.get(reply.verb, ""), "RFC 5321 4.2.1"]
    refs += [listed.rfc if listed.rfc != "RFC 5321" else "RFC 5321 4.2.3"] if listed is not None else []
    refs += [enhanced.rfc] if enhanced is not None else []
    return tuple(dict.fromkeys(ref for ref in refs if ref))


def _raw_of_reply(reply: Reply) -> bytes:
    """As it came; where it was plain ASCII lines, put together again."""
    if reply.raw is not None:
        return reply.raw
    lines = reply.lines or ("",)
    if reply.code is None:
        return b"".join(line.encode() + b"\r\n" for line in lines)
    last = len(lines) - 1
    return b"".join(
        f"{reply.code}{'-' if number < last else ' '}{line}\r\n".encode() for number, line in enumerate(lines)
    )
