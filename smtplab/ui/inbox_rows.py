"""How the inbox looks as rows: who wrote to whom about what, and how a session without a message ended."""

from __future__ import annotations

import datetime as dt
from typing import Final

from smtplab.lab.mailroom import Item
from smtplab.mta.inbox.reader import MessageRow
from smtplab.ui.columns import Column, rest_of, row_of
from smtplab.ui.rungs import Piece
from smtplab.view.letter import PartRow
from smtplab.view.texts import Texts

_TIME_CELLS: Final = 8
_WIDE_CELLS: Final = 70
_KIND_CELLS: Final = 24
_OCTETS_CELLS: Final = 10


def item_row(item: Item, texts: Texts, cells: int, *, marked: bool, now: dt.datetime) -> list[Piece]:
    """One line of the list."""
    mark, style = _mark(item, marked=marked)
    time = Column(_when(item.time, now), "quiet", _TIME_CELLS)
    strong = "" if item.seen else "strong"
    if not isinstance(item.row, MessageRow):
        who = (item.ending.helo if item.ending is not None else "") or item.row.client
        tone = "bad" if item.failed else "quiet"
        columns = _halves(cells, Column(who, strong, 0), Column(ending_text(item, texts), tone, 0))
        return row_of([Column(mark, style, 1), time, *columns])
    sender = item.row.sender or "<>"
    people = item.row.recipients
    to = f" → {people[0]}" if people and cells >= _WIDE_CELLS else ""
    more = f" +{len(people) - 1}" if len(people) > 1 and to else ""
    subject = item.row.subject or texts("inbox.no-subject")
    columns = _halves(cells, Column(f"{sender}{to}{more}", strong, 0), Column(subject, strong, 0))
    return row_of([Column(mark, style, 1), time, *columns])


def ending_text(item: Item, texts: Texts) -> str:
    """Of a session that brought no message."""
    ending = item.ending
    if ending is None or isinstance(item.row, MessageRow):
        return texts("inbox.ending.none")
    if item.row.protocol == "pop3":
        return texts("inbox.ending.collected")
    stage = texts(f"stage.{ending.stage}")
    return texts(f"inbox.ending.{ending.kind}", stage=stage, reply=ending.reply)


def part_row(row: PartRow, texts: Texts, cells: int) -> list[Piece]:
    """One node of the MIME tree."""
    part = row.part
    kind_cells = min(_KIND_CELLS + 6, max(cells // 2, 20))
    name_cells = rest_of(cells, kind_cells, _OCTETS_CELLS)
    indent = "  " * min(row.depth, 8)
    said = part.name or ("" if part.parts else part.charset)
    if part.flaws:
        said = f"{said}  {', '.join(texts(f'inbox.flaw.{flaw}') for flaw in part.flaws)}".strip()
    return row_of(
        [
            Column(f"{indent}{part.number} {part.kind}", "client" if part.is_attachment else "", kind_cells),
            Column(texts.number(part.octets), "quiet", _OCTETS_CELLS, right=True),
            Column(said, "odd" if part.flaws else "strong" if part.name else "quiet", name_cells),
        ]
    )


def _halves(cells: int, who: Column, what: Column) -> list[Column]:
    """Correspondents take two fifths, the subject the rest."""
    left = max(cells - 1 - _TIME_CELLS - 2 * 2, 16)
    first = max(left * 2 // 5, 12)
    return [who._replace(cells=first), what._replace(cells=max(left - first - 2 * 2, 8))]


def _mark(item: Item, *, marked: bool) -> tuple[str, str]:
    if marked:
        return "◆", "odd"
    if item.failed:
        return "✗", "bad"
    if not isinstance(item.row, MessageRow):
        return "·", "faint"
    return (" ", "") if item.seen else ("●", "client")


def _when(time: str, now: dt.datetime) -> str:
    """The clock's time today, else month and day, in the reader's zone."""
    try:
        moment = dt.datetime.fromisoformat(time).astimezone(now.tzinfo)
    except (ValueError, OverflowError):
        return ""
    return f"{moment:%H:%M:%S}" if moment.date() == now.date() else f"{moment:%y-%m-%d}"
