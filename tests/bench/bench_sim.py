"""The simulated internet's numbers: `python tests/bench/bench_sim.py`, each with what issue 3 asks for.

Each is given by the processor's time, which is the work, and by the clock on the wall, in which others who use the
machine count too. Figures of several rounds are medians.
"""

from __future__ import annotations

import datetime as dt
import functools
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.sim.library import load_world
from smtplab.sim.run import Played, play
from smtplab.sim.world import Host, Letter, Site, Software, Texts, Trip, User, World, Zone

NS = "10.255.255.53"
START = dt.datetime(2026, 11, 23, 1, tzinfo=dt.UTC)
PLAIN = Software(extensions=("PIPELINING", "SIZE", "8BITMIME", "ENHANCEDSTATUSCODES"), reply_ms=0.0)
ROUNDS = 5
SOA = """\
$TTL 604800
@ IN SOA ns.vnet.example. hostmaster.vnet.example. 1 7200 900 1209600 604800
@ IN NS ns.vnet.example.
"""


def main() -> None:
    five_days()
    plain_deliveries("each its own session", chain(3000))
    plain_deliveries("a busy relay", busy(3000))
    thousand_hosts()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"memory at most        {memory:8.0f} MB")


def five_days() -> None:
    """One round before those that count pays for imports and OpenSSL's own start."""
    world = load_world("five-days")
    work = functools.partial(play, world, None, None, lambda _: None)
    work()
    spent = middle([timed(work)[0] for _ in range(ROUNDS)])
    print(
        f"five-days             {spent.cpu_s * 1000:8.1f} ms to the final bounce by CPU, "
        f"{spent.wall_s * 1000:.1f} by the wall (asked: 100)"
    )


def plain_deliveries(shape: str, world: World) -> None:
    """From programs over a relay to an MX: two deliveries each, both ends journaled."""
    rounds: list[Spent] = []
    for _ in range(ROUNDS):
        hops, sessions, records = 0, 0, 0

        def read(record: Record) -> None:
            nonlocal hops, sessions, records
            records += 1
            hops += isinstance(record.event, ev.MessageReceived)
            sessions += isinstance(record.event, ev.Connected)

        rounds.append(timed(functools.partial(play, world, None, None, read))[0])
        assert hops == 2 * len(world.journeys)
    spent = middle(rounds)
    print(
        f"plain deliveries      {hops / spent.cpu_s:8.0f} a second by CPU, {hops / spent.wall_s:.0f} by the wall, "
        f"{records / hops:.0f} records each, {sessions} sessions: {shape} (asked: 3000)"
    )


def thousand_hosts(hosts: int = 1000, messages: int = 10_000, dead: int = 50) -> None:
    """Every fiftieth domain's only server is dead for the whole five days."""
    world = crowd(hosts, messages, dead)
    attempts = 0

    def read(record: Record) -> None:
        nonlocal attempts
        attempts += isinstance(record.event, ev.ConnectStarted)

    spent, played = timed(lambda: play(world, None, None, read))
    results = [ended.result for ended in played.journeys]
    assert played.queued == ()
    counted = {result: results.count(result) for result in sorted(set(results))}
    print(
        f"{hosts} hosts, {messages} messages, {attempts} attempts: {spent.cpu_s:.1f} s by CPU, "
        f"{spent.wall_s:.1f} by the wall (asked: 15) {counted}"
    )


class Spent(NamedTuple):
    cpu_s: float
    """Of this process."""
    wall_s: float


def timed(work: Callable[[], Played]) -> tuple[Spent, Played]:
    cpu_s, wall_s = time.process_time(), time.perf_counter()
    result = work()
    return Spent(time.process_time() - cpu_s, time.perf_counter() - wall_s), result


def middle(rounds: Sequence[Spent]) -> Spent:
    """The median of each."""
    return Spent(statistics.median(one.cpu_s for one in rounds), statistics.median(one.wall_s for one in rounds))


def chain(messages: int) -> World:
    hosts = (
        Host("ns.vnet.example", ("resolver",), "net", (NS,)),
        Host("pc.one.example", ("user-agent",), "net", ("10.0.0.1",), NS, submits_to="relay.one.example"),
        Host("relay.one.example", ("relay",), "net", ("10.0.0.2",), NS, accepts_from=("pc.one.example",),
             offers_tls=False, software=PLAIN),
        Host("mx.two.example", ("mx",), "net", ("10.0.0.3",), NS, ("two.example",), offers_tls=False, software=PLAIN,
             relays_to="relay.one.example"),
    )  # fmt: skip
    zones = (
        Zone(".", SOA),
        Zone("one.example", SOA + "relay IN A 10.0.0.2\n"),
        Zone("two.example", SOA + "@ IN MX 10 mx\nmx IN A 10.0.0.3\n"),
    )
    users = (User("minh@two.example", "Minh"),)
    trips = tuple(
        Trip("lan@one.example", ("minh@two.example",), at_s=n / 100, agent="pc.one.example") for n in range(messages)
    )
    return world_of(hosts, zones, users, trips)


def busy(messages: int, programs: int = 10, outbox: int = 30) -> World:
    """The same where ten programs have thirty messages each to send at one moment: sessions are kept for the next."""
    world = chain(messages)
    names = tuple(f"pc{n}.one.example" for n in range(programs))
    relay = "relay.one.example"
    hosts = [host for host in world.hosts if "user-agent" not in host.roles]
    hosts = [msgspec.structs.replace(host, accepts_from=names) if host.name == relay else host for host in hosts]
    hosts += [
        Host(name, ("user-agent",), "net", (f"10.0.1.{n}",), NS, submits_to=relay) for n, name in enumerate(names, 1)
    ]
    trips = tuple(
        Trip("lan@one.example", ("minh@two.example",), at_s=n // (programs * outbox) * 3.0, agent=names[n % programs])
        for n in range(messages)
    )
    return world_of(tuple(hosts), world.zones, world.users, trips)


def crowd(count: int, messages: int, every: int) -> World:
    """All hosts are servers of their own domain and programs at once; a dead one has an address that nobody has."""
    hosts = [Host("ns.vnet.example", ("resolver",), "net", (NS,))]
    zones, users, trips = [Zone(".", SOA)], [], []
    for n in range(count):
        domain, address = f"d{n}.example", f"10.{n // 200}.{n % 200}.1"
        dead = n % every == every - 1
        if not dead:
            mail = f"mail.{domain}"
            pc = f"pc.{domain}"
            hosts.append(Host(pc, ("user-agent",), "net", (f"10.{n // 200}.{n % 200}.2",), NS, submits_to=mail))
            hosts.append(
                Host(mail, ("mx", "relay"), "net", (address,), NS, (domain,), accepts_from=(pc,), offers_tls=False,
                     software=PLAIN)
            )  # fmt: skip
            users.append(User(f"u@{domain}", "U"))
        zones.append(Zone(domain, f"{SOA}@ IN MX 10 mail\nmail IN A {address}\n"))
    alive = [n for n in range(count) if n % every != every - 1]
    for number in range(messages):
        sender, target = alive[number % len(alive)], (number * 7 + 1) % count
        trips.append(
            Trip(f"u@d{sender}.example", (f"u@d{target}.example",), at_s=number / 50, agent=f"pc.d{sender}.example")
        )
    return world_of(tuple(hosts), tuple(zones), tuple(users), tuple(trips))


def world_of(
    hosts: tuple[Host, ...], zones: tuple[Zone, ...], users: tuple[User, ...], trips: tuple[Trip, ...]
) -> World:
    text = Texts("", "")
    letter = Letter("Bench", "x" * 70 + "\n" + ("y" * 70 + "\n") * 10)
    return World("bench", text, text, letter, START, 1, (Site("net"),), hosts, zones, users, journeys=trips)


if __name__ == "__main__":
    main()
