"""What one node knew at a moment, by its own records: its queue, its DNS cache, its judgements, its mailboxes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.view.meaning import path_of

ANSWERS_MAX = 500
JUDGEMENTS_MAX = 500
"""Of the newest: more than a person reads, and a rate limit tells one for each message."""


class QueuedMessage(msgspec.Struct, frozen=True):
    queue_id: str
    sender: str
    """Empty for the null reverse-path, which a notice of the node's own has."""
    recipients: tuple[str, ...]
    """As the node accepted them; those of its own notices are told by nobody."""
    since_us: int
    """Of recorded time."""
    attempts: int = 0
    state: Literal["incoming", "active", "deferred"] = "incoming"
    next_attempt: str = ""
    reason: str = ""


class CachedAnswer(msgspec.Struct, frozen=True):
    name: str
    rrtype: str
    rcode: str
    records: tuple[str, ...]
    until_us: int
    """When it may no longer be used, of recorded time."""


class Judgement(msgspec.Struct, frozen=True):
    elapsed_us: int
    check: str
    verdict: str
    detail: str


class StoredMessage(msgspec.Struct, frozen=True):
    elapsed_us: int
    queue_id: str
    mailbox: str
    number: int
    """Which message of its mailbox it is, from 0, in the order of delivery."""


class Talk(msgspec.Struct, frozen=True):
    """One dialogue of the node with another host."""

    span: str
    side: Literal["client", "server"]
    peer: str
    """The host called, or the address of the client that called."""
    began_us: int
    indices: tuple[int, int]
    """Of its first and last record among the node's own."""
    secure: bool = False
    failed: bool = False
    open: bool = True


class Knowledge:
    """Takes in a node's records in order."""

    def __init__(self) -> None:
        self.count = 0
        self.queue: dict[str, QueuedMessage] = {}
        self.answers: dict[tuple[str, str], CachedAnswer] = {}
        self.judgements: list[Judgement] = []
        self.mailboxes: dict[str, list[StoredMessage]] = {}
        self.talks: dict[str, Talk] = {}
        """By span, in the order in which they began."""
        self._envelopes: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._taken: list[str] = []

    def advance(self, record: Record) -> None:
        """The next record. Never raises, whatever it holds."""
        self._fold_queue(record)
        self._fold_envelope(record)
        self._fold_facts(record)
        self._fold_talk(record)
        self.count += 1

    def cached_at(self, elapsed_us: int) -> list[CachedAnswer]:
        """What may still be used at that moment."""
        return [answer for answer in self.answers.values() if answer.until_us > elapsed_us]

    def _fold_queue(self, record: Record) -> None:
        match record.event:
            case ev.Queued(queue_id=queue_id):
                span = self._taken.pop(0) if self._taken else ""
                sender, recipients = self._envelopes.pop(span, ("", ()))
                self.queue[queue_id] = QueuedMessage(queue_id, sender, recipients, record.elapsed_us)
            case ev.AttemptStarted(queue_id=queue_id, number=number):
                self._change(queue_id, attempts=number, state="active", next_attempt="", reason="")
            case ev.Deferred(queue_id=queue_id, next_attempt=moment, reason=reason):
                self._change(queue_id, state="deferred", next_attempt=moment, reason=reason)
            case (
                ev.Delivered(queue_id=queue_id, recipient=recipient)
                | ev.Bounced(queue_id=queue_id, recipient=recipient)
            ):
                self._drop_recipient(queue_id, recipient)
            case ev.Dequeued(queue_id=queue_id):
                self.queue.pop(queue_id, None)
            case _:
                pass

    def _change(self, queue_id: str, **changes: object) -> None:
        if (entry := self.queue.get(queue_id)) is not None:
            self.queue[queue_id] = msgspec.structs.replace(entry, **changes)

    def _drop_recipient(self, queue_id: str, recipient: str) -> None:
        if (entry := self.queue.get(queue_id)) is not None:
            left = tuple(one for one in entry.recipients if one.casefold() != recipient.casefold())
            self._change(queue_id, recipients=left)

    def _fold_envelope(self, record: Record) -> None:
        """What a client said of a message before it was queued here."""
        span = record.span
        match record.event:
            case ev.CommandReceived(verb="MAIL", line=line):
                self._envelopes[span] = (path_of(line), ())
            case ev.CommandReceived(verb="RCPT", line=line):
                sender, recipients = self._envelopes.get(span, ("", ()))
                self._envelopes[span] = (sender, (*recipients, path_of(line)))
            case ev.ReplySent(verb="RCPT", code=int(code)) if code >= 400:
                self._refuse_recipient(span)
            case ev.MessageReceived():
                self._taken.append(span)
            case ev.ReplySent(verb="." | "BDAT", code=int(code)) if code >= 400 and span in self._taken:
                self._taken.remove(span)
            case ev.Disconnected():
                if span not in self._taken:
                    self._envelopes.pop(span, None)
            case _:
                pass

    def _refuse_recipient(self, span: str) -> None:
        sender, recipients = self._envelopes.get(span, ("", ()))
        self._envelopes[span] = (sender, recipients[:-1])

    def _fold_facts(self, record: Record) -> None:
        match record.event:
            case ev.DnsAnswered(cached=False, ttl=int(ttl)) as answer:
                key = (answer.name, answer.rrtype)
                self.answers.pop(key, None)
                until_us = record.elapsed_us + ttl * 1_000_000
                self.answers[key] = CachedAnswer(answer.name, answer.rrtype, answer.rcode, answer.records, until_us)
                if len(self.answers) > ANSWERS_MAX:
                    del self.answers[next(iter(self.answers))]
            case ev.Judged(check=check, verdict=verdict, detail=detail):
                self.judgements.append(Judgement(record.elapsed_us, check, verdict, detail))
                del self.judgements[:-JUDGEMENTS_MAX]
            case ev.Delivered(queue_id=queue_id, mailbox=mailbox):
                stored = self.mailboxes.setdefault(mailbox, [])
                stored.append(StoredMessage(record.elapsed_us, queue_id, mailbox, len(stored)))
            case _:
                pass

    def _fold_talk(self, record: Record) -> None:
        span, event = record.span, record.event
        match event:
            case ev.ConnectStarted(host=host):
                self.talks[span] = Talk(span, "client", host, record.elapsed_us, (self.count, self.count))
                return
            case ev.ReplySent(verb="") if span not in self.talks or not self.talks[span].open:
                peer = span.rpartition("/")[2]
                self.talks[span] = Talk(span, "server", peer, record.elapsed_us, (self.count, self.count))
                return
            case _:
                talk = self.talks.get(span)
        if talk is not None and talk.open:
            self.talks[span] = _talk_after(talk, event, self.count)


def other_end(talk: Talk, talks: Iterable[Talk], addresses: tuple[str, ...]) -> Talk | None:
    """The same dialogue as its other node saw it, among that node's talks; `addresses` are the talk's own node's.

    Two nodes may talk again and again, so of those that fit the one that began next to it is it.
    """
    if talk.side == "client":
        fit = [other for other in talks if other.side == "server" and other.peer in addresses]
        fit = [other for other in fit if other.began_us >= talk.began_us]
        return min(fit, key=lambda other: other.began_us, default=None)
    fit = [other for other in talks if other.side == "client" and other.began_us <= talk.began_us]
    return max(fit, key=lambda other: other.began_us, default=None)


def _talk_after(talk: Talk, event: ev.Event, index: int) -> Talk:
    secure, failed, is_open = talk.secure, talk.failed, talk.open
    match event:
        case ev.TlsEstablished():
            secure = True
        case ev.ReplyReceived(code=int(code)) | ev.ReplySent(code=int(code)) if code >= 400:
            failed = True
        case ev.ConnectFailed():
            failed, is_open = True, False
        case ev.TlsFailed():
            failed = True
        case ev.Disconnected(clean=clean):
            failed, is_open = failed or not clean, False
        case _:
            pass
    return Talk(talk.span, talk.side, talk.peer, talk.began_us, (talk.indices[0], index), secure, failed, is_open)
