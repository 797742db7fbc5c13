"""A session by hand as its screen reads it: the lines so far, what each reply means below it, and which is at hand."""

from __future__ import annotations

from smtplab.events import CommandSent, ExtensionsLearned, ReplyReceived, RuleBroken, StateChanged
from smtplab.journal import Record
from smtplab.lab.conversation import Conversation
from smtplab.smtp.auth_shown import MASK
from smtplab.ui.rungs import Line
from smtplab.ui.walk import Walk
from smtplab.ui.widgets.title_bar import Standing
from smtplab.view.byhand import gist, is_left_out
from smtplab.view.journey import Journey
from smtplab.view.session import Session
from smtplab.view.texts import Texts

_ABOUT_A_REPLY = (StateChanged, ExtensionsLearned, RuleBroken)


class Spoken:
    """A walk that is always followed to its end."""

    def __init__(self, conversation: Conversation, texts: Texts) -> None:
        self._conversation = conversation
        self._heard = 0
        self._shown: list[Record] = []
        self._walk = Walk(self._shown, texts, live=True, below=gist)
        self._reply: int | None = None
        """The index of the last one that the server gave us."""
        self.following = True
        """The person looks at what comes, at no line of their own choice."""

    def speak(self, texts: Texts) -> None:
        self._walk.reading.speak(texts)

    def read_on(self, now_s: float) -> bool:
        """Take in what was said and heard; true where there was something."""
        fresh = self._conversation.records[self._heard :]
        self._heard += len(fresh)
        for record in fresh:
            if not is_left_out(record, self._conversation.records[0]):
                self._note(record)
        known = self._walk.read_on()
        self._walk.player.tick(now_s)
        return known

    def _note(self, record: Record) -> None:
        first = self._conversation.records[0]
        if record.hop == first.hop and record.node == first.node:
            if isinstance(record.event, ReplyReceived):
                self._reply = len(self._shown)
            elif not isinstance(record.event, _ABOUT_A_REPLY):
                self._reply = None
        self._shown.append(record)

    @property
    def count(self) -> int:
        return self._walk.count

    @property
    def selected(self) -> int:
        return self._walk.selected

    @selected.setter
    def selected(self, row: int) -> None:
        self.following = row >= self._walk.count - 1
        self._walk.selected = row

    def follow(self) -> None:
        """At hand is the last reply, where nothing was said since, else the last line."""
        self.following = True
        self._walk.follow()
        if self._reply is not None and self._reply < len(self._walk.known):
            event = self._walk.known[self._reply].event
            lines = len(event.lines) if isinstance(event, ReplyReceived) else 1
            self._walk.selected = self._walk.rows.rows_of(self._reply)[max(lines, 1) - 1]

    @property
    def searchable(self) -> int:
        """As `Walk.searchable`."""
        return self._walk.searchable

    @property
    def all_searchable(self) -> bool:
        """As `Walk.all_searchable`; what is still to be said nobody can look for."""
        return self._walk.all_searchable

    def find(self, wanted: str, start: int = 0) -> list[int]:
        """As `Walk.find`."""
        return self._walk.find(wanted, start)

    def draw(self, row: int) -> tuple[str, Line]:
        """A row's time and its line."""
        return self._walk.draw(row)

    def to_failure(self) -> bool:
        """False where nothing was refused."""
        row = self._walk.next_failure()
        if row is not None:
            self._walk.reveal(row)
        return row is not None

    @property
    def said(self) -> str | None:
        """The line at hand, where a person said it and it is no secret."""
        record = self._walk.record
        if record is None or not isinstance(record.event, CommandSent) or MASK in record.event.line:
            return None
        return record.event.line

    def moment(self) -> tuple[Journey, Record | None]:
        """The record at hand, and how things stood just after it."""
        return self._walk.journey(), self._walk.record

    @property
    def session(self) -> Session | None:
        """Where our dialogue stands now, whatever line is at hand and whoever else talks in the world."""
        journey = self._walk.reading.history.at(len(self._walk.known))
        return next((one for (hop, _, _), one in journey.sessions.items() if hop == 0 and one.side == "client"), None)

    def standing(self, texts: Texts) -> Standing:
        conversation, session = self._conversation, self.session
        state = texts("ui.walk.waiting") if session is None else session.state
        if conversation.ended is not None:
            state = texts("ui.walk.ended")
        elif session is not None and session.secure:
            state = f"{session.state} · {session.tls.version if session.tls is not None else 'TLS'}"
        return Standing(
            subject=conversation.subject,
            place=texts(f"ui.walk.{conversation.kind}"),
            state=state,
            problem=conversation.ended is not None and conversation.ended.exit_code > 0,
            time=texts.duration(self._walk.player.elapsed_s),
            at=self._walk.count,
            of=self._walk.count,
        )
