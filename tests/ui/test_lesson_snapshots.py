"""What the lessons look like: the list, and each kind of side, at two sizes and in both languages."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from smtplab.lesson.agreement import open_to_play
from smtplab.lesson.library import find_lesson
from smtplab.ui.app import SmtplabApp
from smtplab.ui.screens.lesson import LessonScreen
from smtplab.ui.widgets.line_input import LineInput
from smtplab.ui.widgets.recording import Recording
from tests.ui.test_lesson import NearRunner

SMALL, LARGE = (80, 24), (160, 48)


async def _settled(pilot: Pilot[None]) -> None:
    for _ in range(3):
        await pilot.pause()
    for line in pilot.app.screen.query(LineInput):
        line.cursor_blink = False


def _at(lesson: str, step: str, home: Path, *keys: str, lines: int = 0) -> Callable[[Pilot[None]], Awaitable[None]]:
    """At the step, once so many lines are recorded, after these keys."""
    opened = open_to_play(find_lesson(lesson))

    async def before(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, SmtplabApp)
        screen = LessonScreen(app.texts, opened, home, NearRunner(opened))
        await app.push_screen(screen)
        while screen.sitting.step.id != step:
            await screen.action_step(1)
        while lines and len(screen.query_one(Recording).lines) < lines:
            await pilot.pause()
        await pilot.press(*keys)
        await _settled(pilot)

    return before


def test_the_list(snap_compare, tmp_path: Path):
    async def before(pilot: Pilot[None]) -> None:
        await pilot.press("f8")
        await _settled(pilot)

    assert snap_compare(SmtplabApp("vi", tmp_path / "captures"), terminal_size=SMALL, run_before=before)


@pytest.mark.parametrize(("size", "language"), [(SMALL, "vi"), (LARGE, "en")])
def test_a_recording(snap_compare, tmp_path: Path, size, language):
    keys = ("f6",) if size == SMALL else ()
    before = _at("1", "whole-way", tmp_path, *keys, lines=6)
    assert snap_compare(SmtplabApp(language, tmp_path / "captures"), terminal_size=size, run_before=before)


@pytest.mark.parametrize(("size", "language"), [(SMALL, "en"), (LARGE, "vi")])
def test_a_wrong_answer_and_a_hint(snap_compare, tmp_path: Path, size, language):
    before = _at("1", "first-stop", tmp_path, "a", "f4", lines=6)
    assert snap_compare(SmtplabApp(language, tmp_path / "captures"), terminal_size=size, run_before=before)


@pytest.mark.parametrize(("size", "language"), [(SMALL, "vi"), (LARGE, "en")])
def test_a_session_by_hand(snap_compare, tmp_path: Path, size, language):
    before = _at("3", "speak", tmp_path, "f6", lines=2)
    assert snap_compare(SmtplabApp(language, tmp_path / "captures"), terminal_size=size, run_before=before)


@pytest.mark.parametrize(("size", "language"), [(SMALL, "en"), (LARGE, "vi")])
def test_a_zone_to_mend(snap_compare, tmp_path: Path, size, language):
    before = _at("5", "mend-it", tmp_path, "f6")
    assert snap_compare(SmtplabApp(language, tmp_path / "captures"), terminal_size=size, run_before=before)
