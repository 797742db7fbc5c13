"""A lesson's world played in a process of its own."""

import asyncio
from pathlib import Path

import pytest

from smtplab.lesson.doing import records_of
from smtplab.lesson.lesson import Action
from smtplab.lesson.library import find_lesson, open_lesson
from smtplab.lesson.running import Runner, Unplayable
from smtplab.sim.world import Trip

OPENED = open_lesson(find_lesson("1"))

GIVEN = {
    "nothing": Action(),
    "spoken": Action(script="HELO x\n", client="laptop.home.example", server="mail.away.example"),
}


def test_it_gives_the_same_records_as_here_and_keeps_them_where_asked():
    here = {action: records_of(OPENED.world, given, OPENED.world.seed) for action, given in GIVEN.items()}

    async def scene() -> None:
        runner = Runner(OPENED.folder, OPENED.world.seed)
        try:
            records = await runner.run(GIVEN["nothing"], keep=True)
            assert list(records) == here["nothing"]
            assert await runner.run(GIVEN["nothing"]) is records
            assert list(await runner.run(GIVEN["spoken"])) == here["spoken"]
            assert runner.kept(GIVEN["spoken"]) is None
        finally:
            await runner.close()

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("action", "said"),
    [
        (Action(send=(Trip("lan@home.example", ("no address",)),)), "$.send[0].recipients[0]"),
        (Action(send=(Trip("stranger@home.example", ("minh@away.example",)),)), "$.send[0].sender"),
        (Action(send=(Trip("lan@home.example", ()),)), "$.action.send[0].recipients"),
    ],
)
def test_what_cannot_be_done_is_said_and_the_next_order_is_heard(english, action: Action, said: str):
    async def scene() -> None:
        runner = Runner(OPENED.folder, OPENED.world.seed)
        try:
            with pytest.raises(Unplayable) as trouble:
                await runner.run(action)
            assert said in english(trouble.value.told)
            assert len(await runner.run(Action())) > 100
        finally:
            await runner.close()

    asyncio.run(scene())


def test_who_stops_waiting_does_not_spoil_the_next_answer():
    async def scene() -> None:
        runner = Runner(OPENED.folder, OPENED.world.seed)
        try:
            waiting = asyncio.ensure_future(runner.run(Action()))
            await asyncio.sleep(0)
            waiting.cancel()
            records = await runner.run(GIVEN["spoken"])
            assert next(one.span for one in records if one.node == "laptop.home.example").startswith("session/")
        finally:
            await runner.close()

    asyncio.run(scene())


def test_a_process_that_dies_is_told_and_the_next_order_starts_another(tmp_path: Path):
    async def scene() -> None:
        runner = Runner(OPENED.folder, OPENED.world.seed)
        try:
            await runner.run(Action())
            assert runner._process is not None
            runner._process.kill()
            with pytest.raises(Unplayable, match=r"lesson\.flaw\.playing-ended"):
                await runner.run(Action())
            assert len(await runner.run(Action())) > 100
        finally:
            await runner.close()

    asyncio.run(scene())
