"""Where the recipient of a walk is typed; what is known of the simulated internet completes it."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from smtplab.ui.widgets.line_input import LineInput


class RecipientInput(LineInput):
    HELP: ClassVar = "ui.help.home"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "ui.key.walk", key_display="⏎"),
        Binding("right", "cursor_right", "ui.key.complete", key_display="→"),
        Binding("down", "screen.below", "ui.key.below", key_display="↓"),
    ]
