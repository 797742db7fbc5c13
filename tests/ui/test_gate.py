"""The gate in a live walk: a held command is sent, edited, skipped or let go, and the peer sees just that."""

import asyncio

import pytest

from smtplab import events as ev
from smtplab.journal import Journal
from smtplab.lab.feed import Ended
from smtplab.lab.gate import PersonGate
from smtplab.mta.release import Release

COMMANDS = ("EHLO laptop.example", "MAIL FROM:<a@neu.example>", "QUIT")


class Talk:
    """A live walk in memory: it asks the gate before each command, as the engine does, and records what then leaves."""

    kind = "live"
    subject = "student@hust.example"

    def __init__(self) -> None:
        self.gate = PersonGate()
        self.ended: Ended | None = None
        self.go_on = asyncio.Event()
        self.wire: list[bytes] = []
        self._journal = Journal(lambda: 0.0)
        self.records = self._journal.records

    async def run(self) -> Ended:
        tell = self._journal.scope(node="laptop.example", hop=0, span="submit/1")
        tell(ev.JourneyStarted(self.subject, "a@neu.example", "live", None, None))
        tell(ev.Connected("mx.example", "192.0.2.1", 25, 1.0))
        for line in COMMANDS:
            await self.go_on.wait()
            waiting = self.gate(line)
            release = Release("sent") if waiting is None else await waiting
            if release.by == "skipped":
                continue
            sent = release.data or line.encode() + b"\r\n"
            self.wire.append(sent)
            tell(ev.CommandSent(line.split()[0], sent.decode().rstrip()))
            self.go_on.clear()
        self.ended = Ended(0)
        return self.ended


async def held(stage, talk: Talk) -> None:
    """Hold the next command and let the talk come to it."""
    await stage.press("e")
    talk.go_on.set()
    async with asyncio.timeout(5):
        while talk.gate.held is None:
            await asyncio.sleep(0)
    stage.walk._tick()
    await stage.pilot.pause()


async def sent(talk: Talk) -> list[bytes]:
    """What has left, once something has."""
    async with asyncio.timeout(5):
        while not talk.wire:
            await asyncio.sleep(0)
    return talk.wire


@pytest.mark.parametrize(
    ("keys", "wire"),
    [
        (("enter",), [b"EHLO laptop.example\r\n"]),
        (("escape",), [b"EHLO laptop.example\r\n"]),
        (("!", "escape"), [b"EHLO laptop.example\r\n"]),
        (("2", "enter"), [b"EHLO laptop.example2\r\n"]),
        (("ctrl+u", *"NOOP", "enter"), [b"NOOP\r\n"]),
        (("ctrl+k",), [b"MAIL FROM:<a@neu.example>\r\n"]),
    ],
)
def test_what_the_person_decides_is_what_leaves(play, keys, wire):
    talk = Talk()

    async def scene(stage):
        await held(stage, talk)
        assert "EHLO laptop.example" in stage.shown()
        await stage.press(*keys)
        assert await sent(talk) == wire
        assert "waits" not in stage.shown()

    play(scene, talk)


def test_without_e_nothing_waits(play):
    talk = Talk()

    async def scene(stage):
        talk.go_on.set()
        assert await sent(talk) == [b"EHLO laptop.example\r\n"]

    play(scene, talk)


def test_a_simulated_walk_offers_no_gate(play, tape):
    async def scene(stage):
        assert "hold" not in stage.shown()
        await stage.press("e")
        assert not stage.walk.query_one("GatePrompt").display

    play(scene, tape())


def test_leaving_a_live_walk_cancels_it(play):
    talk = Talk()

    async def scene(stage):
        await stage.press("q")
        await stage.pilot.pause()

    play(scene, talk)
    assert talk.ended is None
