"""What a queue does when its store fails for a while, when it is full, and when several people want something of it."""

from __future__ import annotations

import asyncio

import pytest

from smtplab.events import AttemptStarted, Dequeued
from smtplab.mta.envelope import make_envelope
from smtplab.mta.queue.manager import Limits, Schedule
from smtplab.mta.queue.orders import obey
from smtplab.mta.rules import Caller, Rules
from smtplab.mta.store.memory import MemoryStore
from smtplab.mta.store.port import Entry, Put, StoreFailed, Trouble
from smtplab.mta.store.sql import SqlStore, open_store
from smtplab.mta.store.visit import Visit, visit_store
from smtplab.mta.turning import turner
from smtplab.net.pipe import Link
from smtplab.wire.command import Etrn
from tests.mta.queue.queues import at_work, give, open_queue


class Failing(MemoryStore):
    """A disk that is full for whatever the store would do, while `fails`."""

    fails = False

    def __getattribute__(self, name):
        if name in ("recover", "claim", "next_due", "get", "entries", "count") and self.fails:
            return self.refuse
        return super().__getattribute__(name)

    async def refuse(self, *arguments, **named):
        raise StoreFailed(Trouble("disk-full", "no space"))

    async def apply(self, changes):
        return Trouble("disk-full", "no space") if self.fails else await super().apply(changes)

    async def take_orders(self):
        await self.count()
        return ()


def test_a_store_that_fails_for_a_while_holds_the_queue_up_and_ends_nothing(kit):
    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        store = Failing()
        queue = open_queue(bench, store)
        async with at_work(queue):
            obeying = asyncio.create_task(obey(queue, store))
            await give(kit, queue, "b@d.example")
            await asyncio.sleep(10)
            store.fails = True
            await bench.serve("10.1.0.1", Rules(hostname="mx1.d"))
            await asyncio.sleep(1000)
            assert (await give(kit, queue, "c@d.example")).code == 452
            assert bench.arrivals == []
            store.fails = False
            await queue.drain()
            assert len(bench.arrivals) == 1
            assert not obeying.done()
            obeying.cancel()

    kit.on_bench(play)


def test_a_queue_that_can_not_begin_yet_begins_later(kit):
    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        await bench.serve("10.1.0.1", Rules(hostname="mx1.d"))
        store = Failing()
        await give(kit, open_queue(bench, store), "b@d.example")
        store.fails = True
        queue = open_queue(bench, store)
        async with at_work(queue):
            assert (await give(kit, queue, "c@d.example")).code == 452
            await asyncio.sleep(100)
            store.fails = False
            await asyncio.sleep(100)
            assert len(bench.arrivals) == 1
            store.fails = True

    kit.on_bench(play)


def test_whoever_asks_for_what_waits_is_told_that_it_can_not_be_had_now(kit):
    async def play(bench):
        store = Failing()
        store.fails = True
        queue = open_queue(bench, store)
        answer = turner(queue, Rules(hostname="us.example", trusted=("127.0.0.1",)))
        reply = await answer(Etrn("d.example"), Caller("127.0.0.1", "c"))
        assert reply.code == 458

    kit.on_bench(play)


def test_a_database_with_no_room_says_so_and_goes_on_when_there_is_some(tmp_path):
    async def main():
        store = open_store(tmp_path, threaded=False)
        assert isinstance(store, SqlStore)
        envelope = make_envelope(None, [], b"")
        entry = Entry(queue_id="1", envelope=envelope, octets=3, hop=1, arrived_at=0.0, next_attempt_at=0.0)
        assert await store.apply((Put(entry, b"abc"),)) is None
        # As `PRAGMA query_only` has it, every write is refused; what a disk without room does can't be had portably.
        store._connection.exec_driver_sql("PRAGMA query_only = 1")
        store._connection.commit()
        with pytest.raises(StoreFailed):
            await store.claim(1.0, 10)
        store._connection.exec_driver_sql("PRAGMA query_only = 0")
        store._connection.commit()
        assert [one.queue_id for one in await store.claim(1.0, 10)] == ["1"]
        store._connection.exec_driver_sql("DROP TABLE contents")
        store._connection.commit()
        assert await store.content("1") is None
        await store.close()

    asyncio.run(main())


def test_with_one_place_free_new_mail_and_old_take_turns(kit):
    """However much old mail is due, a new message gets its place."""

    async def play(bench):
        bench.mx("dead.example", (10, "mx.dead", "10.1.0.1"))
        bench.links["10.1.0.1"] = Link(latency_s=0.02)
        bench.mx("d.example", (10, "mx1.d", "10.1.0.2"))
        await bench.serve("10.1.0.2", Rules(hostname="mx1.d"))
        schedule, limits = Schedule(pauses_s=(0.01,)), Limits(failures_max=10**9)
        queue = open_queue(bench, MemoryStore(), schedule=schedule, limits=limits, active_max=1)
        async with at_work(queue):
            for _ in range(5):
                await give(kit, queue, "b@dead.example")
            await asyncio.sleep(1)
            await give(kit, queue, "b@d.example")
            await asyncio.sleep(10)
            assert len(bench.arrivals) == 1

    kit.on_bench(play)


def test_asking_for_what_waits_undoes_no_order_and_leaves_alone_what_is_on_its_way(kit):
    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        await bench.play("10.1.0.1", kit.Peer("220 a", mute=True))
        store = MemoryStore()
        queue = open_queue(bench, store)
        async with at_work(queue):
            queue_id = await give(kit, queue, "b@d.example")
            await asyncio.sleep(10)
            assert await queue.order(queue_id, "delete") == "later"
            assert await queue.flush(lambda domain: domain == "d.example") == 1
            await queue.drain()

    bench = kit.on_bench(play)
    assert [event.reason for event in bench.told(Dequeued)] == ["removed"]


def test_what_another_process_hands_over_is_begun_by_one_order_and_then_goes_by_the_schedule(kit, tmp_path):
    """An order for each would have all but the first tried twice in a row: they are on their way when theirs come."""

    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        store = open_store(tmp_path, threaded=False)
        assert isinstance(store, SqlStore)
        queue = open_queue(bench, store)
        visit = visit_store(tmp_path)
        assert isinstance(visit, Visit)
        async with at_work(queue):
            await asyncio.sleep(1)
            envelope = make_envelope(kit.box("a@here.example"), [kit.box("b@d.example")], b"")
            now = bench.clock.now()
            entries = [
                Entry(queue_id=one, envelope=envelope, octets=3, hop=1, arrived_at=now, next_attempt_at=now)
                for one in ("A1", "A2", "A3")
            ]
            assert visit._put([Put(entry, b"abc") for entry in entries]) is None
            ((queue_id, verb),) = await store.take_orders()
            assert await queue.order(queue_id, verb) == "done"
            await asyncio.sleep(20)
        visit.close()
        await store.close()

    bench = kit.on_bench(play)
    told = sorted((event.queue_id, event.number) for event in bench.told(AttemptStarted))
    assert told == [("A1", 1), ("A2", 1), ("A3", 1)]


def test_a_content_that_was_refused_is_in_nobodys_doubt(kit):
    """Also where a crash comes before the message's other destinations had their turn."""

    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        bench.mx("e.example", (10, "mx1.e", "10.1.0.2"))
        peer = kit.good_peer()
        peer._content_reply = "451 not now"
        await bench.play("10.1.0.1", peer)
        await bench.play("10.1.0.2", kit.Peer("220 a", mute=True))
        store = MemoryStore()
        queue = open_queue(bench, store)
        running = asyncio.create_task(queue.run())
        await give(kit, queue, "b@d.example", "c@e.example")
        await asyncio.sleep(10)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        (entry,) = await store.entries()
        assert entry.delivering == ()

    kit.on_bench(play)
