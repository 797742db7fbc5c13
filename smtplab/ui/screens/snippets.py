"""Passages of SMTP to be said at once: what each shows, and the lines that it will say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from smtplab.lab.script import Step
from smtplab.lab.snippets import SNIPPETS
from smtplab.ui.sheets import sheets
from smtplab.ui.widgets.key_bar import KeyBar
from smtplab.ui.widgets.picks import Picks
from smtplab.view.safe import safe
from smtplab.view.texts import Texts

_LINE_CELLS_MAX = 120
"""Of a line that is too long on purpose its beginning is enough."""


class SnippetsScreen(ModalScreen[Sequence[Step] | None]):
    """Gives the steps of the passage chosen to the session; None where nothing is to be said."""

    HELP: ClassVar = "ui.help.snippets"
    CSS_PATH: ClassVar = sheets("screens/snippets", "widgets/key_bar")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "say", "ui.key.say", key_display="⏎", priority=True),
        Binding("escape", "dismiss", "ui.key.close", key_display="esc"),
        Binding("f1", "app.help", "ui.key.help"),
    ]

    def __init__(self, texts: Texts, letter: tuple[str, str, str]) -> None:
        """`letter` is HELO, sender and recipient, with which the blanks are filled."""
        super().__init__()
        self._texts = texts
        self._letter = letter

    def compose(self) -> ComposeResult:
        with Vertical(id="sheet"):
            with Horizontal():
                yield Picks(id="snippets")
                yield Static(id="says")
            yield KeyBar(self._texts)

    def on_mount(self) -> None:
        self.speak(self._texts)
        self.query_one(OptionList).focus()

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self.query_one("#sheet").border_title = texts("ui.snippets.title")
        options = self.query_one(OptionList)
        chosen = options.highlighted or 0
        options.clear_options()
        signs = {"good": ("✓ ", "$success"), "rude": ("! ", "$warning")}
        options.add_options(
            [Option(Content.assemble(signs[one.kind], texts(f"snippet.{one.name}.title"))) for one in SNIPPETS]
        )
        options.highlighted = chosen
        self.query_one(KeyBar).speak(texts)
        self._say(chosen)

    @on(OptionList.OptionHighlighted)
    def _look_at(self, event: OptionList.OptionHighlighted) -> None:
        self._say(event.option_index)

    def action_say(self) -> None:
        self.query_one(OptionList).action_select()

    @on(OptionList.OptionSelected)
    def _choose(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(SNIPPETS[event.option_index].steps(*self._letter))

    def _say(self, index: int) -> None:
        one = SNIPPETS[index]
        lines = [line for line in one.written_for(*self._letter).split("\n") if line and not line.startswith("expect")]
        said = [
            Content(self._texts(f"snippet.{one.name}")),
            Content(),
            *(Content.styled(safe(line)[:_LINE_CELLS_MAX], "$client") for line in lines),
        ]
        self.query_one("#says", Static).update(Content("\n").join(said))
