"""Folds records, one by one, into where the journey stands; which words say so it does not know."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.view.session import Session, fold_session, side_of
from smtplab.view.stages import StageProgress, begin_anew, close_all, fold_stage
from smtplab.view.strand import Key, Turns, calls, key_of

SNAPSHOT_EVERY = 256
"""Records between two snapshots: a step back folds at most so many again, about a millisecond."""


SNAPSHOTS_MAX = 256
"""A journey over thousands of hops takes some hundred kilobytes."""

SESSIONS_MAX = 500
"""Strands that are told apart: more than happen side by side in any world that a person follows."""

NEAR = 300
"""Records from which a moment is told roughly: a session and what led to it, some 5 ms."""


class Attempt(msgspec.Struct, frozen=True):
    """One address of one host that was, or is being, called."""

    hop: int
    host: str
    address: str
    port: int
    number: int
    """From 1, over the whole journey."""
    reason: str = ""
    """Empty while it is under way and once it is connected; else that of `events.ConnectFailed`."""
    ms: float | None = None
    connected: bool = False
    refusal: ev.ReplyReceived | None = None
    """The reply that ended this host's turn, where one did."""


class Hop(msgspec.Struct, frozen=True):
    number: int
    client: str = ""
    """The node that sends; empty until it is known."""
    host: str = ""
    """The host that it talks to now or talked to last."""
    stages: tuple[StageProgress, ...] = ()
    route: ev.RouteFound | None = None
    last_us: int = 0
    recipient_taken: bool = False
    """The host has said yes to a recipient."""
    passed: bool = False
    """The message has gone over this hop."""


class Place(msgspec.Struct, frozen=True):
    """Where the message is."""

    node: str
    towards: str = ""
    """The host that it is being handed to right now; empty while it rests."""
    mailbox: str = ""
    """Once it has been delivered."""
    given_up: bool = False
    """It goes no further: only a bounce leaves from here."""


class Journey:
    """What a reader needs to know of all that happened so far. `advance` is cheap; `copy` is cheaper than a fold."""

    def __init__(self) -> None:
        self.seq = 0
        self.elapsed_us = 0
        self.started: ev.JourneyStarted | None = None
        self.ended: ev.JourneyEnded | None = None
        self.place: Place | None = None
        self.hops: dict[int, Hop] = {}
        """By number, in order of appearance."""
        self.sessions: dict[Key, Session] = {}
        """The last one of each strand; of very many the newest."""
        self.attempts: list[Attempt] = []
        self.focus: Key | None = None
        """Of the record seen last that belongs to a session."""
        self.turned = False
        """The last record is of another hop or strand than what was told before it: a reader sets a heading."""
        self._turns = Turns()
        self._place_hop = 0

    @property
    def session(self) -> Session | None:
        """The session that the last record belongs to, or the one before it."""
        return None if self.focus is None else self.sessions.get(self.focus)

    def session_of(self, record: Record) -> Session | None:
        return self.sessions.get(key_of(record))

    def client_of(self, hop: int) -> str:
        """The node whose view of this hop's dialogue is told; empty where only the server's is known."""
        found = self.hops.get(hop)
        return "" if found is None else found.client

    def tells_twice(self, record: Record) -> bool:
        """Is this the server's view of what its client, journaled too, tells already?"""
        return is_echo(record, self.client_of(record.hop))

    def advance(self, record: Record) -> None:
        """Take in the next record. Never raises, whatever the records hold."""
        self.seq = record.seq
        self.elapsed_us = record.elapsed_us
        self._fold_journey(record)
        self._fold_hop(record)
        self._fold_turn(record)
        self._fold_session(record)
        self._fold_attempts(record)
        self._fold_place(record)

    def copy(self) -> Journey:
        other = Journey()
        other.__dict__.update(self.__dict__)
        other.hops = dict(self.hops)
        other.sessions = dict(self.sessions)
        other.attempts = list(self.attempts)
        other._turns = self._turns.copy()
        return other

    @classmethod
    def at(cls, records: Sequence[Record], count: int) -> Journey:
        """After the first `count` records, folded from the start; `History` keeps snapshots and is quicker."""
        journey = cls()
        for record in records[:count]:
            journey.advance(record)
        return journey

    def _fold_journey(self, record: Record) -> None:
        match record.event:
            case ev.JourneyStarted() as started:
                self.started = started
            case ev.JourneyEnded() as ended:
                self.ended = ended
                for number, hop in self.hops.items():
                    self.hops[number] = msgspec.structs.replace(hop, stages=close_all(hop.stages))
            case _:
                pass

    def _fold_hop(self, record: Record) -> None:
        hop = self.hops.get(record.hop) or Hop(record.hop, last_us=record.elapsed_us)
        event = record.event
        if isinstance(event, ev.ConnectStarted):
            if hop.host and hop.host != event.host:
                hop = msgspec.structs.replace(hop, stages=begin_anew(hop.stages))
            hop = msgspec.structs.replace(hop, client=record.node, host=event.host, recipient_taken=False)
        elif isinstance(event, ev.CommandSent | ev.ReplyReceived) and not hop.client:
            hop = msgspec.structs.replace(hop, client=record.node)
        elif isinstance(event, ev.RouteFound):
            hop = msgspec.structs.replace(hop, route=event)
        if isinstance(event, ev.ReplyReceived) and event.verb == "RCPT" and (event.code or 0) // 100 == 2:
            hop = msgspec.structs.replace(hop, recipient_taken=True)
        if not is_echo(record, hop.client):
            spent_us = max(0, record.elapsed_us - hop.last_us)
            stages = fold_stage(hop.stages, record, spent_us)
            hop = msgspec.structs.replace(hop, stages=stages, last_us=record.elapsed_us)
        self.hops[record.hop] = hop

    def _fold_turn(self, record: Record) -> None:
        told = not isinstance(record.event, UNTOLD) and not self.tells_twice(record)
        self.turned = told and self._turns.take(record.hop, record.node, record.span)

    def _fold_session(self, record: Record) -> None:
        event = record.event
        key = key_of(record)
        if isinstance(event, ev.ConnectStarted | ev.Connected):
            collects = record.stage == "collect"
            called = Session(record.hop, record.node, "client", event.host, event.address, event.port, collects)
            self._put(key, called)
            self.focus = key
            return
        if not isinstance(event, _OF_A_SESSION):
            return
        session = self._session_at(key)
        opens = isinstance(event, ev.ReplySent) and event.verb == ""
        if session is None or (opens and not session.open):
            session = Session(record.hop, record.node, side_of(event), collects=record.stage == "collect")
        self._put(key, fold_session(session, event))
        if not self.tells_twice(record):
            self.focus = key

    def _put(self, key: Key, session: Session) -> None:
        if key not in self.sessions and len(self.sessions) >= SESSIONS_MAX:
            del self.sessions[next(iter(self.sessions))]
        self.sessions[key] = session

    def _session_at(self, key: Key) -> Session | None:
        """One that was kept open for the next message of the same node goes on under another strand."""
        hop, node, strand = key
        if key in self.sessions or not calls(strand):
            return self.sessions.get(key)
        mine = (at for at in reversed(self.sessions) if at[:2] == (hop, node) and calls(at[2]))
        last = next((at for at in mine if self.sessions[at].open), None)
        return None if last is None else self.sessions.pop(last)

    def _fold_attempts(self, record: Record) -> None:
        if record.stage == "collect":
            return  # The reader fetches the message; nobody tries to deliver it there.
        match record.event:
            case ev.ConnectStarted(host=host, address=address, port=port):
                self.attempts.append(Attempt(record.hop, host, address, port, len(self.attempts) + 1))
            case ev.Connected(ms=ms):
                self._mend_attempt(record.hop, ms=ms, connected=True)
            case ev.ConnectFailed(ms=ms, reason=reason):
                self._mend_attempt(record.hop, ms=ms, reason=reason)
            case ev.ReplyReceived(code=code) as reply if code is not None and reply.verb != "QUIT":
                if record.node == self.client_of(record.hop):
                    self._fold_answer(record.hop, reply, code)
            case ev.Disconnected(reason=reason) if reason:
                if record.node == self.client_of(record.hop):
                    self._mend_attempt(record.hop, reason=reason)
            case _:
                pass

    def _fold_answer(self, hop: int, reply: ev.ReplyReceived, code: int) -> None:
        """A refused EHLO, STARTTLS or AUTH that we went on without ended nothing."""
        if code >= 400:
            self._mend_attempt(hop, refusal=reply)
        elif reply.verb in ("HELO", "MAIL"):
            last = next((attempt for attempt in reversed(self.attempts) if attempt.hop == hop), None)
            if last is not None and last.refusal is not None and last.refusal.verb in _DISPENSABLE:
                self._mend_attempt(hop, refusal=None)

    def _mend_attempt(self, hop: int, **changes: object) -> None:
        for index in range(len(self.attempts) - 1, -1, -1):
            if self.attempts[index].hop == hop:
                self.attempts[index] = msgspec.structs.replace(self.attempts[index], **changes)
                return

    def _fold_place(self, record: Record) -> None:
        match record.event:
            case ev.JourneyStarted():
                self._move(record.hop, Place(record.node))
            case ev.Bounced():
                self._move(record.hop, Place(record.node, given_up=True))
            case ev.MessageSent():
                self._move(record.hop, Place(record.node, towards=self._host(record.hop)))
            case ev.ReplyReceived(verb="." | "BDAT", code=int(code)) if code >= 400:
                self._move(record.hop, Place(record.node))
            case ev.ReplyReceived(verb="."):
                self._pass(record)
            case ev.ReplyReceived(verb="BDAT"):
                session = self.session_of(record)
                if session is not None and session.octets is not None:
                    self._pass(record)
            case ev.Delivered(mailbox=mailbox):
                self._move(record.hop, Place(record.node, mailbox=mailbox))
            case _:
                pass

    def _pass(self, record: Record) -> None:
        """The whole content was taken: the hop is behind the message."""
        hop = self.hops[record.hop]
        self.hops[record.hop] = msgspec.structs.replace(hop, passed=True)
        self._move(record.hop, Place(hop.host or record.node))

    def _move(self, hop: int, place: Place) -> None:
        """A late reply of an earlier hop brings nothing back; what travels after the end is a bounce."""
        over = self.place is not None and (self.place.given_up or self.place.mailbox)
        if not over and hop >= self._place_hop:
            self.place, self._place_hop = place, hop

    def _host(self, hop: int) -> str:
        return self.hops[hop].host if hop in self.hops else ""


class History:
    """The journey after any number of records, among many thousands within a millisecond or two.

    The records may grow at their end, but those that stand never change.
    """

    def __init__(self, records: Sequence[Record]) -> None:
        self._records = records
        self._snapshots = [Journey()]
        self._every = SNAPSHOT_EVERY
        """Records between two snapshots; doubled where they become too many."""
        self._front, self.known = Journey(), 0
        """The furthest that was folded, and after how many records."""
        self._now, self._count = Journey(), 0
        self._rough, self._rough_count = Journey(), -1
        self._base, self._base_count = Journey(), -1
        """Where a rough telling begins again for what lies a little before the last one."""

    def at(self, count: int) -> Journey:
        """After the first `count` records, as many as there are at most. A copy: it is the caller's own."""
        count = max(0, min(count, len(self._records)))
        self.fold_to(count)
        if count == self.known:
            return self._front.copy()
        start = min(count // self._every, len(self._snapshots) - 1)
        if count < self._count or start * self._every > self._count:
            self._now, self._count = self._snapshots[start].copy(), start * self._every
        while self._count < count:
            self._now.advance(self._records[self._count])
            self._count += 1
        return self._now.copy()

    def near(self, count: int) -> Journey:
        """As `at`, and at once wherever that is: far beyond what was folded so far, from the last records before it."""
        count = max(0, min(count, len(self._records)))
        if count - self.known <= NEAR:
            return self.at(count)
        if not self._base_count <= count <= self._base_count + 2 * NEAR or self._base_count < 0:
            self._base, self._base_count = (
                Journey.at(self._records[count - NEAR : count - NEAR // 3], NEAR),
                count - NEAR // 3,
            )
            self._rough_count = -1
        if not self._base_count <= self._rough_count <= count:
            self._rough, self._rough_count = self._base.copy(), self._base_count
        while self._rough_count < count:
            self._rough.advance(self._records[self._rough_count])
            self._rough_count += 1
        return self._rough.copy()

    def fold_to(self, count: int) -> Journey:
        """On to so many records, never back. What it gives is not the caller's own: it goes on with the next."""
        while self.known < count:
            self._front.advance(self._records[self.known])
            self.known += 1
            if self.known == len(self._snapshots) * self._every:
                self._keep_snapshot()
        return self._front

    def _keep_snapshot(self) -> None:
        self._snapshots.append(self._front.copy())
        if len(self._snapshots) > SNAPSHOTS_MAX:
            del self._snapshots[1::2]
            self._every *= 2


def is_echo(record: Record, client: str) -> bool:
    """Is it the server's view of what this client, journaled too, tells in words of its own? Empty: there is none."""
    event = record.event
    return (
        client not in ("", record.node)
        and isinstance(event, _TOLD_BY_BOTH)
        and (isinstance(event, _TOLD_BY_SERVERS) or not calls(record.span))
    )


_DISPENSABLE = frozenset({"EHLO", "STARTTLS", "AUTH"})

UNTOLD = (ev.JourneyStarted, ev.JourneyEnded, ev.StateChanged)
"""They belong to no hop in particular: none of them turns a reader to another."""

_TOLD_BY_BOTH = (
    ev.CommandReceived,
    ev.ReplySent,
    ev.ExtensionsLearned,
    ev.StateChanged,
    ev.TlsStarted,
    ev.TlsEstablished,
    ev.TlsFailed,
    ev.Authenticated,
    ev.MailCollected,
    ev.MessageReceived,
    ev.BytesSent,
    ev.BytesReceived,
    ev.Connected,
    ev.Disconnected,
)

_TOLD_BY_SERVERS = (ev.CommandReceived, ev.ReplySent, ev.MessageReceived)

_OF_A_SESSION = (
    ev.CommandSent,
    ev.CommandReceived,
    ev.ReplyReceived,
    ev.ReplySent,
    ev.ExtensionsLearned,
    ev.StateChanged,
    ev.TlsStarted,
    ev.TlsEstablished,
    ev.TlsFailed,
    ev.Authenticated,
    ev.MessageSent,
    ev.MessageReceived,
    ev.Disconnected,
)
