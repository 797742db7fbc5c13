"""Asks what to look for in the transcript and says where the search stands; it does not search itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Label

from smtplab.ui.widgets.line_input import LineInput
from smtplab.view.texts import Texts


class SearchEntry(LineInput):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", "ui.key.search-keep", key_display="⏎")]


class SearchBar(Horizontal):
    """Hidden while nothing is looked for; what is typed is looked for at once."""

    HELP: ClassVar = "ui.help.search"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "ui.key.search-drop", key_display="esc"),
    ]

    @dataclass
    class Changed(Message):
        """The person looks for something else; empty for nothing."""

        wanted: str

    @dataclass
    class Closed(Message):
        """The person is back in the transcript."""

    def __init__(self, texts: Texts) -> None:
        super().__init__(classes="-hidden")
        self._texts = texts
        self._found: tuple[int, int, bool] | None = None

    def compose(self) -> ComposeResult:
        yield Label(self._texts("ui.search.prompt"), classes="prompt")
        yield SearchEntry(compact=True, select_on_focus=True)
        yield Label("", classes="found")

    def open(self) -> None:
        self.remove_class("-hidden")
        self.query_one(LineInput).focus()

    def found(self, place: int, count: int, *, whole: bool = True) -> None:
        """`place` of `count` (from 1) is selected, 0 where none is. More may come unless `whole`."""
        self._found = (place, count, whole)
        self._say_found()

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self.query_one(".prompt", Label).update(texts("ui.search.prompt"))
        self._say_found()

    def action_close(self) -> None:
        """What is looked for stays in sight, and where the person is among it."""
        self.set_class(not self.query_one(LineInput).value, "-hidden")
        self.post_message(self.Closed())

    def action_cancel(self) -> None:
        self.query_one(LineInput).value = ""
        self.action_close()

    @on(Input.Changed)
    def _look(self, event: Input.Changed) -> None:
        event.stop()
        if not event.value:
            self._found = None
            self._say_found()
        self.post_message(self.Changed(event.value))

    @on(Input.Submitted)
    def _keep(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_close()

    def _say_found(self) -> None:
        text = ""
        if self._found is not None:
            place, count, whole = self._found
            said = "found" if place else "elsewhere" if count else "nothing"
            text = self._texts(f"ui.search.{said}{'' if whole else '.so-far'}", place=place, of=count)
        self.query_one(".found", Label).update(text, layout=False)
