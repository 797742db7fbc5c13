"""The first screen: whom to walk a message to, in which internet, and the captures kept from earlier walks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.suggester import SuggestFromList
from textual.widgets import Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from smtplab.ui.sheets import sheets
from smtplab.ui.widgets.key_bar import KeyBar
from smtplab.ui.widgets.picks import ENDS, Picks
from smtplab.ui.widgets.place_switch import Place, PlaceSwitch
from smtplab.ui.widgets.recipient_input import RecipientInput
from smtplab.view.safe import safe
from smtplab.view.texts import Texts

CAPTURES_SHOWN: Final = 5
"""Of the newest; a longer list is `smtplab capture list`."""

_WORLDS: Final = "worlds:"
_SESSION: Final = "session:"
_LESSONS: Final = "lessons:"
_EXAMPLE: Final = "example:"
_CAPTURE: Final = "capture:"


class Offers(Picks):
    """Above its first line is the recipient's field."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "up", "ui.key.line", key_display="↑↓"),
        Binding("enter", "select", "ui.key.choose", key_display="⏎"),
        *ENDS,
    ]

    @dataclass
    class Left(Message):
        """Up, from the first line."""

    def action_up(self) -> None:
        first = next((place for place, option in enumerate(self.options) if not option.disabled), None)
        if self.highlighted in (None, first):
            self.post_message(self.Left())
        else:
            self.action_cursor_up()


class HomeScreen(Screen[None]):
    """Posts what the person chose; the app makes a walk of it or says why it can't."""

    AUTO_FOCUS: ClassVar = ""
    CSS_PATH: ClassVar = sheets("screens/home", "widgets/key_bar")
    HELP: ClassVar = "ui.help.home"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f4", "worlds", "ui.key.worlds"),
        Binding("f5", "session", "ui.key.session"),
        Binding("f6", "app.inbox", "ui.key.inbox"),
        Binding("f7", "app.captures", "ui.key.captures"),
        Binding("f8", "lessons", "ui.key.lessons"),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 (Textual's own annotation)

    @dataclass
    class WalkChosen(Message):
        recipient: str
        place: Place

    @dataclass
    class WorldsWanted(Message):
        """The list of whole worlds, which is read only now: the first paint does not wait for it."""

    @dataclass
    class SessionWanted(Message):
        """SMTP by hand; with whom is asked next."""

    @dataclass
    class LessonsWanted(Message):
        """The list of lessons, likewise."""

    @dataclass
    class CaptureChosen(Message):
        path: Path

    def __init__(self, texts: Texts, captures: Path, examples: Sequence[str]) -> None:
        """`examples` are recipients that the bundled world knows, the best to begin with first."""
        super().__init__()
        self._texts = texts
        self._captures = captures
        self._examples = tuple(examples)
        self._refusal: str | None = None

    def compose(self) -> ComposeResult:
        texts = self._texts
        with VerticalScroll(id="sheet", can_focus=False):
            yield Label("smtplab", id="name")
            yield Label(texts("ui.home.purpose"), id="purpose")
            yield Label(texts("ui.home.recipient"), id="asks", classes="heading")
            yield RecipientInput(
                placeholder=texts("ui.home.placeholder"),
                suggester=SuggestFromList(self._examples, case_sensitive=False),
            )
            yield PlaceSwitch(texts)
            yield Static(id="note")
            yield Offers(id="offers")
        yield KeyBar(texts)

    def on_mount(self) -> None:
        self._offer()
        self._say_note()
        # It is in sight at the top; where nothing has its place yet, Textual would scroll the headline away to show it.
        self.query_one(RecipientInput).focus(scroll_visible=False)

    def on_screen_resume(self) -> None:
        """A walk may have left a capture behind."""
        self._offer()

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self.query_one("#purpose", Label).update(texts("ui.home.purpose"))
        self.query_one("#asks", Label).update(texts("ui.home.recipient"))
        self.query_one(RecipientInput).placeholder = texts("ui.home.placeholder")
        self.query_one(PlaceSwitch).speak(texts)
        self.query_one(KeyBar).speak(texts)
        self._say_note()
        self._offer()

    def refuse(self, why: str) -> None:
        """One line in place of the note; the next letter takes it away."""
        self._refusal = why
        self._say_note()
        self.query_one(RecipientInput).focus()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._refusal = None
        self.query_one(PlaceSwitch).suggest(place_of(event.value))
        self._say_note()

    @on(Input.Submitted)
    def _walk(self) -> None:
        recipient = self.query_one(RecipientInput).value.strip()
        if recipient:
            self.post_message(self.WalkChosen(recipient, self.query_one(PlaceSwitch).place))
        else:
            self.refuse(self._texts("ui.home.empty"))

    @on(OptionList.OptionSelected)
    def _take_offer(self, event: OptionList.OptionSelected) -> None:
        offer = event.option_id or ""
        if offer == _WORLDS:
            self.action_worlds()
        elif offer == _SESSION:
            self.action_session()
        elif offer == _LESSONS:
            self.action_lessons()
        elif offer.startswith(_CAPTURE):
            self.post_message(self.CaptureChosen(self._captures / offer.removeprefix(_CAPTURE)))
        else:
            self.post_message(self.WalkChosen(offer.removeprefix(_EXAMPLE), "sim"))

    def action_below(self) -> None:
        """To the first of what is offered."""
        offers = self.query_one(Offers)
        offers.focus()
        if offers.highlighted is None:
            offers.action_first()

    @on(Offers.Left)
    def _go_up(self) -> None:
        self.query_one(RecipientInput).focus()

    def action_worlds(self) -> None:
        self.post_message(self.WorldsWanted())

    def action_session(self) -> None:
        self.post_message(self.SessionWanted())

    def action_lessons(self) -> None:
        self.post_message(self.LessonsWanted())

    @on(PlaceSwitch.Changed)
    def _other_place(self) -> None:
        self._say_note()

    def _say_note(self) -> None:
        note = self.query_one("#note", Static)
        note.set_class(self._refusal is not None, "-refusal")
        note.update(Content(self._refusal or self._texts(f"ui.place.{self.query_one(PlaceSwitch).place}.note")))

    def _offer(self) -> None:
        offers = self.query_one(OptionList)
        chosen = offers.highlighted
        offers.clear_options()
        offers.add_option(Option(Content.styled(self._texts("ui.home.examples"), "bold $accent"), disabled=True))
        offers.add_options([Option(f"  {safe(name)}", f"{_EXAMPLE}{name}") for name in self._examples])
        offers.add_option(Option(Content(f"  {self._texts('ui.home.worlds')}"), _WORLDS))
        offers.add_option(Option(Content(f"  {self._texts('ui.home.session')}"), _SESSION))
        offers.add_option(Option(Content(f"  {self._texts('ui.home.lessons')}"), _LESSONS))
        offers.add_option(Option(Content.styled(f"\n{self._texts('ui.home.captures')}", "bold $accent"), disabled=True))
        names = newest_captures(self._captures)
        if names:
            offers.add_options([Option(Content(f"  {safe(name)}"), f"{_CAPTURE}{name}") for name in names])
        else:
            offers.add_option(
                Option(Content.styled(f"  {self._texts('ui.home.no-captures')}", "$quiet"), disabled=True)
            )
        offers.highlighted = chosen


def place_of(recipient: str) -> Place:
    """The simulated internet for names that RFC 2606 and RFC 6761 keep for examples, the real one for all others."""
    domain = recipient.rpartition("@")[2].rstrip(".").lower()
    reserved = (".test", ".example", ".invalid")
    return "live" if "." in domain and not f".{domain}".endswith(reserved) else "sim"


def newest_captures(folder: Path) -> list[str]:
    """File names, newest first; none where the folder is not there or may not be read."""
    try:
        files = [(path.stat().st_mtime, path.name) for path in folder.glob("*.jsonl")]
    except OSError:
        return []
    return [name for _, name in sorted(files, reverse=True)[:CAPTURES_SHOWN]]
