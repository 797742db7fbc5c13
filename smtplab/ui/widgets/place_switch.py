"""Chooses where a message is walked: in the simulated internet or in the real one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.style import Style
from textual.widget import Widget

from smtplab.view.texts import Texts

Place = Literal["sim", "live"]


class PlaceSwitch(Widget, can_focus=True):
    """Two words side by side, one of them chosen."""

    HELP: ClassVar = "ui.help.place"
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,right,space", "switch", "ui.key.place", key_display="← →"),
        Binding("down", "screen.below", "ui.key.below", key_display="↓"),
        Binding("up", "app.focus_previous", "ui.key.to-recipient", show=False),
    ]

    @dataclass
    class Changed(Message):
        """Another place is chosen."""

        place: Place

    place: reactive[Place] = reactive("sim")

    def __init__(self, texts: Texts) -> None:
        super().__init__()
        self.auto_links = False
        self._texts = texts
        self.by_hand = False
        """The person has chosen; the recipient decides no more."""

    def suggest(self, place: Place) -> None:
        """What the recipient's domain would choose; a person's own choice stands above it."""
        if not self.by_hand:
            self.place = place

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self.refresh()

    def action_switch(self) -> None:
        self.by_hand = True
        self.place = "live" if self.place == "sim" else "sim"

    def action_choose(self, place: Place) -> None:
        self.by_hand = True
        self.place = place

    def watch_place(self, place: Place) -> None:
        self.post_message(self.Changed(place))

    def render(self) -> Content:
        parts = [self._part("sim"), Content("   "), self._part("live")]
        return Content.assemble(*parts)

    def _part(self, place: Place) -> Content:
        chosen = place == self.place
        mark, style = ("●", "bold $primary") if chosen else ("○", "$quiet")
        return Content.styled(f"{mark} {self._texts(f'ui.place.{place}')}", style).stylize(
            Style.from_meta({"@click": f"choose({place!r})"})
        )
