"""The sheet on which a person says whom to talk to: a host of a world, a server of our own, or a real one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Input, Label

from smtplab.lab.worlds import bundled_worlds
from smtplab.ui.sheets import sheets
from smtplab.ui.widgets.choice import Choice
from smtplab.ui.widgets.key_bar import KeyBar
from smtplab.ui.widgets.line_input import LineInput
from smtplab.view.texts import Texts

Kind = Literal["sim", "own", "live"]

KINDS: Final[tuple[Kind, ...]] = ("sim", "own", "live")
FIRST_WORLD: Final = "campus"


class CallScreen(ModalScreen[None]):
    """Posts the server that was chosen; the app opens the session, or says why it can't."""

    HELP: ClassVar = "ui.help.call"
    CSS_PATH: ClassVar = sheets("screens/sheet", "widgets/key_bar")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "call", "ui.key.call", key_display="⏎", priority=True),
        Binding("down", "app.focus_next", "ui.key.field", key_display="↑↓"),
        Binding("up", "app.focus_previous", "ui.key.field", show=False),
        Binding("escape", "dismiss", "ui.key.close", key_display="esc"),
        Binding("f1", "app.help", "ui.key.help"),
    ]

    @dataclass
    class Chosen(Message):
        """`again`: the same is to be said there as in the session below."""

        kind: Kind
        server: str
        """`HOST[:PORT]`; empty for our own."""
        world: str
        again: bool

    def __init__(self, texts: Texts, *, again: bool = False, server: str = "") -> None:
        super().__init__()
        self._texts = texts
        self._again = again
        self._server = server
        self._worlds = [FIRST_WORLD, *(name for name in bundled_worlds() if name != FIRST_WORLD)]

    def compose(self) -> ComposeResult:
        with Vertical(id="sheet"):
            with Horizontal():
                yield Label(id="label-kind", classes="label")
                yield Choice(KINDS, lambda kind: self._texts(f"ui.call.{kind}"), id="kind")
            with Horizontal(id="row-world"):
                yield Label(id="label-world", classes="label")
                yield Choice(self._worlds, lambda world: world, id="world")
            with Horizontal(id="row-host"):
                yield Label(id="label-host", classes="label")
                yield Choice([""], lambda host: host, id="host")
            with Horizontal(id="row-server"):
                yield Label(id="label-server", classes="label")
                yield LineInput(self._server, id="server", compact=True, suggester=SuggestFromList(["127.0.0.1:2525"]))
            yield Label(id="note")
            yield Label(id="refusal")
            yield KeyBar(self._texts)

    def on_mount(self) -> None:
        self.query_one("#host", Choice).offer(self._hosts())
        self.speak(self._texts)
        if self._server:
            self.query_one("#kind", Choice).action_turn(2)
        self._follow()
        self.query_one("#server" if self._server else "#kind").focus()

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self.query_one("#sheet").border_title = texts("ui.call.again" if self._again else "ui.call.title")
        for field in ("kind", "world", "host", "server"):
            self.query_one(f"#label-{field}", Label).update(texts(f"ui.call.field.{field}"))
        self.query_one("#server", Input).placeholder = texts("ui.call.placeholder")
        for choice in self.query(Choice):
            choice.refresh()
        self.query_one(KeyBar).speak(texts)
        self._follow()

    def refuse(self, why: str) -> None:
        """One line below the form; the next change takes it away."""
        self.query_one("#refusal", Label).update(why)

    @on(Choice.Changed)
    def _changed(self, event: Choice.Changed) -> None:
        if event.choice.id == "world":
            self.query_one("#host", Choice).offer(self._hosts())
        self._follow()

    @on(Input.Changed)
    def _typed(self) -> None:
        self.refuse("")

    def action_call(self) -> None:
        kind = self._kind
        server = {
            "sim": self.query_one("#host", Choice).value,
            "own": "",
            "live": self.query_one("#server", Input).value.strip(),
        }[kind]
        if kind == "live" and not server:
            self.refuse(self._texts("session.no-server"))
            self.query_one("#server").focus()
            return
        self.post_message(self.Chosen(kind, server, self.query_one("#world", Choice).value, self._again))

    @property
    def _kind(self) -> Kind:
        value = self.query_one("#kind", Choice).value
        return next(kind for kind in KINDS if kind == value)

    def _hosts(self) -> tuple[str, ...]:
        """The world is read only now: the sheet's first paint does not wait for all of them."""
        from smtplab.lab.seat_in_world import places_of  # noqa: PLC0415 (the simulation)

        return places_of(self.query_one("#world", Choice).value) or ("",)

    def _follow(self) -> None:
        """Only the fields that this kind of server has."""
        kind = self._kind
        self.query_one("#row-world").display = kind == "sim"
        self.query_one("#row-host").display = kind == "sim"
        self.query_one("#row-server").display = kind == "live"
        self.query_one("#note", Label).update(self._texts(f"ui.call.{kind}.note"))
        self.refuse("")
