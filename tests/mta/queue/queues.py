"""A queue to be tried: opened over a store, given a message, set to work."""

from __future__ import annotations

import asyncio
import contextlib

from smtplab.mta.arrival import Arrival
from smtplab.mta.envelope import make_envelope
from smtplab.mta.mailbox import Mailboxes
from smtplab.mta.options import Routing, SessionOptions
from smtplab.mta.queue.manager import Office, Queue
from smtplab.mta.rules import Caller


def open_queue(bench, store, **changes):
    settings = {
        "hostname": "us.example",
        "options": SessionOptions(helo="us.example", tls="none"),
        "routing": Routing(),
        "mailboxes": Mailboxes(),
        "scope": bench.journal.scope(node="us.example", hop=0, span="", stage="queue"),
        "net_at": lambda _hop: bench.net,
    }
    return Queue(Office(**settings | changes), store)


async def give(kit, queue, *recipients):
    envelope = make_envelope(kit.box("a@here.example"), [kit.box(who) for who in recipients], kit.CONTENT)
    reply = await queue.accept(Arrival(envelope, Caller("10.0.0.9", "c"), "ESMTP", 0))
    return reply.lines[0].split()[-1] if reply.code == 250 else reply


@contextlib.asynccontextmanager
async def at_work(queue):
    async with asyncio.TaskGroup() as group:
        group.create_task(queue.run())
        yield
        queue.stop()
