"""What a sending in bulk counts: fates, replies and latencies, and the report that follows from them."""

from __future__ import annotations

import re
from collections import Counter

import msgspec

from smtplab.lab.exits import DONE, FAILED, TEMPORARY
from smtplab.mta.outcome import Judgement
from smtplab.wire.reply import Reply

_ID = re.compile(r"(?<![\w.])(?=[\w.-]*[0-9])[\w-]{6,}(?![\w.])")
"""A queue id and the like, which would make every reply one of its own."""

GROUPS_MAX = 1000
"""Replies told apart; a server that never says the same twice must not fill our memory."""


class ReplyGroup(msgspec.Struct, frozen=True, order=True):
    """Replies that differ in nothing but their ids."""

    count: int
    result: str
    stage: str
    code: int | None
    enhanced: str | None
    text: str


class Failed(msgspec.Struct, frozen=True):
    """A recipient that a message of a mailing did not reach."""

    name: str
    """The message: its row, its file."""
    recipient: str
    result: str
    code: int | None
    reason: str
    """The server's words, or the id of a reason."""


class BulkReport(msgspec.Struct, frozen=True):
    """The keys of `send --count … --json`."""

    count: int
    accepted: int
    refused: int
    deferred: int
    not_sent: int
    """Never begun, or begun and not yet handed over: nobody has these."""
    unknown: int
    """Handed over whole, and the answer never came (RFC 1047)."""
    seconds: float
    rate: float
    """Accepted messages a second."""
    latency_ms: dict[str, float]
    """`p50`, `p90`, `p99`, `max`: from MAIL to the reply to the content."""
    replies: tuple[ReplyGroup, ...]
    """Most frequent first."""
    failed: tuple[Failed, ...] = ()
    """Of a mailing, whose messages differ: who did not get theirs."""
    unsent: tuple[str, ...] = ()
    """Of a mailing: the messages that nobody has."""
    doubtful: tuple[str, ...] = ()
    """Of a mailing: those that were under way when it was broken off."""

    @property
    def exit_code(self) -> int:
        if self.refused:
            return FAILED
        return TEMPORARY if self.deferred or self.unknown or self.not_sent else DONE


class Tally:
    def __init__(self, count: int) -> None:
        self.count = count
        self.results: Counter[str] = Counter()
        self.unknown = 0
        self._groups: Counter[tuple[str, str, int | None, str | None, str]] = Counter()
        self._latencies_s: list[float] = []
        self._said: dict[Reply, tuple[str, str, int | None, str | None, str]] = {}

    @property
    def done(self) -> int:
        return self.results.total() + self.unknown

    def note(self, judgement: Judgement, latency_s: float | None = None) -> None:
        """One message's fate."""
        result = "accepted" if judgement.good else "deferred" if judgement.retriable else "refused"
        self.results[result] += 1
        if latency_s is not None:
            self._latencies_s.append(latency_s)
        text = _ID.sub("#", judgement.detail) if judgement.reason == "reply" else judgement.reason
        group = (result, judgement.stage, judgement.code, judgement.enhanced, text)
        if group in self._groups or len(self._groups) < GROUPS_MAX:
            self._groups[group] += 1

    def accepted(self, reply: Reply, latency_s: float) -> None:
        """A message that the server has taken; what it says of all alike is looked at once."""
        self.results["accepted"] += 1
        self._latencies_s.append(latency_s)
        group = self._said.get(reply)
        if group is None:
            text = _ID.sub("#", " ".join(reply.lines))
            group = ("accepted", "data", reply.code, reply.enhanced, text)
            if len(self._said) < GROUPS_MAX:
                self._said[reply] = group
        if group in self._groups or len(self._groups) < GROUPS_MAX:
            self._groups[group] += 1

    def report(self, seconds: float) -> BulkReport:
        groups = (ReplyGroup(number, *group) for group, number in self._groups.items())
        return BulkReport(
            count=self.count,
            accepted=self.results["accepted"],
            refused=self.results["refused"],
            deferred=self.results["deferred"],
            not_sent=self.count - self.done,
            unknown=self.unknown,
            seconds=round(seconds, 3),
            rate=round(self.results["accepted"] / seconds, 1) if seconds else 0.0,
            latency_ms=_percentiles(self._latencies_s),
            replies=tuple(sorted(groups, key=lambda group: (-group.count, group.text))),
        )


def _percentiles(latencies_s: list[float]) -> dict[str, float]:
    """The smallest latency that so many percent do not exceed (nearest rank)."""
    if not latencies_s:
        return {}
    ordered = sorted(latencies_s)
    ranks = {"p50": 50, "p90": 90, "p99": 99, "max": 100}
    return {
        name: round(ordered[max(0, -(-len(ordered) * share // 100) - 1)] * 1000, 3) for name, share in ranks.items()
    }
