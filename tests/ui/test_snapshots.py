"""What the screens look like, at three sizes, in both themes and both languages."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from smtplab.ui.app import SmtplabApp
from smtplab.ui.screens.walk import WalkScreen
from smtplab.ui.widgets.recipient_input import RecipientInput


def at_end(*keys: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    async def before(pilot: Pilot[None]) -> None:
        await pilot.pause()
        screen = pilot.app.screen
        assert isinstance(screen, WalkScreen)
        while screen._walk.read_on():
            pass
        await pilot.press("end", *keys)

    return before


@pytest.mark.parametrize(
    ("size", "language", "keys"),
    [
        ((80, 24), "en", ("up", "up", "up", "up", "up", "i")),
        ((160, 48), "vi", ("d", *(["up"] * 12))),
        ((200, 60), "en", tuple(["up"] * 12)),
    ],
)
def test_a_walk(snap_compare, tape, tmp_path: Path, size, language, keys):
    app = SmtplabApp(language, tmp_path, tape())
    assert snap_compare(app, terminal_size=size, run_before=at_end(*keys))


def test_home(snap_compare, tmp_path: Path):
    async def still(pilot: Pilot[None]) -> None:
        await pilot.pause()
        pilot.app.screen.query_one(RecipientInput).cursor_blink = False

    assert snap_compare(SmtplabApp("vi", tmp_path), terminal_size=(80, 24), run_before=still)
