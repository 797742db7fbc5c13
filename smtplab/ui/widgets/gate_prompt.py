"""Shows the command that a live walk holds back and lets a person send, edit, replace or skip it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Label

from smtplab.ui.widgets.line_input import LineInput
from smtplab.view.texts import Texts


class GateEntry(LineInput):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "ui.key.gate-send", key_display="⏎"),
        Binding("ctrl+k", "gate_skip", "ui.key.gate-skip"),
    ]

    @dataclass
    class Skipped(Message):
        """Nothing is to be sent."""

    def action_gate_skip(self) -> None:
        self.post_message(self.Skipped())


class GatePrompt(Vertical):
    """Hidden until a line is held."""

    HELP: ClassVar = "ui.help.gate"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "ui.key.gate-leave", key_display="esc"),
    ]

    @dataclass
    class Decided(Message):
        """What the person did with the held line. `line` is None where nothing is to be sent."""

        held: str
        line: str | None

    def __init__(self, texts: Texts) -> None:
        super().__init__(classes="-hidden")
        self._texts = texts
        self._held: str | None = None

    def compose(self) -> ComposeResult:
        yield Label(self._texts("ui.gate.held"), classes="title")
        with Horizontal():
            yield Label("→", classes="prompt")
            yield GateEntry(compact=True, select_on_focus=False)

    @property
    def held(self) -> str | None:
        return self._held

    def hold(self, line: str) -> None:
        """The dialogue waits with this line."""
        self._held = line
        entry = self.query_one(LineInput)
        entry.value = line
        entry.cursor_position = len(line)
        self.remove_class("-hidden")
        entry.focus()

    def release(self) -> None:
        """Nothing waits any more, whoever let it go."""
        self._held = None
        self.add_class("-hidden")

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self.query_one(".title", Label).update(texts("ui.gate.held"))

    def action_leave(self) -> None:
        self._decide(self._held)

    @on(Input.Submitted)
    def _send(self, event: Input.Submitted) -> None:
        event.stop()
        self._decide(event.value)

    @on(GateEntry.Skipped)
    def _skip(self) -> None:
        self._decide(None)

    def _decide(self, line: str | None) -> None:
        if self._held is not None:
            held, self._held = self._held, None
            self.add_class("-hidden")
            self.post_message(self.Decided(held, line))
