"""What a queue does with what it took: mailboxes, relaying, retries, notices, and a clean stop."""

from __future__ import annotations

import asyncio
import email

from smtplab.events import (
    AttemptStarted,
    Bounced,
    BounceSent,
    Deferred,
    Delivered,
    Dequeued,
    Queued,
)
from smtplab.mta.arrival import Arrival
from smtplab.mta.envelope import make_envelope
from smtplab.mta.mailbox import Mailboxes
from smtplab.mta.options import Routing, SessionOptions
from smtplab.mta.queue.manager import Limits, Office, Queue, Schedule
from smtplab.mta.rules import Caller
from smtplab.mta.store.memory import MemoryStore

DOMAIN = frozenset({"here.example"})


def open_office(bench, boxes, store=None, **changes):
    settings = {
        "hostname": "us.example",
        "options": SessionOptions(helo="us.example", tls="none"),
        "routing": Routing(ourselves=frozenset({"us.example"})),
        "local_domains": DOMAIN,
        "mailboxes": boxes,
        "scope": bench.journal.scope(node="us.example", hop=0, span="", stage="queue"),
        "net_at": lambda _hop: bench.net,
    }
    return Queue(Office(**settings | changes), store)


def arrival(kit, *recipients, sender="a@here.example"):
    envelope = make_envelope(kit.box(sender) if sender else None, [kit.box(who) for who in recipients], kit.CONTENT)
    return Arrival(envelope, Caller("10.0.0.9", "client.example", extended=True), "ESMTP", 0)


def with_queue(kit, *arrivals, prepare=None, **changes):
    """Runs until the queue is empty."""
    boxes = Mailboxes()

    async def play(bench):
        if prepare is not None:
            await prepare(bench)
        queue = open_office(bench, boxes, **changes)
        async with asyncio.TaskGroup() as group:
            group.create_task(queue.run())
            for one in arrivals:
                assert (await queue.accept(one)).code == 250
            await queue.drain()
            queue.stop()

    return kit.on_bench(play), boxes


def test_local_mail_ends_in_the_mailbox_with_its_trace_lines_on_top(kit):
    bench, boxes = with_queue(kit, arrival(kit, "B@here.example"))
    (stored,) = boxes.messages("b@here.example")
    lines = stored.content.decode().split("\r\n")
    assert lines[:6] == [
        "Return-Path: <a@here.example>",
        "Delivered-To: B@here.example",
        "Received: from client.example ([10.0.0.9])",
        f"\tby us.example with ESMTP id {stored.queue_id}",
        "\tfor <B@here.example>;",
        "\tMon, 23 Nov 2026 00:00:00 +0000",
    ]
    assert stored.content.endswith(kit.CONTENT)
    told = bench.told(Queued, Delivered, Dequeued)
    assert [type(event) for event in told] == [Queued, Delivered, Dequeued]
    assert (told[1].mailbox, told[2].reason) == ("b@here.example", "delivered")


def test_foreign_mail_is_relayed_on_the_next_hop(kit):
    peer = kit.good_peer()

    async def prepare(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        await bench.play("10.1.0.1", peer)

    bench, _ = with_queue(kit, arrival(kit, "b@d.example"), prepare=prepare)
    assert peer.content.startswith(b"Received: from client.example")
    assert [event.reason for event in bench.told(Dequeued)] == ["relayed"]
    there = {(record.hop, record.span) for record in bench.records() if record.stage == "envelope"}
    assert there == {(1, "deliver/1/mx1.d")}


def test_what_is_deferred_is_tried_again_by_the_schedule_until_it_is_taken(kit):
    async def prepare(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        later = [kit.Peer("220 a", "250 a", "250 ok", "450 4.2.0 later") for _ in range(3)]
        await bench.play("10.1.0.1", *later, kit.good_peer())

    schedule = Schedule(pauses_s=(60.0, 600.0))
    bench, _ = with_queue(kit, arrival(kit, "b@d.example"), prepare=prepare, schedule=schedule)
    tries = [round(record.elapsed_us / 1e6) for record in bench.records() if type(record.event) is AttemptStarted]
    assert tries == [0, 60, 660, 1260]
    assert [event.number for event in bench.told(AttemptStarted)] == [1, 2, 3, 4]
    first = bench.told(Deferred)[0]
    assert (first.next_attempt, first.reason) == ("2026-11-23T00:01:00.000000Z", "450 4.2.0 later")


def test_what_can_never_be_delivered_comes_back_to_the_sender(kit):
    async def prepare(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        await bench.play("10.1.0.1", kit.good_peer(rcpt="550 5.1.1 no such user"))

    bench, boxes = with_queue(kit, arrival(kit, "b@d.example"), prepare=prepare)
    (bounced,) = bench.told(Bounced)
    assert (bounced.recipient, bounced.status, bounced.diagnostic) == ("b@d.example", "5.1.1", "550 5.1.1 no such user")
    assert [event.recipient for event in bench.told(BounceSent)] == ["a@here.example"]
    assert [event.reason for event in bench.told(Dequeued)] == ["bounced", "delivered"]
    (notice,) = boxes.messages("a@here.example")
    assert notice.content.startswith(b"Return-Path: <>\r\n")
    message = email.message_from_bytes(notice.content)
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    words, status, header = message.get_payload()
    about, recipient = status.get_payload()
    assert "b@d.example" in words.get_payload()
    assert about["Reporting-MTA"] == "dns; us.example"
    assert (recipient["Final-Recipient"], recipient["Action"]) == ("rfc822; b@d.example", "failed")
    assert (recipient["Status"], recipient["Diagnostic-Code"]) == ("5.1.1", "smtp; 550 5.1.1 no such user")
    assert "Subject: hello" in header.get_payload()


def test_a_notice_is_never_sent_for_the_null_sender(kit):
    bench, _ = with_queue(kit, arrival(kit, "b@nowhere.example", sender=None))
    assert [event.status for event in bench.told(Bounced)] == ["5.1.2"]
    assert bench.told(BounceSent) == []
    assert len(bench.told(Queued)) == 1


def test_a_notice_that_can_not_be_delivered_ends_there(kit):
    bench, _ = with_queue(kit, arrival(kit, "b@nowhere.example", sender="a@nowhere.example"))
    assert len(bench.told(Queued)) == 2
    assert len(bench.told(BounceSent)) == 1
    assert [event.reason for event in bench.told(Dequeued)] == ["bounced", "bounced"]


def test_after_its_lifetime_a_message_is_returned(kit):
    async def prepare(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))

    bench, boxes = with_queue(kit, arrival(kit, "b@d.example"), prepare=prepare)
    assert [event.status for event in bench.told(Bounced)] == ["4.4.7"]
    assert 100 < len(bench.told(Deferred)) < 120
    assert bench.records()[-1].elapsed_us < 432000e6
    # First the warning, then the end.
    assert len(boxes.messages("a@here.example")) == 2


def test_recipients_of_one_message_go_their_own_ways(kit):
    async def prepare(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        await bench.play("10.1.0.1", kit.good_peer())

    people = ("here@here.example", "there@d.example", "nowhere@nowhere.example")
    bench, boxes = with_queue(kit, arrival(kit, *people), prepare=prepare)
    assert len(boxes.messages("here@here.example")) == 1
    assert [event.recipient for event in bench.told(Bounced)] == ["nowhere@nowhere.example"]
    assert b"\tfor <" not in boxes.messages("here@here.example")[0].content


def test_who_is_named_twice_gets_the_message_once(kit):
    peer = kit.good_peer()

    async def prepare(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        await bench.play("10.1.0.1", peer)

    twice = arrival(kit, "b@here.example", "c@d.example", "b@here.example", "c@d.example")
    bench, boxes = with_queue(kit, twice, prepare=prepare)
    assert len(boxes.messages("b@here.example")) == 1
    assert [line for line in peer.heard if line.startswith("RCPT")] == ["RCPT TO:<c@d.example>"]
    assert len(bench.told(Delivered)) == 1


def test_the_same_chance_gives_the_same_queue_ids(kit):
    one, _ = with_queue(kit, arrival(kit, "b@here.example"), arrival(kit, "c@here.example"))
    two, _ = with_queue(kit, arrival(kit, "b@here.example"), arrival(kit, "c@here.example"))
    assert one.records() == two.records()
    assert len({event.queue_id for event in one.told(Queued)}) == 2


def test_a_stopped_queue_keeps_what_it_has(kit):
    left = []

    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        store = MemoryStore()
        queue = open_office(bench, Mailboxes(), store)
        async with asyncio.TaskGroup() as group:
            group.create_task(queue.run())
            await queue.accept(arrival(kit, "b@d.example"))
            await asyncio.sleep(30)
            queue.stop()
        left.extend(await store.entries())
        assert asyncio.get_running_loop().time() == 30

    kit.on_bench(play)
    assert [(entry.attempts, str(entry.envelope.recipients[0])) for entry in left] == [(1, "b@d.example")]


def test_a_full_queue_says_so(kit):
    async def play(bench):
        queue = open_office(bench, Mailboxes(), messages_max=1)
        assert (await queue.accept(arrival(kit, "b@here.example"))).code == 250
        assert (await queue.accept(arrival(kit, "b@here.example"))).code == 452

    kit.on_bench(play)


def test_deliveries_at_once_are_bounded(kit):
    peers = [kit.Peer(mute=True) for _ in range(5)]

    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        await bench.play("10.1.0.1", *peers)
        queue = open_office(bench, Mailboxes(), limits=Limits(destination_max=2))
        async with asyncio.TaskGroup() as group:
            group.create_task(queue.run())
            for _ in range(5):
                await queue.accept(arrival(kit, "b@d.example"))
            await asyncio.sleep(10)
            assert len([peer for peer in peers if hasattr(peer, "wire")]) == 2
            queue.stop()

    kit.on_bench(play)
