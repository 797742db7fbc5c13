"""What a person may ask of a queue, from inside its process and from another."""

from __future__ import annotations

import asyncio

import pytest

from smtplab.events import AttemptStarted, Dequeued, Judged, Queued
from smtplab.mta.options import Routing
from smtplab.mta.queue.listing import queue_rows
from smtplab.mta.queue.orders import obey, obey_once
from smtplab.mta.rules import Rules
from smtplab.mta.store import rows
from smtplab.mta.store.memory import MemoryStore
from smtplab.mta.store.port import Trouble
from smtplab.mta.store.sql import SqlStore, open_store
from smtplab.mta.store.visit import Visit, visit_store
from smtplab.net.pipe import Link
from tests.mta.queue.queues import at_work, give, open_queue


def states_of(store):
    async def collect():
        return [(row.state, row.attempts) async for row in queue_rows(store)]

    return collect()


def with_dead_server(kit, play):
    """`play(bench, store, queue)` with a queue at work whose one destination refuses connections."""

    async def run(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        store = MemoryStore()
        queue = open_queue(bench, store)
        async with at_work(queue):
            await play(bench, store, queue)

    return kit.on_bench(run)


def test_what_is_held_is_not_tried_until_it_is_released(kit):
    async def play(bench, store, queue):
        queue_id = await give(kit, queue, "b@d.example")
        await asyncio.sleep(10)
        assert await queue.order(queue_id, "hold") == "done"
        await asyncio.sleep(100_000)
        assert await states_of(store) == [("hold", 1)]
        assert await queue.order(queue_id, "release") == "done"
        await asyncio.sleep(10)
        assert await states_of(store) == [("deferred", 2)]

    with_dead_server(kit, play)


def test_retry_now_does_not_wait_for_the_schedule(kit):
    async def play(bench, store, queue):
        queue_id = await give(kit, queue, "b@d.example")
        await asyncio.sleep(10)
        assert await queue.order(queue_id, "retry") == "done"
        await asyncio.sleep(10)
        assert [event.number for event in bench.told(AttemptStarted)] == [1, 2]

    with_dead_server(kit, play)


def test_retry_now_tries_a_destination_too_that_was_left_alone(kit):
    """Whoever orders it knows perhaps that its server is back."""

    async def play(bench, store, queue):
        first, *_ = [await give(kit, queue, f"b{number}@d.example") for number in range(6)]
        await asyncio.sleep(10)
        late = await give(kit, queue, "late@d.example")
        await asyncio.sleep(10)
        assert (await store.get(late)).reason.startswith("destination-suspended")
        before = len(bench.told(AttemptStarted))
        await queue.order(first, "release")
        await asyncio.sleep(10)
        assert len(bench.told(AttemptStarted)) == before
        await queue.order(first, "retry")
        await asyncio.sleep(10)
        assert [event.queue_id for event in bench.told(AttemptStarted)[before:]] == [first]

    with_dead_server(kit, play)


def test_what_is_deleted_is_gone_and_nobody_is_told(kit):
    async def play(bench, store, queue):
        queue_id = await give(kit, queue, "b@d.example")
        await asyncio.sleep(10)
        assert await queue.order(queue_id, "delete") == "done"
        await queue.drain()
        assert await queue.order(queue_id, "delete") == "unknown"
        assert await queue.order("no id", "hold") == "unknown"

    bench = with_dead_server(kit, play)
    assert [event.reason for event in bench.told(Dequeued)] == ["removed"]
    assert len(bench.told(Queued)) == 1


@pytest.mark.parametrize(("order", "left"), [("hold", [("hold", 1)]), ("delete", [])])
def test_an_order_about_a_delivery_under_way_waits_for_its_end(kit, order, left):
    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        await bench.play("10.1.0.1", kit.Peer("220 a", mute=True))
        store = MemoryStore()
        queue = open_queue(bench, store)
        async with at_work(queue):
            queue_id = await give(kit, queue, "b@d.example")
            await asyncio.sleep(10)
            assert await queue.order(queue_id, order) == "later"
            assert await states_of(store) == [("active", 0)]
            await asyncio.sleep(1000)
            assert await states_of(store) == left

    kit.on_bench(play)


@pytest.mark.parametrize(("order", "left"), [("hold", [("hold", 1)]), ("delete", [])])
def test_an_order_about_a_delivery_that_is_cut_off_is_done_all_the_same(kit, order, left):
    """Who may have the message already is told before it is held, or gone."""

    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        await bench.play("10.1.0.1", kit.good_peer())
        bench.links["10.1.0.1"] = Link(latency_s=1.0)
        store = MemoryStore()
        queue = open_queue(bench, store)
        running = asyncio.create_task(queue.run())
        queue_id = await give(kit, queue, "b@d.example")
        while not (await store.get(queue_id)).delivering:
            await asyncio.sleep(0.1)
        assert await queue.order(queue_id, order) == "later"
        running.cancel()
        await asyncio.wait({running})
        await queue.lay_down()
        assert await states_of(store) == left
        assert all(not entry.delivering for entry in await store.entries())

    bench = kit.on_bench(play)
    assert [event.check for event in bench.told(Judged)] == ["delivery-in-doubt"]


def test_another_process_reads_the_queue_and_its_orders_are_carried_out(kit, tmp_path):
    async def play(bench):
        store = open_store(tmp_path, threaded=False)
        assert isinstance(store, SqlStore)
        queue = open_queue(bench, store)
        queue_id = await give(kit, queue, "b@nowhere.example")
        visit = visit_store(tmp_path)
        assert isinstance(visit, Visit)
        # A visitor works in threads, for which the virtual clock has no room: what they would do is done here.
        assert [entry.queue_id for entry in visit._entries(-1, 10)] == [queue_id]
        assert visit._leave_orders(["FFFF"], "hold") == "FFFF"
        assert visit._leave_orders([queue_id], "nonsense") is None
        assert visit._leave_orders([queue_id.lower()], "hold") is None
        visit.close()
        obeying = asyncio.create_task(obey(queue, store))
        await asyncio.sleep(5)
        obeying.cancel()
        assert await states_of(store) == [("hold", 0)]
        assert await store.take_orders() == ()
        await store.close()

    kit.on_bench(play)


def test_orders_are_carried_out_in_turn_and_many_at_once(kit):
    class Counted(MemoryStore):
        applied = 0

        async def apply(self, changes):
            self.applied += 1
            return await super().apply(changes)

    async def play(bench):
        store = Counted()
        queue = open_queue(bench, store)
        first, second = [await give(kit, queue, f"{who}@d.example") for who in "bc"]
        before = store.applied
        answers = await queue.order_all(
            [(first, "hold"), (second, "delete"), (second.lower(), "hold"), ("none", "hold"), (first, "release")]
        )
        assert answers == ["done", "done", "unknown", "unknown", "done"]
        assert store.applied == before + 1
        assert [row.queue_id async for row in queue_rows(store)] == [first]
        assert await states_of(store) == [("incoming", 0)]

    bench = kit.on_bench(play)
    assert [event.reason for event in bench.told(Dequeued)] == ["removed"]


def test_no_more_orders_are_taken_than_are_soon_carried_out(tmp_path, monkeypatch, kit):
    monkeypatch.setattr(rows, "KEYS_MAX", 2)

    async def play(bench):
        store = open_store(tmp_path, threaded=False)
        assert isinstance(store, SqlStore)
        queue = open_queue(bench, store)
        ids = [await give(kit, queue, f"{who}@d.example") for who in "bcd"]
        visit = visit_store(tmp_path)
        assert isinstance(visit, Visit)
        assert visit._leave_orders(ids, "hold") is None
        visit.close()
        assert [queue_id for queue_id, _ in await store.take_orders()] == ids[:2]
        await obey_once(queue, store)
        assert await states_of(store) == [("incoming", 0), ("incoming", 0), ("hold", 0)]
        await store.close()

    kit.on_bench(play)


def test_a_visit_to_no_store_is_trouble_and_makes_none(tmp_path):
    assert visit_store(tmp_path / "none") == Trouble("unreadable", str(tmp_path / "none"))
    assert not (tmp_path / "none").exists()


# What is no order, but happens


class FullDisk(MemoryStore):
    """A store that takes nothing for a while."""

    full = True

    async def apply(self, changes):
        return Trouble("disk-full", "no space") if self.full else await super().apply(changes)


def test_a_message_that_can_not_be_stored_is_not_taken(kit):
    async def play(bench):
        store = FullDisk()
        queue = open_queue(bench, store)
        reply = await give(kit, queue, "b@d.example")
        assert (reply.code, reply.enhanced) == (452, "4.3.1")
        assert bench.told(Queued) == []
        await queue.drain()

    kit.on_bench(play)


def test_no_content_leaves_that_could_not_be_noted_before(kit):
    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        await bench.serve("10.1.0.1", Rules(hostname="mx1.d"))
        store = FullDisk()
        store.full = False
        queue = open_queue(bench, store)
        await give(kit, queue, "b@d.example")
        async with at_work(queue):
            store.full = True
            await asyncio.sleep(60)
            assert bench.arrivals == []
            store.full = False
            await queue.drain()
            assert len(bench.arrivals) == 1

    kit.on_bench(play)


def test_recipients_with_one_next_hop_share_one_transaction(kit):
    async def play(bench):
        await bench.serve("10.9.0.9", Rules(hostname="relay"))
        queue = open_queue(bench, MemoryStore(), routing=Routing(server="10.9.0.9", source="relay"))
        async with at_work(queue):
            await give(kit, queue, "b@d.example", "c@e.example", "d@d.example")
            await queue.drain()
        (one,) = bench.arrivals
        assert [str(who) for who in one.envelope.recipients] == ["b@d.example", "d@d.example", "c@e.example"]

    kit.on_bench(play)


def test_many_messages_for_one_destination_share_its_sessions(kit):
    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        await bench.serve("10.1.0.1", Rules(hostname="mx1.d"))
        queue = open_queue(bench, MemoryStore())
        for _ in range(60):
            await give(kit, queue, "b@d.example")
        async with at_work(queue):
            await queue.drain()
        assert len(bench.arrivals) == 60

    bench = kit.on_bench(play)
    told = [record.event for record in bench.records() if record.node == "us.example"]
    sessions = [event for event in told if type(event).__name__ == "Connected"]
    assert len(sessions) <= 20
    quits = [event for event in told if getattr(event, "line", "") == "QUIT" and type(event).__name__ == "CommandSent"]
    assert len(quits) == len(sessions)
    spans = [record.span for record in bench.records() if type(record.event).__name__ == "MessageSent"]
    assert len(set(spans)) == 60


def test_a_session_that_is_dead_at_the_next_message_is_opened_anew(kit):
    class Short:
        """Falls silent after one message."""

        def __init__(self):
            self.peers = [kit.good_peer() for _ in range(60)]

        def next(self):
            return self.peers.pop()

    short = Short()

    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        await bench.network.listener().listen("10.1.0.1", 25, short.next)
        queue = open_queue(bench, MemoryStore())
        for _ in range(12):
            await give(kit, queue, "b@d.example")
        async with at_work(queue):
            await queue.drain()

    bench = kit.on_bench(play)
    assert [event.reason for event in bench.told(Dequeued)] == ["relayed"] * 12
