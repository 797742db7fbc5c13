"""What only a network in memory can do: latency on a clock that jumps, silence and resets to order."""

from __future__ import annotations

import asyncio

import pytest

from smtplab.events import BytesReceived, BytesSent, Event
from smtplab.net.memory import MemoryNetwork
from smtplab.net.pipe import Link
from smtplab.net.ports import ClientTls, Lost, TlsFacts, TlsTrouble, Wire
from smtplab.net.tap import TappedStream
from smtplab.net.trust import PkixTrust
from tests.net.conftest import NOW, Authority


class Greeter:
    """Greets in three pieces and notes when it was told what."""

    def __init__(self, told: list[object]) -> None:
        self.told = told

    def connected(self, wire: Wire) -> None:
        self.wire = wire
        self.told.append(round(asyncio.get_running_loop().time(), 6))
        for piece in (b"220 ", b"mx", b"\r\n"):
            wire.write(piece)

    def received(self, data: bytes) -> None:
        self.told.append(data)

    def secured(self, outcome: TlsFacts | TlsTrouble) -> None:
        self.told.append(outcome)

    def drained(self) -> None:
        self.told.append("drained")

    def ended(self, lost: Lost | None) -> None:
        self.told.append(lost)
        self.wire.close()


class JumpingLoop(asyncio.SelectorEventLoop):
    """Time passes only when all that is left is waiting."""

    now = 0.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.now = max(self.now, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


def run(link: Link, told: list[object], octets: bytes = b"") -> None:
    async def act() -> None:
        network = MemoryNetwork(lambda source, target: link)
        listening = await network.listener().listen("10.0.0.2", 25, lambda: Greeter(told))
        stream = await network.dialer("10.0.0.1").dial("10.0.0.2", 25)
        if isinstance(stream, Lost):
            told.append(stream)
            return
        told.append(round(asyncio.get_running_loop().time(), 6))
        if octets:
            await stream.write(octets)
        while True:
            data = await stream.read()
            told.append(data)
            if not isinstance(data, bytes) or data.endswith(b"\n"):
                break
        told.append(round(asyncio.get_running_loop().time(), 6))
        await stream.close()
        await listening.close()

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(act())


def test_a_handshake_takes_two_ways_and_the_greeting_four() -> None:
    told: list[object] = []
    run(Link(latency_s=0.1), told)
    assert told[:2] == [0.2, 0.3]
    assert b"".join(item for item in told if isinstance(item, bytes)) == b"220 mx\r\n"
    assert [item for item in told if isinstance(item, float)] == [0.2, 0.3, 0.4]


def test_the_same_run_twice_tells_the_same() -> None:
    first: list[object] = []
    second: list[object] = []
    run(Link(latency_s=0.05), first, b"x" * 200_000)
    run(Link(latency_s=0.05), second, b"x" * 200_000)
    assert first == second
    assert len(first) > 5


def test_a_link_may_be_cut_after_a_number_of_octets() -> None:
    told: list[object] = []
    run(Link(reset_after_octets=5), told)
    assert told[2:4] == [b"220 m", Lost("reset", "connection reset by the network")]
    assert told.count(Lost("reset", "connection reset by the network")) == 2


def test_a_link_may_refuse_to_be_a_way() -> None:
    told: list[object] = []
    run(Link(lost="unreachable"), told)
    assert [item.reason for item in told if isinstance(item, Lost)] == ["unreachable"]


def test_a_silent_link_is_ended_by_the_callers_time_out() -> None:
    async def act() -> float:
        network = MemoryNetwork(lambda source, target: Link(silent=True))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(300):
                await network.dialer("10.0.0.1").dial("10.0.0.2", 25)
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        assert runner.run(act()) == pytest.approx(300, abs=0.01)


def test_a_client_that_stays_silent_in_the_handshake_is_reset_after_a_minute(authority: Authority) -> None:
    told: list[object] = []
    tls = authority.serve("mx.hust.example")

    async def act() -> None:
        network = MemoryNetwork()
        listening = await network.listener().listen("10.0.0.2", 465, lambda: Greeter(told), tls=tls)
        stream = await network.dialer("10.0.0.1").dial("10.0.0.2", 465)
        assert not isinstance(stream, Lost)
        outcome = await stream.read()
        assert isinstance(outcome, Lost)
        assert outcome.reason == "reset"
        assert asyncio.get_running_loop().time() == pytest.approx(60)
        await stream.close()
        await listening.close()

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(act())
    assert told[1:] == [TlsTrouble("timed-out"), None]


def test_close_waits_two_seconds_for_a_server_that_takes_nothing() -> None:
    class Deaf(Greeter):
        def connected(self, wire: Wire) -> None:
            self.wire = wire
            wire.pause()

    async def act() -> None:
        network = MemoryNetwork()
        listening = await network.listener().listen("10.0.0.2", 25, lambda: Deaf([]))
        stream = await network.dialer("10.0.0.1").dial("10.0.0.2", 25)
        assert not isinstance(stream, Lost)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await stream.write(b"x" * 1_000_000)
        await stream.close()
        assert asyncio.get_running_loop().time() == pytest.approx(3)
        await listening.close()

    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        runner.run(act())


def test_a_tap_tells_the_plain_bytes_of_both_ways(authority: Authority) -> None:
    events: list[Event] = []

    async def act() -> None:
        network = MemoryNetwork()
        tls = authority.serve("mx.hust.example")
        listening = await network.listener().listen("10.0.0.2", 465, lambda: Greeter([]), tls=tls)
        stream = await network.dialer("10.0.0.1").dial("10.0.0.2", 465)
        assert not isinstance(stream, Lost)
        tapped = TappedStream(stream, events.append)
        await tapped.start_tls(ClientTls("mx.hust.example", PkixTrust(lambda: NOW, authority.root_pem)))
        await tapped.read()
        await tapped.write(b"QUIT\r\n")
        await tapped.close()
        await listening.close()

    asyncio.run(act())
    assert events == [BytesReceived(b"220 mx\r\n"), BytesSent(b"QUIT\r\n")]


def test_a_host_without_an_address_of_that_family_reaches_nobody() -> None:
    async def act() -> None:
        lost = await MemoryNetwork().dialer("10.0.0.1").dial("2001:db8::1", 25)
        assert isinstance(lost, Lost)
        assert lost.reason == "unreachable"

    asyncio.run(act())
