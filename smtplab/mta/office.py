"""What a queue works with, as values: its name, its ways out, its mailboxes, its patience, its notices."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from smtplab.journal import Scope
from smtplab.mta import cohort
from smtplab.mta.bounce import Notice, make_bounce
from smtplab.mta.envelope import Envelope
from smtplab.mta.mailbox import Mailboxes
from smtplab.mta.options import Routing, SessionOptions
from smtplab.mta.schedule import Schedule
from smtplab.net.ports import Net

MakeNotice = Callable[[Notice], Envelope | None]
"""What the sender is told; None where there is nobody to tell, or who does not want to know."""


class Notices(msgspec.Struct, frozen=True, kw_only=True):
    """Who writes to senders; None: nobody does."""

    failed: MakeNotice | None = make_bounce
    delayed: MakeNotice | None = None
    """Once, after `Schedule.warning_s`; the notice's `failures` are those who still wait."""
    relayed: MakeNotice | None = None
    """The notice's `failures` are those for whom another server took responsibility: whether their sender asked to be
    told is the writer's to know (RFC 3461 4.1)."""


class Office(msgspec.Struct, frozen=True, kw_only=True):
    """What a queue works with."""

    hostname: str
    options: SessionOptions
    routing: Routing
    local_domains: frozenset[str] = frozenset()
    """Their mail goes into `mailboxes`."""
    mailboxes: Mailboxes
    scope: Scope
    """Deliveries are told in `deliver/NUMBER/HOST` below it, at the arrival's hop plus one."""
    net_at: Callable[[int], Net]
    """The network for a hop; `lambda hop: net` where hops don't matter."""
    schedule: Schedule = Schedule()
    limits: cohort.Limits = cohort.Limits()
    notices: Notices = Notices()
    messages_max: int = 1_000_000
    """Held at once; more is answered with 452. A full disk says so by itself: this bounds what a listing must read."""
    active_max: int = 20_000
    """Taken from the store at once: Postfix's figure, some 40 MB of entries."""
    cached_octets_max: int = 67_108_864
    """Of contents kept at hand between their acceptance and their first delivery; the others are read again."""
