"""One of several values on a line, changed with the arrows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget


class Choice(Widget, can_focus=True):
    """Shows the value at hand with its words between two arrows; a click goes on to the next."""

    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "turn(-1)", "ui.key.choice", key_display="← →"),
        Binding("right,space", "turn(1)", "ui.key.choice", show=False),
    ]

    @dataclass
    class Changed(Message):
        """Another value is chosen."""

        choice: Choice

    def __init__(self, values: Sequence[str], say: Callable[[str], str], *, id: str) -> None:  # noqa: A002
        """`say` gives a value's words in the language of the moment."""
        super().__init__(id=id)
        self._values = list(values)
        self._say = say
        self.value = self._values[0]

    def offer(self, values: Sequence[str]) -> None:
        """Other values from now on; the one chosen stays where it is among them."""
        self._values = list(values)
        if self.value not in self._values:
            self.value = self._values[0]
        self.refresh()

    def render(self) -> Content:
        return Content.assemble(("◂ ", "$faint"), (self._say(self.value), "bold $primary"), (" ▸", "$faint"))

    def action_turn(self, by: int) -> None:
        self.value = self._values[(self._values.index(self.value) + by) % len(self._values)]
        self.refresh()
        self.post_message(self.Changed(self))

    def on_click(self, event: events.Click) -> None:
        """On the arrow to the left the one before."""
        event.stop()
        offset = event.get_content_offset(self)
        self.action_turn(-1 if offset is not None and not offset.x else 1)
