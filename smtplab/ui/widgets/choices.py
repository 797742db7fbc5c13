"""The choices of a question: one is taken by its letter, or by moving to it and pressing Enter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from smtplab.ui.prose import spans


class Choices(OptionList):
    HELP: ClassVar = "ui.help.choices"

    @dataclass
    class Taken(Message):
        letter: str

    def __init__(self, choices: Mapping[str, str]) -> None:
        super().__init__(*_options(choices))
        self._letters = tuple(choices)

    def speak(self, choices: Mapping[str, str]) -> None:
        """The same choices in another language."""
        chosen = self.highlighted
        self.clear_options()
        self.add_options(_options(choices))
        self.highlighted = chosen

    def on_key(self, event: events.Key) -> None:
        if event.character in self._letters:
            event.stop()
            event.prevent_default()
            self.highlighted = self._letters.index(str(event.character))
            self.post_message(self.Taken(str(event.character)))

    @on(OptionList.OptionSelected)
    def _take(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Taken(self._letters[event.option_index]))


def _options(choices: Mapping[str, str]) -> list[Option]:
    return [Option(Content.assemble((f"{letter}  ", "bold $accent"), spans(text))) for letter, text in choices.items()]
