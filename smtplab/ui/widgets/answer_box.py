"""The place for an answer: choices, or a line to type; nothing where nothing is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from textual import on
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Label

from smtplab.lesson.lesson import AnyStep, Choice, Question
from smtplab.lesson.prose import Section
from smtplab.ui.widgets.choices import Choices
from smtplab.ui.widgets.line_input import LineInput
from smtplab.view.texts import Texts

_FRAME_ROWS: Final = 2


class AnswerBox(Vertical):
    @dataclass
    class Given(Message):
        """The person has answered."""

        said: str

    @property
    def rows(self) -> int:
        """That it takes up; none where nothing is asked."""
        if not self.children:
            return 0
        choices = [*self.query(Choices)]
        return (choices[0].option_count if choices else 1) + _FRAME_ROWS

    @property
    def asked(self) -> Widget | None:
        """What takes the focus."""
        found = [*self.query(Choices), *self.query(LineInput)]
        return found[0] if found else None

    async def ask(self, step: AnyStep, section: Section, texts: Texts) -> None:
        """In place of what was asked before."""
        await self.remove_children()
        if isinstance(step, Choice):
            await self.mount(Choices(section.choices))
        elif isinstance(step, Question):
            label = Label(texts("ui.lesson.answer"), id="asks")
            await self.mount(Horizontal(label, LineInput(id="said", compact=True)))

    async def clear(self) -> None:
        await self.remove_children()

    def speak(self, section: Section, texts: Texts) -> None:
        """The same question in another language."""
        for choices in self.query(Choices):
            choices.speak(section.choices)
        for label in self.query("#asks").results(Label):
            label.update(texts("ui.lesson.answer"))

    @on(Choices.Taken)
    def _choose(self, taken: Choices.Taken) -> None:
        self.post_message(self.Given(taken.letter))

    @on(Input.Submitted)
    def _submit(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip():
            self.post_message(self.Given(event.value))
