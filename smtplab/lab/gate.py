"""The gate in a person's hands: it holds the next command until it is sent, edited, replaced or skipped."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from smtplab.mta.release import Release


class PersonGate:
    """A `Gate`: awaited by the engine before each command leaves. Without `hold_next` everything passes at once.

    Not thread-safe: the engine and the front end share one event loop.
    """

    def __init__(self) -> None:
        self._holding = False
        self._held: str | None = None
        self._released: asyncio.Future[Release] | None = None

    def __call__(self, line: str) -> Awaitable[Release] | None:
        """Holds `line` where that was asked for; the engine alone calls this."""
        if not self._holding:
            return None
        self._holding = False
        return self._hold(line)

    async def _hold(self, line: str) -> Release:
        self._held = line
        self._released = asyncio.get_running_loop().create_future()
        try:
            return await self._released
        finally:
            self._held = None
            self._released = None

    @property
    def held(self) -> str | None:
        """The line that waits, without CR LF; None where nothing waits."""
        return self._held

    @property
    def holding(self) -> bool:
        """The next command will be held, and none is yet."""
        return self._holding

    def hold_next(self) -> None:
        """Hold the next command that is about to leave, the one after the held one where one waits."""
        self._holding = True

    def pass_on(self) -> None:
        """Hold the next command no more; the one that waits goes on waiting."""
        self._holding = False

    def send(self) -> None:
        """Let the held command go as it is."""
        self._release(Release("sent"))

    def replace(self, line: str) -> None:
        """Send this line in the held command's place, whatever it holds; CR LF is added."""
        if line == self._held:
            self.send()
            return
        same_verb = _verb(line) == _verb(self._held or "")
        self._release(Release("edited" if same_verb else "replaced", line.encode("utf-8", "surrogateescape") + b"\r\n"))

    def skip(self) -> None:
        """Send nothing in its place."""
        self._release(Release("skipped"))

    def _release(self, release: Release) -> None:
        if self._released is not None and not self._released.done():
            self._released.set_result(release)


def _verb(line: str) -> str:
    return line.split(maxsplit=1)[0].upper() if line.split() else ""
