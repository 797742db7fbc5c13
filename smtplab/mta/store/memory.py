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
        self._entries: dict[str, Entry] = {}
        """By queue id, as a queue writes it."""
        self._contents: dict[str, bytes] = {}
        self._due: dict[State, list[tuple[float, int, str]]] = {state: [] for state in _WAITING}
        """Heaps of (next attempt, digits, queue id), which is the order of arrival among those that are due together;
        one that no longer says what the entry says is passed over."""

    async def apply(self, changes: Sequence[Change]) -> Trouble | None:
        """As `Store.apply`; there is no trouble here."""
        for change in changes:
            match change:
                case Put(entry, content):
                    self._contents[entry.queue_id] = content
                    self._keep(entry)
                case Update(entry):
                    if entry.queue_id in self._entries:
                        self._keep(entry)
                case Remove(queue_id):
                    self._entries.pop(queue_id, None)
                    self._contents.pop(queue_id, None)
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
                self._entries[active.queue_id] = active
                claimed.append(active)
        return tuple(claimed)

    async def next_due(self) -> float | None:
        """As `Store.next_due`."""
        firsts = [entry.next_attempt_at for state in _WAITING if (entry := self._first(state)) is not None]
        return min(firsts, default=None)

    async def get(self, queue_id: str) -> Entry | None:
        return self._entries.get(queue_id) or self._entries.get(f"{number_of(queue_id):X}")

    async def content(self, queue_id: str) -> bytes | None:
        """As `Store.content`."""
        return self._contents.get(queue_id)

    async def entries(self, after: str = "", limit: int = 1000) -> tuple[Entry, ...]:
        """As `Store.entries`."""
        first = number_of(after)
        in_order = sorted(self._entries.values(), key=lambda entry: entry.number)
        return tuple(entry for entry in in_order if entry.number > first)[:limit]

    async def count(self) -> int:
        return len(self._entries)

    async def close(self) -> None:
        """Nothing is open."""

    def _keep(self, entry: Entry) -> None:
        self._entries[entry.queue_id] = entry
        if entry.state in self._due:
            heapq.heappush(self._due[entry.state], (entry.next_attempt_at, len(entry.queue_id), entry.queue_id))

    def _first(self, state: State) -> Entry | None:
        heap = self._due[state]
        while heap:
            due_at, _, queue_id = heap[0]
            entry = self._entries.get(queue_id)
            if entry is not None and entry.state == state and entry.next_attempt_at == due_at:
                return entry
            heapq.heappop(heap)
        return None
