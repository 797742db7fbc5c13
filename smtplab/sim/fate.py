"""What became of one message, read from the records of its journey; it moves nothing."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Sequence

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.mta.outcome import Judgement, RecipientOutcome, words_of
from smtplab.wire.reply import split_enhanced

_REPLY = re.compile(r"([2-5]\d\d) (.*)", re.DOTALL)
"""How a diagnostic begins where a server said it; what happened without words is an id such as `timed-out`."""


def _turned_into(event: ev.Judged) -> tuple[str, list[str]]:
    """From `teachers@hust.example -> lan@hust.example, an@neu.example`, in lower case."""
    address, _, others = event.detail.lower().partition(" -> ")
    return address, others.split(", ") if others else []


def _by_the_list(members: list[str]) -> ev.JourneyEnded:
    """What becomes of the copies is the list's affair: to its sender a message that a list took is delivered
    (RFC 3461 5.2.7.1)."""
    return ev.JourneyEnded("delivered", 250, "2.0.0", f"to the {len(members)} members of the list")


class Fate:
    """Reads each record as it is made. `resting` is set once there is nothing to wait for but a later attempt."""

    def __init__(self, recipient: str) -> None:
        self.resting = asyncio.Event()
        self.records = 0
        """How many there have been."""
        self.hop = 0
        """On which the message came to its mailbox."""
        self.mailbox = ""
        """In lower case."""
        self._recipients = {recipient.lower()}
        """Those for whom the address stands among them, once a server has told."""
        self._ends: dict[str, ev.JourneyEnded] = {}

    def read(self, record: Record) -> None:
        """One record more."""
        self.records += 1
        match record.event:
            case ev.Delivered(recipient=recipient, mailbox=mailbox) if self._is_ours(recipient):
                self._ends[recipient.lower()] = _delivered(mailbox)
                self.hop, self.mailbox = record.hop, mailbox.lower()
            case ev.Bounced(recipient=recipient, status=status, diagnostic=said) if self._is_ours(recipient):
                self._ends[recipient.lower()] = ev.JourneyEnded("bounced", _read_reply(said)[0], status, said)
            case ev.Deferred(recipient=recipient, reason=said):
                if self._is_ours(recipient):
                    self._ends[recipient.lower()] = ev.JourneyEnded("deferred", *_read_reply(said), said)
                self.resting.set()
            case ev.Judged(check="alias"):
                address, others = _turned_into(record.event)
                if address in self._recipients:
                    self._recipients.update(others)
            case ev.Judged(check="list", verdict="distributed"):
                address, members = _turned_into(record.event)
                if address in self._recipients:
                    self._ends[address] = _by_the_list(members)
            case _:
                pass

    def ended(self, submission: Judgement) -> ev.JourneyEnded:
        """The end as the last of the servers saw it, the worst of several; the submission's own where no server took
        the message."""
        if self._ends:
            return worst_end(list(self._ends.values()))
        return ev.JourneyEnded(submission.result, submission.code, submission.enhanced, words_of(submission))

    def _is_ours(self, recipient: str) -> bool:
        return recipient.lower() in self._recipients


FATEFUL: frozenset[type] = frozenset({ev.Delivered, ev.Bounced, ev.Deferred, ev.Judged})
"""The events that `Fates` reads."""


class Fates:
    """The ends of all messages of a run, by recipient. Several to one recipient end in the order they were sent, for
    all that a person can tell."""

    def __init__(self) -> None:
        self._ends: dict[str, deque[ev.JourneyEnded]] = {}
        self._deferred: dict[str, ev.JourneyEnded] = {}
        self._turned_into: dict[str, list[str]] = {}

    def read(self, record: Record) -> None:
        """One record more."""
        match record.event:
            case ev.Delivered(recipient=recipient, mailbox=mailbox):
                self._add(recipient, _delivered(mailbox))
            case ev.Bounced(recipient=recipient, status=status, diagnostic=said):
                self._add(recipient, ev.JourneyEnded("bounced", _read_reply(said)[0], status, said))
            case ev.Deferred(recipient=recipient, reason=said):
                self._deferred[recipient.lower()] = ev.JourneyEnded("deferred", *_read_reply(said), said)
            case ev.Judged(check="alias"):
                address, others = _turned_into(record.event)
                self._turned_into[address] = others
            case ev.Judged(check="list", verdict="distributed"):
                address, members = _turned_into(record.event)
                self._add(address, _by_the_list(members))
            case _:
                pass

    def end_of(self, submission: RecipientOutcome) -> ev.JourneyEnded:
        """The next end for this recipient, the worst of those for whom it stands; the submission's own where no server
        took the message."""
        judgement, who = submission.judgement, str(submission.recipient).lower()
        if judgement.result == "accepted" and (ends := self._ends_of(who, set())):
            return worst_end(ends)
        return ev.JourneyEnded(judgement.result, judgement.code, judgement.enhanced, words_of(judgement))

    def _ends_of(self, who: str, seen: set[str]) -> list[ev.JourneyEnded]:
        """`seen`: addresses may stand for each other in a circle."""
        if who in seen:
            return []
        seen.add(who)
        if ends := self._ends.get(who):
            return [ends.popleft()]
        if who in self._deferred:
            return [self._deferred[who]]
        return [end for other in self._turned_into.get(who, ()) for end in self._ends_of(other, seen)]

    def _add(self, recipient: str, end: ev.JourneyEnded) -> None:
        self._ends.setdefault(recipient.lower(), deque()).append(end)


def _delivered(mailbox: str) -> ev.JourneyEnded:
    return ev.JourneyEnded("delivered", 250, "2.0.0", f"in the mailbox of {mailbox}")


_WORST_FIRST: tuple[ev.Result, ...] = (
    "refused", "bounced", "unreachable", "deferred", "stopped", "accepted", "delivered",
)  # fmt: skip


def worst_end(ends: Sequence[ev.JourneyEnded]) -> ev.JourneyEnded:
    """After which a journey to several recipients is called."""
    return min(ends, key=lambda end: _WORST_FIRST.index(end.result))


def _read_reply(said: str) -> tuple[int | None, str | None]:
    """Code and enhanced code."""
    reply = _REPLY.match(said)
    if reply is None:
        return None, None
    code = int(reply[1])
    return code, split_enhanced(reply[2], code)[0]
