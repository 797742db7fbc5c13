"""Something said below a step's text; in which language is the screen's affair."""

from __future__ import annotations

from typing import Literal, NamedTuple

from smtplab.told import Told

NoteKind = Literal["right", "wrong", "hint", "no-more-hints", "not-yet", "model", "trouble"]


class Note(NamedTuple):
    """What is told of an answer or of an attempt, or to help."""

    kind: NoteKind
    name: str = ""
    """Of the explanation, the hint's number from 0, or the model answer."""
    trouble: Told | None = None
    """What can't be done, and why."""
