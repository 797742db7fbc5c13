"""Where a POP3 dialogue stands and what moves it: one table for both halves, for the screens and for the documents.

Rules

1.  A response moves the dialogue, by its status indicator alone: both halves change state when the response passes
    by (RFC 1939 3). A status without a row changes nothing. QUIT is the one exception, see 8.
2.  `connected` waits for the greeting: `+OK` opens the session, `-ERR` is a server that refuses to serve.
3.  `authorization` waits for the client to say who it is: USER and PASS, APOP, or AUTH (RFC 1939 4 and 7, RFC 5034).
    CAPA may be asked here and in `transaction` (RFC 2449 5), STLS only here (RFC 2595 4).
4.  `named` follows a USER that was taken. PASS may come only immediately after it (RFC 1939 7): any other command
    of this state leads back to `authorization`, and so does a PASS that is refused.
5.  `+` opens `auth`, in which lines are responses, not commands, until `+OK` or `-ERR` (RFC 5034 4).
6.  `+OK` to PASS, APOP or AUTH opens `transaction`: the maildrop is locked, its messages have numbers, and none is
    removed (RFC 1939 5). Where it can't be locked, the answer is `-ERR` and the session stays before it.
7.  `+OK` to STLS opens `tls`: no POP3 until the handshake is done. After it the session begins anew without a second
    greeting, and both sides forget what they learned in clear (RFC 2595 4).
8.  QUIT in `transaction` opens `update` as it is issued: only there the messages that DELE marked are removed, and
    whatever the answer, it closes the dialogue (RFC 1939 6). A connection that ends without QUIT removes nothing.
9.  Where a server takes what was illegal, it has moved all the same, and the dialogue follows it: to where that
    command leads from its legal states.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from smtplab.pop3.capability import Capabilities
from smtplab.pop3.response import Status

State = Literal["connected", "authorization", "named", "tls", "auth", "transaction", "update", "closed"]
"""Stable ids, as in `events.StateChanged`."""

STATES: tuple[State, ...] = (
    "connected",
    "authorization",
    "tls",
    "named",
    "auth",
    "transaction",
    "update",
    "closed",
)
"""In the order in which a session meets them."""

# What stands in the table beside the commands and the statuses.
GREETING = ""
HANDSHAKE = "handshake"
ISSUED = "issued"

_Moves = Mapping[str, Mapping[str, State]]

_EXCHANGE: _Moves = {"AUTH": {"+OK": "transaction", "+": "auth", "-ERR": "authorization"}}
_LOGIN: _Moves = {
    "USER": {"+OK": "named", "-ERR": "authorization"},
    "APOP": {"+OK": "transaction", "-ERR": "authorization"},
    **_EXCHANGE,
    "STLS": {"+OK": "tls", "-ERR": "authorization"},
    "CAPA": {"+OK": "authorization", "-ERR": "authorization"},
    "QUIT": {"+OK": "closed"},
}

TABLE: Mapping[State, _Moves] = MappingProxyType(
    {
        "connected": {GREETING: {"+OK": "authorization", "-ERR": "closed"}},
        "authorization": _LOGIN,
        "named": {"PASS": {"+OK": "transaction", "-ERR": "authorization"}, **_LOGIN},
        "auth": _EXCHANGE,
        "tls": {HANDSHAKE: {"+OK": "authorization"}},
        "transaction": {
            "STAT": {},
            "LIST": {},
            "UIDL": {},
            "RETR": {},
            "TOP": {},
            "DELE": {},
            "NOOP": {},
            "RSET": {},
            "CAPA": {},
            "QUIT": {ISSUED: "update"},
        },
        "update": {"QUIT": {"+OK": "closed", "-ERR": "closed"}},
        "closed": {},
    }
)
"""State to verb to status to state: a verb that is listed is legal, a status that is not listed moves nothing."""

_ANNOUNCED_BY: Mapping[str, str] = {
    "USER": "USER",
    "PASS": "USER",
    "AUTH": "SASL",
    "STLS": "STLS",
    "TOP": "TOP",
    "UIDL": "UIDL",
}


def _where_taken_anyway() -> dict[tuple[str, str], State]:
    """Rule 9, read off the table: the first row that a verb and a status have anywhere."""
    found: dict[tuple[str, str], State] = {}
    for state in STATES:
        for verb, moves in TABLE[state].items():
            for status, target in moves.items():
                found.setdefault((verb, status), target)
    return found


_TAKEN_ANYWAY: Mapping[tuple[str, str], State] = _where_taken_anyway()


def issue(state: State, verb: str) -> State:
    """The state once this verb is the next to be answered."""
    return TABLE[state].get(verb, {}).get(ISSUED, state)


def advance(state: State, verb: str, status: Status | None) -> State:
    """The state after a response with this status to this verb."""
    moves = TABLE[state].get(verb)
    if moves is not None:
        return moves.get(status or "", state)
    if status in ("+OK", "+") and state != "closed":
        return _TAKEN_ANYWAY.get((verb, status), state)
    return state


def is_legal(state: State, verb: str) -> bool:
    """May this verb be sent here, announcements aside? One unknown to the table may wherever commands may."""
    moves = TABLE[state]
    return verb in moves or (verb not in KNOWN_VERBS and "CAPA" in moves)


def legal_verbs(state: State, capabilities: Capabilities | None) -> tuple[str, ...]:
    """What may be sent next; None for a server that was not asked, or that has no CAPA: then anything may be tried."""
    return tuple(
        verb
        for verb in TABLE[state]
        if verb not in (GREETING, HANDSHAKE) and (state == "auth" or is_announced(verb, capabilities))
    )


def is_announced(verb: str, capabilities: Capabilities | None) -> bool:
    """Not so only where the server has told its capabilities and this verb's is not among them."""
    tag = _ANNOUNCED_BY.get(verb)
    return tag is None or capabilities is None or tag in capabilities


def transitions(state: State) -> tuple[tuple[str, str, State], ...]:
    """Verb, status (or `issued`) and target of every move out of a state, in the table's order."""
    return tuple(
        (verb, status, target)
        for verb, moves in TABLE[state].items()
        for status, target in moves.items()
        if target != state
    )


KNOWN_VERBS: frozenset[str] = frozenset(verb for moves in TABLE.values() for verb in moves)
