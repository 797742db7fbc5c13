"""The sheet on which a person logs in: mechanism, user and a password that is not shown; the base64 is made here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from smtplab.smtp.sasl import Secret
from smtplab.ui.sheets import sheets
from smtplab.ui.widgets.choice import Choice
from smtplab.ui.widgets.key_bar import KeyBar
from smtplab.ui.widgets.line_input import LineInput
from smtplab.view.texts import Texts

KNOWN: Final = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER")
"""Offered after what the server announced: whatever it said, anything may be tried."""


class Filled(NamedTuple):
    """What was typed."""

    mechanism: str
    user: str
    password: Secret


class LoginScreen(ModalScreen[Filled | None]):
    """Gives what was typed to the session, which says it; None where nothing is to be said."""

    HELP: ClassVar = "ui.help.login"
    CSS_PATH: ClassVar = sheets("screens/sheet", "widgets/key_bar")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "log_in", "ui.key.login", key_display="⏎", priority=True),
        Binding("down", "app.focus_next", "ui.key.field", key_display="↑↓"),
        Binding("up", "app.focus_previous", "ui.key.field", show=False),
        Binding("escape", "dismiss", "ui.key.close", key_display="esc"),
        Binding("f1", "app.help", "ui.key.help"),
    ]

    def __init__(self, texts: Texts, mechanisms: Sequence[str], user: str = "") -> None:
        """`mechanisms` are those that the server announced."""
        super().__init__()
        self._texts = texts
        self._mechanisms = list(dict.fromkeys((*mechanisms, *KNOWN)))
        self._user = user

    def compose(self) -> ComposeResult:
        with Vertical(id="sheet"):
            with Horizontal():
                yield Label(id="label-mechanism", classes="label")
                yield Choice(self._mechanisms, lambda value: value, id="mechanism")
            with Horizontal():
                yield Label(id="label-user", classes="label")
                yield LineInput(self._user, id="user", compact=True)
            with Horizontal():
                yield Label(id="label-password", classes="label")
                yield Input(id="password", compact=True, password=True)
            yield Label(id="note")
            yield KeyBar(self._texts)

    def on_mount(self) -> None:
        self.speak(self._texts)
        self.query_one("#password" if self._user else "#user").focus()

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self.query_one("#sheet").border_title = texts("ui.login.title")
        for field in ("mechanism", "user", "password"):
            self.query_one(f"#label-{field}", Label).update(texts(f"ui.login.{field}"))
        self.query_one("#note", Label).update(texts("ui.login.note"))
        self.query_one(KeyBar).speak(texts)

    @on(Input.Submitted)
    def action_log_in(self) -> None:
        user, password = self.query_one("#user", Input).value, self.query_one("#password", Input).value
        if user:
            self.dismiss(Filled(self.query_one(Choice).value, user, Secret(password)))
        else:
            self.query_one("#user").focus()
