"""The side of a lesson on which something is seen or done; what is right there it does not judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget

from smtplab.journal import Record
from smtplab.lesson.lesson import Action
from smtplab.view.texts import Texts


class Stage(Vertical):
    """Posts what the person wants done, and is given the records of it."""

    @dataclass
    class ActionWanted(Message):
        """To be run in the lesson's world."""

        action: Action
        model: bool = False
        """It shows how it is done, and earns nothing."""

    @dataclass
    class Pointed(Message):
        """This record is meant."""

        record: Record
        model: bool = False

    @dataclass
    class CameIntoView(Message):
        """Records that the person sees from now on."""

        records: Sequence[Record]

    @dataclass
    class AtEnd(Message):
        """All of the run has been seen."""

    @property
    def changes(self) -> Action:
        """What the person has changed in the world so far."""
        return Action()

    def speak(self, texts: Texts) -> None:
        """Another language."""

    def tick(self, now_s: float) -> None:
        """Time passes, seconds of any monotonic clock."""

    def take(self, records: Sequence[Record]) -> None:
        """What came of the action that was wanted last."""

    def refuse(self) -> None:
        """It can't be done; why, the page says."""

    def demonstrate(self, action: Action) -> bool:
        """One step more of the model solution; false where that was the last."""
        del action
        return False

    @property
    def entrance(self) -> Widget | None:
        """What takes the focus when the person turns to this side."""
        return None
