"""What a receiving server takes over is in all of its places, or in none."""

from __future__ import annotations

import asyncio
import random

from smtplab.mta.arrival import Arrival
from smtplab.mta.envelope import make_envelope
from smtplab.mta.inbox import tables
from smtplab.mta.inbox.recording import Recording
from smtplab.mta.inbox.store import open_inbox
from smtplab.mta.intake import Intake
from smtplab.mta.maildir import Maildirs, one_folder
from smtplab.mta.queue.identifier import QueueIds
from smtplab.mta.rules import Caller
from smtplab.net.clock import SystemClock
from smtplab.net.live import unforeseeable
from smtplab.wire.address import Mailbox
from smtplab.wire.reply import make_reply

TAKEN = make_reply(250, "Queued", enhanced="2.0.0")
FULL = make_reply(452, "Insufficient system storage", enhanced="4.3.1")


def take(tmp_path, *answers):
    """One message comes as often as the queue has `answers`; the replies to it, and how many copies lie in the inbox,
    in `new` and in `tmp`."""

    async def play():
        clock = SystemClock()
        ids = QueueIds(clock, unforeseeable("queue-id"))
        intake = Intake("us.example", clock, ids, lambda _who: False)
        intake.store = open_inbox(tmp_path / "inbox")
        chance = random.Random(7)
        folder = one_folder(tmp_path / "box")
        intake.maildir = Maildirs(folder, hostname="us.example", clock=clock, chance=lambda _purpose: chance)
        left = iter(answers)

        async def relay(_arrival):
            return next(left)

        intake.relay = relay
        envelope = make_envelope(None, [Mailbox("b", "far.example")], b"Subject: x\r\n\r\nx\r\n")
        arrival = Arrival(envelope, Caller("127.0.0.1"), "ESMTP", 0)
        said = []
        for _ in answers:
            said.append(await intake.take(arrival, Recording(clock.now, node="us.example", session="1")))
        stored = await intake.store.do(tables.count)
        await intake.store.close()
        return [reply.code for reply in said], stored

    codes, stored = asyncio.run(play())
    return codes, stored, *(len(list((tmp_path / "box" / one).iterdir())) for one in ("new", "tmp"))


def test_what_the_queue_refuses_is_nowhere_and_comes_once_when_it_comes_again(tmp_path):
    assert take(tmp_path, FULL, FULL, TAKEN) == ([452, 452, 250], 1, 1, 0)
