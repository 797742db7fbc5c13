"""A sheet over a world that tells what it is about and how it went."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from smtplab.ui import taking
from smtplab.ui.sheets import sheets
from smtplab.view.texts import Texts


class AboutWorldScreen(ModalScreen[None]):
    """Any key that closes a sheet closes it."""

    HELP: ClassVar = "ui.help.about-world"
    CSS_PATH: ClassVar = sheets("screens/about_world")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,w", "dismiss", "ui.key.close"),
        Binding("y,Y", "copy", "ui.key.copy-all"),
    ]

    def __init__(self, tell: Callable[[Texts], Content], texts: Texts) -> None:
        """`tell` gives what the sheet says, in a language."""
        super().__init__()
        self._tell = tell
        self._texts = texts
        self._said = Content()

    def compose(self) -> ComposeResult:
        with Vertical(), VerticalScroll():
            yield Static(id="about")

    def on_mount(self) -> None:
        self.speak(self._texts)
        self.query_one(VerticalScroll).focus()

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self._said = self._tell(texts)
        self.query_one("#about", Static).update(self._said)
        self.query_one(Vertical).border_subtitle = texts("ui.world.about.keys")

    def action_copy(self) -> None:
        taking.copy(self, self._said.plain.split("\n"), self._texts)
