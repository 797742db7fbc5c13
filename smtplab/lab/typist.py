"""What stands at the prompt of a session: the mark of the line, what may complete it, and what was typed before."""

from __future__ import annotations

from typing import Final

from smtplab.lab.conversation import Conversation
from smtplab.lab.orders import WORDS
from smtplab.lab.script import encoded
from smtplab.smtp.completion import Known, candidates
from smtplab.smtp.foresight import foresee
from smtplab.smtp.states import State
from smtplab.view.byhand import Mark, mark_of, next_verbs
from smtplab.view.safe import safe
from smtplab.view.texts import Texts

HISTORY_MAX: Final = 1000
"""Lines; a person who types more finds them in the transcript."""


class Typist:
    """Reads the conversation; a screen shows what it says."""

    def __init__(self, conversation: Conversation) -> None:
        way = conversation.way
        self._conversation = conversation
        self._known = Known(way.helo, [way.sender] if way.sender else [], list(way.recipients))
        self._history: list[str] = []
        self._at = 0
        self._begun = ""
        self.dots = True
        """A content's lines that begin with a dot get one more."""

    @property
    def state(self) -> State:
        """Where the next line will meet the dialogue."""
        standing = self._conversation.standing
        if standing is not None:
            return standing.state
        return "closed" if self._conversation.over or self._conversation.ended is not None else "connected"

    def mark(self, line: str, texts: Texts) -> Mark:
        """Before the line leaves."""
        standing = self._conversation.standing
        if standing is None:
            return Mark("·", texts("session.mark.over" if self.state == "closed" else "session.mark.waits"), "quiet")
        if line.startswith(":") and not line.startswith("::"):
            return self._mark_of_order(line, texts)
        typed = line[1:] if line.startswith("::") else line
        foresight = foresee(encoded(typed), standing)
        if foresight.verdict == "empty":
            return Mark("·", texts("session.mark.empty", verbs=" ".join(next_verbs(standing))), "quiet")
        if foresight.verdict == "unknown" and (begun := self.completed(typed)):
            return Mark("…", " · ".join(dict.fromkeys(line.partition(" ")[0] for line in begun)), "quiet")
        if foresight.verdict == "content" and (octets := self._conversation.content_octets):
            last = safe(self._history[-1]) if self._history else ""
            return Mark("✎", texts("session.mark.content.more", count=octets, last=last), "quiet")
        return mark_of(foresight, standing, texts)

    def _mark_of_order(self, line: str, texts: Texts) -> Mark:
        word = line[1:].partition(" ")[0].lower()
        if word in WORDS:
            return Mark(":", texts(f"session.order.{word}"), "quiet")
        fitting = [f":{known}" for known in WORDS if known.startswith(word)]
        if fitting:
            return Mark(":", " ".join(fitting), "quiet")
        return Mark("?", texts("session.unknown-order", detail=word), "odd")

    def completed(self, line: str) -> tuple[str, ...]:
        """Whole lines that begin so."""
        standing = self._conversation.standing
        if line.startswith(":"):
            return tuple(f":{word}" for word in WORDS if word.startswith(line[1:].lower()) and word != line[1:])
        return candidates(line, standing, self._known) if line and standing is not None else ()

    def note(self, line: str) -> None:
        """It was typed to its end."""
        if line and (not self._history or self._history[-1] != line):
            self._history = [*self._history, line][-HISTORY_MAX:]
        self._at, self._begun = len(self._history), ""
        self._learn(line)

    def _learn(self, line: str) -> None:
        path = line.partition("<")[2].partition(">")[0]
        place = {"MAIL FROM:": self._known.senders, "RCPT TO:": self._known.recipients}
        for beginning, found in place.items():
            if line.upper().startswith(beginning) and path:
                found[:] = [path, *(one for one in found if one != path)][:20]

    def turn(self, by: int, line: str) -> str:
        """The line before (-1) or after (1) in the history; what was begun is kept at its end."""
        if self._at == len(self._history):
            self._begun = line
        self._at = min(max(self._at + by, 0), len(self._history))
        return self._begun if self._at == len(self._history) else self._history[self._at]

    @property
    def letter(self) -> tuple[str, str, str]:
        """HELO, sender and recipient for a whole passage."""
        known = self._known
        sender = next(iter(known.senders), f"user@{known.helo}")
        return known.helo, sender, next(iter(known.recipients), "postmaster")
