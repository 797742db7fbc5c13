"""A lesson's map: hosts are looked at, and neither opened nor broken."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from smtplab.ui.widgets.map import WorldMap


class StillMap(WorldMap, inherit_bindings=False):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "ui.key.host", key_display="↑↓"),
        Binding("k", "move(-1)", "ui.key.host", show=False),
        Binding("down,j", "move(1)", "ui.key.host", show=False),
    ]
