"""A small internet for the agent's tests: memory streams, a zone, a virtual clock, and peers that play a dialogue."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import pytest

from smtplab.events import Event
from smtplab.journal import Emit, Journal, Record
from smtplab.mta.arrival import Arrival
from smtplab.mta.deliver import Delivery, Job, deliver
from smtplab.mta.envelope import make_envelope
from smtplab.mta.mailbox import Mailboxes
from smtplab.mta.options import Routing, SessionOptions
from smtplab.mta.queue.manager import Office, Queue
from smtplab.mta.receive import Receiver
from smtplab.mta.rules import Caller, Rules
from smtplab.mta.store.port import Store
from smtplab.mta.talk import Gate
from smtplab.net.memory import MemoryNetwork
from smtplab.net.pipe import Link
from smtplab.net.ports import Answer, Lost, Net, ServerTls, TlsFacts, TlsTrouble, Wire
from smtplab.sim.loop import VirtualClock, run
from smtplab.wire.address import Mailbox
from smtplab.wire.reply import Reply, make_reply

CONTENT = b"From: a@here.example\r\nSubject: hello\r\n\r\nOne line.\r\n.dotted\r\n"
US = "10.0.0.1"
STRAIGHT = Routing()


class Zone:
    """A resolver with its answers in a dict; what is not there is NXDOMAIN, an empty list is no data."""

    def __init__(self, data: dict[tuple[str, str], Sequence[str] | str]) -> None:
        self.data = data
        self.asked: list[tuple[str, str]] = []

    async def resolve(self, name: str, rrtype: str, emit: Emit) -> Answer:
        self.asked.append((name, rrtype))
        aliases: tuple[str, ...] = ()
        while (target := self.data.get((name, "CNAME"))) is not None:
            assert not isinstance(target, str)
            name = target[0]
            aliases = (*aliases, name)
        found = self.data.get((name, rrtype))
        if found is None:
            kind = "nodata" if any(known == name for known, _ in self.data) else "nxdomain"
            return Answer(kind, name, rrtype, canonical=name, aliases=aliases)
        if isinstance(found, str):
            return Answer(found, name, rrtype, canonical=name, aliases=aliases)  # type: ignore[arg-type]
        kind = "found" if found else "nodata"
        return Answer(kind, name, rrtype, tuple(found), name, aliases, 3600)


class Peer:
    """Plays a dialogue: the greeting first, then one text for each line that comes; `""` closes without a word.

    QUIT gets its 221 at any time, RSET its 250 once the script is through; nothing else is answered then.
    """

    def __init__(self, *script: str, content_reply: str = "250 2.0.0 taken", mute: bool = False) -> None:
        self.script = list(script)
        self.heard: list[str] = []
        self.writes = 0
        self.content = b""
        self._content_reply = content_reply
        self._mute = mute
        self._in_content = False
        self._buffer = b""

    def connected(self, wire: Wire) -> None:
        self.wire = wire
        self._say()

    def received(self, data: bytes) -> None:
        self.writes += 1
        self._buffer += data
        while True:
            if self._in_content:
                if b"\r\n.\r\n" not in self._buffer:
                    return
                self.content, _, self._buffer = self._buffer.partition(b"\r\n.\r\n")
                self._in_content = False
                self.wire.write(self._content_reply.encode() + b"\r\n")
                continue
            line, end, rest = self._buffer.partition(b"\r\n")
            if not end:
                return
            self._buffer = rest
            self.heard.append(line.decode())
            if line.upper() == b"QUIT" and not self._mute:
                self.wire.write(b"221 bye\r\n")
                self.wire.close()
            elif line.upper() == b"RSET" and not self.script and not self._mute:
                self.wire.write(b"250 reset\r\n")
            else:
                self._say()

    def _say(self) -> None:
        if not self.script:
            return
        text = self.script.pop(0)
        if text == "":
            self.wire.close()
            return
        self.wire.write(text.replace("\n", "\r\n").encode() + b"\r\n")
        self._in_content = text.startswith("354")
        if text.startswith("421"):
            self.wire.close()

    def secured(self, outcome: TlsFacts | TlsTrouble) -> None:
        raise AssertionError("a scripted peer speaks no TLS")

    def drained(self) -> None:
        pass

    def ended(self, lost: Lost | None) -> None:
        self.wire.close()


def good_peer(*, extensions: str = "", rcpt: str = "250 ok") -> Peer:
    hello = "250 peer" if not extensions else "250-peer\n" + _lines(extensions)
    return Peer("220 peer", hello, "250 ok", rcpt, "354 go")


def _lines(extensions: str) -> str:
    words = extensions.split(",")
    return "\n".join([*(f"250-{word}" for word in words[:-1]), f"250 {words[-1]}"])


class Bench:
    """One sending host, as many others as a test wants, and the journal of all that is told."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.links: dict[str, Link] = {}
        self.network = MemoryNetwork(lambda _source, target: self.links.get(target, Link()))
        self.zone = Zone({})
        self.journal = Journal(clock.now)
        seeds = random.Random(7)
        self.net = Net(
            self.network.dialer(US), self.zone, clock, lambda _purpose: seeds, listener=self.network.listener()
        )
        self.scope = self.journal.scope(node="us.example", hop=1, span="deliver/1", stage="dns")
        self.arrivals: list[Arrival] = []

    async def play(self, address: str, *peers: Peer, port: int = 25) -> None:
        """The peers answer one connection each, in turn."""
        line = list(peers)
        await self.network.listener().listen(address, port, lambda: line.pop(0))

    async def serve(self, address: str, rules: Rules, port: int = 25, tls: ServerTls | None = None) -> None:
        """Our own server; what it accepts goes to `arrivals`."""
        scope = self.journal.scope(node=rules.hostname, hop=1, span="receive/1", stage="connect")
        await self.network.listener().listen(
            address, port, lambda: Receiver(rules, self.net, scope, self.accept), tls=tls
        )

    async def accept(self, arrival: Arrival) -> Reply:
        self.arrivals.append(arrival)
        return make_reply(250, "taken", enhanced="2.0.0")

    def mx(self, domain: str, *hosts: tuple[int, str, str]) -> None:
        """(preference, host, address) each."""
        self.zone.data[domain, "MX"] = [f"{preference} {host}." for preference, host, _ in hosts]
        for _, host, address in hosts:
            self.zone.data[host, "A"] = [address]

    async def send(
        self, *recipients: str, content: bytes = CONTENT, sender: str | None = "a@here.example",
        gate: Gate | None = None, routing: Routing = STRAIGHT, **options: Any,
    ) -> Delivery:  # fmt: skip
        people = [box(text) for text in recipients]
        envelope = make_envelope(box(sender) if sender else None, people, content)
        settings = SessionOptions(**{"helo": "us.example", "tls": "none"} | options)
        job = Job(domain=people[0].domain, envelope=envelope, options=settings, routing=routing)
        return await deliver(job, self.net, self.scope, gate)

    def told(self, *kinds: type[Event]) -> list[Any]:
        return [record.event for record in self.journal.records if isinstance(record.event, kinds)]

    def records(self) -> list[Record]:
        return self.journal.records


def box(text: str) -> Mailbox:
    local, _, domain = text.rpartition("@")
    return Mailbox(local, domain)


def on_bench(play: Callable[[Bench], Awaitable[None]]) -> Bench:
    """Runs a test's coroutine on a clock that jumps."""
    benches: list[Bench] = []

    async def main(clock: VirtualClock) -> None:
        benches.append(Bench(clock))
        await play(benches[0])
        await asyncio.sleep(10)  # virtual: what is being closed gets its time

    run(main, dt.datetime(2026, 11, 23, tzinfo=dt.UTC))
    return benches[0]


class Kit:
    Peer = staticmethod(Peer)
    good_peer = staticmethod(good_peer)
    on_bench = staticmethod(on_bench)
    box = staticmethod(box)
    CONTENT = CONTENT
    US = US


@pytest.fixture
def kit() -> type[Kit]:
    return Kit


class PostOffice:
    """A queue on a bench, run until it is empty."""

    def arrival(
        self, *recipients: str, sender: str | None = "a@here.example", content: bytes = CONTENT, **changes: Any
    ) -> Arrival:
        envelope = make_envelope(box(sender) if sender else None, [box(who) for who in recipients], content)
        envelope = msgspec.structs.replace(envelope, **changes)
        return Arrival(envelope, Caller("10.0.0.9", "client.example", extended=True), "ESMTP", 0)

    def run(
        self,
        *arrivals: Arrival,
        prepare: Callable[[Bench], Awaitable[None]] | None = None,
        store: Store | None = None,
        **changes: Any,
    ) -> tuple[Bench, Mailboxes]:
        boxes = Mailboxes()

        async def play(bench: Bench) -> None:
            if prepare is not None:
                await prepare(bench)
            settings: dict[str, Any] = {
                "hostname": "us.example",
                "options": SessionOptions(helo="us.example", tls="none"),
                "routing": Routing(ourselves=frozenset({"us.example"})),
                "local_domains": frozenset({"here.example"}),
                "mailboxes": boxes,
                "scope": bench.journal.scope(node="us.example", hop=0, span="", stage="queue"),
                "net_at": lambda _hop: bench.net,
            }
            queue = Queue(Office(**settings | changes), store)
            async with asyncio.TaskGroup() as group:
                group.create_task(queue.run())
                for one in arrivals:
                    assert (await queue.accept(one)).code == 250
                await queue.drain()
                queue.stop()

        return on_bench(play), boxes


@pytest.fixture
def office() -> PostOffice:
    return PostOffice()
