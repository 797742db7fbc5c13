"""A message to send: from whom and to whom, and then what becomes of it in the world."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input, Label

from smtplab.journal import Record
from smtplab.lesson.lesson import Action
from smtplab.sim.world import Trip
from smtplab.ui.widgets.line_input import LineInput
from smtplab.ui.widgets.run_view import RunView
from smtplab.ui.widgets.stage import Stage
from smtplab.ui.widgets.typed_lines import FieldInput
from smtplab.view.network import Plan
from smtplab.view.texts import Texts


class Sending(Stage):
    HELP = "ui.help.sending"

    def __init__(self, plan: Plan, texts: Texts) -> None:
        super().__init__()
        self._plan = plan
        self._texts = texts

    def compose(self) -> ComposeResult:
        for name in ("sender", "recipients"):
            with Horizontal(classes="asks"):
                yield Label(self._texts(f"ui.lesson.{name}"), id=f"{name}-label")
                field = FieldInput(id=name, compact=True, placeholder=self._texts(f"ui.lesson.{name}.example"))
                field.next_field = "recipients" if name == "sender" else ""
                yield field
        yield RunView(self._plan, self._texts, "ui.lesson.nothing.send")

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        for name in ("sender", "recipients"):
            self.query_one(f"#{name}-label", Label).update(texts(f"ui.lesson.{name}"))
            self.query_one(f"#{name}", LineInput).placeholder = texts(f"ui.lesson.{name}.example")
        self.query_one(RunView).speak(texts)

    def tick(self, now_s: float) -> None:
        self.query_one(RunView).tick(now_s)

    def take(self, records: Sequence[Record]) -> None:
        self.query_one(RunView).play(records)

    @property
    def entrance(self) -> Widget:
        return self.query_one("#sender", LineInput)

    def demonstrate(self, action: Action) -> bool:
        """First it fills in, then it sends."""
        trip = action.send[0]
        sender, recipients = self.query_one("#sender", LineInput), self.query_one("#recipients", LineInput)
        told = (trip.sender, ", ".join(trip.recipients))
        if (sender.value, recipients.value) != told:
            sender.value, recipients.value = told
            return True
        self.post_message(self.ActionWanted(action, model=True))
        return False

    @on(Input.Submitted)
    def _send(self, event: Input.Submitted) -> None:
        event.stop()
        sender, recipients = self.query_one("#sender", LineInput), self.query_one("#recipients", LineInput)
        to = tuple(part.strip() for part in recipients.value.split(",") if part.strip())
        self.post_message(self.ActionWanted(Action(send=(Trip(sender.value.strip(), to),))))
