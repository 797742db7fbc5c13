"""What the title line says of a walk: whose it is, whether it runs, and how far along it is."""

from __future__ import annotations

from smtplab.lab.feed import Feed
from smtplab.ui.walk import Walk
from smtplab.ui.widgets.title_bar import Standing
from smtplab.view.texts import Texts


def standing(walk: Walk, feed: Feed, texts: Texts) -> Standing:
    said, problem = _state(walk, feed, texts)
    return Standing(
        subject=feed.subject,
        place=texts(f"ui.walk.{feed.kind}"),
        state=said,
        problem=problem,
        time=texts.duration(walk.player.elapsed_s),
        at=walk.count,
        of=walk.rows.count(len(walk.known)),
    )


def _state(walk: Walk, feed: Feed, texts: Texts) -> tuple[str, bool]:
    """Words, and whether they tell of something that went wrong."""
    player, gate = walk.player, feed.gate
    if gate is not None and gate.held is not None:
        return texts("ui.walk.held"), False
    if gate is not None and gate.holding and feed.ended is None:
        return texts("ui.walk.holding"), False
    if feed.ended is not None and feed.ended.problem is not None and not walk.known:
        return texts("ui.walk.failed"), True
    if not walk.known:
        return texts("ui.walk.waiting"), False
    if player.at_end and feed.ended is not None:
        return texts("ui.walk.ended"), False
    if player.following:
        return texts("ui.walk.following"), False
    state = "playing" if player.playing else "paused"
    return texts(f"ui.walk.{state}", speed=f"{player.speed:g}"), False
