"""What the screens look like, at three sizes, in both themes and both languages."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from threading import Thread

import pytest
from textual.pilot import Pilot

from smtplab.journal import Record
from smtplab.lab.feed import Ended
from smtplab.sim.library import load_world
from smtplab.sim.run import play
from smtplab.ui.app import SmtplabApp
from smtplab.ui.screens.inbox import InboxScreen
from smtplab.ui.screens.walk import WalkScreen
from smtplab.ui.screens.world import WorldScreen
from smtplab.ui.widgets.map import WorldMap
from smtplab.ui.widgets.message_pane import MessagePane
from smtplab.ui.widgets.recipient_input import RecipientInput
from tests.lab.inboxes import Server


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


class _WorldTape:
    """A world's records, there at once."""

    kind = "sim"
    gate = None

    def __init__(self, world: str) -> None:
        self.subject = world
        self.records: list[Record] = []
        self.ended: Ended | None = None
        # A world plays on an event loop of its own, so not in the thread that holds the UI's.
        player = Thread(target=play, args=(load_world(world), None, None, self.records.append))
        player.start()
        player.join()

    async def run(self) -> Ended:
        self.ended = Ended(0)
        return self.ended


@pytest.mark.parametrize(
    ("size", "language", "position"),
    [((80, 24), "vi", 900), ((160, 48), "en", 180)],
)
def test_a_world(snap_compare, tmp_path: Path, size, language, position):
    app = SmtplabApp(language, tmp_path, make_world_feed=_WorldTape)

    async def before(pilot: Pilot[None]) -> None:
        app._open_world("five-days" if size == (80, 24) else "campus")
        await pilot.pause()
        await pilot.pause()
        screen = app.screen
        assert isinstance(screen, WorldScreen)
        while screen._run.read_on():
            pass
        screen._run.go_to(position)
        screen._show()
        screen.query_one(WorldMap).choose("mail.home.example" if size == (80, 24) else "relay.hust.example")

    assert snap_compare(app, terminal_size=size, run_before=before)


@pytest.mark.parametrize(
    ("size", "language", "keys"), [((80, 24), "vi", ()), ((160, 48), "en", ("slash", *"relay", "enter", "d"))]
)
def test_captures(snap_compare, tmp_path: Path, size, language, keys):
    async def before(pilot: Pilot[None]) -> None:
        await pilot.press("f7", "down", "down")
        await pilot.press(*keys)
        await pilot.pause()

    assert snap_compare(SmtplabApp(language, tmp_path / "captures"), terminal_size=size, run_before=before)


@pytest.mark.parametrize(
    ("size", "language", "keys"),
    [((80, 24), "en", ()), ((80, 24), "vi", ("enter",)), ((160, 48), "vi", ("d",)), ((160, 48), "en", ())],
)
def test_an_inbox(snap_compare, tmp_path: Path, size, language, keys):
    async def fill():
        server = Server(tmp_path)
        await server.message("Lịch học tuần này", sender="teacher@neu.example", tls="TLSv1.3 TLS_AES_256_GCM_SHA384")
        await server.refused()
        await server.message("Two attachments", body=b"<b>See</b> it", header=b"Content-Type: text/html\r\n")
        await server.close()

    async def before(pilot: Pilot[None]) -> None:
        await pilot.pause()
        screen = pilot.app.screen
        assert isinstance(screen, InboxScreen)
        while screen.query_one(MessagePane).read is None:
            await pilot.pause(0.02)
        await pilot.press(*keys)
        await pilot.pause(0.3)

    asyncio.run(fill())
    app = SmtplabApp(language, tmp_path / "captures", "inbox")
    assert snap_compare(app, terminal_size=size, run_before=before)
