"""The worlds that come with smtplab: their titles, and what the one at hand teaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Label, OptionList, Static
from textual.widgets.option_list import Option

from smtplab.lab.worlds import Offer, bundled_worlds, offer
from smtplab.ui.sheets import sheets
from smtplab.ui.widgets.key_bar import KeyBar
from smtplab.view.safe import safe
from smtplab.view.texts import Texts


class WorldsScreen(Screen[None]):
    """Posts the world that the person chose; the app plays it."""

    CSS_PATH: ClassVar = sheets("screens/worlds", "widgets/key_bar")
    HELP: ClassVar = "ui.help.worlds"

    @dataclass
    class Chosen(Message):
        world: str

    def __init__(self, texts: Texts) -> None:
        super().__init__()
        self._texts = texts
        self._offers: Sequence[Offer] = ()

    def compose(self) -> ComposeResult:
        yield Label(id="worlds-title")
        with Horizontal():
            yield OptionList(id="worlds")
            yield Static(id="teaches")
        yield KeyBar(self._texts)

    def on_mount(self) -> None:
        self.speak(self._texts)
        self.query_one(OptionList).focus()

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self._offers = [offer(name, texts.language) for name in bundled_worlds()]
        self.query_one("#worlds-title", Label).update(texts("ui.worlds.title"))
        options = self.query_one(OptionList)
        chosen = options.highlighted or 0
        options.clear_options()
        options.add_options([Option(Content(safe(one.title)), one.name) for one in self._offers])
        options.highlighted = chosen
        self._say(chosen)
        self.query_one(KeyBar).speak(texts)

    @on(OptionList.OptionHighlighted)
    def _look_at(self, event: OptionList.OptionHighlighted) -> None:
        self._say(event.option_index)

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        self.post_message(self.Chosen(self._offers[event.option_index].name))

    def _say(self, index: int) -> None:
        one = self._offers[index]
        said = [
            Content.styled(safe(one.title), "bold $primary"),
            Content.styled(safe(one.name), "$quiet"),
            Content(),
            Content(safe(one.teaches)),
            Content(),
            Content.styled(self._texts("ui.worlds.play", name=one.name), "$quiet"),
        ]
        self.query_one("#teaches", Static).update(Content("\n").join(said))
