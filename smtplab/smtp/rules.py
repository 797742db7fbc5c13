"""The rules of a dialogue that can be broken, by their stable ids, and the sections that state them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from smtplab.events import RuleBroken, Side
from smtplab.wire.flaw import Flaw

RFC_OF_RULE: Mapping[str, str] = MappingProxyType(
    {
        # A command at the wrong time, or one that this server never offered.
        "out-of-order": "RFC 5321 4.1.4",
        "after-closing": "RFC 5321 4.1.1.10",
        "wrong-hello": "RFC 2033 4.1",
        "command-not-announced": "RFC 5321 2.2.1",
        "parameter-not-announced": "RFC 5321 4.1.1.11",
        "mechanism-not-announced": "RFC 4954 4",
        "pipelining-not-announced": "RFC 2920 3.1",
        "pipelined-after-last": "RFC 2920 3.1",
        "content-without-354": "RFC 5321 4.1.1.4",
        "response-without-334": "RFC 4954 4",
        "chunk-unfinished": "RFC 3030 2",
        "binary-needs-bdat": "RFC 3030 3",
        # What a command promises or exceeds.
        "larger-than-announced": "RFC 1870 6.1",
        "larger-than-declared": "RFC 1870 6.3",
        "8bit-without-8bitmime": "RFC 6152 3",
        "smtputf8-needed": "RFC 6531 3.4",
        "over-rcptmax": "RFC 9422 4.2",
        "over-mailmax": "RFC 9422 4.1",
        "over-rcptdomainmax": "RFC 9422 4.3",
        # A reply that should not be, or not be so.
        "unlisted-code": "RFC 5321 4.3.2",
        "unsolicited-reply": "RFC 5321 4.2",
        "enhanced-code-missing": "RFC 2034 4",
        "truncated-reply": "RFC 5321 4.2.1",
        "plaintext-after-starttls": "RFC 3207 4.2",
        "unasked-reply": "RFC 5321 4.2",
        # A client that does not wait, does not say goodbye, or is none.
        "early-talker": "RFC 5321 4.3.1",
        "pipelined-after-auth": "RFC 4954 4",
        "closed-without-quit": "RFC 5321 4.1.1.10",
        "http-request": "",
    }
)


def broken(rule: str, by: Side, detail: str = "") -> RuleBroken:
    return RuleBroken(rule, by, detail, RFC_OF_RULE[rule])


def broken_by_flaw(flaw: Flaw, by: Side) -> RuleBroken:
    return RuleBroken(flaw.rule, by, flaw.detail, flaw.rfc)
