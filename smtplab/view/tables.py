"""Stages and attempts as Rich tables, for the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtplab.view.safe import safe
from smtplab.view.stages import StageState
from smtplab.view.summary import Summary
from smtplab.view.texts import Texts

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_STYLE_OF_STATE: dict[StageState, str] = {
    "waiting": "dim",
    "running": "bold",
    "done": "green",
    "failed": "red",
    "skipped": "dim",
    "warning": "yellow",
}


def stage_table(summary: Summary, texts: Texts) -> Table:
    """One row a stage of each hop, with its state and time."""
    table = _table(texts("table.stages"))
    for name in ("hop", "stage", "state"):
        table.add_column(texts(f"table.{name}"))
    table.add_column(texts("table.time"), justify="right")
    for line in summary.stages:
        style = _STYLE_OF_STATE[line.state]
        table.add_row(
            _text(str(line.hop)), _text(line.name), _text(line.state_name, style), _text(texts.duration(line.spent_s))
        )
    return table


def attempt_table(summary: Summary, texts: Texts) -> Table:
    """One row an address, in the order tried, with what came of it."""
    table = _table(texts("table.attempts"))
    for name in ("hop", "host", "address", "outcome"):
        table.add_column(texts(f"table.{name}"), overflow="fold")
    for line in summary.attempts:
        style = "green" if line.ok else "red"
        address = f"[{line.address}]:{line.port}"
        table.add_row(_text(str(line.hop)), _text(line.host), _text(address), _text(line.outcome, style))
    return table


def _table(title: str) -> Table:
    # Rich takes 30 ms to import, and plain output does without it.
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    return Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)


def _text(text: str, style: str = "") -> Text:
    """As it is: what stands in square brackets is no markup."""
    from rich.text import Text  # noqa: PLC0415

    return Text(safe(text), style)
