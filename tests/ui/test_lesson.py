"""The lesson screen: reading on and back, answers, tasks, goals that tick, and the model solution."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList, TextArea

from smtplab.flaws import misfit_value
from smtplab.journal import Record
from smtplab.lesson.agreement import open_to_play
from smtplab.lesson.doing import ActionError, records_of
from smtplab.lesson.lesson import Action
from smtplab.lesson.library import Opened, find_lesson
from smtplab.lesson.note import Note
from smtplab.lesson.progress import load_progress
from smtplab.lesson.running import Runner, Unplayable
from smtplab.ui.app import SmtplabApp
from smtplab.ui.screens.lesson import LessonScreen
from smtplab.ui.screens.lessons import LessonsScreen
from smtplab.ui.screens.walk import WalkScreen
from smtplab.ui.widgets import run_view
from smtplab.ui.widgets.line_input import LineInput
from smtplab.ui.widgets.page import Page
from smtplab.ui.widgets.programs import Programs
from smtplab.ui.widgets.recording import Recording
from smtplab.ui.widgets.run_view import RunView
from smtplab.ui.widgets.speaking import Speaking
from smtplab.view.texts import Language

EVERY_TASK = Path(__file__).parent.parent / "lesson" / "lessons" / "90-every-task"
LOOK_S = 0.02
WAIT_S = 20.0
"""For a world to play in a process of its own on a busy machine; it takes some 0.5 s."""


class NearRunner(Runner):
    """Plays the world in a thread: a process each would take the tests too long, and has tests of its own."""

    def __init__(self, opened: Opened) -> None:
        super().__init__(opened.folder, opened.world.seed)
        self._world = opened.world

    async def start(self) -> None:
        pass

    async def run(self, action: Action, *, keep: bool = False) -> Sequence[Record]:
        del keep
        try:
            # What a person types comes as JSON, so that it is checked.
            told = msgspec.json.decode(msgspec.json.encode(action), type=Action)
            return await asyncio.to_thread(records_of, self._world, told, self._seed)
        except ActionError as trouble:
            raise Unplayable(trouble.told) from trouble
        except msgspec.ValidationError as trouble:
            raise Unplayable(misfit_value(trouble)) from trouble


class Sitting:
    """A student before the screen."""

    def __init__(self, app: SmtplabApp, pilot: Pilot[None], home: Path) -> None:
        self.app = app
        self.pilot = pilot
        self.home = home

    @property
    def screen(self) -> LessonScreen:
        assert isinstance(self.app.screen, LessonScreen)
        return self.app.screen

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def go_to(self, step_id: str) -> None:
        while self.screen.sitting.step.id != step_id:
            await self.screen.action_step(1)
        await self.pilot.pause()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S):
            while not holds():
                await self.pilot.pause(LOOK_S)
        await self.pilot.pause()

    async def say(self, line: str) -> None:
        """Into the session, and wait for the answer."""
        said = len(self.screen.stage.dialogue.said)  # type: ignore[attr-defined]
        self.screen.stage.query_one(LineInput).value = line
        await self.press("enter")
        await self.until(lambda: len(self.screen.stage.dialogue.said) > said)  # type: ignore[attr-defined]

    @property
    def is_still(self) -> bool:
        """Whether nothing is played any more, in the world or on the screen."""
        played = all(work.is_finished for work in self.app.workers if work.node is self.screen)
        return played and all(view._ended for view in self.screen.stage.query(RunView))

    def shown(self) -> str:
        width = self.app.size.width
        return "\n".join(strip.text[:width] for strip in self.app.screen._compositor.render_strips())

    @property
    def recorded(self) -> list[str]:
        return [str(one.line) for one in self.screen.stage.query_one(Recording).lines]


Scene = Callable[[Sitting], Awaitable[None]]


@pytest.fixture
def sit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs a scene; what a world does passes faster than a person could follow."""
    monkeypatch.setattr(run_view, "_SPEEDS", (64.0, 64.0))

    def run(scene: Scene, lesson: str | Path, size: tuple[int, int] = (160, 48), language: Language = "en") -> None:
        async def scenes() -> None:
            opened = open_to_play(lesson if isinstance(lesson, Path) else find_lesson(lesson))
            app = SmtplabApp(language, tmp_path / "captures")
            async with app.run_test(size=size, notifications=True) as pilot:
                await app.push_screen(LessonScreen(app.texts, opened, tmp_path, NearRunner(opened)))
                await pilot.pause()
                await scene(Sitting(app, pilot, tmp_path))

        asyncio.run(scenes())

    return run


def test_f8_at_home_lists_the_lessons_with_minutes_and_points_and_enter_opens_one(tmp_path: Path):
    async def scene() -> None:
        app = SmtplabApp("vi", tmp_path / "captures")
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.press("f8")
            await pilot.pause()
            assert isinstance(app.screen, LessonsScreen)
            row = str(app.screen.query_one(OptionList).get_option_at_index(0).prompt)
            assert "Thư điện tử và đường đi của một bức thư" in row
            assert "15 phút, được 0/12 điểm" in row
            await pilot.press("enter")
            await pilot.pause()
            assert isinstance(app.screen, LessonScreen)
            await pilot.press("f8", "escape")
            await pilot.pause()
            assert isinstance(app.screen, LessonsScreen)
            assert "◐" in str(app.screen.query_one(OptionList).get_option_at_index(0).prompt)

    asyncio.run(scene())


def test_enter_reads_on_and_f7_goes_back(sit):
    async def scene(sitting: Sitting) -> None:
        await sitting.press("enter", "enter")
        assert sitting.screen.sitting.step.id == "first-stop"
        await sitting.press("f7")
        assert sitting.screen.sitting.step.id == "whole-way"
        assert load_progress(sitting.home, "way-of-one-message").at == "whole-way"

    sit(scene, "1")


def test_a_recording_comes_with_its_marked_lines_and_what_the_one_at_hand_means(sit):
    async def scene(sitting: Sitting) -> None:
        await sitting.go_to("whole-way")
        await sitting.until(lambda: bool(sitting.recorded))
        recording = sitting.screen.stage.query_one(Recording)
        marked = [str(one.line) for one in recording.lines if one.marked]
        assert [line.split(",")[0] for line in marked] == [
            "=== Connected to mail.home.example [10.1.0.25]",
            "=== Connected to mail.away.example [10.2.0.25]",
        ]
        assert recording.lines[recording.selected].marked
        assert "The three packets of the TCP handshake" in sitting.shown()
        recording.focus()
        await sitting.press("m")
        assert "mail.away.example" in str(recording.lines[recording.selected].line)
        await sitting.press("w")
        assert isinstance(sitting.app.screen, WalkScreen)

    sit(scene, "1")


def test_a_click_chooses_the_very_line_of_a_recording_that_is_clicked(sit):
    async def scene(sitting: Sitting) -> None:
        await sitting.go_to("whole-way")
        await sitting.until(lambda: bool(sitting.recorded))
        recording = sitting.screen.stage.query_one(Recording)
        recording.focus()
        await sitting.press("home")
        inside, top = recording.content_region, recording.scroll_offset.y
        rows = {row.line: y for y, row in enumerate(recording._rows[top : top + inside.height])}
        wanted = next(line for line in rows if recording._is_line(line) and line != recording.selected)
        await sitting.pilot.click(offset=(inside.x + 10, inside.y + rows[wanted]))
        assert recording.selected == wanted

    sit(scene, "1")


@pytest.mark.parametrize(
    ("language", "said"), [("en", "Minh's computer may be switched off"), ("vi", "Máy của Minh có thể đang tắt")]
)
def test_a_wrong_answer_gets_the_explanation_for_that_very_answer(sit, language: Language, said: str):
    async def scene(sitting: Sitting) -> None:
        await sitting.go_to("first-stop")
        await sitting.press("a")
        assert said in " ".join(sitting.shown().split())
        assert sitting.screen.sitting.player.points == 0
        await sitting.press("b")
        assert sitting.screen.sitting.player.points == 1
        await sitting.press("enter")
        assert sitting.screen.sitting.step.id == "asking-dns"

    sit(scene, "1", language=language)


def test_a_choices_letter_is_an_answer_even_where_it_is_a_key_of_the_app(sit):
    async def scene(sitting: Sitting) -> None:
        theme = sitting.app.theme
        await sitting.go_to("sorting-codes")
        await sitting.press("d")
        assert sitting.app.theme == theme
        assert [note.name for note in sitting.screen.sitting.notes] == ["d"]

    sit(scene, "3")


def test_a_prediction_is_asked_first_and_watched_afterwards(sit):
    async def scene(sitting: Sitting) -> None:
        await sitting.go_to("out-of-order")
        await sitting.until(lambda: bool(sitting.recorded))
        assert not any("503" in line for line in sitting.recorded)
        sitting.screen.query_one("#said", LineInput).value = "250"
        await sitting.press("enter")
        assert [note.name for note in sitting.screen.sitting.notes] == ["success"]
        sitting.screen.query_one("#said", LineInput).value = "503"
        await sitting.press("enter")
        await sitting.until(lambda: any("503" in line for line in sitting.recorded))

    sit(scene, "3")


def test_hints_come_by_degrees_and_the_model_answer_earns_nothing(sit):
    async def scene(sitting: Sitting) -> None:
        await sitting.go_to("in-order")
        for _ in range(3):
            await sitting.press("f4")
        assert [note.kind for note in sitting.screen.sitting.notes] == ["hint", "hint", "no-more-hints"]
        await sitting.press("f5")
        assert "Model answer: d b e a c" in sitting.shown() or "d b e a c" in sitting.shown()
        assert sitting.screen.sitting.player.points == 0

    sit(scene, "1")


def test_a_session_is_typed_by_hand_and_goals_tick_line_by_line(sit):
    async def scene(sitting: Sitting) -> None:
        await sitting.go_to("speak")
        await sitting.until(lambda: bool(sitting.recorded))
        assert sitting.recorded[-1] == "<-  220 mail.away.example ESMTP"
        await sitting.press("f6")
        ticked = []
        for line in (
            "HELO laptop.home.example",
            "MAIL FROM:<lan@home.example>",
            "RCPT TO:<minh@away.example>",
            "DATA",
            "Subject: Chào",
            "",
            "Chào Minh.",
            ".",
            "QUIT",
        ):
            await sitting.say(line)
            ticked.append(len(sitting.screen.sitting.attempt.reached))
        assert ticked == [0, 2, 3, 3, 3, 3, 3, 4, 5]
        assert " -> Subject: Chào" in sitting.recorded
        assert sitting.screen.sitting.player.points == 5
        assert "speak" in load_progress(sitting.home, "first-message-by-hand").done

    sit(scene, "3")


def test_a_message_is_sent_and_goals_tick_as_it_goes(sit):
    async def scene(sitting: Sitting) -> None:
        await sitting.go_to("send-one")
        sitting.screen.query_one("#sender", LineInput).value = "lan@home.example"
        sitting.screen.query_one("#recipients", LineInput).value = "minh@away.example"
        sitting.screen.query_one("#recipients", LineInput).focus()
        await sitting.press("enter")
        await sitting.until(lambda: sitting.screen.sitting.player.points == 3)
        assert "✓ The message lies in Minh's mailbox." in sitting.shown()

    sit(scene, "1")


def test_who_may_not_send_is_told_so(sit):
    async def scene(sitting: Sitting) -> None:
        await sitting.go_to("send-one")
        sitting.screen.query_one("#sender", LineInput).value = "nobody"
        sitting.screen.query_one("#recipients", LineInput).value = "no address"
        sitting.screen.query_one("#recipients", LineInput).focus()
        await sitting.press("enter")
        await sitting.until(lambda: bool(sitting.screen.sitting.notes))
        assert sitting.screen.sitting.notes[0].kind == "trouble"
        assert "That can't be done: " in sitting.shown()
        assert "no address" not in sitting.screen.sitting.attempt.reached

    sit(scene, "1")


@pytest.mark.parametrize("step_id", ["find-it", "mend-it", "set-it-up", "say-it", "send-it"])
def test_the_model_solution_plays_step_by_step_and_earns_nothing(sit, step_id: str):
    async def scene(sitting: Sitting) -> None:
        await sitting.go_to(step_id)
        screen = sitting.screen
        await sitting.until(lambda: bool(sitting.recorded) or step_id not in ("find-it", "say-it"))
        while not screen.sitting.notes:
            await sitting.press("f5")
            await sitting.until(lambda: sitting.is_still)
        assert [note.kind for note in screen.sitting.notes] == ["model"]
        assert screen.sitting.player.points == 0

    sit(scene, EVERY_TASK)


def test_the_line_that_shows_the_fault_is_pointed_at(sit):
    async def scene(sitting: Sitting) -> None:
        await sitting.go_to("find-it")
        await sitting.until(lambda: bool(sitting.recorded))
        recording = sitting.screen.stage.query_one(Recording)
        recording.focus()
        await sitting.press("end", "enter")
        assert sitting.screen.sitting.notes[0] == Note("wrong", "bounce")
        await sitting.press("home", "down", "down", "enter")
        assert sitting.screen.sitting.notes[0] == Note("right")

    sit(scene, EVERY_TASK)


def test_a_zone_is_mended_in_the_editor_and_a_slip_is_told(sit):
    async def scene(sitting: Sitting) -> None:
        await sitting.go_to("mend-it")
        area = sitting.screen.query_one(TextArea)
        right = area.text.replace("MX 10 mail.away.example", "MX 10 mail")
        area.text = "no zone at all"
        area.focus()
        await sitting.press("ctrl+r")
        await sitting.until(lambda: bool(sitting.screen.sitting.notes))
        assert sitting.screen.sitting.notes[0].kind == "trouble"
        area.text = right
        await sitting.press("ctrl+r")
        await sitting.until(lambda: sitting.screen.sitting.player.points == 2)

    sit(scene, EVERY_TASK)


def test_at_80_columns_the_sides_are_two_tabs(sit):
    async def scene(sitting: Sitting) -> None:
        page, stage = sitting.screen.query_one(Page), sitting.screen.query_one("#stage")
        assert (page.display and page.size.width > 70, stage.display) == (True, False)
        await sitting.press("f6")
        assert (sitting.screen.query_one("#told").display, stage.display) == (False, True)
        await sitting.go_to("whole-way")
        assert not stage.display
        await sitting.press("enter")
        assert stage.display
        await sitting.press("enter")
        assert sitting.screen.sitting.step.id == "first-stop"

    sit(scene, "1", size=(80, 24))


def test_what_is_told_of_a_step_goes_with_it(sit):
    async def scene(sitting: Sitting) -> None:
        sitting.screen.notify("all of it is done", timeout=10 * WAIT_S)
        await sitting.until(lambda: "all of it is done" in sitting.shown())
        await sitting.press("f8")
        await sitting.until(lambda: "all of it is done" not in sitting.shown())

    sit(scene, "1", size=(80, 24))


def test_the_language_changes_where_one_stands(sit):
    async def scene(sitting: Sitting) -> None:
        await sitting.go_to("first-stop")
        await sitting.press("a", "f2")
        shown = " ".join(sitting.shown().split())
        assert "Điểm dừng đầu tiên" in shown
        assert "Chưa đúng." in shown
        assert "⟦" not in shown

    sit(scene, "1")


def test_the_last_page_leads_back(sit):
    async def scene(sitting: Sitting) -> None:
        await sitting.go_to("looking-back")
        assert "This is the end of the lesson." in sitting.shown()
        await sitting.press("enter")

    sit(scene, "3")


def test_what_another_program_does_ticks_the_goals_on_the_screen(sit):
    async def scene(sitting: Sitting) -> None:
        await sitting.go_to("is-anybody-there")
        await sitting.press("f9")
        stage = sitting.screen.stage
        assert isinstance(stage, Programs)
        options = stage.query_one(OptionList)
        await sitting.until(lambda: options.option_count > 0)
        host, _, port = str(options.get_option_at_index(0).prompt).removeprefix("smtplab session ").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        await reader.readline()
        for line in ("HELO x", "MAIL FROM:<lan@home.example>", "RCPT TO:<mihn@away.example>", "QUIT"):
            writer.write(line.encode() + b"\r\n")
            await reader.readline()
        writer.close()
        await sitting.until(lambda: sitting.screen.sitting.player.points == 3)
        assert "✓ After that you end the session properly, with QUIT." in sitting.shown()
        await sitting.press("f9")
        assert isinstance(sitting.screen.stage, Speaking)

    sit(scene, "3")
