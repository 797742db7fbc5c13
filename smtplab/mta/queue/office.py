"""What a queue works with, as values: its name, its ways out, its mailboxes, its patience, its notices."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from smtplab.journal import Scope
from smtplab.mta.local import Directory
from smtplab.mta.mailbox import MailboxStore
from smtplab.mta.options import Routing, SessionOptions
from smtplab.mta.queue import cohort
from smtplab.mta.queue.schedule import Schedule
from smtplab.mta.store.port import Entry
from smtplab.mta.wording import PlainWords, Words
from smtplab.net.ports import Net


class Office(msgspec.Struct, frozen=True, kw_only=True):
    """What a queue works with."""

    hostname: str
    options: SessionOptions
    routing: Routing
    local_domains: frozenset[str] = frozenset()
    """Their mail goes into `mailboxes`."""
    mailboxes: MailboxStore
    directory: Directory | None = None
    """Who is who in them; None: every local part has a mailbox of its own, and no tags."""
    scope: Scope
    """Deliveries are told in `deliver/NUMBER/HOST` below it, at the arrival's hop plus one."""
    net_at: Callable[[int], Net]
    """The network for a hop; `lambda hop: net` where hops don't matter."""
    schedule: Schedule = Schedule()
    rest_s: float = 0.0
    """How long a message lies between its arrival and its first attempt."""
    limits: cohort.Limits = cohort.Limits()
    words: tuple[Words, ...] = (PlainWords(),)
    """The languages of the notices to senders; the first gives the subject."""
    messages_max: int = 1_000_000
    """Held at once; more is answered with 452. A full disk says so by itself: this bounds what a listing must read."""
    active_max: int = 20_000
    """Taken from the store at once: Postfix's figure, some 40 MB of entries."""
    cached_octets_max: int = 67_108_864
    """Of contents kept at hand between their acceptance and their first delivery; the others are read again."""

    def scope_of(self, entry: Entry) -> Scope:
        """Where facts about a queued message are told: `queue/ID`, on the hop on which it came."""
        return self.scope.within(f"queue/{entry.queue_id}", hop=max(0, entry.hop - 1))
