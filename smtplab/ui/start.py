"""Opens the terminal UI on whatever it was called for, and returns when the person leaves it."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

from smtplab.ui import garbage
from smtplab.ui.app import INTERRUPTED, SmtplabApp
from smtplab.view.texts import Language

if TYPE_CHECKING:
    from smtplab.lab.conversation import Conversation
    from smtplab.lab.feed import Feed
    from smtplab.lab.served import Served


def run(*, language: Language, captures: Path, feed: Feed | None = None) -> bool:
    """Open the terminal UI and return when the person leaves it; false where that was by Ctrl-C.

    With a feed that has not been run it opens on that walk, without one on the home screen, which makes its feeds
    by `lab.feed.feed_for`. The app runs the feed, cancels it on leaving, and offers its gate where it has one; what
    came of it the caller reads from `feed.ended` afterwards. `captures` is the folder in which `s` saves; it is made
    when first needed. A server that was given, or was started here, has ended when this returns. SIGTERM ends the UI;
    where no server was given it is raised again for the caller. Raises RuntimeError where the UI itself failed; Textual
    has shown why.
    """
    return _run(SmtplabApp(language, captures, feed))


def run_inbox(*, language: Language, captures: Path, served: Served | None = None) -> bool:
    """As `run`, opened on the inbox, with a server that has been started where one is given."""
    app = SmtplabApp(language, captures, "inbox")
    app.given = served
    return _run(app)


def run_session(conversation: Conversation, *, language: Language, captures: Path) -> bool:
    """As `run`, opened on a session by hand that has not been run."""
    return _run(SmtplabApp(language, captures, conversation=conversation))


def run_lesson(lesson: Path, *, language: Language, captures: Path) -> bool:
    """As `run`, opened on the lesson of this folder."""
    return _run(SmtplabApp(language, captures, lesson))


def _run(app: SmtplabApp) -> bool:
    given, before = app.given, signal.getsignal(signal.SIGTERM)
    try:
        with garbage.seldom():
            app.run()
    finally:
        app.stop_serving()
        # The loop took its own handlers away with it.
        signal.signal(signal.SIGTERM, before)
    if app.terminated and given is None:
        signal.raise_signal(signal.SIGTERM)
    if app.return_code not in (None, 0, INTERRUPTED):
        raise RuntimeError("the terminal UI failed")
    return app.return_code != INTERRUPTED
