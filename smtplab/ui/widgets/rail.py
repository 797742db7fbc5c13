"""The stages of every hop with state and time: a column where there is room, one line where there is not."""

from __future__ import annotations

from typing import ClassVar, Final

from rich.cells import cell_len
from textual.content import Content

from smtplab.journal import Record
from smtplab.ui.widgets.sheet import Sheet
from smtplab.view.journey import Hop, Journey
from smtplab.view.stages import DIALOGUE_STAGES, StageProgress, StageState
from smtplab.view.texts import Texts

_HOPS_SHOWN: Final = 8

_MARKS: Final[dict[StageState, tuple[str, str]]] = {
    "waiting": ("○", "$faint"),
    "running": ("●", "bold $accent"),
    "done": ("✓", "$success"),
    "warning": ("!", "bold $warning"),
    "failed": ("✗", "bold $error"),
    "skipped": ("–", "$faint"),
}


class Rail(Sheet, can_focus=False):
    HELP: ClassVar = "ui.help.rail"

    def __init__(self, texts: Texts) -> None:
        super().__init__()
        self._texts = texts
        self._lies = False
        self._seen: tuple[Journey, Record | None] | None = None

    def lie(self, *, down: bool) -> None:
        """One line instead of a column."""
        self._lies = down
        self.set_class(down, "-lying")
        self._draw()

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self._draw()

    def show(self, journey: Journey, record: Record | None) -> None:
        """The moment; the stage of the record is the one marked."""
        self._seen = (journey, record)
        self._draw()

    def on_resize(self) -> None:
        super().on_resize()
        self._draw()

    def _draw(self) -> None:
        if self._seen is None:
            return
        journey, record = self._seen
        cells = self.scrollable_content_region.width
        if self._lies:
            hop = None if record is None else journey.hops.get(record.hop)
            self.write(line(hop, record, self._texts, cells))
            return
        lines, here = column(journey, record, self._texts, cells)
        self.write(Content("\n").join(lines))
        self.scroll_to(y=max(here - self.size.height // 2, 0), animate=False, force=True)


def column(journey: Journey, record: Record | None, texts: Texts, cells: int) -> tuple[list[Content], int]:
    """The lines, and which of them is the record's stage."""
    lines: list[Content] = []
    here = 0
    for hop in _around(journey, record):
        stages = told(hop)
        if not stages:
            continue
        if lines:
            lines.append(Content())
        lines.append(Content.styled(texts("ui.rail.hop", number=hop.number), "bold $accent"))
        for progress in stages:
            if is_here(progress, hop, record):
                here = len(lines)
            lines.append(_stage(progress, texts, cells, here=is_here(progress, hop, record)))
    return lines, here


def _around(journey: Journey, record: Record | None) -> list[Hop]:
    """Those near the record's: of a thousand hops a screen holds five."""
    numbers = list(journey.hops)
    if len(numbers) <= _HOPS_SHOWN:
        return list(journey.hops.values())
    place = numbers.index(record.hop) if record is not None and record.hop in journey.hops else len(numbers) - 1
    start = max(0, min(place - _HOPS_SHOWN // 2, len(numbers) - _HOPS_SHOWN))
    return [journey.hops[number] for number in numbers[start : start + _HOPS_SHOWN]]


def told(hop: Hop) -> tuple[StageProgress, ...]:
    """A hop without a dialogue of its own, such as a mailbox, shows only what happened there."""
    stages = hop.stages
    if any(progress.stage in DIALOGUE_STAGES and progress.state not in ("waiting", "skipped") for progress in stages):
        return stages
    return tuple(progress for progress in stages if progress.stage not in DIALOGUE_STAGES)


def is_here(progress: StageProgress, hop: Hop, record: Record | None) -> bool:
    return record is not None and record.hop == hop.number and record.stage == progress.stage


def _stage(progress: StageProgress, texts: Texts, cells: int, *, here: bool) -> Content:
    mark, style = _MARKS[progress.state]
    name = texts(f"stage.{progress.stage}")
    time = texts.duration(progress.spent_us / 1e6) if progress.spent_us else ""
    gap = " " * max(cells - cell_len(name) - cell_len(time) - 2, 1)
    said = Content.assemble((f"{mark} ", style), (name, "bold" if here else ""), gap, (time, "$quiet"))
    return said.stylize("on $chosen") if here else said


def line(hop: Hop | None, record: Record | None, texts: Texts, cells: int) -> Content:
    """All names where they fit; else marks, and the name of the one that is at hand."""
    if hop is None or record is None:
        return Content()
    for named, gap in ((True, "  "), (True, " "), (False, " ")):
        parts = [Content.styled(texts("ui.rail.hop", number=hop.number), "$quiet")]
        parts += [_mark(progress, texts, named=named, here=is_here(progress, hop, record)) for progress in told(hop)]
        whole = Content(gap).join(parts)
        if whole.cell_length <= cells:
            break
    return whole


def _mark(progress: StageProgress, texts: Texts, *, named: bool, here: bool) -> Content:
    mark, style = _MARKS[progress.state]
    name = f" {texts(f'stage.{progress.stage}')}" if named or here else ""
    return Content.assemble((mark, style), (name, "bold" if here else "$quiet"))
