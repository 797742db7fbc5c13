"""One journey over two hops as records, made by a real journal on a clock set by hand, and a feed that hands it out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot

from smtplab import events as ev
from smtplab.journal import Journal, Record, Scope
from smtplab.lab.feed import Ended
from smtplab.ui.app import SmtplabApp
from smtplab.ui.screens.walk import WalkScreen
from smtplab.ui.widgets.transcript import Transcript
from smtplab.view.texts import Language
from tests.ui.settling import settle

EPOCH = 1_795_395_600.0


class HandClock:
    """Seconds since the epoch, moved on by whoever tells the story."""

    def __init__(self) -> None:
        self.seconds = EPOCH

    def __call__(self) -> float:
        return self.seconds


class Story:
    """Writes a journey down, event by event, a few milliseconds apart."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.journal = Journal(self.clock)

    def place(self, node: str, hop: int, span: str) -> Scope:
        return self.journal.scope(node=node, hop=hop, span=span)

    def tell(self, at: Scope, *facts: ev.Event, ms: float = 4.0) -> None:
        for fact in facts:
            self.clock.seconds += ms / 1000
            at(fact)

    def talk(self, client: Scope, line: str, code: int, *answer: str, enhanced: str | None = None) -> None:
        """A command and its reply, as the client saw them."""
        verb = line.split(maxsplit=1)[0].upper() if line != "." else "."
        if verb != ".":
            self.tell(client, ev.CommandSent(verb, line))
        texts = answer if enhanced is None else tuple(f"{enhanced} {text}" for text in answer)
        self.tell(client, ev.ReplyReceived(code, enhanced, texts, 8.0, verb), ms=8)


def session(story: Story, client: Scope, server: str, address: str, *, recipient: str) -> None:
    """One SMTP session that goes well, with STARTTLS."""
    story.tell(client, ev.ConnectStarted(server, address, 25), ev.Connected(server, address, 25, 11.2), ms=11)
    story.tell(
        client, ev.ReplyReceived(220, None, (f"{server} ESMTP ready",), 3.1), ev.StateChanged("connected", "greeted")
    )
    extensions = ("PIPELINING", "SIZE 10485760", "8BITMIME", "STARTTLS", "ENHANCEDSTATUSCODES")
    for again in (False, True):
        announced = tuple(keyword for keyword in extensions if not (again and keyword == "STARTTLS"))
        story.talk(client, f"EHLO {client.node}", 250, server, *announced)
        story.tell(client, ev.StateChanged("greeted", "ready"), ev.ExtensionsLearned(announced), ms=0.1)
        if not again:
            story.talk(client, "STARTTLS", 220, "go ahead", enhanced="2.0.0")
            certificate = ev.CertificateSeen(
                f"CN={server}", "CN=Campus CA", (server,), "2099-12-31T00:00:00Z", "ab" * 32
            )
            story.tell(client, ev.StateChanged("ready", "tls"), ev.TlsStarted(server), ms=0.2)
            story.tell(client, ev.TlsEstablished("TLSv1.3", "TLS_AES_256_GCM_SHA384", certificate, "pkix"), ms=22)
            story.tell(client, ev.StateChanged("tls", "greeted"), ms=0.1)
    story.talk(client, "MAIL FROM:<teacher@neu.example> SIZE=412", 250, "sender ok", enhanced="2.1.0")
    story.tell(client, ev.StateChanged("ready", "mail"), ms=0.1)
    story.talk(client, f"RCPT TO:<{recipient}>", 250, "recipient ok", enhanced="2.1.5")
    story.tell(client, ev.StateChanged("mail", "rcpt"), ms=0.1)
    story.talk(client, "DATA", 354, "end with CR LF dot CR LF")
    story.tell(client, ev.StateChanged("rcpt", "data"), ev.MessageSent(412, "DATA"), ms=2)
    story.talk(client, ".", 250, "queued as 4F1A7", enhanced="2.0.0")
    story.tell(client, ev.StateChanged("data", "ready"), ms=0.1)
    story.talk(client, "QUIT", 221, "bye", enhanced="2.0.0")
    story.tell(client, ev.StateChanged("ready", "closed"), ev.Disconnected("them", True), ms=1)


def campus_story() -> Story:
    recipient = "student@hust.example"
    story = Story()
    sender = story.place("laptop.neu.example", 0, "submit/1")
    story.tell(sender, ev.JourneyStarted(recipient, "teacher@neu.example", "sim", "campus", 7), ms=0)
    story.tell(sender, ev.DnsQueried("smtp.neu.example", "A", "10.0.0.53"))
    story.tell(
        sender, ev.DnsAnswered("smtp.neu.example", "A", "10.0.0.53", "NOERROR", ("10.1.0.25",), 3600, False, 1.2)
    )
    session(story, sender, "smtp.neu.example", "10.1.0.25", recipient=recipient)
    relay = story.place("smtp.neu.example", 1, "deliver/1")
    story.tell(relay, ev.Queued("4F1A7"), ev.AttemptStarted("4F1A7", 1, "mx1.hust.example"))
    story.tell(relay, ev.DnsQueried("hust.example", "MX", "10.0.0.53"))
    answer = ("10 mx1.hust.example.", "20 mx2.hust.example.")
    story.tell(relay, ev.DnsAnswered("hust.example", "MX", "10.0.0.53", "NOERROR", answer, 3600, False, 1.4))
    hosts = (ev.HostFound("mx1.hust.example", 10, ("10.2.0.25",)), ev.HostFound("mx2.hust.example", 20, ("10.2.0.26",)))
    story.tell(relay, ev.RouteFound("hust.example", "mx", hosts))
    first = relay.within("mx1.hust.example")
    story.tell(first, ev.ConnectStarted("mx1.hust.example", "10.2.0.25", 25))
    story.tell(first, ev.ConnectFailed("mx1.hust.example", "10.2.0.25", 25, 6.0, "refused"), ms=6)
    session(story, relay.within("mx2.hust.example"), "mx2.hust.example", "10.2.0.26", recipient=recipient)
    mailbox = story.place("mx2.hust.example", 2, "receive/1")
    story.tell(mailbox, ev.Delivered("9C2", recipient, "student"))
    story.tell(relay, ev.Dequeued("4F1A7", "relayed"))
    story.tell(sender, ev.JourneyEnded("delivered", 250, "2.0.0", f"in the mailbox of {recipient}"))
    return story


class TapeFeed:
    """Hands out records that are there already, in as many portions as asked, and then ends."""

    gate = None

    def __init__(self, records: list[Record], *, kind: str = "sim", portions: int = 1) -> None:
        self.kind = kind
        self.subject = "student@hust.example"
        self.records: list[Record] = []
        self.ended: Ended | None = None
        self._tape = records
        self._portions = portions

    async def run(self) -> Ended:
        size = -(-len(self._tape) // self._portions)
        for start in range(0, len(self._tape), size):
            self.records.extend(self._tape[start : start + size])
            await asyncio.sleep(0)
        self.ended = Ended(0)
        return self.ended


@pytest.fixture(scope="session")
def campus_records() -> list[Record]:
    return campus_story().journal.records


@pytest.fixture
def tape(campus_records: list[Record]) -> Callable[..., TapeFeed]:
    def make(records: list[Record] | None = None, **arguments: object) -> TapeFeed:
        return TapeFeed(campus_records if records is None else records, **arguments)  # type: ignore[arg-type]

    return make


class Stage:
    """An app on its stage: the screen, and keys pressed one after the other."""

    def __init__(self, app: SmtplabApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def walk(self) -> WalkScreen:
        assert isinstance(self.app.screen, WalkScreen)
        return self.app.screen

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def paste(self, text: str) -> None:
        """From the clipboard to where the cursor stands, as a long path or an address comes into a form."""
        self.app.post_message(events.Paste(text))
        await self.pilot.pause()

    async def take_all(self) -> None:
        """Let the walk read on until it has all that its feed has."""
        await self.pilot.pause()
        while self.walk._walk.read_on():
            pass
        await self.press("home")

    @property
    def selected(self) -> str:
        """The text of the selected line."""
        return self.walk._walk.draw(self.walk.query_one(Transcript).selected)[1].text

    def shown(self) -> str:
        """Every cell of the screen as text, one line a row."""
        width = self.app.size.width
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text[:width] for strip in strips)


@asynccontextmanager
async def _staged(
    feed: object | None, size: tuple[int, int], language: Language, captures: Path
) -> AsyncIterator[Stage]:
    app = SmtplabApp(language, captures, feed)  # type: ignore[arg-type]
    async with app.run_test(size=size) as pilot:
        stage = Stage(app, pilot)
        if feed is not None:
            await stage.take_all()
        yield stage


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., None]:
    """Runs an async scene with a `Stage` on a feed (None for the home screen)."""

    def run(
        scene: Callable[[Stage], Awaitable[None]],
        feed: object | None,
        size: tuple[int, int] = (120, 40),
        language: Language = "en",
    ) -> None:
        async def scenes() -> None:
            async with _staged(feed, size, language, tmp_path) as stage:
                await scene(stage)

        asyncio.run(scenes())

    return run


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a key everything is done before the next one, however busy the machine is."""
    for place in ("textual.app", "textual.pilot"):
        monkeypatch.setattr(f"{place}.wait_for_idle", settle)
