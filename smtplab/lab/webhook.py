"""Tells a URL of each message that was taken, in a thread of its own: it delays no reply, and can lose no mail."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

import msgspec

from smtplab.lab.bad_input import BadInput
from smtplab.lab.inbox import MessageRow
from smtplab.mta.inbox.port import Kept
from smtplab.mta.inbox.reader import row_of
from smtplab.net.hook import Posted

WAITING_MAX = 10_000
"""Messages that wait to be told of: 5 MB, and some ten seconds of the fastest load. More are only in the inbox."""
ATTEMPTS_MAX = 8
FIRST_PAUSE_S = 1.0
PAUSE_S_MAX = 60.0
"""The pauses double: a message is tried for two minutes, which a restart of the other side takes, and no longer holds
up those behind it."""
END_S_MAX = 5.0
"""At the server's end, for what still waits."""
NOTICE_S = 60.0
"""Between two notices of failures: a log shall not fill because somebody else's server is down."""

OnNotice = Callable[[BadInput], None]


class Links(msgspec.Struct, frozen=True):
    """Where a message can be seen; null where the inbox has no page."""

    page: str | None = None
    api: str | None = None
    raw: str | None = None


class Told(msgspec.Struct, frozen=True):
    """What is posted, as JSON."""

    event: str
    """`message`."""
    message: MessageRow
    """With the keys of `inbox list --json`."""
    links: Links


class Posting(Protocol):
    def post(self, body: bytes) -> Posted: ...

    def close(self) -> None: ...


class Webhook:
    """`shown` is the URL as it may be shown; `on_notice` is called in the thread, of failures only."""

    def __init__(self, make_poster: Callable[[], Posting], shown: str, on_notice: OnNotice) -> None:
        self.links: Callable[[str], Links] = lambda _name: Links()
        self._make_poster = make_poster
        self._shown = shown
        self._on_notice = on_notice
        self._waiting: deque[Kept] = deque()
        self._changed = threading.Condition()
        self._over = False
        self._ends_at = float("inf")
        self._failed = 0
        self._last = ("", "")
        self._noticed_at = float("-inf")
        # A daemon: whatever it hangs in, the server ends.
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)
        self._thread.start()

    def tell(self, entry: Kept) -> None:
        """Returns at once."""
        with self._changed:
            if len(self._waiting) < WAITING_MAX:
                self._waiting.append(entry)
                self._changed.notify()
                return
        self._fail(entry.id, "queue-full")

    def close(self) -> None:
        """What still waits is told of, within `END_S_MAX`; the rest is counted in a notice."""
        with self._changed:
            self._over = True
            self._ends_at = time.monotonic() + END_S_MAX
            self._changed.notify()
        self._thread.join(END_S_MAX + 1)
        self._notice()
        left = len(self._waiting)
        if left:
            self._on_notice(BadInput("serve.webhook-left", place=self._shown, count=left))

    # In the thread

    def _run(self) -> None:
        poster = self._make_poster()
        try:
            while (entry := self._next()) is not None and self._tell_of(entry, poster):
                with self._changed:
                    self._waiting.popleft()
        finally:
            poster.close()

    def _next(self) -> Kept | None:
        """The oldest; it goes on waiting until it has been told of."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._over)
            return self._waiting[0] if self._waiting and not self._past_end() else None

    def _tell_of(self, entry: Kept, poster: Posting) -> bool:
        """Told of, or given up; false where the end came first."""
        body = msgspec.json.encode(Told("message", row_of(entry), self.links(entry.id)))
        pause_s = FIRST_PAUSE_S
        for attempt in range(1, ATTEMPTS_MAX + 1):
            posted = poster.post(body)
            if posted.taken:
                return True
            if not posted.retriable or attempt == ATTEMPTS_MAX:
                break
            if self._over:
                return False
            with self._changed:
                self._changed.wait_for(lambda: self._over, pause_s)
            pause_s = min(2 * pause_s, PAUSE_S_MAX)
        self._fail(entry.id, posted.reason or f"HTTP {posted.status}")
        return True

    def _past_end(self) -> bool:
        return time.monotonic() >= self._ends_at

    def _fail(self, name: str, reason: str) -> None:
        """Noticed at once, unless another was just now: then the next notice, or the one at the end, counts it too."""
        with self._changed:
            self._failed += 1
            self._last = (name, reason)
            if time.monotonic() - self._noticed_at < NOTICE_S:
                return
            self._noticed_at = time.monotonic()
        self._notice()

    def _notice(self) -> None:
        with self._changed:
            count, self._failed = self._failed, 0
        if count:
            name, reason = self._last
            self._on_notice(BadInput("serve.webhook-failed", place=self._shown, id=name, reason=reason, count=count))
