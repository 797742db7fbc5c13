"""Says what the pane with the focus is for, and every key that works there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from smtplab.ui.sheets import sheets
from smtplab.view.texts import Texts

_KEYS_APART = 12
"""Cells from a key to what it does: the longest key shown is 9."""


class HelpScreen(ModalScreen[None]):
    """A sheet over the screen below; any key that closes a sheet closes it."""

    CSS_PATH: ClassVar = sheets("screens/help")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q,enter,f1", "dismiss", "ui.key.close"),
    ]

    def __init__(self, about: Sequence[str], keys: list[tuple[str, str]], texts: Texts) -> None:
        """`about` are ids of texts; `keys` are shown forms and text ids, as `keys_of` gives them."""
        super().__init__()
        self._about = about
        self._keys = keys
        self._texts = texts

    def compose(self) -> ComposeResult:
        with Vertical(), VerticalScroll():
            yield Static(id="help")

    def on_mount(self) -> None:
        self.speak(self._texts)
        self.query_one(VerticalScroll).focus()

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        parts: list[Content] = []
        for about in self._about:
            parts += [Content.styled(texts(f"{about}.title"), "bold $accent"), Content()]
            parts += [Content(texts(about)), Content()]
        parts += [Content.styled(texts("ui.help.keys"), "bold $accent"), Content()]
        parts += [
            Content.assemble((shown.ljust(_KEYS_APART), "bold $primary"), texts(said)) for shown, said in self._keys
        ]
        self.query_one("#help", Static).update(Content("\n").join(parts))
        self.query_one(Vertical).border_subtitle = texts("ui.help.closing")


def keys_of(screen: Screen[object]) -> list[tuple[str, str]]:
    """Every key that does something of ours where the focus is: its shown form and its text's id."""
    app: App[object] = screen.app
    shown: dict[str, str] = {}
    for _, binding, enabled, _ in screen.active_bindings.values():
        if enabled and binding.description.startswith("ui."):
            keys = shown.get(binding.description)
            key = app.get_key_display(binding)
            if keys is None or key not in keys:
                shown[binding.description] = key if keys is None else f"{keys} {key}"
    return [(keys, said) for said, keys in shown.items()]


def help_of(screen: Screen[object]) -> tuple[str, ...]:
    """That of the innermost widget with the focus that has one, then that of the screen."""
    found: list[str] = []
    node = screen.focused
    while node is not None and not found:
        if about := getattr(node, "HELP", None):
            found.append(str(about))
        parent = node.parent
        node = parent if hasattr(parent, "parent") else None  # type: ignore[assignment]
    return tuple(dict.fromkeys([*found, str(getattr(screen, "HELP", "ui.help.app"))]))
