"""Every host and every address in turn, and what each failure means."""

from __future__ import annotations

import asyncio

import pytest

from smtplab.events import (
    CommandSent,
    ConnectFailed,
    ConnectStarted,
    Disconnected,
    HostSkipped,
    MessageSent,
    RouteFound,
)
from smtplab.mta.options import Routing
from smtplab.mta.timeouts import shortened
from smtplab.net.pipe import Link


def test_the_first_mx_refuses_the_second_times_out_and_the_third_takes_the_message(kit):
    peer = kit.good_peer()

    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"), (20, "mx2.d", "10.1.0.2"), (30, "mx3.d", "10.1.0.3"))
        bench.links["10.1.0.2"] = Link(silent=True)
        await bench.play("10.1.0.3", peer)
        delivery = await bench.send("b@d.example")
        assert (delivery.judgement.result, delivery.judgement.host) == ("accepted", "mx3.d")
        assert [one.setback.cause.reason for one in delivery.attempts if one.setback] == ["refused", "timed-out"]

    bench = kit.on_bench(play)
    failed = [(event.host, event.reason, event.ms) for event in bench.told(ConnectFailed)]
    assert failed == [("mx1.d", "refused", 0.0), ("mx2.d", "timed-out", 30000.0)]
    assert peer.heard == ["EHLO us.example", "MAIL FROM:<a@here.example>", "RCPT TO:<b@d.example>", "DATA", "QUIT"]
    assert peer.content + b"\r\n" == kit.CONTENT.replace(b"\r\n.d", b"\r\n..d")
    spans = {record.span for record in bench.records() if isinstance(record.event, ConnectStarted)}
    assert spans == {"deliver/1/mx1.d", "deliver/1/mx2.d", "deliver/1/mx3.d"}


@pytest.mark.parametrize(
    ("script", "result", "code", "hosts"),
    [
        (["220 a", "250 a", "250 ok", "550 5.1.1 nobody"], "refused", 550, 1),
        (["220 a", "250 a", "250 ok", "450 4.2.1 later"], "accepted", 250, 2),
        (["220 a", "250 a", "550 5.7.1 not you"], "refused", 550, 1),
        (["220 a", "250 a", "451 4.3.0 later"], "accepted", 250, 2),
        (["554 no service"], "accepted", 250, 2),
        (["421 too busy"], "accepted", 250, 2),
        (["220 a", "250 a", "421 going down"], "accepted", 250, 2),
        (["220 a", "250 a", "250 ok", "421 going down"], "accepted", 250, 2),
        (["220 a", ""], "accepted", 250, 2),
        ([""], "accepted", 250, 2),
        (["220 a", "502 what", "502 what"], "accepted", 250, 2),
        (["220 a", "250 a", "250 ok", "250 ok", "554 5.6.0 no"], "refused", 554, 1),
        (["220 a", "250 a", "250 ok", "250 ok", "451 later"], "accepted", 250, 2),
        (["HTTP/1.1 400 Bad Request"], "accepted", 250, 2),
    ],
)
def test_the_next_host_is_tried_after_everything_but_a_word_about_the_recipient(kit, script, result, code, hosts):
    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"), (20, "mx2.d", "10.1.0.2"))
        await bench.play("10.1.0.1", kit.Peer(*script))
        await bench.play("10.1.0.2", kit.good_peer())
        delivery = await bench.send("b@d.example", timeouts=shortened(20))
        judgement = delivery.judgement
        assert (judgement.result, judgement.code, len(delivery.attempts)) == (result, code, hosts)

    kit.on_bench(play)


def test_a_host_that_refuses_to_serve_refuses_for_good_only_if_no_other_gives_hope(kit):
    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"), (20, "mx2.d", "10.1.0.2"))
        await bench.play("10.1.0.1", kit.Peer("554 5.7.1 go away"), kit.Peer("554 5.7.1 go away"))
        judgement = (await bench.send("b@d.example")).judgement
        assert (judgement.result, judgement.host) == ("unreachable", "mx2.d")
        await bench.play("10.1.0.2", kit.Peer("521 no mail here"))
        judgement = (await bench.send("b@d.example")).judgement
        assert (judgement.result, judgement.code) == ("refused", 521)

    kit.on_bench(play)


def test_where_no_host_can_be_reached_the_message_is_unreachable_and_may_be_retried(kit):
    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"), (20, "mx2.d", "10.1.0.2"))
        bench.links["10.1.0.1"] = bench.links["10.1.0.2"] = Link(silent=True)
        judgement = (await bench.send("b@d.example")).judgement
        assert (judgement.result, judgement.reason, judgement.retriable) == ("unreachable", "timed-out", True)

    kit.on_bench(play)


def test_a_reply_without_end_ends_the_session(kit):
    class Endless(kit.Peer):
        def connected(self, wire):
            self.wire = wire
            wire.write(b"220-more\r\n" * 1_000_000)

    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        await bench.play("10.1.0.1", Endless())
        judgement = (await bench.send("b@d.example")).judgement
        assert (judgement.result, judgement.stage, judgement.reason) == ("deferred", "greeting", "reply-too-long")

    bench = kit.on_bench(play)
    assert bench.told(Disconnected) == [Disconnected("us", clean=False, reason="reply-too-long")]


@pytest.mark.parametrize("said", [0, 1, 2, 3, 4])
def test_a_server_that_falls_silent_at_any_step_ends_in_a_time_out(kit, said):
    script = ["220 a", "250 a", "250 ok", "250 ok", "354 go"][:said]
    peer = kit.Peer(*script, mute=True)

    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        await bench.play("10.1.0.1", peer)
        delivery = await bench.send("b@d.example", timeouts=shortened(7))
        assert (delivery.judgement.result, delivery.judgement.reason) == ("deferred", "timed-out")
        assert asyncio.get_running_loop().time() == pytest.approx(7.0, abs=2.5)

    bench = kit.on_bench(play)
    # A late reply must not answer another command: nothing is sent after the time-out, not even QUIT.
    assert "QUIT" not in peer.heard
    assert bench.told(Disconnected)[-1] == Disconnected("us", clean=False, reason="timed-out")


def test_a_trickled_reply_does_not_outlast_its_limit(kit):
    class Trickle(kit.Peer):
        def connected(self, wire):
            self.wire = wire
            self.drip()

        def drip(self):
            self.wire.write(b"220-still here\r\n")
            self.timer = asyncio.get_running_loop().call_later(5, self.drip)

        def ended(self, lost):
            self.timer.cancel()
            self.wire.close()

    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        await bench.play("10.1.0.1", Trickle())
        judgement = (await bench.send("b@d.example", timeouts=shortened(60))).judgement
        assert (judgement.stage, judgement.reason) == ("greeting", "timed-out")

    kit.on_bench(play)


def test_some_recipients_accepted_and_some_refused_each_have_their_own_fate(kit):
    second = kit.Peer("220 b", "250 b", "250 ok", "250 ok", "354 go")

    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"), (20, "mx2.d", "10.1.0.2"))
        await bench.play("10.1.0.1", kit.Peer("220 a", "250 a", "250 ok", "250 ok", "550 no", "450 later", "354 go"))
        await bench.play("10.1.0.2", second)
        delivery = await bench.send("x@d.example", "y@d.example", "z@d.example")
        fates = [(str(one.recipient), one.judgement.result, one.judgement.host) for one in delivery.outcomes]
        assert fates == [
            ("x@d.example", "accepted", "mx1.d"),
            ("y@d.example", "refused", "mx1.d"),
            ("z@d.example", "accepted", "mx2.d"),
        ]

    kit.on_bench(play)
    assert [line for line in second.heard if line.startswith("RCPT")] == ["RCPT TO:<z@d.example>"]


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        ("552 too many recipients", "deferred"),
        ("552 5.5.3 too many", "deferred"),
        ("552 5.2.2 mailbox full", "refused"),
    ],
)
def test_a_server_that_takes_no_more_recipients_gets_the_others_later(kit, answer, result):
    """RFC 5321 4.5.3.1.10: a 552 of old is a 452. It is none to the first of them, nor where it says another thing."""

    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        await bench.play("10.1.0.1", kit.Peer("220 a", "250 a", "250 ok", "250 ok", answer, "354 go"))
        delivery = await bench.send("x@d.example", "y@d.example")
        assert [one.judgement.result for one in delivery.outcomes] == ["accepted", result]
        assert delivery.outcomes[1].judgement.code == 552
        assert delivery.outcomes[1].judgement.status[0] == ("4" if result == "deferred" else "5")
        await bench.play("10.1.0.1", kit.Peer("220 a", "250 a", "250 ok", answer), port=26)
        assert (await bench.send("x@d.example", port=26)).judgement.result == "refused"

    kit.on_bench(play)


def test_without_transmit_it_stops_after_the_recipients_then_rset_and_quit(kit):
    peer = kit.Peer("220 a", "250 a", "250 ok", "250 2.1.5 fine", "250 reset")

    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        await bench.play("10.1.0.1", peer)
        judgement = (await bench.send("b@d.example", transmit=False)).judgement
        assert (judgement.result, judgement.code, judgement.stage) == ("stopped", 250, "envelope")

    bench = kit.on_bench(play)
    assert peer.heard[-2:] == ["RSET", "QUIT"]
    assert bench.told(MessageSent) == []


@pytest.mark.parametrize(
    ("stage", "verbs"),
    [
        ("dns", None),
        ("connect", []),
        ("greeting", ["QUIT"]),
        ("ehlo", ["EHLO", "QUIT"]),
        ("mail", ["EHLO", "MAIL", "RSET", "QUIT"]),
        ("rcpt", ["EHLO", "MAIL", "RCPT", "RSET", "QUIT"]),
        ("data", ["EHLO", "MAIL", "RCPT", "DATA", "QUIT"]),
    ],
)
def test_quit_after_a_stage_goes_exactly_so_far(kit, stage, verbs):
    script = ["220 a", "250 a", "250 ok", "250 ok", "354 go"]
    if stage in ("mail", "rcpt"):
        script = [*script[: 3 if stage == "mail" else 4], "250 reset"]

    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        await bench.play("10.1.0.1", kit.Peer(*script))
        judgement = (await bench.send("b@d.example", quit_after=stage)).judgement
        assert judgement.result == ("accepted" if stage == "data" else "stopped")

    bench = kit.on_bench(play)
    assert [event.verb for event in bench.told(CommandSent)] == (verbs or [])
    assert bool(bench.told(ConnectStarted)) == (verbs is not None)


def test_every_address_of_a_host_is_tried_and_none_twice(kit):
    async def play(bench):
        bench.zone.data["d.example", "MX"] = ["10 mx1.d.", "20 mx2.d."]
        bench.zone.data["mx1.d", "A"] = ["10.1.0.1", "10.1.0.2"]
        bench.zone.data["mx2.d", "A"] = ["10.1.0.1"]
        judgement = (await bench.send("b@d.example")).judgement
        assert (judgement.result, judgement.reason) == ("unreachable", "refused")

    bench = kit.on_bench(play)
    tried = [(record.event.address, record.span) for record in bench.records() if type(record.event) is ConnectStarted]
    assert tried == [("10.1.0.1", "deliver/1/mx1.d"), ("10.1.0.2", "deliver/1/mx1.d/2")]
    assert bench.told(HostSkipped) == [HostSkipped("mx2.d", "already-tried")]


def test_a_pinned_server_is_asked_without_a_look_at_the_mx(kit):
    async def play(bench):
        await bench.play("10.9.0.9", kit.good_peer(), port=2525)
        delivery = await bench.send("b@d.example", routing=Routing(server="10.9.0.9"), port=2525)
        assert delivery.judgement.result == "accepted"
        assert bench.zone.asked == []

    assert kit.on_bench(play).told(RouteFound)[0].source == "pinned"


def test_cancelling_a_delivery_closes_its_connection(kit):
    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        await bench.play("10.1.0.1", kit.Peer())
        task = asyncio.create_task(bench.send("b@d.example"))
        await asyncio.sleep(5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert kit.on_bench(play).told(Disconnected) == [Disconnected("us", clean=False)]
