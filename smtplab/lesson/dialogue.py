"""A session typed by hand: what has been said so far and what came back; who runs it and who shows it, it knows not."""

from __future__ import annotations

from collections.abc import Sequence

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.lesson.lesson import Action, Task

_GREETED = "QUIT"
"""Said where nothing has been said yet: what comes before it is the greeting."""


class Dialogue:
    """The world is run again from its start with each line: same world, same records, and one reply more."""

    def __init__(self, task: Task) -> None:
        self._client = task.client
        self._server = task.server
        self._said: list[str] = []
        self._records: Sequence[Record] = ()

    @property
    def said(self) -> tuple[str, ...]:
        return tuple(self._said)

    def opening(self) -> Action:
        """To be run before anything is said."""
        return self._action((_GREETED,))

    def greet(self, records: Sequence[Record]) -> None:
        """Of the opening: all that came before the first word of ours."""
        spoken = (
            place for place, one in enumerate(records) if isinstance(one.event, ev.CommandSent) and self._is_own(one)
        )
        self._records = records[: next(spoken, len(records))]

    def with_line(self, line: str) -> Action:
        """To be run with one line more; it counts once its records are taken."""
        return self._action((*self._said, line))

    def take(self, line: str, records: Sequence[Record]) -> None:
        """What came of it, from the start."""
        self._said.append(line)
        self._records = records

    @property
    def records(self) -> Sequence[Record]:
        """Of the whole world."""
        return self._records

    @property
    def own(self) -> list[Record]:
        """What the client said and heard, without the end that each run has."""
        own = [one for one in self._records if self._is_own(one)]
        return own if self.is_over else [one for one in own if not isinstance(one.event, ev.Disconnected)]

    @property
    def awaits_content(self) -> bool:
        """The last reply was a 354: what is typed is the message, until a dot on a line of its own."""
        return self._codes()[-1:] == [354]

    @property
    def is_over(self) -> bool:
        """221 ends it, and 421 may come at any time (RFC 5321 3.8); so may the end of the line."""
        ended = {221, 421} & {*self._codes()}
        lost = any(
            self._is_own(one) and isinstance(one.event, ev.Disconnected) and one.event.by != "us"
            for one in self._records
        )
        return bool(ended) or lost

    def _action(self, lines: Sequence[str]) -> Action:
        return Action(script="\n".join(lines) + "\n", client=self._client, server=self._server)

    def _codes(self) -> list[int | None]:
        return [
            one.event.code for one in self._records if isinstance(one.event, ev.ReplyReceived) and self._is_own(one)
        ]

    def _is_own(self, record: Record) -> bool:
        return record.node == self._client and record.span.startswith("session/")
