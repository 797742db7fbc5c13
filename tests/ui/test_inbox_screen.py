"""The inbox screen: live list, filter, the message in all its faces, its session, and what is done with it."""

import asyncio
import time
from pathlib import Path

import pytest

from smtplab.lab.serve_request import Place, ServeRequest
from smtplab.lab.served import Served
from smtplab.ui.app import SmtplabApp
from smtplab.ui.screens.ask import AskScreen
from smtplab.ui.screens.compare_mail import CompareMailScreen, pairs
from smtplab.ui.screens.inbox import InboxScreen
from smtplab.ui.screens.walk import WalkScreen
from smtplab.ui.widgets.mail_list import MailList
from smtplab.ui.widgets.message_pane import MessagePane
from smtplab.ui.widgets.paper import Paper
from smtplab.ui.widgets.session_pane import SessionPane
from smtplab.view.html_text import Written
from tests.lab.inboxes import Server
from tests.serve.served import Dialogue
from tests.ui.conftest import Stage

PATIENCE_S = 20

HTML = (
    b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n",
    (
        b"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        b"<h1>Xin ch\xc3\xa0o</h1><script>alert(1)</script><p>See <a href='https://x.example/a'>this</a>.\r\n"
        b'--b\r\nContent-Type: text/plain; name="../../etc/passwd"\r\nContent-Disposition: attachment\r\n\r\nsecret\r\n'
        b"--b--"
    ),
)


class InboxStage(Stage):
    """An app that stands on the inbox, and the server that fills it."""

    server: Server

    @property
    def screen(self) -> InboxScreen:
        assert isinstance(self.app.screen, InboxScreen)
        return self.app.screen

    @property
    def list(self) -> MailList:
        return self.screen.query_one(MailList)

    async def until(self, holds) -> None:
        end = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < end, self.shown()
            await self.pilot.pause(0.02)
        await self.pilot.pause()

    async def shows(self, text: str) -> None:
        await self.until(lambda: text in self.shown())


@pytest.fixture
def inbox(tmp_path: Path):
    """Runs a scene with `filled` messages there already."""

    def run(scene, *, filled=(), size=(160, 48), language="en"):
        async def whole():
            server = Server(tmp_path)
            for fill in filled:
                if fill is not None:  # That one fills in several.
                    await fill(server)
            await server.ledger.close(5)
            app = SmtplabApp(language, tmp_path / "captures", "inbox")
            try:
                async with app.run_test(size=size) as pilot:
                    stage = InboxStage(app, pilot)
                    stage.server = server
                    await stage.until(lambda: len(stage.screen._box.items) == len(filled))
                    await pilot.pause()
                    await scene(stage)
            finally:
                await server.close()
                app.stop_serving()

        asyncio.run(whole())

    return run


def one(server):
    return server.message("one")


def two(server):
    return server.message("two", body=b"Good morning")


def rich(server):
    return server.message("rich", body=HTML[1], header=HTML[0])


def refused(server):
    return server.refused()


def test_new_mail_appears_while_one_looks_and_the_one_at_hand_stays(inbox):
    async def scene(stage):
        at = stage.screen._at
        await stage.server.message("brand new")
        await stage.shows("brand new")
        assert stage.screen._at == at
        assert stage.list.chosen == 1

    inbox(scene, filled=[one])


def test_an_empty_inbox_says_how_to_begin(inbox):
    async def scene(stage):
        await stage.shows("Press S to start a server here")

    inbox(scene, size=(80, 24))


def test_a_filter_searches_heads_and_contents_as_one_types(inbox):
    async def scene(stage):
        await stage.press("slash", *"morning")
        await stage.until(lambda: [item.row.subject for item in stage.screen._box.shown] == ["two"])
        await stage.press("enter", "slash", "escape")
        await stage.until(lambda: len(stage.screen._box.shown) == 3)
        await stage.press("slash", *"is:failed")
        await stage.until(lambda: [item.failed for item in stage.screen._box.shown] == [True])

    inbox(scene, filled=[one, two, refused])


def test_a_message_is_unread_until_it_is_opened_and_u_turns_that_round(inbox):
    async def scene(stage):
        assert "1 unread" in stage.shown()
        await stage.press("enter")
        await stage.until(lambda: "unread" not in stage.shown())
        await stage.press("u")
        await stage.shows("1 unread")

    inbox(scene, filled=[one])


def test_every_face_of_a_message_can_be_seen_in_a_narrow_window(inbox):
    async def scene(stage):
        await stage.press("enter")
        await stage.shows("Xin chào")
        assert "alert" not in stage.shown()
        assert "[1] https://x.example/a" in stage.shown()
        await stage.press("3")
        await stage.shows("Content-Type: multipart/mixed")
        await stage.press("4")
        await stage.shows("--b")
        await stage.press("5")
        await stage.shows("../../etc/passwd")
        await stage.press("6")
        await stage.shows("EHLO client.example")
        await stage.press("right")
        await stage.shows("Attachments: passwd")
        await stage.press("q")
        assert stage.list.has_focus

    inbox(scene, filled=[rich], size=(80, 24))


def test_the_session_stands_beside_its_message_with_each_line_explained(inbox):
    async def scene(stage):
        await stage.press("enter", "6", "down")
        await stage.shows("EHLO client.example")
        assert "the client names itself" in stage.shown().lower() or "EHLO" in stage.shown()
        assert stage.screen.query_one(SessionPane).walk.record is not None

    inbox(scene, filled=[one])


def test_a_refused_session_is_shown_with_its_reason_and_opens_at_the_refusal(inbox):
    async def scene(stage):
        assert "refused: 550 5.7.1 Relaying denied" in stage.shown()
        await stage.press("enter")
        await stage.until(lambda: stage.screen.query_one(SessionPane).walk.record is not None)
        walk = stage.screen.query_one(SessionPane).walk
        assert walk.draw(walk.selected)[1].text.startswith("550")

    inbox(scene, filled=[refused], size=(100, 30))


def test_w_walks_through_the_session_in_a_screen_of_its_own(inbox):
    async def scene(stage):
        await stage.until(lambda: stage.screen.query_one(MessagePane).read is not None)
        await stage.press("w")
        await stage.until(lambda: isinstance(stage.app.screen, WalkScreen))
        await stage.press("end")
        await stage.shows("EHLO client.example")
        await stage.press("q")
        assert isinstance(stage.app.screen, InboxScreen)

    inbox(scene, filled=[one])


def test_what_is_deleted_comes_back_with_z(inbox):
    async def scene(stage):
        name = stage.screen._at
        await stage.press("x")
        await stage.until(lambda: len(stage.screen._box.shown) == 1)
        await stage.press("z")
        await stage.until(lambda: len(stage.screen._box.shown) == 2)
        assert stage.screen._at == name

    inbox(scene, filled=[one, two])


def test_all_that_is_listed_is_deleted_only_after_a_question(inbox):
    async def scene(stage):
        await stage.press("X", "escape")
        assert len(stage.screen._box.shown) == 2
        await stage.press("X", "enter")
        await stage.until(lambda: isinstance(stage.app.screen, InboxScreen) and not stage.screen._box.shown)

    inbox(scene, filled=[one, two])


def test_the_stored_bytes_are_saved_as_they_are(inbox, tmp_path: Path):
    async def scene(stage):
        await stage.press("s")
        await stage.until(lambda: isinstance(stage.app.screen, AskScreen))
        await stage.press("ctrl+u")
        await stage.paste(str(tmp_path / "x.eml"))
        await stage.press("enter")
        await stage.until(lambda: isinstance(stage.app.screen, InboxScreen))

    inbox(scene, filled=[two])
    assert (tmp_path / "x.eml").read_bytes() == b"Subject: two\r\n\r\nGood morning\r\n"


def test_attachments_are_saved_under_safe_names_and_none_over_another(inbox, tmp_path: Path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "passwd").write_bytes(b"precious")

    async def scene(stage):
        await stage.press("a")
        await stage.until(lambda: isinstance(stage.app.screen, AskScreen))
        await stage.press("ctrl+u")
        await stage.paste(str(folder))
        await stage.press("enter")
        await stage.until(lambda: isinstance(stage.app.screen, InboxScreen))

    inbox(scene, filled=[rich])
    assert (folder / "passwd").read_bytes() == b"precious"
    assert (folder / "passwd-2").read_bytes() == b"secret"


def test_a_message_is_released_to_a_real_server_and_the_way_it_goes_is_shown(inbox, tmp_path: Path):
    with _served(tmp_path / "other") as other:

        async def scene(stage):
            await stage.press("r")
            await stage.until(lambda: isinstance(stage.app.screen, AskScreen))
            await stage.press(*f"127.0.0.1:{other.places[0].port}", "enter")
            await stage.until(lambda: isinstance(stage.app.screen, WalkScreen))
            await stage.until(lambda: stage.app.screen._feed.ended is not None)
            assert stage.app.screen._feed.ended.exit_code == 0

        inbox(scene, filled=[two])
    assert b"Good morning" in (tmp_path / "other" / "inbox" / "inbox.sqlite").read_bytes()


def test_a_release_to_nobody_is_refused_in_the_form(inbox):
    async def scene(stage):
        await stage.press("r")
        await stage.until(lambda: isinstance(stage.app.screen, AskScreen))
        await stage.press("down", "ctrl+u", "enter")
        await stage.shows("Name at least one recipient")
        await stage.press("escape")

    inbox(scene, filled=[one])


def test_two_messages_are_laid_side_by_side_with_their_differences_marked(inbox):
    async def scene(stage):
        await stage.press("space", "down", "c")
        await stage.until(lambda: isinstance(stage.app.screen, CompareMailScreen))
        shown = stage.shown()
        assert "Subject: one" in shown
        assert "Subject: two" in shown
        assert "┃" in shown

    inbox(scene, filled=[one, two])


def test_lines_of_two_texts_stand_beside_each_other():
    found = pairs(["a", "b", "c"], ["a", "x", "y", "c"])
    assert [tuple(pair) for pair in found] == [("a", "a"), ("b", "x"), (None, "y"), ("c", "c")]
    assert [pair.differs for pair in found] == [False, True, True, False]


def test_a_server_starts_from_the_screen_and_ends_with_the_app(inbox):
    async def scene(stage):
        await stage.press("S")
        await stage.until(lambda: isinstance(stage.app.screen, AskScreen))
        await stage.press("ctrl+u", *"127.0.0.1:0", "enter")
        await stage.until(lambda: stage.app.served().state == "listening")
        place = stage.app.served().places[0]
        await stage.shows(f"swaks -t student@hust.example -s 127.0.0.1:{place.port}")
        await asyncio.to_thread(_send, place.port)
        await stage.shows("live one")

    inbox(scene)


def test_a_server_that_cannot_listen_says_why(inbox, tmp_path: Path):
    with _served(tmp_path / "other") as other:

        async def scene(stage):
            await stage.press("S")
            await stage.until(lambda: isinstance(stage.app.screen, AskScreen))
            await stage.press("ctrl+u")
            await stage.paste(f"127.0.0.1:{other.places[0].port}")
            await stage.press("enter")
            await stage.until(lambda: stage.app.served().state == "ended")
            await stage.shows("cannot listen")

        inbox(scene)


def test_the_screen_speaks_vietnamese_too(inbox):
    async def scene(stage):
        await stage.press("l")
        await stage.shows("Hộp thư")
        assert "chưa đọc" in stage.shown()

    inbox(scene, filled=[one])


def test_a_click_chooses_a_message_and_a_tab(inbox):
    async def scene(stage):
        await stage.pilot.click(MailList, offset=(5, 2))
        assert stage.list.chosen == 1
        await stage.shows("Subject: one")
        await stage.pilot.click("TabLine", offset=(30, 0))
        assert stage.screen.query_one(MessagePane).tab != "text"

    inbox(scene, filled=[one, two])


class _served:
    """A server in a process of its own for as long as the block lasts."""

    def __init__(self, home: Path) -> None:
        self._server = Served()
        self._server.start(ServeRequest(home=home, places=(Place("smtp", "127.0.0.1", 0),)))
        self._server.wait_until_ready()

    def __enter__(self) -> Served:
        assert self._server.state == "listening"
        return self._server

    def __exit__(self, *_: object) -> None:
        assert self._server.stop() == 0


def _send(port: int) -> None:
    with Dialogue(port) as client:
        assert client.ehlo() == 250
        assert client.send(b"Subject: live one\r\n\r\nbody") == 250


def test_a_shorter_message_takes_the_place_of_a_longer_one_that_is_hidden(inbox):
    async def long(server):
        return await server.message("long", body=b"line\r\n" * 60)

    async def scene(stage):
        await stage.press("enter")
        await stage.shows("line")
        await stage.press("6")
        paper = stage.screen.query_one(Paper)
        assert not paper.parent.display
        paper.show((Written("short"),))
        await stage.press("1")
        await stage.shows("line")
        assert paper._starts[-1] >= 60

    inbox(scene, filled=[long], size=(80, 24))


def test_in_a_narrow_window_keys_concern_the_message_at_hand_not_the_one_read_before(inbox):
    async def scene(stage):
        await stage.press("enter")
        await stage.shows("Good morning")
        await stage.press("escape", "down")
        await stage.press("y")
        await stage.until(lambda: "body" in stage.app.clipboard)
        assert "Good morning" not in stage.app.clipboard
        await stage.press("w")
        await stage.until(lambda: isinstance(stage.app.screen, WalkScreen))
        await stage.press("escape")
        await stage.until(lambda: isinstance(stage.app.screen, InboxScreen))
        await stage.press("4")
        await stage.shows("Subject: one")
        assert not stage.list.display

    inbox(scene, filled=[one, two], size=(80, 24))


def test_of_many_recipients_the_first_are_shown_above_the_letter(inbox):
    async def many(server):
        return await server.message("many", recipients=tuple(f"r{number}@hust.example" for number in range(60)))

    async def scene(stage):
        await stage.shows("<r9@hust.example> +50")
        assert "body" in stage.shown()

    inbox(scene, filled=[many])


def test_a_session_of_several_messages_stands_at_the_one_at_hand(inbox):
    async def both(server):
        return await server.several("first", "second", "third")

    async def scene(stage):
        pane = stage.screen.query_one(SessionPane)
        await stage.until(lambda: pane.walk.record is not None and "MAIL FROM:<third@b.example>" in stage.shown())
        assert pane.walk.record.event.line == "MAIL FROM:<third@b.example>"
        await stage.press("down", "down")
        await stage.until(lambda: pane.walk.record is not None and pane.walk.record.event.verb == "EHLO")

    inbox(scene, filled=[both, *[None] * 2])
