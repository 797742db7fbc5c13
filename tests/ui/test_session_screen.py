"""The session screen under a person's keys, with a server of a world in memory before it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Label

from smtplab import events as ev
from smtplab.capture import file as capture_file
from smtplab.journal import Record
from smtplab.lab.conversation import Conversation
from smtplab.lab.request import WalkRequest
from smtplab.lab.ways import prepare_way
from smtplab.ui.app import SmtplabApp
from smtplab.ui.screens.call import CallScreen
from smtplab.ui.screens.compare import CompareScreen
from smtplab.ui.screens.help import HelpScreen
from smtplab.ui.screens.home import HomeScreen
from smtplab.ui.screens.login import LoginScreen
from smtplab.ui.screens.session import SessionScreen
from smtplab.ui.screens.snippets import SnippetsScreen
from smtplab.ui.widgets.session_prompt import SessionEntry
from smtplab.ui.widgets.transcript import Transcript
from smtplab.ui.widgets.two_columns import TwoColumns
from smtplab.view.texts import Language

WAIT_S_MAX = 20.0


class Desk:
    """An app with a session on it."""

    def __init__(self, app: SmtplabApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def session(self) -> SessionScreen:
        return next(screen for screen in self.app.screen_stack if isinstance(screen, SessionScreen))

    @property
    def conversation(self) -> Conversation:
        return self.session._conversation

    @property
    def line(self) -> str:
        return self.session.query_one(SessionEntry).value

    @property
    def mark(self) -> str:
        return str(self.session.query_one("#mark", Label).render())

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT_S_MAX):
            while not condition():
                await self.pilot.pause(0.01)
        await self.pilot.pause()

    async def answered(self, replies: int) -> None:
        """So many replies have come, and the screen shows them."""
        await self.until(lambda: len(self.codes) >= replies)
        await self.until(lambda: len(self.session._spoken._shown) > 0 and not self.session._take_in())
        self.session._show()

    @property
    def records(self) -> list[Record]:
        return self.conversation.records

    @property
    def codes(self) -> list[int | None]:
        return [one.event.code for one in self.records if isinstance(one.event, ev.ReplyReceived) and one.hop == 0]

    @property
    def sent(self) -> list[str]:
        return [one.event.line for one in self.records if isinstance(one.event, ev.CommandSent) and one.hop == 0]

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        self.session.query_one(SessionEntry).value = text
        await self.pilot.pause()

    async def say(self, text: str, replies: int) -> None:
        await self.type(text)
        await self.press("enter")
        await self.answered(replies)

    def shown(self) -> str:
        width = self.app.size.width
        return "\n".join(strip.text[:width] for strip in self.app.screen._compositor.render_strips())


@pytest.fixture
def at_the_desk(tmp_path: Path) -> Callable[..., None]:
    """Runs a scene on a session with mx1.hust.example that has been greeted."""

    def run(
        scene: Callable[[Desk], Awaitable[None]], size: tuple[int, int] = (120, 40), language: Language = "en"
    ) -> None:
        async def scenes() -> None:
            way = prepare_way(WalkRequest(recipient="", server="mx1.hust.example", sim="campus"))
            app = SmtplabApp(language, tmp_path, conversation=Conversation(way))
            async with app.run_test(size=size) as pilot:
                desk = Desk(app, pilot)
                await desk.answered(1)
                await scene(desk)

        asyncio.run(scenes())

    return run


def test_a_reply_is_explained_below_it(at_the_desk) -> None:
    async def scene(desk: Desk) -> None:
        await desk.say("EHLO me.example", 2)
        shown = desk.shown()
        assert " -> EHLO me.example" in shown
        assert "↳ 250: the server is willing" in shown
        assert "● ready" in shown
        await desk.say("RCPT TO:<a@b.example>", 3)
        assert "→ See in the diagram what may come now" in desk.shown()

    at_the_desk(scene)


def test_a_line_is_marked_before_it_leaves_and_leaves_all_the_same(at_the_desk) -> None:
    async def scene(desk: Desk) -> None:
        await desk.type("MAIL FROM:<a@b.example>")
        assert desk.mark.startswith("✗")
        await desk.press("enter")
        await desk.answered(2)
        assert desk.sent == ["MAIL FROM:<a@b.example>"]
        await desk.type("EHLO me.example")
        assert desk.mark.startswith("✓")
        await desk.type("XYZZY now")
        assert desk.mark.startswith("?")
        await desk.type("")
        assert "EHLO" in desk.mark

    at_the_desk(scene)


def test_tab_completes_from_the_state_and_from_what_was_said(at_the_desk) -> None:
    async def scene(desk: Desk) -> None:
        await desk.type("eh")
        await desk.press("tab")
        assert desk.line == "EHLO laptop.neu.example"
        await desk.press("enter")
        await desk.answered(2)
        await desk.type("m")
        await desk.press("tab")
        assert desk.line == "MAIL FROM:<student@neu.example>"
        await desk.press("enter")
        await desk.answered(3)
        await desk.type("rcpt to:<stu")
        await desk.press("tab")
        assert desk.line == "RCPT TO:<student@hust.example>"

    at_the_desk(scene)


def test_lines_come_back_and_what_was_begun_is_kept(at_the_desk) -> None:
    async def scene(desk: Desk) -> None:
        await desk.say("EHLO one.example", 2)
        await desk.say("NOOP", 3)
        await desk.type("begun")
        await desk.press("up")
        assert desk.line == "NOOP"
        await desk.press("up")
        assert desk.line == "EHLO one.example"
        await desk.press("down", "down")
        assert desk.line == "begun"

    at_the_desk(scene)


def test_a_line_that_was_said_is_edited_and_said_again(at_the_desk) -> None:
    async def scene(desk: Desk) -> None:
        await desk.say("EHLO one.example", 2)
        await desk.press("escape")
        transcript = desk.session.query_one(Transcript)
        assert transcript.has_focus
        while "EHLO" not in desk.session._spoken.draw(transcript.selected)[1].text:
            await desk.press("up")
        await desk.press("r")
        await desk.answered(3)
        while "EHLO" not in desk.session._spoken.draw(transcript.selected)[1].text:
            await desk.press("up")
        await desk.press("e")
        assert desk.line == "EHLO one.example"
        assert desk.session.query_one(SessionEntry).has_focus
        assert desk.sent == ["EHLO one.example", "EHLO one.example"]

    at_the_desk(scene)


def test_tls_comes_up_at_one_key(at_the_desk) -> None:
    async def scene(desk: Desk) -> None:
        await desk.say("EHLO me.example", 2)
        await desk.press("ctrl+t")
        await desk.until(lambda: desk.conversation.secure)
        await desk.say("EHLO me.example", 4)
        assert " ~> EHLO me.example" in desk.shown()

    at_the_desk(scene)


def test_a_passage_is_chosen_and_said(at_the_desk) -> None:
    async def scene(desk: Desk) -> None:
        await desk.press("ctrl+o")
        assert isinstance(desk.app.screen, SnippetsScreen)
        assert "send DATA" in desk.shown()
        await desk.press("enter")
        await desk.answered(7)
        assert desk.codes == [220, 250, 250, 250, 354, 250, 221]
        await desk.until(lambda: any(isinstance(one.event, ev.Delivered) for one in desk.records))
        await desk.until(lambda: desk.conversation.ended is not None)

    at_the_desk(scene)


def test_a_login_is_filled_in_and_its_password_shows_nowhere(at_the_desk) -> None:
    async def scene(desk: Desk) -> None:
        await desk.say("EHLO me.example", 2)
        await desk.press("ctrl+l")
        login = desk.app.screen
        assert isinstance(login, LoginScreen)
        login.query_one("#user", Input).value = "student@hust.example"
        login.query_one("#password", Input).value = "hidden-word"
        await desk.pilot.pause()
        assert "hidden-word" not in desk.shown()
        await desk.press("enter")
        await desk.answered(3)
        assert desk.sent[-1] == "AUTH PLAIN ***"
        assert "hidden-word" not in desk.shown() + repr(desk.records)

    at_the_desk(scene)


def test_the_same_is_said_to_another_server_and_laid_beside_it(at_the_desk) -> None:
    async def scene(desk: Desk) -> None:
        await desk.say("EHLO me.example", 2)
        await desk.say("MAIL FROM:<student@neu.example>", 3)
        await desk.say("RCPT TO:<student@hust.example>", 4)
        await desk.press("ctrl+r")
        call = desk.app.screen
        assert isinstance(call, CallScreen)
        while call.query_one("#host").value != "mx1.neu.example":  # type: ignore[attr-defined]
            call.query_one("#host").action_turn(1)  # type: ignore[attr-defined]
        await desk.press("enter")
        compare = desk.app.screen
        assert isinstance(compare, CompareScreen)
        await desk.until(lambda: compare._same is not None)
        await desk.pilot.pause()
        shown = desk.shown()
        assert "mx1.hust.example:25" in shown
        assert "mx1.neu.example:25" in shown
        assert "<** 550 5.7.1" in shown
        assert compare.query_one(TwoColumns).selected > 0
        await desk.press("q")
        assert desk.app.screen is desk.session

    at_the_desk(scene, (160, 48))


def test_the_session_is_kept_as_a_capture(at_the_desk, tmp_path: Path) -> None:
    async def scene(desk: Desk) -> None:
        await desk.say("EHLO me.example", 2)
        await desk.press("ctrl+s")
        (kept,) = tmp_path.glob("*.jsonl")
        assert capture_file.read(kept).records == tuple(desk.records) or capture_file.read(kept).records == desk.records

    at_the_desk(scene)


def test_what_is_looked_for_is_found_and_copied(at_the_desk) -> None:
    async def scene(desk: Desk) -> None:
        await desk.say("EHLO me.example", 2)
        await desk.press("escape", "slash", *"PIPELINING", "enter", "y")
        assert desk.app.clipboard == "250-PIPELINING"
        await desk.press("Y")
        assert " -> EHLO me.example" in desk.app.clipboard

    at_the_desk(scene)


def test_ctrl_d_says_quit_and_in_a_content_drops(at_the_desk) -> None:
    async def polite(desk: Desk) -> None:
        await desk.press("ctrl+d")
        await desk.until(lambda: desk.conversation.ended is not None)
        assert desk.codes == [220, 221]
        await desk.type("NOOP")
        await desk.press("enter")
        assert desk.sent == ["QUIT"]

    async def rude(desk: Desk) -> None:
        for count, line in enumerate(("EHLO a.example", "MAIL FROM:<>", "RCPT TO:<student@hust.example>", "DATA"), 2):
            await desk.say(line, count)
        await desk.press("ctrl+d")
        await desk.until(lambda: desk.conversation.ended is not None)
        assert desk.sent[-1] == "DATA"

    at_the_desk(polite)
    at_the_desk(rude)


def test_leaving_drops_the_connection(at_the_desk) -> None:
    async def scene(desk: Desk) -> None:
        conversation = desk.conversation
        await desk.press("escape", "q")
        await desk.until(lambda: conversation.ended is not None)
        assert any(isinstance(one.event, ev.Disconnected) for one in conversation.records)

    at_the_desk(scene)


def test_every_place_has_its_help_and_both_languages(at_the_desk) -> None:
    async def scene(desk: Desk) -> None:
        for language in ("en", "vi"):
            for keys in (("f1",), ("ctrl+o", "f1"), ("ctrl+l", "f1"), ("ctrl+r", "f1")):
                await desk.press(*keys)
                assert isinstance(desk.app.screen, HelpScreen), (language, keys)
                await desk.press(*["escape"] * len(keys))
                assert desk.app.screen is desk.session
                desk.session.query_one(SessionEntry).focus()
                await desk.pilot.pause()
            await desk.press("f2")
        assert "Allowed now" in desk.shown()

    at_the_desk(scene)


def test_the_state_stands_below_where_there_is_no_room_beside(at_the_desk) -> None:
    async def scene(desk: Desk) -> None:
        assert "The greeting 220" in desk.shown()
        await desk.press("ctrl+g")
        assert "● greeted" in desk.shown()
        await desk.press("ctrl+g")
        assert "● greeted" not in desk.shown()

    at_the_desk(scene, (80, 24))


def test_f5_asks_whom_to_talk_to_and_opens_the_session(tmp_path: Path) -> None:
    async def scene() -> None:
        app = SmtplabApp("en", tmp_path)
        async with app.run_test(size=(100, 30)) as pilot:
            assert isinstance(app.screen, HomeScreen)
            await pilot.press("f5")
            assert isinstance(app.screen, CallScreen)
            await pilot.press("right", "right")
            await pilot.press("enter")
            await pilot.pause()
            assert isinstance(app.screen, CallScreen)
            app.screen.query_one("#server", Input).value = "no host at all"
            await pilot.press("enter")
            await pilot.pause()
            assert "no host at all" in str(app.screen.query_one("#refusal", Label).render())
            await pilot.press("left", "left")
            app.screen.query_one("#kind").focus()
            await pilot.press("left", "left", "enter")
            await pilot.pause()
            assert isinstance(app.screen, SessionScreen)
            desk = Desk(app, pilot)
            await desk.answered(1)
            assert desk.codes == [220]

    asyncio.run(scene())


def test_a_content_is_counted_while_it_is_typed(at_the_desk) -> None:
    async def scene(desk: Desk) -> None:
        for count, line in enumerate(("EHLO a.example", "MAIL FROM:<>", "RCPT TO:<student@hust.example>", "DATA"), 2):
            await desk.say(line, count)
        await desk.type("Subject: hello")
        await desk.press("enter")
        await desk.until(lambda: "16 octets of content so far, the last line: Subject: hello" in desk.mark)
        await desk.say(".", 6)
        assert desk.codes[-1] == 250

    at_the_desk(scene)


def test_the_reply_is_at_hand_although_notes_follow_it(at_the_desk) -> None:
    async def scene(desk: Desk) -> None:
        await desk.say(":bdat last hi", 2)
        await desk.press("escape")
        line = desk.session._spoken.draw(desk.session.query_one(Transcript).selected)[1].text
        assert line.startswith("50")
        assert "The reply 50" in desk.shown()

    at_the_desk(scene)


def test_an_order_names_the_other_server(at_the_desk) -> None:
    async def scene(desk: Desk) -> None:
        await desk.type(":replay 127.0.0.1:9")
        await desk.press("enter")
        call = desk.app.screen
        assert isinstance(call, CallScreen)
        assert call.query_one("#server", Input).value == "127.0.0.1:9"
        assert call._kind == "live"

    at_the_desk(scene)
