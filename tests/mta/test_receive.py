"""Our server at work: what it answers, to whom it says no, and how its sessions end."""

from __future__ import annotations

import asyncio

import pytest

from smtplab.events import Authenticated, Disconnected, ReplySent
from smtplab.mta.accounts import MemoryAccounts
from smtplab.mta.options import Credentials, Routing
from smtplab.mta.rules import Caller, Rules, may_relay
from smtplab.net.ports import Lost
from smtplab.smtp.sasl import Secret
from smtplab.smtp.server import Limits
from smtplab.wire.reply import make_reply

ADDRESS = "10.1.0.1"
SINK = Rules(hostname="mx.d.example")


async def dialogue(bench, data: bytes, *more: bytes) -> bytes:
    """All that the server said until it closed, or fell silent for a second of virtual time."""
    stream = await bench.net.dialer.dial(ADDRESS, 25)
    said = b""
    for piece in (data, *more):
        await stream.write(piece)
        said += await _listen(stream)
    await stream.close()
    return said


async def _listen(stream, patience_s=1.0):
    said = b""
    try:
        async with asyncio.timeout(patience_s):
            while (data := await stream.read()) and not isinstance(data, Lost):
                said += data
    except TimeoutError:
        pass
    return said


def ask(kit, rules, *pieces: bytes):
    said = []

    async def play(bench):
        await bench.serve(ADDRESS, rules)
        said.append(await dialogue(bench, *pieces))

    bench = kit.on_bench(play)
    return said[0].decode().split("\r\n")[:-1], bench


def codes(lines):
    return [line[:3] for line in lines if line[3:4] != "-"]


def test_our_own_client_and_server_understand_each_other(kit):
    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", ADDRESS))
        await bench.serve(ADDRESS, SINK)
        delivery = await bench.send("b@d.example", "c@d.example", chunking=True)
        assert delivery.judgement.result == "accepted"

    bench = kit.on_bench(play)
    (arrival,) = bench.arrivals
    assert arrival.envelope.content == kit.CONTENT
    assert [str(who) for who in arrival.envelope.recipients] == ["b@d.example", "c@d.example"]
    assert (arrival.protocol, arrival.caller.helo, arrival.hop) == ("ESMTP", "us.example", 1)
    assert bench.told(Disconnected) == [Disconnected("us", clean=True)] * 2


def test_whoever_asks_much_at_once_is_answered_in_turns_and_others_between(kit):
    async def play(bench):
        await bench.serve(ADDRESS, SINK)
        much, little = [await bench.net.dialer.dial(ADDRESS, 25) for _ in range(2)]
        for stream in (much, little):
            await stream.write(b"EHLO x.example\r\n")
            await _listen(stream)
        async with asyncio.TaskGroup() as group:
            await much.write(b"MAIL FROM:<>\r\n" + b"RCPT TO:<a@b.example>\r\n" * 900 + b"QUIT\r\n")
            await little.write(b"NOOP\r\n")
            answered = group.create_task(_listen(much))
            assert (await _listen(little)).startswith(b"250 2.0.0")
        assert answered.result().count(b"250 2.1.5") == 900
        assert answered.result().endswith(b"221 2.0.0 Bye\r\n")

    bench = kit.on_bench(play)
    verbs = [event.verb for event in bench.told(ReplySent)]
    assert verbs.index("RCPT") < verbs.index("NOOP") < len(verbs) - 1 - verbs[::-1].index("RCPT")


def test_all_that_was_asked_in_one_piece_is_answered_in_one_piece(kit):
    said = []

    async def play(bench):
        await bench.serve(ADDRESS, SINK)
        stream = await bench.net.dialer.dial(ADDRESS, 25)
        await stream.read()
        await stream.write(b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n")
        said.append(await stream.read())
        await stream.close()

    kit.on_bench(play)
    assert codes(said[0].decode().split("\r\n")[:-1]) == ["250", "250", "250", "354"]


@pytest.mark.parametrize(
    ("recipient", "code"),
    [
        ("known@d.example", "250"),
        ("KNOWN@D.EXAMPLE", "250"),
        ("unknown@d.example", "550"),
        ("postmaster@d.example", "250"),
        ("Postmaster", "250"),
        ("x@backup.example", "250"),
        ("x@elsewhere.example", "550"),
        ("x@d.example.elsewhere.example", "550"),
    ],
)
def test_it_takes_mail_for_its_own_and_never_relays_for_strangers(kit, recipient, code):
    rules = Rules(
        hostname="mx",
        local_domains=frozenset({"d.example"}),
        local_users=frozenset({"known@d.example"}),
        relay_domains=frozenset({"backup.example"}),
    )
    lines, _ = ask(kit, rules, f"EHLO x\r\nMAIL FROM:<known@d.example>\r\nRCPT TO:<{recipient}>\r\nQUIT\r\n".encode())
    assert codes(lines) == ["220", "250", "250", code, "221"]


def test_only_trusted_networks_and_authenticated_users_may_relay():
    rules = Rules(hostname="mx", local_domains=frozenset(), trusted=("10.0.0.0/8", "2001:db8::1"))
    relayed = {
        address: may_relay(rules, Caller(address)) for address in ("10.9.9.9", "11.0.0.1", "2001:db8::1", "what")
    }
    assert relayed == {"10.9.9.9": True, "11.0.0.1": False, "2001:db8::1": True, "what": False}
    assert may_relay(rules, Caller("11.0.0.1", user="somebody"))


def test_a_submission_server_wants_to_know_who_it_is(kit):
    rules = Rules(
        hostname="sub",
        submission=True,
        accounts=MemoryAccounts({"u": Secret("p")}),
        clear_auth=True,
        local_domains=frozenset(),
    )
    lines, _ = ask(kit, rules, b"EHLO x\r\nMAIL FROM:<u@d.example>\r\nQUIT\r\n")
    assert codes(lines) == ["220", "250", "530", "221"]

    async def play(bench):
        await bench.serve(ADDRESS, rules, port=587)
        for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5"):
            delivery = await bench.send(
                "b@else.example", routing=Routing(server=ADDRESS), port=587,
                credentials=Credentials("u", Secret("p"), mechanism),
            )  # fmt: skip
            assert delivery.judgement.result == "accepted"
        wrong = await bench.send(
            "b@else.example", routing=Routing(server=ADDRESS), port=587, credentials=Credentials("u", Secret("q"))
        )
        assert (wrong.judgement.result, wrong.judgement.code, wrong.judgement.status) == ("refused", 535, "5.7.8")

    bench = kit.on_bench(play)
    assert {event.mechanism for event in bench.told(Authenticated)} == {"PLAIN", "LOGIN", "CRAM-MD5"}
    assert {arrival.protocol for arrival in bench.arrivals} == {"ESMTPA"}


def test_auth_is_not_announced_in_clear(kit):
    lines, _ = ask(
        kit,
        Rules(hostname="mx", accounts=MemoryAccounts({"u": Secret("p")})),
        b"EHLO x\r\nAUTH PLAIN AHUAcA==\r\nQUIT\r\n",
    )
    assert not any("AUTH" in line for line in lines)
    assert codes(lines)[-2:] == ["502", "221"]


def test_a_silent_client_is_told_421_after_five_minutes(kit):
    said = []

    async def play(bench):
        await bench.serve(ADDRESS, SINK)
        stream = await bench.net.dialer.dial(ADDRESS, 25)
        said.append(await _listen(stream, 1000))
        said.append(asyncio.get_running_loop().time())
        await stream.close()

    bench = kit.on_bench(play)
    assert codes(said[0].decode().split("\r\n")[:-1]) == ["220", "421"]
    assert said[1] == pytest.approx(300, abs=2)
    assert bench.told(Disconnected) == [Disconnected("us", clean=False, reason="timed-out")]


def drip(bench, before: bytes, every_s: float, drops: int):
    """Says `before`, then an `x` so often; returns all that was said to it and how long it took."""

    async def go():
        stream = await bench.net.dialer.dial(ADDRESS, 25)
        await stream.write(before)
        said = b""
        for _ in range(drops):
            said += await _listen(stream, every_s)
            if await stream.write(b"x") is not None or b"\r\n421 " in said:
                break
        await stream.close()
        return codes(said.decode().split("\r\n")[:-1]), asyncio.get_running_loop().time()

    return go()


def test_a_command_that_drips_is_as_late_as_one_that_does_not_come(kit):
    ends = []

    async def play(bench):
        await bench.serve(ADDRESS, SINK)
        ends.append(await drip(bench, b"NOOP ", 10.0, 100))

    kit.on_bench(play)
    ((said, at_s),) = ends
    assert said == ["220", "421"]
    assert at_s == pytest.approx(300, abs=15)


def test_a_message_may_drip_for_longer_than_a_command_but_not_for_ever(kit):
    ends = []

    async def play(bench):
        await bench.serve(ADDRESS, SINK)
        before = b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n"
        ends.append(await drip(bench, before, 100.0, 100))

    kit.on_bench(play)
    ((said, at_s),) = ends
    assert said == ["220", "250", "250", "250", "354", "421"]
    assert at_s == pytest.approx(3600, abs=150)


def test_a_header_without_end_is_refused(kit):
    content = b"X: " + b"y" * 2_000_000
    lines, bench = ask(
        kit,
        SINK,
        b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n" + content + b"\r\n.\r\nQUIT\r\n",
    )
    assert codes(lines)[-2:] == ["552", "221"]
    assert bench.arrivals == []


def test_a_client_that_only_makes_mistakes_is_shown_the_door(kit):
    lines, bench = ask(kit, SINK, b"EHLO x\r\n" + b"WHAT\r\n" * 100)
    assert codes(lines) == ["220", "250", *["500"] * 20, "421"]
    assert bench.told(Disconnected) == [Disconnected("us", clean=False, reason="too-many-errors")]


def test_a_looping_message_is_refused(kit):
    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", ADDRESS))
        await bench.serve(ADDRESS, SINK)
        judgement = (await bench.send("b@d.example", content=b"Received: x\r\n" * 100 + kit.CONTENT)).judgement
        assert (judgement.result, judgement.code, judgement.status) == ("refused", 554, "5.4.6")
        assert (await bench.send("b@d.example", content=b"Received: x\r\n" * 99 + kit.CONTENT)).judgement.good

    kit.on_bench(play)


def test_a_message_beyond_the_limit_is_refused_before_and_after_data(kit):
    rules = Rules(hostname="mx", limits=Limits(message_octets=100))
    lines, _ = ask(kit, rules, b"EHLO x\r\nMAIL FROM:<a@b.example> SIZE=101\r\nQUIT\r\n")
    assert codes(lines) == ["220", "250", "552", "221"]
    body = b"x" * 70 + b"\r\n"
    lines, bench = ask(
        kit, rules, b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n",
        body * 2 + b".\r\nQUIT\r\n",
    )  # fmt: skip
    assert codes(lines) == ["220", "250", "250", "250", "354", "552", "221"]
    assert bench.arrivals == []


def test_a_hook_answers_in_the_servers_stead_now_or_later(kit):
    async def slowly(command, caller):
        await asyncio.sleep(0.5)
        return make_reply(450, "Come back", enhanced="4.7.1")

    rules = Rules(hostname="mx", hooks={"MAIL": lambda command, caller: None, "RCPT": slowly})
    lines, _ = ask(kit, rules, b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\nQUIT\r\n")
    assert codes(lines) == ["220", "250", "250", "450", "221"]


def test_a_hook_can_drop_the_connection(kit):
    lines, bench = ask(
        kit, Rules(hostname="mx", hooks={"MAIL": lambda c, w: "drop"}), b"EHLO x\r\n", b"MAIL FROM:<>\r\n"
    )
    assert codes(lines) == ["220", "250"]
    assert bench.told(Disconnected) == [Disconnected("us", clean=False, reason="dropped")]


def test_a_server_that_thinks_answers_each_command_after_its_delay(kit):
    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", ADDRESS))
        await bench.serve(ADDRESS, Rules(hostname="mx", reply_delay_s=0.25))
        assert (await bench.send("b@d.example")).judgement.good

    bench = kit.on_bench(play)
    times = [record.elapsed_us for record in bench.records() if isinstance(record.event, ReplySent)]
    assert times == [250_000 * number for number in range(1, 8)]


def test_what_was_asked_before_the_client_stopped_talking_is_still_done(kit):
    async def play(bench):
        await bench.serve(ADDRESS, Rules(hostname="mx", reply_delay_s=0.1))
        stream = await bench.net.dialer.dial(ADDRESS, 25)
        await stream.write(b"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\n")
        await asyncio.sleep(1)
        await stream.write(b"DATA\r\n")
        await asyncio.sleep(1)
        await stream.write(b"x\r\n.\r\n")
        await stream.close()

    assert len(kit.on_bench(play).arrivals) == 1


def test_any_bytes_are_answered_and_none_raises(kit):
    for noise in (b"\0" * 5000, b"\xff\xfe\r\n" * 50, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"A" * 100_000 + b"\r\n"):
        lines, _ = ask(kit, SINK, noise)
        assert lines[0].startswith("220 mx.d.example")


def test_lmtp_answers_for_each_recipient(kit):
    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", ADDRESS))
        await bench.serve(ADDRESS, Rules(hostname="mx", dialect="lmtp"))
        delivery = await bench.send("x@d.example", "y@d.example", dialect="lmtp")
        assert [one.judgement.result for one in delivery.outcomes] == ["accepted", "accepted"]

    (arrival,) = kit.on_bench(play).arrivals
    assert arrival.protocol == "LMTP"
