"""The append-only journal: it stamps each fact with number, time, place and stage, and never asks what it means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol, get_args

import msgspec

from smtplab import events as ev

Stage = Literal[
    "submit",
    "dns",
    "connect",
    "greeting",
    "ehlo",
    "tls",
    "auth",
    "envelope",
    "data",
    "quit",
    "queue",
    "mailbox",
    "bounce",
    "collect",
    "outcome",
]

Emit = Callable[[ev.Event], None]
"""All that a producer knows of the journal."""


EmitTogether = Callable[[tuple[ev.Event, ...]], None]
"""Facts of one moment, in their order."""


class Teller(Protocol):
    """What a producer knows of it that tells a dozen facts of each message."""

    def ways(self) -> tuple[Emit, EmitTogether]:
        """What to call for one fact and for several; ask once, when it begins."""
        ...


def without_detour(emit: Emit) -> Emit:
    """The same, for whoever tells much: Python looks up an object's `__call__` at each call, which takes as long again
    as the call itself (120 ns)."""
    return emit.__call__ if isinstance(emit, Scope) else emit


class Record(msgspec.Struct, frozen=True, gc=False):
    """One fact and where it stands."""

    seq: int
    """From 1, without gaps within a journal."""
    time_us: int
    """Microseconds since the epoch, UTC; virtual in a simulation."""
    elapsed_us: int
    """Microseconds since the journal's first record."""
    hop: int
    node: str
    span: str
    stage: Stage
    event: ev.Event


class Journal:
    """Stamps and keeps records. `now` gives seconds since the epoch; `on_record` is told of each record as it is made.

    With `keep=False` nothing is held in memory: `on_record` is then the only reader. With `now=None` nobody is asked:
    a clock that jumps tells each of its moments by `begin_moment`.
    """

    def __init__(
        self, now: Callable[[], float] | None, on_record: Callable[[Record], None] | None = None, *, keep: bool = True
    ) -> None:
        self.now = now
        self._on_record = on_record
        self.records: list[Record] = []
        self.take = self._hand_on if keep else on_record or _let_go
        """Whatever becomes of a record."""
        self.on_failure: Callable[[Exception], None] | None = None
        """Told what `take` raised, of whoever keeps that out of the engine."""
        self.by_kind = _WAYS
        """For each kind of event its stage, and whatever becomes of its records in place of `take`."""
        self.seq = 0
        """Of the last record."""
        self._start_us = 0
        self.time_us = 0
        self.elapsed_us = 0
        """Of what is told now."""

    def scope(self, *, node: str, hop: int, span: str, stage: Stage = "submit") -> Scope:
        """A place from which facts are told."""
        return Scope(self, node, hop, span, stage)

    def stamp(self, at: Scope | Record, event: ev.Event) -> None:
        """Make the next record, where this scope or that record stands; producers reach this through a `Scope`."""
        if self.now is not None:
            self.begin_moment(self.now())
        seq = self.seq = self.seq + 1
        take = self.by_kind[type(event)][2] or self.take
        take(Record(seq, self.time_us, self.elapsed_us, at.hop, at.node, at.span, at.stage, event))

    def divert(self, kinds: frozenset[type], take: Callable[[Record], None]) -> None:
        """From now on the records of these kinds of events go there: nobody is asked for each of the others."""
        self.by_kind = _WAYS | {kind: (*_WAYS[kind][:2], take) for kind in kinds}

    def _hand_on(self, record: Record) -> None:
        self.records.append(record)
        if self._on_record is not None:
            self._on_record(record)

    def begin_moment(self, moment: float) -> None:
        """What is told from now on is told then."""
        time_us = self.time_us = int(moment * 1e6 + 0.5)
        if not self.seq:
            self._start_us = time_us
        # A wall clock may be set back; the journal's order is its own, so elapsed time never is.
        self.elapsed_us = time_us - self._start_us if time_us > self._start_us else 0


def _let_go(record: Record) -> None:
    """Nobody reads it."""


class Scope:
    """A node, a hop and a span: call it with an event to record that event there."""

    __slots__ = ("_journal", "hop", "node", "span", "stage")

    def __init__(self, journal: Journal, node: str, hop: int, span: str, stage: Stage) -> None:
        self._journal = journal
        self.node = node
        self.hop = hop
        self.span = span
        self.stage = stage
        """Of the record made last here: a fact that belongs to no stage of its own is put there."""

    def __call__(self, event: ev.Event) -> None:
        # As `stage_of` and `Journal.stamp`, without two calls: some thirty records are made for each delivery.
        journal = self._journal
        stage, by_verb, take = journal.by_kind[type(event)]
        if by_verb:
            stage = _STAGE_OF_VERB.get(event.verb)  # type: ignore[union-attr]
        if stage is None:
            stage = self.stage
        else:
            self.stage = stage
        if journal.now is not None:
            journal.begin_moment(journal.now())
        seq = journal.seq = journal.seq + 1
        try:
            (take or journal.take)(
                Record(seq, journal.time_us, journal.elapsed_us, self.hop, self.node, self.span, stage, event)
            )
        except Exception as error:
            if journal.on_failure is None:
                raise
            journal.on_failure(error)

    def ways(self) -> tuple[Emit, EmitTogether]:
        """As `Teller.ways`."""
        return self.__call__, self._together

    def _together(self, events: tuple[ev.Event, ...]) -> None:
        tell = self.__call__
        for event in events:
            tell(event)

    def within(self, part: str, *, hop: int | None = None) -> Scope:
        """A scope one level deeper, `deliver/7` + `mx1.hust.example`, on the same node."""
        span = f"{self.span}/{part}" if self.span else part
        return Scope(self._journal, self.node, self.hop if hop is None else hop, span, self.stage)

    def all_in(self, stage: Stage) -> Scope:
        """A scope at the same place whose facts all belong to one stage, and so do those of the scopes within it.

        A POP3 session is `collect` from its connection to its end, though its QUIT is spelt as SMTP's.
        """
        return _OneStage(self._journal, self.node, self.hop, self.span, stage)


class _OneStage(Scope):
    """A scope that does not ask an event for its stage."""

    __slots__ = ()

    def __call__(self, event: ev.Event) -> None:
        self._journal.stamp(self, event)

    def within(self, part: str, *, hop: int | None = None) -> Scope:
        return super().within(part, hop=hop).all_in(self.stage)


_STAGE_OF_EVENT: dict[type, Stage] = {
    ev.JourneyStarted: "submit",
    ev.JourneyEnded: "outcome",
    ev.DnsQueried: "dns",
    ev.DnsAnswered: "dns",
    ev.DnsFailed: "dns",
    ev.RouteFound: "dns",
    ev.HostSkipped: "dns",
    ev.PolicyFound: "dns",
    ev.ConnectStarted: "connect",
    ev.Connected: "connect",
    ev.ConnectFailed: "connect",
    ev.ExtensionsLearned: "ehlo",
    ev.TlsStarted: "tls",
    ev.TlsEstablished: "tls",
    ev.TlsFailed: "tls",
    ev.Authenticated: "auth",
    ev.MessageSent: "data",
    ev.MessageReceived: "data",
    ev.Queued: "queue",
    ev.AttemptStarted: "queue",
    ev.Deferred: "queue",
    ev.Dequeued: "queue",
    ev.Delivered: "mailbox",
    ev.Bounced: "bounce",
    ev.BounceSent: "bounce",
    ev.MailCollected: "collect",
}

_STAGE_OF_VERB: dict[str, Stage] = {
    "": "greeting",
    "HELO": "ehlo",
    "EHLO": "ehlo",
    "LHLO": "ehlo",
    "STARTTLS": "tls",
    "AUTH": "auth",
    "MAIL": "envelope",
    "RCPT": "envelope",
    "RSET": "envelope",
    "VRFY": "envelope",
    "EXPN": "envelope",
    "DATA": "data",
    "BDAT": "data",
    ".": "data",
    "QUIT": "quit",
}


_WITH_VERB = frozenset({ev.CommandSent, ev.CommandReceived, ev.ReplyReceived, ev.ReplySent})


_Way = tuple[Stage | None, bool, Callable[[Record], None] | None]
"""Of a kind of event: its stage, whether that is its verb's, and who takes its records in place of `take`."""

_WAYS: dict[type, _Way] = {kind: (_STAGE_OF_EVENT.get(kind), kind in _WITH_VERB, None) for kind in get_args(ev.Event)}


def stage_of(event: ev.Event) -> Stage | None:
    """The stage that an event belongs to by its own nature; None where it takes that of what came before it."""
    if type(event) in _WITH_VERB:
        return _STAGE_OF_VERB.get(event.verb)  # type: ignore[union-attr]
    return _STAGE_OF_EVENT.get(type(event))
