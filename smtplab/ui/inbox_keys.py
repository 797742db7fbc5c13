"""The keys of the inbox screen, and when each of them can be used."""

from __future__ import annotations

from typing import Final

from textual.binding import Binding, BindingType

from smtplab.lab.served import Served
from smtplab.mta.inbox.reader import MessageRow
from smtplab.mta.inbox.sessions import SessionRow
from smtplab.ui.widgets.message_pane import TABS

KEYS: Final[list[BindingType]] = [
    Binding("slash", "filter", "ui.key.filter"),
    *(Binding(str(number), f"tab('{name}')", "ui.key.face", show=False) for number, name in enumerate(TABS, 1)),
    Binding("left", "turn(-1)", "ui.key.face", key_display="1-6"),
    Binding("right", "turn(1)", "ui.key.face", show=False),
    Binding("s", "want('save')", "ui.key.save-eml"),
    Binding("a", "want('attachments')", "ui.key.attachments"),
    Binding("r", "want('release')", "ui.key.release"),
    Binding("w", "walk", "ui.key.walk-session"),
    Binding("x,delete", "want('delete')", "ui.key.delete"),
    Binding("z", "undo", "ui.key.undo"),
    Binding("space", "mark", "ui.key.mark", show=False),
    Binding("c", "want('compare')", "ui.key.compare", show=False),
    Binding("u", "unread", "ui.key.unread", show=False),
    Binding("X", "want('delete-all')", "ui.key.delete-all", show=False),
    Binding("y", "copy_line", "ui.key.copy-message", show=False),
    Binding("Y", "copy_all", "ui.key.copy-all", show=False),
    Binding("f", "failure", "ui.key.failure", show=False),
    Binding("S", "want('serve')", "ui.key.serve"),
    Binding("q,escape", "leave", "ui.key.back"),
]


def is_possible(
    action: str, parameters: tuple[object, ...], row: MessageRow | SessionRow | None, served: Served
) -> bool:
    """May this be done with the item at hand, or with the server?"""
    match action, parameters:
        case "want", ("serve",):
            return served.state in ("idle", "ended")
        case "want", ("save" | "release" | "compare" | "attachments",):
            return isinstance(row, MessageRow)
        case ("want", _) | ("walk" | "mark" | "unread", _):
            return row is not None
        case _:
            return True
