"""What each node of a run told, and what it knew at a moment by its own records."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.view.journey import Journey
from smtplab.view.knowledge import Knowledge


class Nodes:
    """Takes in records in order, once each. A moment is a number of records of the whole run."""

    def __init__(self, records: Sequence[Record], hosts: Mapping[str, str] | None = None) -> None:
        """`records` grows elsewhere, and is taken in by `extend`; `hosts` are the names behind the addresses."""
        self._records = records
        self._hosts = hosts or {}
        self._asked: dict[str, list[int]] = {}
        self._of_node: dict[str, list[int]] = {}
        self._known: dict[str, Knowledge] = {}

    def extend(self, fresh: Sequence[Record], start: int) -> None:
        """The records that begin at this index."""
        for index, record in enumerate(fresh, start):
            self._of_node.setdefault(record.node, []).append(index)
            match record.event:
                case (
                    ev.DnsQueried(server=server)
                    | ev.DnsAnswered(server=server, cached=False)
                    | ev.DnsFailed(server=server)
                ) if server in self._hosts:
                    self._asked.setdefault(self._hosts[server], []).append(index)
                case _:
                    pass

    def told_by(self, node: str, start: int = 0, end: int | None = None) -> list[Record]:
        """Its records that are known, whatever the moment, from the one numbered `start` to before `end`."""
        return [self._records[index] for index in self._of_node.get(node, [])[start:end]]

    def asked_of(self, node: str, start: int = 0) -> list[Record]:
        """What others tell of the names that they asked it for: a name server has no records of its own."""
        return [self._records[index] for index in self._asked.get(node, [])[start:]]

    def asked(self, node: str, at: int) -> int:
        """How many of those had been made at the moment."""
        return bisect_left(self._asked.get(node, ()), at)

    def dialogue(self, record: Record) -> Journey:
        """How the dialogue to which it belongs stood just after it, by its host's own records alone."""
        journey = Journey()
        for index in self._of_node.get(record.node, ()):
            other = self._records[index]
            if other.span == record.span and other.seq <= record.seq:
                journey.advance(other)
        return journey

    def count(self, node: str, at: int) -> int:
        """How many of them had been made at the moment."""
        return bisect_left(self._of_node.get(node, ()), at)

    def knowledge(self, node: str, at: int) -> Knowledge:
        """What it knew at the moment; the reader must not keep it. Only who goes back has it folded from the start."""
        count = self.count(node, at)
        known = self._known.get(node)
        if known is None or known.count > count:
            known = self._known[node] = Knowledge()
        for record in self.told_by(node, known.count, count):
            known.advance(record)
        return known
