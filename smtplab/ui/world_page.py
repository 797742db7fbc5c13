"""What a world teaches, how each of its messages ended, whether all went as expected, and everything that is in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual.content import Content

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.lab.world_page import expectation_line, sections, start_line
from smtplab.sim.expect import Expectations, Verdict
from smtplab.sim.world import World
from smtplab.view.meaning import reason_text
from smtplab.view.safe import safe
from smtplab.view.texts import Texts

_TOLD_APART: Final = "sim.page.expectations"
"""The section that stands with its verdicts further up."""


def about(world: World, records: Sequence[Record], texts: Texts, *, whole: bool) -> Content:
    """`records` are of its run as far as it is known, to its end where it is `whole`."""
    lines = [
        Content.styled(safe(getattr(world.title, texts.language)), "bold $primary"),
        Content.styled(safe(world.name), "$quiet"),
        Content(),
        Content(safe(getattr(world.teaches, texts.language))),
        Content(),
        Content.styled(start_line(world, texts), "$quiet"),
        *_part(texts("sim.run.journeys"), _journeys(records, texts)),
        *_part(texts("sim.run.expectations"), _verdicts(world, records, texts, whole=whole)),
    ]
    for heading, said in sections(world, texts).items():
        if heading != texts(_TOLD_APART):
            lines += _part(heading, [Content(safe(line)) for line in said])
    return Content("\n").join(lines)


def _part(heading: str, lines: list[Content]) -> list[Content]:
    return [Content(), Content.styled(heading, "bold $accent"), *lines] if lines else []


def _journeys(records: Sequence[Record], texts: Texts) -> list[Content]:
    """Each message that has been sent by now, and its end where that is known."""
    ended = {
        (record.node, record.span): record.event for record in records if isinstance(record.event, ev.JourneyEnded)
    }
    lines: list[Content] = []
    for record in records:
        if isinstance(record.event, ev.JourneyStarted):
            end = ended.get((record.node, record.span))
            whose = f"{safe(record.event.sender) or '<>'} → {safe(record.event.recipient)}: "
            lines.append(Content.assemble(whose, _end(end, texts)))
    return lines


def _end(end: ev.JourneyEnded | None, texts: Texts) -> tuple[str, str]:
    if end is None:
        return texts("ui.world.under-way"), "$quiet"
    said = texts(f"result.{end.result}")
    if end.result in ("delivered", "accepted"):
        return said, "$success"
    reason = reason_text(end.detail or str(end.code or ""), texts)
    return safe(f"{said}: {reason}" if reason else said), "$warning" if end.result == "deferred" else "$error"


def _verdicts(world: World, records: Sequence[Record], texts: Texts, *, whole: bool) -> list[Content]:
    expectations = Expectations(world.expectations)
    for record in records:
        expectations.read(record)
    return [_verdict(verdict, texts) for verdict in expectations.verdicts(cut=not whole)]


def _verdict(verdict: Verdict, texts: Texts) -> Content:
    mark, style = ("✓", "$success") if verdict.settled and verdict.held else ("✗", "$error")
    if not verdict.settled:
        mark, style = "?", "$quiet"
    seen = texts("ui.world.seen", count=verdict.seen)
    return Content.assemble(
        (f"{mark} ", style), safe(expectation_line(verdict.expectation, texts)), (f"  {seen}", style)
    )
