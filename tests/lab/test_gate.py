"""The gate in a person's hands."""

import asyncio

import pytest

from smtplab.lab.gate import PersonGate
from smtplab.mta.release import Release


def released(act, line: str = "MAIL FROM:<a@b.c>") -> Release:
    """What the engine gets where the person does `act` once the line is held."""

    async def run() -> Release:
        gate = PersonGate()
        gate.hold_next()
        engine = asyncio.ensure_future(gate(line))
        await asyncio.sleep(0)
        assert gate.held == line
        act(gate)
        release = await engine
        assert gate.held is None
        return release

    return asyncio.run(run())


def test_nothing_waits_where_nobody_holds():
    assert PersonGate()("NOOP") is None


@pytest.mark.parametrize(
    ("act", "release"),
    [
        (PersonGate.send, Release("sent")),
        (PersonGate.skip, Release("skipped")),
        (lambda gate: gate.replace("MAIL FROM:<a@b.c>"), Release("sent")),
        (lambda gate: gate.replace("mail from:<x@y.z>"), Release("edited", b"mail from:<x@y.z>\r\n")),
        (lambda gate: gate.replace("RSET"), Release("replaced", b"RSET\r\n")),
        (lambda gate: gate.replace(""), Release("replaced", b"\r\n")),
        (lambda gate: gate.replace("MAIL FROM:<ộ@b.c>"), Release("edited", "MAIL FROM:<ộ@b.c>\r\n".encode())),
    ],
)
def test_what_the_person_does_is_what_the_engine_gets(act, release):
    assert released(act) == release


def test_only_the_next_command_is_held():
    async def run() -> None:
        gate = PersonGate()
        gate.hold_next()
        first = asyncio.ensure_future(gate("EHLO here"))
        await asyncio.sleep(0)
        gate.send()
        await first
        assert not gate.holding
        assert gate("NOOP") is None

    asyncio.run(run())


def test_a_walk_that_is_cancelled_while_held_leaves_nothing_behind():
    async def run() -> None:
        gate = PersonGate()
        gate.hold_next()
        engine = asyncio.ensure_future(gate("EHLO here"))
        await asyncio.sleep(0)
        engine.cancel()
        await asyncio.gather(engine, return_exceptions=True)
        assert gate.held is None
        gate.send()

    asyncio.run(run())
