"""What one session says, bounded: facts are kept as they are told, and become records when somebody reads them."""

from __future__ import annotations

from array import array
from collections.abc import Callable

import msgspec

from smtplab.events import Disconnected, Event
from smtplab.journal import Emit, EmitTogether, Journal, Record, Scope, Stage

FIRST_RECORDS = 2000
LAST_RECORDS = 2000
"""A message makes some dozen records of 300 octets: the first and the last 150 messages of a session, 1.2 MB at most
in ordinary lines."""
SLACK_RECORDS = 500
"""So many more are let come before those in the middle are cut out together, which costs less than one by one."""


_FULL = FIRST_RECORDS + LAST_RECORDS + SLACK_RECORDS


class Recording:
    """Of one session; its end stands in the last records, so these are kept as well as the first.

    To make a record costs more than to remember what it is made of, and few sessions are ever looked at: the journal
    that stamps them is played when somebody asks.
    """

    def __init__(self, now: Callable[[], float], *, node: str, session: str) -> None:
        self.id = session
        self.started_at = now()
        self.messages: list[str] = []
        span = f"receive/{session}"
        self._tape = _Tape(now, lambda journal: journal.scope(node=node, hop=0, span=span, stage="connect"))
        self.scope: Scope = self._tape.place

    def at_end(self, tell: Callable[[], None]) -> None:
        """`tell` is called once, when the session's `Disconnected` is on the tape."""
        self._tape.at_end = tell

    def watch(self, tell: Callable[[Event], None]) -> None:
        """`tell` is called with each fact as it comes."""
        self._tape.watch = tell

    def play(self) -> tuple[tuple[Record, ...], int]:
        """The records, and how many between the first and the last are gone. What has no stage of its own right behind
        such a gap stands where the last fact before it stood."""
        tape, moment = self._tape, self.started_at
        tape.cut()
        journal = Journal(lambda: moment)
        scopes: dict[_TapedScope, Scope] = {}
        for told_at, told in zip(tape.times, tape.told, strict=True):
            moment = told_at
            place, event = told if isinstance(told, tuple) else (tape.place, told)
            if place not in scopes:
                scopes[place] = place.on(journal)
            scopes[place](event)
        before, behind = journal.records[:FIRST_RECORDS], journal.records[FIRST_RECORDS:]
        return (*before, *_moved_on(behind, tape.left_out)), tape.left_out

    def erase(self) -> None:
        """Nobody will read it any more: its facts go now. Session and recording refer to each other in a circle, and
        the collector, which does not count facts, may look for such circles only after hundreds of sessions."""
        self._tape.erase()

    @property
    def kept(self) -> int:
        """How many facts."""
        return len(self._tape.told)

    @property
    def records(self) -> tuple[Record, ...]:
        return self.play()[0]

    @property
    def left_out(self) -> int:
        return self.play()[1]


class _Tape:
    """When and what; and where, for what was not told in the session's own place."""

    def __init__(self, now: Callable[[], float], on: Callable[[Journal], Scope]) -> None:
        self.now = now
        self.blank = Journal(now)
        """Nothing is stamped in it: it lets scopes be made."""
        self.times = array("d")
        self.told: list[Event | tuple[_TapedScope, Event]] = []
        self.place = _TapedScope(self, on)
        self.left_out = 0
        self.watch: Callable[[Event], None] | None = None
        self.at_end: Callable[[], None] | None = None

    def cut(self) -> None:
        """Out of the middle, where there is too much."""
        surplus = len(self.told) - FIRST_RECORDS - LAST_RECORDS
        if surplus > 0:
            del self.told[FIRST_RECORDS : FIRST_RECORDS + surplus]
            del self.times[FIRST_RECORDS : FIRST_RECORDS + surplus]
            self.left_out += surplus

    def erase(self) -> None:
        # In place, for each scope holds on to them.
        del self.times[:]
        self.told.clear()

    def end(self) -> None:
        if self.at_end is not None:
            tell, self.at_end = self.at_end, None
            tell()


class _TapedScope(Scope):
    """As the scope that `on` gives for a journal, which is not there yet."""

    __slots__ = ("_tape", "on")

    def __init__(self, tape: _Tape, on: Callable[[Journal], Scope]) -> None:
        model = on(tape.blank)
        super().__init__(tape.blank, model.node, model.hop, model.span, model.stage)
        self._tape = tape
        self.on = on

    def __call__(self, event: Event) -> None:
        tape = self._tape
        now, told = tape.now, tape.told
        tape.times.append(now())
        told.append(event if tape.place is self else (self, event))
        if len(told) >= _FULL:
            tape.cut()
        if tape.watch is not None:
            tape.watch(event)
        if type(event) is Disconnected:
            tape.end()

    def ways(self) -> tuple[Emit, EmitTogether]:
        """As `Scope.ways`. The facts of a dialogue, which nobody watches and which have no session's end among them,
        take the shortest way there is: plain functions."""
        tape = self._tape
        if tape.watch is not None or tape.place is not self:
            return super().ways()
        now, stamp, told = tape.now, tape.times.append, tape.told
        keep, keep_all = told.append, told.extend

        def emit(event: Event) -> None:
            stamp(now())
            keep(event)
            if len(told) >= _FULL:
                tape.cut()

        def emit_together(events: tuple[Event, ...]) -> None:
            moment = now()
            keep_all(events)
            for _ in events:
                stamp(moment)

        return emit, emit_together

    def within(self, part: str, *, hop: int | None = None) -> Scope:
        """As `Scope.within`."""
        return _TapedScope(self._tape, lambda journal: self.on(journal).within(part, hop=hop))

    def all_in(self, stage: Stage) -> Scope:
        """As `Scope.all_in`."""
        return _TapedScope(self._tape, lambda journal: self.on(journal).all_in(stage))


def _moved_on(records: list[Record], by: int) -> list[Record]:
    """Behind a gap: their numbers tell of it."""
    return [msgspec.structs.replace(record, seq=record.seq + by) for record in records] if by else records
