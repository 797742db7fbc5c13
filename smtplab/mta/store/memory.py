"""A queue's store in memory: for simulated worlds, without thread or file, done before it returns."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import msgspec

from smtplab.mta.store.port import Change, Entry, Put, Remove, State, Trouble, Update, number_of, recovered

_WAITING: tuple[State, ...] = ("deferred", "incoming")


class MemoryStore:
    """A `Store`. What it holds is lost with it."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self._contents: dict[int, bytes] = {}
        self._due: dict[State, list[tuple[float, int]]] = {state: [] for state in _WAITING}
        """Heaps of (next attempt, number); one that no longer says what the entry says is passed over."""

    async def apply(self, changes: Sequence[Change]) -> Trouble | None:
        """As `Store.apply`; there is no trouble here."""
        for change in changes:
            match change:
                case Put(entry, content):
                    self._contents[entry.number] = content
                    self._keep(entry)
                case Update(entry):
                    if entry.number in self._entries:
                        self._keep(entry)
                case Remove(queue_id):
                    self._entries.pop(number_of(queue_id), None)
                    self._contents.pop(number_of(queue_id), None)
        return None

    async def recover(self) -> tuple[Entry, ...]:
        """As `Store.recover`."""
        active = [entry for entry in self._entries.values() if entry.state == "active"]
        for entry in active:
            if not entry.delivering:
                self._keep(recovered(entry))
        return tuple(entry for entry in active if entry.delivering)

    async def claim(self, now: float, limit: int) -> tuple[Entry, ...]:
        """As `Store.claim`."""
        claimed: list[Entry] = []
        for state, share in zip(_WAITING, ((limit + 1) // 2, limit), strict=True):
            while len(claimed) < share and (entry := self._first(state)) is not None and entry.next_attempt_at <= now:
                heapq.heappop(self._due[state])
                active = msgspec.structs.replace(entry, state="active")
                self._entries[active.number] = active
                claimed.append(active)
        return tuple(claimed)

    async def next_due(self) -> float | None:
        """As `Store.next_due`."""
        firsts = [entry.next_attempt_at for state in _WAITING if (entry := self._first(state)) is not None]
        return min(firsts, default=None)

    async def get(self, queue_id: str) -> Entry | None:
        return self._entries.get(number_of(queue_id))

    async def content(self, queue_id: str) -> bytes | None:
        """As `Store.content`."""
        return self._contents.get(number_of(queue_id))

    async def entries(self, after: str = "", limit: int = 1000) -> tuple[Entry, ...]:
        """As `Store.entries`."""
        first = number_of(after)
        return tuple(self._entries[number] for number in sorted(self._entries) if number > first)[:limit]

    async def count(self) -> int:
        return len(self._entries)

    async def close(self) -> None:
        """Nothing is open."""

    def _keep(self, entry: Entry) -> None:
        self._entries[entry.number] = entry
        if entry.state in self._due:
            heapq.heappush(self._due[entry.state], (entry.next_attempt_at, entry.number))

    def _first(self, state: State) -> Entry | None:
        heap = self._due[state]
        while heap:
            due_at, number = heap[0]
            entry = self._entries.get(number)
            if entry is not None and entry.state == state and entry.next_attempt_at == due_at:
                return entry
            heapq.heappop(heap)
        return None
