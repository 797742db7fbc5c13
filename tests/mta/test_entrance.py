"""How many a server lets in, and what all of them hear when it closes."""

from __future__ import annotations

import asyncio

from smtplab.events import Disconnected
from smtplab.mta.entrance import Crowd, Entrance, is_loopback
from smtplab.mta.receive import Receiver
from smtplab.mta.rules import Rules
from smtplab.net.ports import Lost

ADDRESS = "10.1.0.1"
REFUSAL = b"421 4.7.0 mx Too many sessions\r\n"


async def open_entrance(bench, crowd: Crowd) -> Entrance:
    entrance = Entrance(crowd)
    scope = bench.journal.scope(node="mx", hop=1, span="receive", stage="connect")
    door = entrance.door(lambda _wire: Receiver(Rules(hostname="mx"), bench.net, scope, bench.accept), REFUSAL)
    await bench.network.listener().listen(ADDRESS, 25, door)
    return entrance


async def hear(stream) -> bytes:
    async with asyncio.timeout(10):
        said = await stream.read()
    return b"" if isinstance(said, Lost) else said


def test_one_client_more_than_allowed_is_sent_away_and_comes_in_when_another_leaves(kit):
    async def play(bench):
        await open_entrance(bench, Crowd(per_client_max=2))
        inside = [await bench.net.dialer.dial(ADDRESS, 25) for _ in range(2)]
        assert [await hear(stream) for stream in inside] == [b"220 mx ESMTP\r\n"] * 2
        late = await bench.net.dialer.dial(ADDRESS, 25)
        assert await hear(late) == REFUSAL
        await late.close()
        await inside[0].close()
        await asyncio.sleep(1)
        again = await bench.net.dialer.dial(ADDRESS, 25)
        assert await hear(again) == b"220 mx ESMTP\r\n"
        for stream in (inside[1], again):
            await stream.close()

    kit.on_bench(play)


def test_nobody_comes_in_when_it_is_full(kit):
    async def play(bench):
        await open_entrance(bench, Crowd(sessions_max=1))
        inside, late = [await bench.net.dialer.dial(ADDRESS, 25) for _ in range(2)]
        assert [await hear(inside), await hear(late)] == [b"220 mx ESMTP\r\n", REFUSAL]
        await inside.close()
        await late.close()

    kit.on_bench(play)


def test_whoever_is_there_when_it_closes_hears_421(kit):
    async def play(bench):
        entrance = await open_entrance(bench, Crowd())
        stream = await bench.net.dialer.dial(ADDRESS, 25)
        await hear(stream)
        closing = asyncio.get_running_loop().create_task(entrance.close())
        assert await hear(stream) == b"421 4.3.2 Service shutting down\r\n"
        await stream.close()
        await closing

    bench = kit.on_bench(play)
    assert bench.told(Disconnected) == [Disconnected("us", clean=False, reason="shut-down")]


def test_loopback_is_known_in_each_of_its_forms():
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1")))
    assert not any(map(is_loopback, ("10.0.0.1", "::2", "fe80::1%eth0", "nonsense")))
