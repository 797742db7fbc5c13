"""The worlds that come with smtplab and a person's own: their titles, and what the one at hand is and teaches."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Label, OptionList
from textual.widgets.option_list import Option

from smtplab.lab.bad_input import BadInput
from smtplab.lab.worlds import Offer, bundled_worlds, named, offer, own_worlds, throw_away
from smtplab.ui.screens.ask import Answer, AskScreen, Said
from smtplab.ui.sheets import sheets
from smtplab.ui.widgets.key_bar import KeyBar
from smtplab.ui.widgets.pane import Pane
from smtplab.ui.widgets.picks import ENDS, Picks
from smtplab.view.safe import safe
from smtplab.view.texts import Texts

HOSTS_SHOWN: Final = 6
"""Of one network: the line stays a line."""
_SITE_CELLS_MAX: Final = 16
"""A longer name stands out of its column."""


class WorldList(Picks):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "ui.key.play-world", key_display="⏎"),
        Binding("tab", "app.focus_next", "ui.key.next-pane", key_display="⇥"),
        Binding("x,delete", "screen.throw_away", "ui.key.delete"),
        *ENDS,
    ]


class WorldsScreen(Screen[None]):
    """Posts the world that the person chose; the app plays it."""

    CSS_PATH: ClassVar = sheets("screens/worlds", "widgets/pane", "widgets/key_bar")
    HELP: ClassVar = "ui.help.worlds"

    @dataclass
    class Chosen(Message):
        world: str

    def __init__(self, texts: Texts, folder: Path) -> None:
        """`folder` holds the person's own, those with an injected fault among them."""
        super().__init__()
        self._texts = texts
        self._folder = folder
        self._names: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        yield Label(id="worlds-title")
        with Horizontal():
            yield WorldList(id="worlds")
            yield Pane(id="teaches")
        yield KeyBar(self._texts)

    def on_mount(self) -> None:
        self.speak(self._texts)
        self.query_one(OptionList).focus()

    def on_screen_resume(self) -> None:
        """Of a world that was left a changed one may have been kept, or its file may have been written anew."""
        if self._names and self._names != self._found():
            self.speak(self._texts)
        elif (chosen := self.query_one(OptionList).highlighted) is not None:
            self._say(chosen)

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        options = self.query_one(OptionList)
        chosen = options.highlighted or 0
        before, self._names = self._names, self._found()
        if chosen < len(before) and before[chosen] in self._names:
            # Others may have come on top, or gone.
            chosen = self._names.index(before[chosen])
        self.query_one("#worlds-title", Label).update(texts("ui.worlds.title"))
        options.clear_options()
        options.add_options([Option(self._line(name)) for name in self._names])
        options.highlighted = min(chosen, len(self._names) - 1)
        self._say(options.highlighted)
        self.query_one(KeyBar).speak(texts)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """What comes with smtplab stays."""
        return action != "throw_away" or self._own is not None

    @property
    def _own(self) -> str | None:
        """The world at hand, where it is the person's own."""
        chosen = self.query_one(OptionList).highlighted
        name = self._names[chosen] if chosen is not None and chosen < len(self._names) else ""
        return name if name.endswith(".toml") else None

    def action_throw_away(self) -> None:
        """Once that is confirmed."""
        name = self._own
        if name is None:
            return

        async def act(answer: Answer) -> Said | None:
            del answer
            try:
                throw_away(name)
            except BadInput as bad:
                return Said(bad.text, bad.arguments)
            return None

        title, note = Said("captures.delete", {"name": named(name)}), Said("captures.delete.note", {"path": name})
        self.app.push_screen(AskScreen(self._texts, title, note, (), act))

    def _found(self) -> tuple[str, ...]:
        return (*own_worlds(self._folder), *bundled_worlds())

    def _line(self, name: str) -> Content:
        """A changed world has the title of the one it was made of, so of an own one the file's name is shown."""
        if name.endswith(".toml"):
            return Content.assemble(("◆ ", "$client"), safe(named(name)))
        return Content(safe(offer(name, self._texts.language).title))

    @on(OptionList.OptionHighlighted)
    def _look_at(self, event: OptionList.OptionHighlighted) -> None:
        self._say(event.option_index)
        self.refresh_bindings()

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        self.post_message(self.Chosen(self._names[event.option_index]))

    def _say(self, index: int) -> None:
        name = self._names[index]
        try:
            said = self._page(offer(name, self._texts.language))
        except BadInput as bad:
            said = [Content.styled(safe(self._texts(bad.text, **bad.arguments)), "$error")]
        pane = self.query_one(Pane)
        pane.write(Content("\n").join(said))
        pane.scroll_home(animate=False)

    def _page(self, one: Offer) -> list[Content]:
        texts = self._texts
        hosts = sum(len(names) for _, names in one.sites)
        cells = min(max((len(site) for site, _ in one.sites), default=0), _SITE_CELLS_MAX)
        return [
            Content.styled(safe(one.title), "bold $primary"),
            Content.styled(safe(one.name), "$quiet"),
            Content(),
            Content(safe(one.teaches)),
            Content(),
            Content(texts("ui.worlds.size", hosts=hosts, sites=len(one.sites), letters=one.letters)),
            *(
                Content.assemble((f"  {safe(site):<{cells}}  ", "$accent"), safe(", ".join(_shown(names))))
                for site, names in one.sites
            ),
            *self._faults(one),
            Content(),
            Content.styled(texts("ui.worlds.play", name=_quoted(one.name)), "$quiet"),
            Content.styled(texts("ui.worlds.yours", folder=str(self._folder)), "$quiet"),
        ]

    def _faults(self, one: Offer) -> list[Content]:
        """Of an own world: it is often one that comes with smtplab but for what a person made go wrong."""
        if not one.faults or not one.name.endswith(".toml"):
            return []
        said = [Content.styled(f"  {safe(line)}", "$warning") for line in one.faults]
        return [Content(), Content(self._texts("ui.worlds.faults")), *said]


def _shown(names: tuple[str, ...]) -> list[str]:
    """Of a large network the first hosts, and how many more there are."""
    bare = [name.removesuffix(".example") for name in names]
    return bare if len(bare) <= HOSTS_SHOWN else [*bare[:HOSTS_SHOWN], f"+{len(bare) - HOSTS_SHOWN}"]


def _quoted(name: str) -> str:
    return f"'{name}'" if " " in name else name
