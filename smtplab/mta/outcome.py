"""The one place that decides what a failure means: for whom it holds, whether another host may help, and for how long.

After RFC 5321 4.2.1, 4.5.4 and 5.1, and as Postfix does it:

* A 2xx to the content takes the message. A 4xx is temporary, a 5xx permanent.
* What is said to RCPT, MAIL or the content is about the recipient or the message. Its 5xx is the last word; after a
  4xx the next host is tried, for it may be nothing but this host's trouble. A 552 for too many recipients leaves the
  others to a later transaction.
* What happens before MAIL is about the host: a refused connection, a 554 greeting, a refused EHLO, a handshake that
  fails, TLS that is demanded and not offered. The next host is tried, also after a 5xx; only where every host refuses
  for good is the message refused for good.
* A refusal of our credentials is permanent and holds for every host: another one knows the same users.
* A connection that is lost, or a time-out, is temporary, wherever it happens. Nothing is known of a message whose
  content was sent and never answered: it is tried again, and may arrive twice (RFC 5321 4.5.3.2.6, RFC 1047).
* NXDOMAIN, a name without addresses, a null MX and a loop are permanent; SERVFAIL and a silent DNS are temporary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from smtplab.events import Result
from smtplab.journal import Stage
from smtplab.net.ports import Lost, TlsTrouble
from smtplab.wire.address import Mailbox
from smtplab.wire.reply import Reply

Reach = Literal["recipient", "message", "host"]

NoRouteKind = Literal[
    "nxdomain", "nodata", "null-mx", "loop", "bad-literal", "no-usable-host",
    "servfail", "timed-out", "unreachable", "malformed", "cname-loop",
]  # fmt: skip


class NoRoute(msgspec.Struct, frozen=True):
    """There is no host to try."""

    domain: str
    kind: NoRouteKind
    name: str = ""
    """The name whose lookup ended so, where it is not the domain."""


LackingReason = Literal[
    "starttls-not-offered", "tls-not-verified", "auth-not-offered", "auth-mechanism-not-offered", "auth-broken",
    "too-large", "smtputf8-not-offered", "requiretls-not-offered", "not-noted", "skipped",
    "xclient-not-offered", "prdr-not-offered", "binarymime-not-offered", "deliverby-not-offered",
    "futurerelease-not-offered", "mt-priority-not-offered", "dsn-not-offered",
]  # fmt: skip


class Shortfall(msgspec.Struct, frozen=True):
    """The server lacks what we demand, so we did not go on."""

    reason: LackingReason
    detail: str = ""

    @property
    def words(self) -> str:
        """The reason with what belongs to it."""
        return f"{self.reason} {self.detail}".rstrip()


class Setback(msgspec.Struct, frozen=True):
    """A step that did not succeed, and what was said or happened."""

    stage: Stage
    cause: Reply | Lost | TlsTrouble | Shortfall


class Judgement(msgspec.Struct, frozen=True):
    """What became of one recipient, for now."""

    result: Result
    stage: Stage
    code: int | None = None
    enhanced: str | None = None
    reason: str = ""
    """A stable id: `reply` where the server said it, else a reason of `Lost`, `NoRoute`, `Shortfall` or TLS."""
    detail: str = ""
    """The server's own words, or a name."""
    host: str = ""

    @property
    def retriable(self) -> bool:
        """May a later attempt succeed?"""
        return self.result in ("deferred", "unreachable")

    @property
    def good(self) -> bool:
        """The server took the message, or all that was asked for was done."""
        return self.result in ("accepted", "delivered", "stopped")

    @property
    def status(self) -> str:
        """An enhanced status code (RFC 3463): the server's own, else one that says as much."""
        if self.enhanced:
            return self.enhanced
        if self.reason in _STATUS_OF_REASON:
            return _STATUS_OF_REASON[self.reason]
        return {"refused": "5.0.0", "bounced": "5.0.0"}.get(self.result, "2.0.0" if self.good else "4.0.0")


class RecipientOutcome(msgspec.Struct, frozen=True):
    recipient: Mailbox
    judgement: Judgement
    next_host: bool = False
    """Another host may still take it."""
    notifies: bool = False
    """The host that took it announced DSN: notices of success are its business now (RFC 3461 5.2.1)."""


# Enhanced codes for what no server said: RFC 3463 3.5, RFC 7505 4.2 and RFC 5321bis' use of them in Postfix.
_STATUS_OF_REASON = {
    "nxdomain": "5.1.2",
    "nodata": "5.1.2",
    "bad-literal": "5.1.2",
    "no-usable-host": "5.4.4",
    "null-mx": "5.1.10",
    "loop": "5.4.6",
    "servfail": "4.4.3",
    "timed-out": "4.4.2",
    "malformed": "4.4.3",
    "cname-loop": "4.4.3",
    "refused": "4.4.1",
    "unreachable": "4.4.1",
    "reset": "4.4.2",
    "closed": "4.4.2",
    "reply-too-long": "4.5.0",
    "starttls-not-offered": "4.7.4",
    "tls-not-verified": "4.7.5",
    "requiretls-not-offered": "5.7.30",
    "auth-not-offered": "5.7.0",
    "auth-mechanism-not-offered": "5.7.4",
    "auth-broken": "4.7.0",
    "not-noted": "4.3.0",
    "content-unreadable": "4.3.0",
    "destination-suspended": "4.4.1",
    "too-large": "5.3.4",
    "smtputf8-not-offered": "5.6.7",
    "expired": "4.4.7",
}

_TEMPORARY_ROUTES: frozenset[NoRouteKind] = frozenset(
    {"servfail", "timed-out", "unreachable", "malformed", "cname-loop"}
)
_PERMANENT_SHORTFALLS = frozenset(
    {
        "auth-not-offered", "auth-mechanism-not-offered", "too-large", "smtputf8-not-offered",
        "requiretls-not-offered", "xclient-not-offered", "prdr-not-offered", "binarymime-not-offered",
        "deliverby-not-offered", "futurerelease-not-offered", "mt-priority-not-offered", "dsn-not-offered",
    }
)  # fmt: skip
CUT = "cut"
"""`Lost.reason` of a connection that we dropped because we were asked to, right after sending something."""
_HOST_STAGES: frozenset[Stage] = frozenset({"dns", "connect", "greeting", "ehlo", "tls"})


def reach_of(setback: Setback) -> Reach:
    """For whom it holds."""
    if setback.stage in _HOST_STAGES or isinstance(setback.cause, Lost):
        return "host"
    return "recipient" if setback.stage == "envelope" and isinstance(setback.cause, Reply) else "message"


def judge(setback: Setback, host: str) -> Judgement:
    """What a failed step means for the recipients that it holds for."""
    stage, cause = setback.stage, setback.cause
    match cause:
        case Reply():
            result: Result = "refused" if cause.severity == 5 else "deferred"
            detail = " ".join(cause.lines)
            return Judgement(result, stage, cause.code, cause.enhanced, "reply", detail, host)
        case Lost(reason=reason) if reason == CUT:
            return Judgement("stopped", stage, reason=reason, host=host)
        case Lost():
            result = "unreachable" if stage == "connect" else "deferred"
            return Judgement(result, stage, reason=cause.reason, detail=cause.detail, host=host)
        case TlsTrouble():
            return Judgement("deferred", stage, reason=cause.reason, detail=cause.detail, host=host)
        case Shortfall():
            if cause.reason == "skipped":
                return Judgement("stopped", stage, reason=cause.reason, host=host)
            result = "refused" if cause.reason in _PERMANENT_SHORTFALLS else "deferred"
            return Judgement(result, stage, reason=cause.reason, detail=cause.detail, host=host)


def another_host_may_help(setback: Setback) -> bool:
    """Is it worth while to try the next address or host after this?"""
    if isinstance(setback.cause, Shortfall | Lost) and setback.cause.reason in ("skipped", CUT):
        return False
    return reach_of(setback) == "host" or judge(setback, "").retriable


def failed(recipient: Mailbox, setback: Setback, host: str) -> RecipientOutcome:
    return RecipientOutcome(recipient, judge(setback, host), another_host_may_help(setback))


def left_for_later(recipient: Mailbox, refusal: Reply, host: str) -> RecipientOutcome:
    """RFC 5321 4.5.3.1.10: a 552 to one more recipient, after some that were accepted, is what RFC 821 had for 452."""
    judgement = judge(Setback("envelope", refusal), host)
    return RecipientOutcome(recipient, msgspec.structs.replace(judgement, result="deferred", enhanced="4.5.3"))


def says_too_many(refusal: Reply) -> bool:
    """Where an enhanced code says that the mailbox is full, or the message too large, it is that."""
    return refusal.code == 552 and refusal.enhanced in (None, "5.5.3")


def accepted(recipient: Mailbox, reply: Reply, host: str, *, notifies: bool = False) -> RecipientOutcome:
    """The server has taken responsibility (RFC 5321 6.1)."""
    judgement = Judgement("accepted", "data", reply.code, reply.enhanced, "reply", " ".join(reply.lines), host)
    return RecipientOutcome(recipient, judgement, False, notifies)


def stopped(recipient: Mailbox, stage: Stage, reply: Reply | None, host: str) -> RecipientOutcome:
    """We were asked to go no further."""
    if reply is None:
        return RecipientOutcome(recipient, Judgement("stopped", stage, host=host))
    judgement = Judgement("stopped", stage, reply.code, reply.enhanced, "reply", " ".join(reply.lines), host)
    return RecipientOutcome(recipient, judgement)


def judge_no_route(no_route: NoRoute) -> Judgement:
    """A domain without a host to try."""
    result: Result = "deferred" if no_route.kind in _TEMPORARY_ROUTES else "refused"
    # RFC 7505 4.2: 556 is what a server would answer for such a domain.
    code = 556 if no_route.kind == "null-mx" else None
    status = "4.4.3" if result == "deferred" else _STATUS_OF_REASON[no_route.kind]
    return Judgement(result, "dns", code, status, no_route.kind, no_route.name or no_route.domain)


def words_of(judgement: Judgement) -> str:
    """What a server said, or the id of what happened and what goes with it."""
    if judgement.reason == "reply":
        return judgement.detail
    return " ".join(filter(None, (judgement.reason, judgement.detail)))


def final_word(tries: Sequence[Judgement]) -> Judgement:
    """Where no host took or refused a recipient for itself: a hope for later, else the last host's refusal to serve.

    "Unreachable" is said only where no host at all was reached.
    """
    hopes = [judgement for judgement in tries if judgement.retriable]
    reached = [judgement for judgement in hopes if judgement.result == "deferred"]
    return (reached or hopes or list(tries))[-1]


_WORST_FIRST: tuple[Result, ...] = ("refused", "bounced", "unreachable", "deferred", "stopped", "accepted", "delivered")


def worst(judgements: Sequence[Judgement]) -> Judgement:
    """Of several recipients' fates the one that the whole delivery is called after."""
    return min(judgements, key=lambda judgement: _WORST_FIRST.index(judgement.result))
