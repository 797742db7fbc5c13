"""The route as a picture: hosts one below the other, what was tried between them, and where the message is."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import ClassVar, Final

from textual.content import Content

from smtplab.ui.widgets.pane import Pane
from smtplab.view.journey import Attempt, Hop, Journey, Place
from smtplab.view.safe import safe
from smtplab.view.texts import Texts

_SHAFT: Final = ("│ ", "$faint")
_WHY_INDENT: Final = 6
_HOPS_SHOWN: Final = 8
"""The last ones: no journey of ours has more, but a capture may hold many journeys."""
_HERE: Final = "◆"
_ATTEMPTS_SHOWN: Final = 12
"""Of a hop, the last ones: five days of retries are a hundred, which no picture holds."""


class RoutePane(Pane):
    """Each hop from its sender down to its host; every address tried, with its reason where it failed."""

    HELP: ClassVar = "ui.help.route"
    TITLE_ID: ClassVar = "ui.pane.route"

    def show(self, journey: Journey, texts: Texts) -> None:
        self.say(
            texts(self.TITLE_ID), Content("\n").join(picture(journey, texts, self.scrollable_content_region.width))
        )


def picture(journey: Journey, texts: Texts, cells: int = 80) -> list[Content]:
    """Lines; before the first host is known, what to wait for."""
    hops = [hop for hop in journey.hops.values() if hop.client]
    if not hops:
        return [Content.styled(texts("ui.route.none"), "$quiet")]
    lines: list[Content] = []
    last = ""
    if earlier := len(hops[:-_HOPS_SHOWN]):
        lines.append(Content.styled(texts("ui.route.earlier-hops", count=earlier), "$quiet"))
    for hop in hops[-_HOPS_SHOWN:]:
        if hop.client != last:
            lines.append(_node(hop.client, journey.place, texts))
        lines += _between(hop, journey.attempts, texts, cells)
        reached = any(attempt.connected for attempt in journey.attempts if attempt.hop == hop.number)
        lines.append(_arrow(hop, journey.place, texts))
        if hop.host:
            lines.append(_node(hop.host, journey.place, texts, reached=reached))
        last = hop.host
    if journey.place is not None and journey.place.mailbox:
        lines += [Content.assemble(_SHAFT), _mailbox(journey.place, texts)]
    return lines


def _node(name: str, place: Place | None, texts: Texts, *, reached: bool = True) -> Content:
    here = place is not None and place.node == name and not place.mailbox and not place.towards
    if here:
        return Content.assemble((f"{_HERE} {safe(name)}", "bold $accent"), (f"  {texts('ui.route.here')}", "$accent"))
    return Content.assemble(
        ("● " if reached else "○ ", "$primary" if reached else "$faint"), (safe(name), "bold" if reached else "$quiet")
    )


def _between(hop: Hop, attempts: list[Attempt], texts: Texts, cells: int) -> Iterator[Content]:
    domain = "" if hop.route is None else f"  {safe(hop.route.domain)} · {texts(f'ui.route.{hop.route.source}')}"
    yield Content.assemble(_SHAFT, (texts("ui.route.hop", number=hop.number), "bold $quiet"), (domain, "$quiet"))
    tried = [attempt for attempt in attempts if attempt.hop == hop.number]
    if earlier := len(tried[:-_ATTEMPTS_SHOWN]):
        yield Content.assemble(_SHAFT, (f"  {texts('ui.route.earlier', count=earlier)}", "$quiet"))
    for attempt in tried[-_ATTEMPTS_SHOWN:]:
        yield from _attempt(attempt, texts, cells)
    names = {attempt.host for attempt in tried}
    for found in () if hop.route is None else hop.route.hosts:
        if found.host not in names:
            yield Content.assemble(
                _SHAFT, (f"  ○ {safe(found.host)}", "$faint"), (f"  {texts('ui.route.untried')}", "$faint")
            )


def _attempt(attempt: Attempt, texts: Texts, cells: int) -> Iterator[Content]:
    where = f"{safe(attempt.host)}  {safe(attempt.address)}:{attempt.port}"
    why = ""
    if attempt.refusal is not None:
        why = safe(f"{attempt.refusal.code or ''} {' '.join(attempt.refusal.lines)}".strip())
    elif attempt.reason:
        why = texts.first(f"reason.{attempt.reason}", "ui.route.failed", reason=attempt.reason)
    if why:
        yield Content.assemble(_SHAFT, ("  ✗ ", "bold $error"), where)
        for part in textwrap.wrap(why, max(cells - _WHY_INDENT, 20)):
            yield Content.assemble(_SHAFT, (f"    {part}", "$error"))
    elif attempt.connected:
        took = texts.duration((attempt.ms or 0) / 1000)
        yield Content.assemble(_SHAFT, ("  ✓ ", "bold $success"), where, (f"  {took}", "$quiet"))
    else:
        yield Content.assemble(_SHAFT, ("  … ", "bold $accent"), (where, "$quiet"))


def _arrow(hop: Hop, place: Place | None, texts: Texts) -> Content:
    if place is not None and place.towards and place.towards == hop.host and place.node == hop.client:
        return Content.assemble((f"▼ {_HERE}", "bold $accent"), (f"  {texts('ui.route.under-way')}", "$accent"))
    return Content.styled("▼", "bold $primary" if hop.passed else "$faint")


def _mailbox(place: Place, texts: Texts) -> Content:
    said = texts("ui.route.mailbox", mailbox=place.mailbox)
    return Content.assemble((f"{_HERE} {said}", "bold $success"))
