"""Which sessions are open, and where each goes when it ends: into the inbox, or into a bounded ring in memory."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from smtplab.mta.inbox.port import Sitting
from smtplab.mta.inbox.recording import Recording
from smtplab.mta.inbox.store import InboxStore
from smtplab.mta.queue.identifier import QueueIds
from smtplab.net.ports import Clock

RING_SESSIONS = 100
RING_RECORDS = 40_000
"""Where nothing is stored, the last sessions, as long as they have no more records than ten full ones: 15 MB where
lines have an ordinary length. The last one stays whatever it has."""


class Ledger:
    """Without a store, what is discarded can still be looked at in `ring`."""

    def __init__(self, clock: Clock, ids: QueueIds, node: str, store: InboxStore | None) -> None:
        self.ring: deque[tuple[Sitting, Recording]] = deque()
        self._remembered = 0
        """Records in the ring."""
        self.on_begin: Callable[[Recording, str, str], None] | None = None
        """Told of each session as it begins, with its protocol and its client."""
        self._clock = clock
        self._ids = ids
        self._node = node
        self._store = store
        self._open: dict[str, None] = {}
        self._writing: dict[asyncio.Task[None], None] = {}
        self._all_ended = asyncio.Event()
        self._all_ended.set()

    def begin(self, protocol: str, client: str) -> Recording:
        """It ends with its `Disconnected`."""
        recording = Recording(self._clock.now, node=self._node, session=self._ids.next_id())
        self._open[recording.id] = None
        self._all_ended.clear()

        recording.at_end(lambda: self._end(recording, protocol, client))
        if self.on_begin is not None:
            self.on_begin(recording, protocol, client)
        return recording

    async def close(self, wait_s: float) -> None:
        """Waits so long for the sessions' ends, and for all that is to be written."""
        try:
            async with asyncio.timeout(wait_s):
                await self._all_ended.wait()
        except TimeoutError:
            pass
        if self._writing:
            await asyncio.gather(*self._writing)

    def _end(self, recording: Recording, protocol: str, client: str) -> None:
        del self._open[recording.id]
        if not self._open:
            self._all_ended.set()
        sitting = Sitting(
            id=recording.id,
            started_at=recording.started_at,
            protocol=protocol,
            client=client,
            messages=tuple(recording.messages),
        )
        if self._store is None:
            self._remember(sitting, recording)
            return
        task = asyncio.get_running_loop().create_task(self._write(sitting, recording), name="session's end")
        self._writing[task] = None
        task.add_done_callback(lambda done: self._writing.pop(done, None))

    def _remember(self, sitting: Sitting, recording: Recording) -> None:
        self.ring.append((sitting, recording))
        self._remembered += recording.kept
        while len(self.ring) > 1 and (self._remembered > RING_RECORDS or len(self.ring) > RING_SESSIONS):
            _, oldest = self.ring.popleft()
            self._remembered -= oldest.kept
            oldest.erase()

    async def _write(self, sitting: Sitting, recording: Recording) -> None:
        assert self._store is not None
        # A disk that is full costs the session's record; nobody waits for it.
        await self._store.put_session(sitting, recording.play)
        recording.erase()
