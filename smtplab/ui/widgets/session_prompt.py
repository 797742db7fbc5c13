"""Where a person types SMTP: the line, what completes it, and what it will be taken for before it leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Label

from smtplab.ui.widgets.line_input import LineInput
from smtplab.view.byhand import Mark, Tone
from smtplab.view.texts import Texts

_STYLES: dict[Tone, str] = {"": "", "good": "$success", "odd": "$warning", "bad": "bold $error", "quiet": "$quiet"}

Complete = Callable[[str], Sequence[str]]
"""The whole lines that one may become."""


class _FirstCandidate(Suggester):
    """What may be said changes with every reply, so nothing is remembered."""

    def __init__(self, complete: Complete) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._complete = complete

    async def get_suggestion(self, value: str) -> str | None:
        """In the case in which it was typed: only what follows is shown."""
        found = next(iter(self._complete(value)), None)
        return None if found is None else value + found[len(value) :]


class SessionEntry(LineInput):
    """The line itself."""

    HELP: ClassVar = "ui.help.session-prompt"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "ui.key.say", key_display="⏎"),
        Binding("tab", "complete", "ui.key.complete", key_display="⇥"),
        Binding("up", "turn(-1)", "ui.key.history", key_display="↑↓"),
        Binding("down", "turn(1)", "ui.key.history", show=False),
        Binding("ctrl+d", "leave", "ui.key.farewell"),
        Binding("escape", "transcript", "ui.key.to-transcript", key_display="esc"),
    ]

    @dataclass
    class Turned(Message):
        """The person wants another line of the history."""

        by: int

    @dataclass
    class Left(Message):
        """The person is done, politely."""

    @dataclass
    class TranscriptWanted(Message):
        """The keys are to go to the lines above."""

    def __init__(self, complete: Complete) -> None:
        super().__init__(compact=True, select_on_focus=False, suggester=_FirstCandidate(complete))
        self._complete = complete

    def action_complete(self) -> None:
        """Take what is offered; from an empty line Tab goes on as everywhere."""
        if found := next(iter(self._complete(self.value)), None):
            self.value = found
            self.cursor_position = len(self.value)
        elif not self.value:
            self.screen.focus_next()

    def action_turn(self, by: int) -> None:
        self.post_message(self.Turned(by))

    def action_leave(self) -> None:
        """As in a shell: on an empty line the end, else the letter under the cursor."""
        if self.value:
            self.action_delete_right()
        else:
            self.post_message(self.Left())

    def action_transcript(self) -> None:
        self.post_message(self.TranscriptWanted())


class SessionPrompt(Vertical):
    """Two lines: what is typed, and what it is."""

    @dataclass
    class Typed(Message):
        """The person pressed Enter."""

        line: str

    def __init__(self, texts: Texts, complete: Complete, mark: Callable[[str], Mark]) -> None:
        """Both are asked of every line, as it is typed."""
        super().__init__()
        self._texts = texts
        self._complete = complete
        self._mark = mark

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield Label("", id="arrow")
            yield SessionEntry(self._complete)
        yield Label("", id="mark")

    def show(self, arrow: str) -> None:
        """What stands before the line, and the mark of it at this moment."""
        self.query_one("#arrow", Label).update(arrow)
        self._say_mark()

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self._say_mark()

    def write(self, line: str) -> None:
        """Put this at the prompt, to be edited."""
        entry = self.query_one(SessionEntry)
        entry.value = line
        entry.cursor_position = len(entry.value)
        entry.focus()

    @property
    def line(self) -> str:
        return self.query_one(SessionEntry).value

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self._say_mark()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one(SessionEntry).value = ""
        self.post_message(self.Typed(event.value))

    def _say_mark(self) -> None:
        mark = self._mark(self.line)
        style = _STYLES[mark.tone]
        said = [(f"{mark.sign} ", style), (mark.text, style)]
        if mark.tone == "bad":
            said.append((f"  {self._texts('session.mark.anyway')}", "$quiet"))
        self.query_one("#mark", Label).update(Content.assemble(*said), layout=False)
