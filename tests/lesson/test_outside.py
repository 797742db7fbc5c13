"""A lesson's world on loopback: what other programs do there reaches the same goals."""

import asyncio
import shlex
import shutil
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.lesson.agreement import open_to_play
from smtplab.lesson.goals import Goals
from smtplab.lesson.lesson import Action, Task
from smtplab.lesson.library import Opened, find_lesson, read_solution
from smtplab.lesson.outside import Outside, Stood
from smtplab.lesson.running import Unplayable

EVERY_TASK = Path(__file__).parent / "lessons" / "90-every-task"
WAIT_S = 20.0


class Visit:
    """A world standing for one task, and the goals that were reached there so far."""

    def __init__(self, opened: Opened, task: Task, stood: Stood) -> None:
        self.stood = stood
        self.records: list[Record] = []
        self._goals = Goals(task.goals)
        self._news = asyncio.Event()
        self._opened = opened

    def tell(self, record: Record) -> None:
        self.records.append(record)
        self._goals.read(record)
        self._news.set()

    @property
    def reached(self) -> tuple[str, ...]:
        return self._goals.reached

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not holds():
                self._news.clear()
                await self._news.wait()

    def place(self, node: str, protocol: str) -> tuple[str, int]:
        return next((one.host, one.port) for one in self.stood.opened if (one.node, one.protocol) == (node, protocol))

    async def converse(self, place: tuple[str, int], lines: Sequence[str]) -> None:
        """Word for word, one reply awaited after each line but within the content."""
        reader, writer = await asyncio.open_connection(*place)
        await reader.readline()
        content = False
        for line in lines:
            writer.write(line.encode() + b"\r\n")
            content = content and line != "."
            if not content:
                said = await reader.readline()
                content = said.startswith(b"354")
        writer.close()
        await writer.wait_closed()


def visit(folder: Path, step_id: str, scene: Callable[[Visit], Awaitable[None]], action: Action | None = None) -> None:
    opened = open_to_play(folder)
    task = opened.lesson.step(step_id)
    assert isinstance(task, Task)

    async def run() -> None:
        outside = Outside(folder)
        there = Visit(opened, task, await outside.open(step_id, action or Action()))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(outside.read(there.tell))
                await scene(there)
                await outside.close()
        finally:
            await outside.close()

    asyncio.run(run())


def test_a_session_by_any_program_reaches_the_goals_of_a_session_by_hand():
    script = read_solution(find_lesson("3") / "solution.toml").actions["speak"].script

    async def scene(there: Visit) -> None:
        await there.converse(there.place("mail.away.example", "smtp"), script.strip("\n").split("\n"))
        await there.until(lambda: len(there.reached) == 5)
        said = [one.event.line for one in there.records if isinstance(one.event, ev.CommandSent)]
        assert said[:2] == ["HELO laptop.home.example", "MAIL FROM:<lan@home.example>"]
        assert {one.node for one in there.records if isinstance(one.event, ev.CommandSent)} == {"laptop.home.example"}
        assert [one.seq for one in there.records] == list(range(1, len(there.records) + 1))

    visit(find_lesson("3"), "speak", scene)


def test_nothing_is_reached_where_nobody_calls_and_a_wrong_word_reaches_as_little():
    async def scene(there: Visit) -> None:
        assert there.reached == ()
        await there.converse(there.place("mail.away.example", "smtp"), ["RCPT TO:<minh@away.example>", "QUIT"])
        await there.until(lambda: any(isinstance(one.event, ev.Disconnected) for one in there.records))
        assert there.reached == ("goodbye",)

    visit(find_lesson("3"), "speak", scene)


def test_the_world_stands_as_the_student_has_changed_it():
    action = read_solution(EVERY_TASK / "solution.toml").actions["set-it-up"]

    async def scene(there: Visit) -> None:
        lines = [
            "HELO x",
            "MAIL FROM:<lan@home.example>",
            "RCPT TO:<hoa@village.example>",
            "DATA",
            "x" * 400,
            ".",
            "QUIT",
        ]
        await there.converse(there.place("mail.village.example", "smtp"), lines)
        await there.until(lambda: there.reached == ("taken",))

    visit(EVERY_TASK, "set-it-up", scene, action)


@pytest.mark.parametrize(
    ("folder", "step", "first"),
    [
        (find_lesson("1"), "send-one", "swaks -s 127."),
        (find_lesson("3"), "speak", "smtplab session 127."),
        (find_lesson("5"), "mend-it", "dig @127."),
    ],
)
def test_the_command_that_serves_the_task_comes_first(folder: Path, step: str, first: str):
    async def scene(there: Visit) -> None:
        assert there.stood.commands[0].startswith(first)

    visit(folder, step, scene)


def test_two_sittings_of_one_lesson_find_room_side_by_side():
    async def run() -> None:
        first, second = Outside(find_lesson("3")), Outside(find_lesson("3"))
        try:
            places = [await one.open("speak", Action()) for one in (first, second)]
            taken = [{(place.host, place.port) for place in stood.opened} for stood in places]
            assert not taken[0] & taken[1]
        finally:
            await first.close()
            await second.close()

    asyncio.run(run())


def test_a_world_that_cannot_stand_says_why():
    async def run() -> None:
        outside = Outside(EVERY_TASK)
        with pytest.raises(Unplayable, match=r"world\.no-master-file"):
            await outside.open("mend-it", Action(zones={"away.example": "nonsense"}))

    asyncio.run(run())


def test_the_line_player_puts_the_world_out_and_ticks_what_comes_in(tmp_path: Path):
    said: list[str] = []

    async def run() -> None:
        pipe = asyncio.subprocess.PIPE
        words = ("-m", "smtplab", "lesson", "start", "3", "--plain", "--lang", "en", "--home", str(tmp_path))
        player = await asyncio.create_subprocess_exec(sys.executable, *words, stdin=pipe, stdout=pipe)
        assert player.stdin is not None
        assert player.stdout is not None
        player.stdin.write(b">\n" * 10 + b"&\n")
        while "SENDER and RECIPIENT" not in (line := (await player.stdout.readline()).decode()):
            said.append(line)
        command = next(line for line in said if "smtplab session 127." in line)
        host, _, port = command.split()[-1].partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        await reader.readline()
        for word in ("HELO x", "MAIL FROM:<lan@home.example>", "RCPT TO:<mihn@away.example>", "QUIT"):
            writer.write(word.encode() + b"\r\n")
            await reader.readline()
        writer.close()
        while "press Enter" not in (line := (await player.stdout.readline()).decode()):
            said.append(line)
        player.stdin.write(b"\n:q\n")
        player.stdin.close()
        said.append((await player.stdout.read()).decode())
        assert await player.wait() == 0

    asyncio.run(asyncio.wait_for(run(), 2 * WAIT_S))
    assert any(line.startswith("  ✓ The server says that there is no such mailbox") for line in said)
    assert "3 of 15 points" in said[-1]


@pytest.mark.peer
@pytest.mark.parametrize("tool", ["swaks", "curl"])
def test_the_ready_commands_work_as_they_stand(tool: str, tmp_path: Path):
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    letter = tmp_path / "letter"
    letter.write_text("Subject: x\n\nHello.\n", "utf-8")

    async def scene(there: Visit) -> None:
        line = next(one for one in there.stood.commands if one.startswith(tool))
        words = shlex.split(line.replace("RECIPIENT", "minh@away.example").replace("FILE", str(letter)))
        pipe = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(*words, stdout=pipe, stderr=pipe)
        assert await process.wait() == 0
        await there.until(lambda: there.reached == ("two-servers", "in-mailbox"))

    visit(find_lesson("1"), "send-one", scene)


@pytest.mark.peer
def test_dig_gets_the_zone_that_is_to_be_mended():
    if shutil.which("dig") is None:
        pytest.skip("dig is not installed")

    async def scene(there: Visit) -> None:
        words = shlex.split(next(one for one in there.stood.commands if one.startswith("dig")))
        process = await asyncio.create_subprocess_exec(*words, "+short", stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        answer = (await process.stdout.read()).decode()
        await process.wait()
        assert "10 mx1.office.example.office.example." in answer

    visit(find_lesson("5"), "mend-it", scene)
