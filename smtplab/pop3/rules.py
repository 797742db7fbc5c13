"""The rules of a POP3 dialogue that can be broken, by their stable ids, and the sections that state them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from smtplab.events import RuleBroken, Side
from smtplab.wire.flaw import Flaw

RFC_OF_RULE: Mapping[str, str] = MappingProxyType(
    {
        # A command at the wrong time, or one that this server never offered.
        "out-of-order": "RFC 1939 3",
        "after-closing": "RFC 1939 6",
        "command-not-announced": "RFC 2449 5",
        "pipelining-not-announced": "RFC 2449 6.6",
        "pipelined-after-last": "RFC 2449 6.6",
        "response-without-challenge": "RFC 5034 4",
        # A response that should not be, or not be so.
        "unsolicited-reply": "RFC 1939 3",
        "truncated-reply": "RFC 1939 3",
        "unasked-reply": "RFC 1939 3",
        "challenge-unasked": "RFC 5034 4",
        "bad-listing": "RFC 1939 5",
        # What comes before a handshake, and a client that does not wait or does not say goodbye.
        "plaintext-after-starttls": "RFC 2595 4",
        "early-talker": "RFC 1939 3",
        "pipelined-after-auth": "RFC 5034 4",
        "closed-without-quit": "RFC 1939 6",
    }
)


def broken(rule: str, by: Side, detail: str = "") -> RuleBroken:
    return RuleBroken(rule, by, detail, RFC_OF_RULE[rule])


def broken_by_flaw(flaw: Flaw, by: Side) -> RuleBroken:
    return RuleBroken(flaw.rule, by, flaw.detail, flaw.rfc)
