"""The queue through whatever a person, the network and a crash may do to it: nothing is lost, nothing is doubled."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smtplab.events import Bounced, Judged
from smtplab.mta.arrival import Arrival
from smtplab.mta.envelope import make_envelope
from smtplab.mta.mailbox import Mailboxes
from smtplab.mta.options import Routing, SessionOptions
from smtplab.mta.queue.manager import Limits, Office, Queue, Schedule
from smtplab.mta.rules import Caller, Rules
from smtplab.mta.store.memory import MemoryStore
from smtplab.mta.store.sql import open_store
from smtplab.net.pipe import Link
from smtplab.wire.reply import make_reply

PEOPLE = (
    "x@good.example",
    "y@good.example",
    "x@fickle.example",
    "x@refusing.example",
    "x@dead.example",
    "x@here.example",
)

STEPS = st.one_of(
    st.tuples(st.just("accept"), st.sets(st.sampled_from(PEOPLE), min_size=1)),
    st.tuples(st.just("wait"), st.sampled_from((0.01, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 1.0, 400.0, 5000.0))),
    st.tuples(st.sampled_from(("hold", "release", "delete", "retry")), st.integers(0, 5)),
    st.tuples(st.just("crash"), st.just(0)),
    st.tuples(st.just("restart"), st.just(0)),
)


class Machine:
    """A queue over a store that outlives it, among servers that behave each in its own way."""

    def __init__(self, kit, bench, folder):
        self.kit, self.bench, self.folder = kit, bench, folder
        self.boxes = Mailboxes()
        self.store = self.open()
        self.wanted: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.deleted: set[str] = set()
        self.moods = 0

    def open(self):
        return MemoryStore() if self.folder is None else open_store(self.folder, threaded=False)

    async def serve(self):
        for number, name in enumerate(("good", "fickle", "refusing", "dead"), 1):
            address = f"10.1.0.{number}"
            self.bench.mx(f"{name}.example", (10, f"mx.{name}", address))
            self.bench.links[address] = Link(latency_s=0.02)
        await self.bench.serve("10.1.0.1", Rules(hostname="mx.good"))
        await self.bench.serve("10.1.0.2", Rules(hostname="mx.fickle", hooks={"RCPT": self.fickle}))
        refuse = {"RCPT": lambda command, caller: make_reply(550, "no", enhanced="5.1.1")}
        await self.bench.serve("10.1.0.3", Rules(hostname="mx.refusing", hooks=refuse))

    def fickle(self, command, caller):
        self.moods += 1
        return make_reply(450, "later", enhanced="4.2.0") if self.moods % 3 else None

    def start(self):
        scope = self.bench.journal.scope(node="us.example", hop=0, span="", stage="queue")
        office = Office(
            hostname="us.example",
            options=SessionOptions(helo="us.example", tls="none"),
            routing=Routing(),
            local_domains=frozenset({"here.example"}),
            mailboxes=self.boxes,
            scope=scope,
            net_at=lambda hop: self.bench.net,
            schedule=Schedule(lifetime_s=20000.0),
            limits=Limits(destination_first=1, destination_max=2, total_max=3),
            active_max=3,
        )
        self.queue = Queue(office, self.store)
        self.running = asyncio.create_task(self.queue.run(), name="queue")

    async def step(self, verb, what):
        match verb:
            case "accept":
                await self.accept(sorted(what))
            case "wait":
                await asyncio.sleep(what)
            case "crash":
                self.running.cancel()
                await asyncio.gather(self.running, return_exceptions=True)
                await self.reopen()
            case "restart":
                self.queue.stop()
                await self.running
                await self.reopen()
            case order if self.ids:
                queue_id = self.ids[what % len(self.ids)]
                if await self.queue.order(queue_id, order) != "unknown" and order == "delete":
                    self.deleted.add(queue_id)

    async def accept(self, people):
        token = f"token-{len(self.ids)}"
        content = f"Subject: {token}\r\n\r\nhello\r\n".encode()
        envelope = make_envelope(self.kit.box("me@here.example"), [self.kit.box(who) for who in people], content)
        reply = await self.queue.accept(Arrival(envelope, Caller("10.0.0.9", "c"), "ESMTP", 0))
        assert reply.code == 250
        self.ids.append(reply.lines[0].split()[-1])
        self.wanted += [(self.ids[-1], who) for who in people]

    async def reopen(self):
        if self.folder is not None:
            await self.store.close()
            self.store = self.open()
        self.start()

    async def finish(self):
        """What is held is released, and everything comes to its end."""
        for queue_id in self.ids:
            await self.queue.order(queue_id, "release")
        await self.queue.drain()
        self.queue.stop()
        await self.running
        assert await self.store.count() == 0
        await self.store.close()

    def check(self):
        arrived = Counter()
        contents = [(str(who), one.envelope.content) for one in self.bench.arrivals for who in one.envelope.recipients]
        contents += [("x@here.example", stored.content) for stored in self.boxes.messages("x@here.example")]
        for who, content in contents:
            number = int(content.partition(b"Subject: token-")[2].partition(b"\r\n")[0])
            arrived[self.ids[number], who] += 1
        bounced, doubted = Counter(), Counter()
        for record in self.bench.records():
            queue_id = record.span.removeprefix("queue/")
            if isinstance(record.event, Bounced):
                bounced[queue_id, record.event.recipient] += 1
            elif isinstance(record.event, Judged) and record.event.check == "delivery-in-doubt":
                doubted[queue_id, record.event.detail.split()[0]] += 1
        for one in self.wanted:
            ends = arrived[one] + bounced[one]
            assert ends <= 1 + doubted[one], one
            if one[0] not in self.deleted:
                assert ends >= 1, one
        assert set(arrived) <= set(self.wanted)
        return doubted


@pytest.mark.parametrize("kind", ["memory", "sql"])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, max_size=12))
def test_each_recipient_ends_once_whatever_happens(kit, kind, steps):
    play_out(kit, kind, steps)


@pytest.mark.parametrize("kind", ["memory", "sql"])
def test_a_crash_between_the_remote_250_and_our_record_is_told_as_that(kit, kind):
    """At some moment of a delivery the crash doubles the message, and exactly there the doubt is told."""
    doubles = 0
    for hundredths in range(40):
        steps = [("accept", {"x@good.example"}), ("wait", hundredths / 100), ("crash", 0)]
        machine = play_out(kit, kind, steps)
        doubles += len(machine.bench.arrivals) == 2
    assert doubles > 0


def play_out(kit, kind, steps):
    machines = []

    async def play(bench):
        machine = Machine(kit, bench, Path(folder) if kind == "sql" else None)
        machines.append(machine)
        await machine.serve()
        machine.start()
        for verb, what in steps:
            await machine.step(verb, what)
        await machine.finish()

    with tempfile.TemporaryDirectory() as folder:
        kit.on_bench(play)
    machines[0].check()
    return machines[0]
