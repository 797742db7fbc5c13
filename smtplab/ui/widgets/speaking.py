"""A session typed by hand into a simulated host: what was said and heard, and the line to be said next."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Label

from smtplab.journal import Record
from smtplab.lesson.dialogue import Dialogue
from smtplab.lesson.lesson import Action, Shown, Task
from smtplab.lesson.shown import DIALOGUE, ShownLine, shown_lines
from smtplab.ui.widgets.recording import Recording
from smtplab.ui.widgets.stage import Stage
from smtplab.ui.widgets.typed_lines import PromptInput
from smtplab.view.safe import safe
from smtplab.view.texts import Texts
from smtplab.view.transcript import Line


class Speaking(Stage):
    HELP = "ui.help.speaking"

    def __init__(self, task: Task, texts: Texts) -> None:
        super().__init__()
        self._given = task
        self._texts = texts
        self._begin()

    def _begin(self) -> None:
        self.dialogue = Dialogue(self._given)
        self._waiting: list[str] = []
        """Lines typed while the one before them is still under way."""
        self._under_way: str | None = None
        self._modelled = False
        """A line of the model solution was said here: the rest of the session earns nothing."""
        self._echoes: list[tuple[int, str]] = []
        """Lines of content, each with the number of the dialogue's lines before it: no record tells them singly."""

    def compose(self) -> ComposeResult:
        yield Recording()
        with Horizontal(classes="asks"):
            yield Label("C:", id="prompt")
            yield PromptInput(id="line", compact=True)

    def on_mount(self) -> None:
        self._say()
        self.post_message(self.ActionWanted(self.dialogue.opening()))

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self.query_one(Recording).speak(self._lines())
        self._say()

    @property
    def entrance(self) -> Widget:
        return self.query_one(PromptInput)

    def take(self, records: Sequence[Record]) -> None:
        line, self._under_way = self._under_way, None
        if line is None:
            self.dialogue.greet(records)
        else:
            if self.dialogue.awaits_content:
                self._echoes.append((self._spoken(), line))
            self.dialogue.take(line, records)
        self.query_one(Recording).show(self._lines(), at_end=True)
        self._say()
        if self._waiting and not self.dialogue.is_over:
            self._utter(self._waiting.pop(0))

    def refuse(self) -> None:
        self._under_way = None
        self._waiting.clear()

    def demonstrate(self, action: Action) -> bool:
        """One line more, as long as what was said is how the model begins; else it begins anew."""
        model = tuple(action.script.strip("\n").split("\n"))
        said = self.dialogue.said
        if self._under_way is not None:
            return True
        if said != model[: len(said)] or self.dialogue.is_over:
            self._anew()
            return True
        if len(said) < len(model):
            self._modelled = True
            self._utter(model[len(said)])
        return len(said) + 1 < len(model)

    @on(PromptInput.Said)
    def _say_line(self, said: PromptInput.Said) -> None:
        if self.dialogue.is_over:
            self._anew()
        elif self._under_way is None:
            self._utter(said.line)
        else:
            self._waiting.append(said.line)

    def _utter(self, line: str) -> None:
        self._under_way = line
        self.post_message(self.ActionWanted(self.dialogue.with_line(line), model=self._modelled))

    def _anew(self) -> None:
        self._begin()
        self.query_one(Recording).show((), at_end=True)
        self._say()
        self.post_message(self.ActionWanted(self.dialogue.opening()))

    def _dialogue_lines(self) -> list[ShownLine]:
        return list(shown_lines(self.dialogue.own, Shown(pick=DIALOGUE), self._texts))

    def _spoken(self) -> int:
        return len(self._dialogue_lines())

    def _lines(self) -> list[ShownLine]:
        lines, echoes = self._dialogue_lines(), self._echoes
        merged: list[ShownLine] = []
        for place in range(len(lines) + 1):
            merged += [
                ShownLine(Line(" ->", safe(said), "client", 0), marked=False) for at, said in echoes if at == place
            ]
            merged += lines[place : place + 1]
        return merged

    def _say(self) -> None:
        texts, dialogue = self._texts, self.dialogue
        self.query_one(Recording).border_title = texts(
            "ui.lesson.session", client=self._given.client, server=self._given.server
        )
        state = "over" if dialogue.is_over else "content" if dialogue.awaits_content else "command"
        self.query_one("#prompt", Label).update(" ->" if state == "content" else "C:")
        self.query_one(PromptInput).placeholder = texts(f"ui.lesson.say.{state}")
