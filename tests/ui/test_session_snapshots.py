"""What the session's screens look like, at both sizes and in both languages."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pytest
from textual.pilot import Pilot

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.lab.conversation import Conversation
from smtplab.lab.feed import Ended
from smtplab.smtp.legality import Standing
from smtplab.ui.app import SmtplabApp
from smtplab.ui.comparing import Dialogues
from smtplab.ui.screens.compare import CompareScreen
from smtplab.ui.screens.session import SessionScreen
from smtplab.ui.widgets.session_prompt import SessionEntry
from smtplab.wire.extension import parse_extensions
from tests.ui.conftest import Story, TapeFeed

OFFERS = ("PIPELINING", "SIZE 10485760", "8BITMIME", "STARTTLS", "ENHANCEDSTATUSCODES")


def story(host: str, *, refuses: bool) -> list[Record]:
    told = Story()
    own = told.place("laptop.neu.example", 0, "session/1")
    told.tell(own, ev.JourneyStarted("", "student@neu.example", "sim", "campus", 7), ms=0)
    told.tell(own, ev.ConnectStarted(host, "10.1.0.26", 25), ev.Connected(host, "10.1.0.26", 25, 11.2), ms=11)
    told.tell(own, ev.ReplyReceived(220, None, (f"{host} ESMTP",), 3.1), ev.StateChanged("connected", "greeted"))
    told.talk(own, "EHLO laptop.neu.example", 250, host, *(OFFERS if refuses else OFFERS[:3]))
    told.tell(own, ev.StateChanged("greeted", "ready"), ev.ExtensionsLearned(OFFERS), ms=0.1)
    told.talk(own, "MAIL FROM:<student@neu.example>", 250, "Sender OK", enhanced="2.1.0")
    told.tell(own, ev.StateChanged("ready", "mail"), ms=0.1)
    if refuses:
        told.talk(own, "RCPT TO:<nobody@hust.example>", 550, "No such user here", enhanced="5.1.1")
    else:
        told.talk(own, "RCPT TO:<nobody@hust.example>", 250, "Recipient OK", enhanced="2.1.5")
    return told.journal.records


class Frozen(Conversation):
    """A conversation that stands still at one moment."""

    def __init__(self, host: str) -> None:
        super().__init__(
            SimpleNamespace(  # type: ignore[arg-type]
                live=False,
                subject=f"{host}:25",
                helo="laptop.neu.example",
                sender="student@neu.example",
                recipients=("student@hust.example",),
            )
        )
        self.records = story(host, refuses=True)

    @property
    def standing(self) -> Standing:
        return Standing("mail", parse_extensions(OFFERS))

    async def run(self) -> Ended:
        await asyncio.get_running_loop().create_future()
        raise AssertionError


async def taken_in(pilot: Pilot[None]) -> None:
    await pilot.pause()
    screen = pilot.app.screen
    assert isinstance(screen, SessionScreen)
    while screen._take_in():
        pass
    screen._spoken.follow()
    entry = screen.query_one(SessionEntry)
    entry.cursor_blink = False
    entry.value = "MAIL FROM:<a@b.example>"
    entry.cursor_position = len(entry.value)
    screen._show()
    await pilot.pause()


@pytest.mark.parametrize("size", [(80, 24), (160, 48)], ids=["narrow", "wide"])
@pytest.mark.parametrize("language", ["en", "vi"])
def test_a_session(snap_compare, tmp_path: Path, size, language):
    app = SmtplabApp(language, tmp_path, conversation=Frozen("mx1.hust.example"))
    assert snap_compare(app, terminal_size=size, run_before=taken_in)


@pytest.mark.parametrize(
    ("size", "language", "key"),
    [
        ((80, 24), "vi", "ctrl+o"),
        ((160, 48), "en", "ctrl+o"),
        ((80, 24), "en", "ctrl+l"),
        ((80, 24), "vi", "ctrl+g"),
        ((80, 24), "en", "ctrl+r"),
        ((160, 48), "vi", "ctrl+r"),
    ],
)
def test_what_a_key_opens(snap_compare, tmp_path: Path, size, language, key):
    async def before(pilot: Pilot[None]) -> None:
        await taken_in(pilot)
        await pilot.press(key)
        for entry in pilot.app.screen.query("Input"):
            entry.cursor_blink = False  # type: ignore[attr-defined]
        await pilot.pause()

    app = SmtplabApp(language, tmp_path, conversation=Frozen("mx1.hust.example"))
    assert snap_compare(app, terminal_size=size, run_before=before)


@pytest.mark.parametrize(("size", "language"), [((80, 24), "en"), ((160, 48), "vi")])
def test_two_servers_side_by_side(snap_compare, tmp_path: Path, size, language):
    app = SmtplabApp(language, tmp_path, conversation=Frozen("mx1.hust.example"))

    async def before(pilot: Pilot[None]) -> None:
        old = story("mx1.hust.example", refuses=True)
        feed = TapeFeed(story("mx1.neu.example", refuses=False))
        heads = ("mx1.hust.example:25", "mx1.neu.example:25")
        await app.push_screen(CompareScreen(app.texts, old, feed, Dialogues(heads), tmp_path))
        await pilot.pause()
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=before)
