"""Where an SMTP dialogue stands and what moves it: one table for both halves, for the screens and for the documents.

Rules

1.  A reply moves the dialogue, never a command: both halves change state when the reply passes by. The class of the
    reply decides, that is the first digit of its code (RFC 5321 4.2.1); a class without a row changes nothing.
2.  421 closes the dialogue in every state, as the answer to anything or to nothing (RFC 5321 3.8).
3.  `connected` waits for the greeting: 220 opens the session, any other leaves a server that refuses to serve. It
    waits for QUIT and answers all else with 503 (RFC 5321 3.1).
4.  `greeted` waits for EHLO, HELO or, in LMTP, LHLO (RFC 5321 4.1.4, RFC 2033 4.1). NOOP, HELP, EXPN, VRFY, RSET and
    QUIT may come at any time (RFC 5321 4.1.4).
5.  `ready` has no mail transaction. MAIL opens one: `mail` has a reverse-path, `rcpt` at least one accepted recipient.
    MAIL may not come inside a transaction; RSET and EHLO end it without a word about the message (RFC 5321 4.1.1.5).
    A refused EHLO leaves everything as it was (RFC 5321 4.1.4).
6.  354 opens `data`, in which bytes are content, not commands, until CR LF dot CR LF. The reply to that, whatever its
    class, ends the transaction (RFC 5321 4.1.1.4). A server may answer DATA with 354 before it has a recipient, as
    RFC 2920 3.1 warns; then the content is a lone dot.
7.  Each BDAT brings its octets with it. `chunking` lasts until the last chunk is answered; a refused chunk fails the
    whole transaction, and DATA may no longer be used in it (RFC 3030 2 and 3).
8.  334 opens `auth`, in which lines are responses, not commands. AUTH is not permitted inside a transaction, nor
    again after it succeeded (RFC 4954 4).
9.  220 to STARTTLS opens `tls`: no SMTP until the handshake is done. After it the session begins anew, as after the
    greeting, and both sides forget what they learned in clear (RFC 3207 4.2).
10. Where a server takes what was illegal, it has moved all the same, and the dialogue follows it: to where that
    command leads from its legal states.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from smtplab.events import StateChanged
from smtplab.wire.extension import Extensions

Dialect = Literal["esmtp", "smtp", "lmtp"]

State = Literal["connected", "greeted", "refused", "ready", "mail", "rcpt", "data", "chunking", "auth", "tls", "closed"]
"""Stable ids, as in `events.StateChanged`."""

STATES: tuple[State, ...] = (
    "connected",
    "greeted",
    "tls",
    "auth",
    "ready",
    "mail",
    "rcpt",
    "data",
    "chunking",
    "refused",
    "closed",
)
"""In the order in which a walk meets them; the two that end it last."""

# What stands in the table beside the commands.
GREETING = ""
CONTENT = "."
LAST_CHUNK = "BDAT LAST"
HANDSHAKE = "TLS"

_Moves = Mapping[str, Mapping[int, State]]

_ANY_TIME: _Moves = {"NOOP": {}, "VRFY": {}, "EXPN": {}, "HELP": {}, "QUIT": {2: "closed"}}
_HELLO: _Moves = {"EHLO": {2: "ready"}, "HELO": {2: "ready"}, "LHLO": {2: "ready"}}
_RESET: _Moves = {"RSET": {2: "ready"}}
_CHUNKS: _Moves = {
    "BDAT": {2: "chunking", 4: "ready", 5: "ready"},
    LAST_CHUNK: {2: "ready", 4: "ready", 5: "ready"},
}

TABLE: Mapping[State, _Moves] = MappingProxyType(
    {
        "connected": {GREETING: {2: "greeted", 4: "refused", 5: "refused"}},
        "greeted": {**_HELLO, "RSET": {}, **_ANY_TIME},
        "refused": {"QUIT": {2: "closed"}},
        "ready": {
            "MAIL": {2: "mail"},
            "STARTTLS": {2: "tls"},
            "AUTH": {2: "ready", 3: "auth"},
            "ETRN": {},
            **_HELLO,
            **_RESET,
            **_ANY_TIME,
        },
        "mail": {"RCPT": {2: "rcpt"}, "DATA": {3: "data"}, **_RESET, **_HELLO, **_ANY_TIME},
        "rcpt": {"RCPT": {2: "rcpt"}, "DATA": {3: "data"}, **_CHUNKS, **_RESET, **_HELLO, **_ANY_TIME},
        "data": {CONTENT: {2: "ready", 4: "ready", 5: "ready"}},
        "chunking": {**_CHUNKS, **_RESET, **_HELLO, **_ANY_TIME},
        "auth": {"AUTH": {2: "ready", 3: "auth", 4: "ready", 5: "ready"}},
        "tls": {HANDSHAKE: {2: "greeted"}},
        "closed": {},
    }
)
"""State to verb to reply class to state: a verb that is listed is legal, a class that is not listed moves nothing."""

_ANNOUNCED_BY: Mapping[str, str] = {"STARTTLS": "STARTTLS", "AUTH": "AUTH", "BDAT": "CHUNKING", "ETRN": "ETRN"} | {
    verb: verb for verb in ("XCLIENT", "XFORWARD")
}
_HELLO_OF: Mapping[Dialect, tuple[str, ...]] = {"esmtp": ("EHLO", "HELO"), "smtp": ("HELO",), "lmtp": ("LHLO",)}


def _where_taken_anyway() -> dict[tuple[str, int], State]:
    """Rule 10, read off the table: the first row that a verb and a class have anywhere."""
    found: dict[tuple[str, int], State] = {}
    for state in STATES:
        for verb, moves in TABLE[state].items():
            for severity, target in moves.items():
                found.setdefault((verb, severity), target)
    return found


def _all_moves() -> dict[tuple[State, str, int], State]:
    """The table and rule 10 in one, for both halves ask at every reply: what is not in it moves nothing."""
    moves: dict[tuple[State, str, int], State] = {
        (state, verb, severity): target
        for (verb, severity), target in _where_taken_anyway().items()
        for state in STATES
        if severity in (2, 3) and state != "closed" and verb not in TABLE[state]
    }
    for state in STATES:
        for verb, by_severity in TABLE[state].items():
            moves.update({(state, verb, severity): target for severity, target in by_severity.items()})
    return moves


_NEXT = _all_moves()


# The same few steps in every session, and one more for each command of every client.
@functools.lru_cache(maxsize=1024)
def advance(state: State, verb: str, code: int | None) -> State:
    """The state after a reply with this code to this verb."""
    if code == 421:
        return "closed"
    return _NEXT.get((state, verb, (code or 0) // 100), state)


@functools.cache
def changed(old: State, new: State) -> StateChanged:
    """The fact: one for each pair of states, of which there are few."""
    return StateChanged(old, new)


def is_legal(state: State, verb: str) -> bool:
    """May this verb be sent here, announcements aside? A verb unknown to the table may wherever commands may."""
    moves = TABLE[state]
    return verb in moves or (verb not in KNOWN_VERBS and "NOOP" in moves)


def legal_verbs(state: State, extensions: Extensions, dialect: Dialect = "esmtp") -> tuple[str, ...]:
    """What may be sent next (RFC 5321 4.1.4), given what was announced; `.` for content and responses aside."""
    return tuple(
        verb
        for verb in TABLE[state]
        if verb not in (GREETING, LAST_CHUNK, HANDSHAKE)
        and (verb not in HELLO_VERBS or verb in _HELLO_OF[dialect])
        and (verb not in _ANNOUNCED_BY or state == "auth" or _ANNOUNCED_BY[verb] in extensions)
    )


def is_hello(verb: str, dialect: Dialect) -> bool:
    """Does this verb open a session in this dialect?"""
    return verb in _HELLO_OF[dialect]


def announced_by(verb: str) -> str | None:
    """The keyword without which a verb is unknown; None for those that every server has."""
    return _ANNOUNCED_BY.get(verb)


def transitions(state: State) -> tuple[tuple[str, int, State], ...]:
    """Verb, reply class and target of every move out of a state, in the table's order."""
    return tuple(
        (verb, severity, target)
        for verb, moves in TABLE[state].items()
        for severity, target in moves.items()
        if target != state
    )


KNOWN_VERBS: frozenset[str] = frozenset(verb for moves in TABLE.values() for verb in moves)
HELLO_VERBS = frozenset(_HELLO)
