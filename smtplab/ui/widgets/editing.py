"""A zone to mend or a host's settings to change, and below it the run that shows what came of it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import TextArea

from smtplab.journal import Record
from smtplab.lesson.lesson import Action, Task
from smtplab.ui.widgets.run_view import RunView
from smtplab.ui.widgets.stage import Stage
from smtplab.view.network import Plan
from smtplab.view.texts import Texts


class Editing(Stage):
    HELP = "ui.help.editing"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+r", "run", "ui.key.run-again", key_display="^r"),
    ]

    def __init__(self, task: Task, text: str, plan: Plan, texts: Texts) -> None:
        super().__init__()
        self._given = task
        self._text = text
        self._plan = plan
        self._texts = texts

    def compose(self) -> ComposeResult:
        # Its tab key leaves it: a zone needs no tab, and who has no mouse must get out again.
        yield TextArea(self._text, show_line_numbers=True, tab_behavior="focus", compact=True)
        yield RunView(self._plan, self._texts, "ui.lesson.nothing.run")

    def on_mount(self) -> None:
        self._say_title()

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self.query_one(RunView).speak(texts)
        self._say_title()

    def tick(self, now_s: float) -> None:
        self.query_one(RunView).tick(now_s)

    def take(self, records: Sequence[Record]) -> None:
        self.query_one(RunView).play(records)

    @property
    def entrance(self) -> Widget:
        return self.query_one(TextArea)

    def action_run(self) -> None:
        self.post_message(self.ActionWanted(self.changes))

    @property
    def changes(self) -> Action:
        return self._action(unicodedata.normalize("NFC", self.query_one(TextArea).text))

    def demonstrate(self, action: Action) -> bool:
        """First it writes, then it runs."""
        model = next(iter((*action.zones.values(), *action.hosts.values())), "").lstrip("\n")
        area = self.query_one(TextArea)
        if area.text != model:
            before, area.text = area.text.split("\n"), model
            lines = model.split("\n")
            changed = (row for row, (old, new) in enumerate(zip(before, lines, strict=False)) if old != new)
            area.move_cursor((next(changed, 0), 0))
            return True
        self.post_message(self.ActionWanted(action, model=True))
        return False

    def _action(self, text: str) -> Action:
        if self._given.does == "mend":
            return Action(zones={self._given.zone: text})
        return Action(hosts={self._given.host: text})

    def _say_title(self) -> None:
        name = self._given.zone or self._given.host
        self.query_one(TextArea).border_title = self._texts(f"ui.lesson.{self._given.does}", name=name)
        self.query_one(TextArea).border_subtitle = self._texts("ui.lesson.run-again")
