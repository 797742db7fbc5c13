"""What the title line says of a walk: whose it is, whether it runs, and how far along it is."""

from __future__ import annotations

from smtplab.lab.feed import Feed
from smtplab.ui.walk import Walk
from smtplab.ui.widgets.title_bar import Standing
from smtplab.ui.world import WorldRun
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


def standing_of_world(run: WorldRun, texts: Texts, *, subject: str) -> Standing:
    said, problem = _state_of_world(run, texts)
    return Standing(
        subject=subject,
        place=texts("ui.walk.sim"),
        state=said,
        problem=problem,
        time=texts.duration(run.now_us / 1e6),
        at=run.at,
        of=len(run.known),
    )


def _state_of_world(run: WorldRun, texts: Texts) -> tuple[str, bool]:
    player = run.player
    if not run.known:
        return texts("ui.walk.failed" if run.failed else "ui.walk.waiting"), run.failed
    if player.at_end and run.whole:
        return texts("ui.walk.broken-off" if run.failed else "ui.walk.ended"), run.failed
    return texts(f"ui.walk.{'playing' if player.playing else 'paused'}", speed=f"{player.speed:g}"), False


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
        broken = feed.kind == "sim" and feed.ended.problem is not None
        return texts("ui.walk.broken-off" if broken else "ui.walk.ended"), broken
    if player.following:
        return texts("ui.walk.following"), False
    state = "playing" if player.playing else "paused"
    return texts(f"ui.walk.{state}", speed=f"{player.speed:g}"), False
