"""One line of names, one of them at hand; a click or a number goes to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from textual.content import Content
from textual.message import Message
from textual.style import Style
from textual.widget import Widget

from smtplab.view.texts import Texts

_GAP: Final = "  "


class TabLine(Widget, can_focus=False):
    """Says which it is; what stands behind each whoever owns it knows."""

    ALLOW_SELECT = False
    DEFAULT_CSS: ClassVar = "TabLine { height: 1; padding: 0 1; }"

    @dataclass
    class Turned(Message):
        name: str

    def __init__(self, texts: Texts, prefix: str, names: tuple[str, ...]) -> None:
        """A name's words are the text `prefix.name`."""
        super().__init__()
        self.auto_links = False
        self._texts = texts
        self._prefix = prefix
        self._without: frozenset[str] = frozenset()
        self.names = names
        self.name_at_hand = names[0]

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self.refresh()

    def turn(self, name: str) -> None:
        """Without a message."""
        if name in self.names:
            self.name_at_hand = name
            self.refresh()

    def lack(self, *names: str) -> None:
        """There is nothing behind these."""
        self._without = frozenset(names)
        self.refresh()

    def render(self) -> Content:
        parts = []
        for number, name in enumerate(self.names, 1):
            here = name == self.name_at_hand
            quiet = "$faint" if name in self._without else "$quiet"
            said = Content.assemble(
                (f" {number} ", "bold $primary" if here else "$faint"),
                (f"{self._texts(f'{self._prefix}.{name}')} ", "bold $foreground" if here else quiet),
            )
            said = said.stylize("on $chosen") if here else said
            parts.append(said.stylize(Style.from_meta({"@click": f"screen.tab({name!r})"})))
        return Content("").join(parts)
