"""A sheet that asks: a few lines to fill in or to choose from, or only yes or no; what is done about it others know."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from smtplab.ui.sheets import sheets
from smtplab.ui.widgets.choice import Choice
from smtplab.ui.widgets.key_bar import KeyBar
from smtplab.ui.widgets.line_input import LineInput
from smtplab.view.texts import Texts


class Ask(NamedTuple):
    """One line of the form."""

    name: str
    label: str
    """A text's id."""
    value: str = ""
    choices: tuple[str, ...] = ()
    """None for a line to type; their words are the texts `label.choice`."""


class Said(NamedTuple):
    """A text in whatever language stands: its id and what goes into it."""

    text: str
    arguments: Mapping[str, object] = {}

    def __call__(self, texts: Texts) -> str:
        return texts(self.text, **self.arguments)


Answer = Mapping[str, str]
Act = Callable[[Answer], Awaitable[Said | None]]
"""Does what was asked for; a text where it can't, and the form stays."""


class AskScreen(ModalScreen[bool]):
    """Enter does it and closes the sheet with True; Esc closes it with False."""

    HELP: ClassVar = "ui.help.ask"
    CSS_PATH: ClassVar = sheets("screens/ask", "widgets/key_bar")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "act", "ui.key.ask-yes", key_display="⏎", priority=True),
        Binding("down", "field(1)", "ui.key.field", key_display="↑↓", priority=True),
        Binding("up", "field(-1)", "ui.key.field", show=False, priority=True),
        Binding("escape", "leave", "ui.key.ask-no", key_display="esc", priority=True),
    ]

    def __init__(self, texts: Texts, title: Said, note: Said, asks: tuple[Ask, ...], act: Act) -> None:
        super().__init__()
        self._texts = texts
        self._title = title
        self._note = note
        self._asks = asks
        self._act = act
        self._refusal: Said | None = None
        self._acting = self._over = False

    def compose(self) -> ComposeResult:
        with Vertical(id="sheet"):
            yield Label(id="note")
            for ask in self._asks:
                with Horizontal():
                    yield Label(id=f"label-{ask.name}", classes="label")
                    if ask.choices:
                        yield Choice(ask.choices, self._sayer(ask), id=f"ask-{ask.name}")
                    else:
                        yield LineInput(ask.value, id=f"ask-{ask.name}", compact=True, select_on_focus=False)
            yield Label(id="refusal")
            yield KeyBar(self._texts)

    def on_mount(self) -> None:
        self.speak(self._texts)
        if self._asks:
            self.query_one(f"#ask-{self._asks[0].name}").focus()

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self.query_one("#sheet").border_title = self._title(texts)
        self.query_one("#note", Label).update(Content(self._note(texts)))
        for ask in self._asks:
            self.query_one(f"#label-{ask.name}", Label).update(Content(texts(ask.label)))
        for choice in self.query(Choice):
            choice.refresh()
        self._say_refusal()
        self.query_one(KeyBar).speak(texts)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Only a form of several lines has others to go to."""
        return action != "field" or len(self._asks) > 1

    def action_field(self, by: int) -> None:
        if by > 0:
            self.focus_next()
        else:
            self.focus_previous()

    def answer(self) -> dict[str, str]:
        """What stands in the form."""
        return {
            ask.name: self.query_one(f"#ask-{ask.name}", Choice).value
            if ask.choices
            else self.query_one(f"#ask-{ask.name}", LineInput).value.strip()
            for ask in self._asks
        }

    async def action_act(self) -> None:
        if self._acting or self._over:
            return
        self._acting = True
        try:
            self._refusal = await self._act(self.answer())
        finally:
            self._acting = False
        if self._refusal is None:
            self._close(done=True)
        else:
            self._say_refusal()

    def action_leave(self) -> None:
        if not self._acting:
            self._close(done=False)

    def _close(self, *, done: bool) -> None:
        """Once: a second key may be under way while the sheet goes."""
        if not self._over:
            self._over = True
            self.dismiss(done)

    @on(Input.Changed)
    @on(Choice.Changed)
    def _changed(self) -> None:
        if self._refusal is not None:
            self._refusal = None
            self._say_refusal()

    def _say_refusal(self) -> None:
        self.query_one("#refusal", Label).update(Content("" if self._refusal is None else self._refusal(self._texts)))

    def _sayer(self, ask: Ask) -> Callable[[str], str]:
        return lambda value: self._texts(f"{ask.label}.{value}")
