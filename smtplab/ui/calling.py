"""From the server that a person chose to the screen on which they talk to it, or see two servers side by side."""

from __future__ import annotations

from pathlib import Path

from textual.screen import Screen

from smtplab.lab.conversation import Conversation
from smtplab.lab.replay import HEAR_S_MAX, replay
from smtplab.lab.request import WalkRequest
from smtplab.lab.ways import prepare_way
from smtplab.ui.comparing import Dialogues
from smtplab.ui.screens.call import CallScreen
from smtplab.ui.screens.compare import CompareScreen
from smtplab.ui.screens.session import SessionScreen
from smtplab.view.texts import Texts


def screen_of(chosen: CallScreen.Chosen, texts: Texts, captures: Path, before: Conversation | None) -> Screen[None]:
    """A session, or where there was one before the same said again and laid beside it. Raises BadInput."""
    world = chosen.world if chosen.kind == "sim" else None
    timeout_s = HEAR_S_MAX if before is not None else None
    request = WalkRequest(recipient="", server=chosen.server or None, sim=world, timeout_s=timeout_s)
    way = prepare_way(request, own_server=chosen.kind == "own")
    if before is None:
        return SessionScreen(texts, Conversation(way), captures)
    feed = replay(before.steps, before.passwords, way)
    heads = before.subject, way.subject
    return CompareScreen(texts, before.records, feed, Dialogues(heads), captures)
