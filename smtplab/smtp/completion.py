"""What a person may want to type next, from the table of states and from what the server announced."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from smtplab.smtp.legality import Standing
from smtplab.smtp.states import CONTENT, HELLO_VERBS, legal_verbs

CANDIDATES_MAX = 40
"""More nobody looks through."""

_WITH_TEXT = frozenset({"BDAT", "VRFY", "EXPN", "ETRN"})
"""Verbs that are nothing without an argument, which only the person knows."""

_MAIL_PARAMETERS = (
    ("SIZE", "SIZE="),
    ("8BITMIME", "BODY=8BITMIME"),
    ("BINARYMIME", "BODY=BINARYMIME"),
    ("SMTPUTF8", "SMTPUTF8"),
    ("DSN", "RET=HDRS"),
    ("DSN", "RET=FULL"),
    ("DSN", "ENVID="),
    ("REQUIRETLS", "REQUIRETLS"),
    ("DELIVERBY", "BY=3600;N"),
    ("FUTURERELEASE", "HOLDFOR="),
    ("MT-PRIORITY", "MT-PRIORITY="),
    ("AUTH", "AUTH=<>"),
)
_RCPT_PARAMETERS = (
    ("DSN", "NOTIFY=NEVER"),
    ("DSN", "NOTIFY=SUCCESS,FAILURE,DELAY"),
    ("DSN", "ORCPT=rfc822;"),
)
"""Of each keyword the parameters that it allows, in the forms of their RFCs."""


class Known(msgspec.Struct):
    """What has been said before, or was given at the start."""

    helo: str
    senders: list[str] = []
    recipients: list[str] = []


def candidates(line: str, standing: Standing, known: Known) -> tuple[str, ...]:
    """Whole lines that begin as this one does, whatever its case, the likeliest first; all are longer than it."""
    if standing.state in ("data", "auth"):
        return ()
    found = _in_the_parameters(line, standing) if "<" in line and "> " in line else _from_the_verb(standing, known)
    typed = line.upper()
    fitting = (one for one in found if one.upper().startswith(typed) and len(one) > len(line))
    return tuple(dict.fromkeys(fitting))[:CANDIDATES_MAX]


def _from_the_verb(standing: Standing, known: Known) -> Iterator[str]:
    for verb in _in_order(standing):
        if verb in HELLO_VERBS:
            yield f"{verb} {known.helo}"
        elif verb == "MAIL":
            yield from (f"MAIL FROM:<{sender}>" for sender in (*known.senders, ""))
        elif verb == "RCPT":
            yield from (f"RCPT TO:<{recipient}>" for recipient in known.recipients)
            yield "RCPT TO:<"
        elif verb == "AUTH":
            yield from (f"AUTH {mechanism}" for mechanism in standing.extensions.auth_mechanisms)
        elif verb in _WITH_TEXT:
            yield f"{verb} "
        elif verb != CONTENT:
            yield verb


def _in_order(standing: Standing) -> list[str]:
    """What leads on comes first: in the session's way a bare NOOP is nobody's next step."""
    verbs = list(legal_verbs(standing.state, standing.extensions, standing.dialect))
    first = {"greeted": ("EHLO", "LHLO"), "ready": ("STARTTLS", "AUTH", "MAIL"), "mail": ("RCPT",)}
    leading = [verb for verb in first.get(standing.state, ("DATA", "BDAT", "RCPT")) if verb in verbs]
    return leading + [verb for verb in verbs if verb not in leading]


def _in_the_parameters(line: str, standing: Standing) -> Iterator[str]:
    head, _, begun = line.rpartition(" ")
    said = {word.partition("=")[0].upper() for word in head.rpartition(">")[2].split()}
    parameters = _RCPT_PARAMETERS if line[:4].upper() == "RCPT" else _MAIL_PARAMETERS
    for keyword, parameter in parameters:
        fits = parameter.upper().startswith(begun.upper()) and parameter.partition("=")[0] not in said
        if keyword in standing.extensions and fits:
            yield f"{head} {parameter}"
