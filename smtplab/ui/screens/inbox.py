"""The inbox: what a server receives, live; a message in all its faces, and the whole session in which it came."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, Literal

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Container
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer

from smtplab.lab.bad_input import BadInput
from smtplab.lab.mailroom import Item
from smtplab.lab.served import Served
from smtplab.message.parts import MimePart
from smtplab.mta.inbox.reader import MessageRow
from smtplab.ui import taking
from smtplab.ui.inbox_keys import KEYS, is_possible
from smtplab.ui.letterbox import Letterbox, Read
from smtplab.ui.lookout import Lookout
from smtplab.ui.sheets import sheets
from smtplab.ui.widgets.inbox_title import InboxTitle
from smtplab.ui.widgets.key_bar import KeyBar
from smtplab.ui.widgets.mail_list import MailList
from smtplab.ui.widgets.message_pane import MessagePane
from smtplab.ui.widgets.row_list import RowList
from smtplab.ui.widgets.search_bar import SearchBar
from smtplab.ui.work import run_beside
from smtplab.view.texts import Texts

LOOK_S: Final = 0.3
"""Between two looks for what has come: a person takes it for at once."""
TICK_S: Final = 1 / 30
OPEN_S: Final = 0.1
"""A row that is only passed on the way is not read."""

_WIDE_CELLS: Final = 120
_TALL_LINES: Final = 36
"""From here on the session stands below its message; before it is one tab more."""

What = Literal["save", "attachments", "part", "release", "compare", "delete", "delete-all", "serve"]


class InboxScreen(Screen[None]):
    """Posts what the person wants done with a message; reading, marking and undoing it does itself."""

    HELP: ClassVar = "ui.help.inbox"
    CSS_PATH: ClassVar = sheets(
        "screens/inbox",
        "widgets/row_list",
        "widgets/paper",
        "widgets/pane",
        "widgets/rail",
        "widgets/transcript",
        "widgets/session_pane",
        "widgets/search_bar",
        "widgets/key_bar",
    )
    BINDINGS: ClassVar = KEYS

    @dataclass
    class Wanted(Message):
        """Something is to be done about an item, which may be none where it concerns all, or the server."""

        what: What
        read: Read | None
        other: Read | None = None
        """With which it is to be compared."""
        part: MimePart | None = None
        """That is to be saved."""

    @dataclass
    class SessionOpened(Message):
        """The person wants to walk through a session."""

        name: str
        read: Read

    def __init__(self, texts: Texts, home: Path, served: Callable[[], Served]) -> None:
        super().__init__()
        self._texts = texts
        self._served = served
        self.home = home
        self._box = Letterbox(home)
        self._at = ""
        """The id of the item at hand."""
        self._reading = False
        """In a narrow window: the message instead of the list."""
        self._wide = self._tall = False
        self._opening: Timer | None = None
        self._lookout = Lookout(self._box, served)

    def compose(self) -> ComposeResult:
        yield InboxTitle()
        with Container(id="body"):
            yield MailList(self._box, self._texts, id="mail")
            yield MessagePane(self._texts, id="message")
        yield SearchBar(self._texts)
        yield KeyBar(self._texts)

    def on_mount(self) -> None:
        self.set_interval(LOOK_S, self._look_soon)
        self.set_interval(TICK_S, self._message.tick)
        self._list.focus()
        self.speak(self._texts)
        self._look_soon()

    def on_unmount(self) -> None:
        self._box.close()

    def on_resize(self, event: events.Resize) -> None:
        self._wide = event.size.width >= _WIDE_CELLS
        self._tall = self._wide and event.size.height >= _TALL_LINES
        self._arrange()

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        for widget in (self._list, self._message, self.query_one(SearchBar), self.query_one(KeyBar)):
            widget.speak(texts)
        self._show_list()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What can be done with the item at hand."""
        if action == "undo":
            return self._box.can_undo
        return is_possible(action, parameters, None if self._item is None else self._item.row, self._served())

    # What has come

    def _look_soon(self) -> None:
        # Beneath another screen each look would have everything painted again, unseen.
        if self.app.screen is self and not any(one.group == "look" and not one.is_finished for one in self.workers):
            self.run_worker(self._look(), group="look")

    async def _look(self) -> None:
        if await self._lookout.look():
            self._show_list()
            self.refresh_bindings()

    def _show_list(self) -> None:
        if not self._stands:
            return
        found = self._list.fill(self._at, self._served())
        if found != self._at:
            self._go_to(found, soon=False)
        self._say_title()
        if not self.query_one(SearchBar).has_class("-hidden"):
            self.query_one(SearchBar).found(len(self._box.shown), len(self._box.items))

    def _say_title(self) -> None:
        if self._stands:
            self.query_one(InboxTitle).say(self._served(), self._box.counts, self._lookout.problem, self._texts)

    # The item at hand

    @property
    def _list(self) -> MailList:
        return self.query_one(MailList)

    @property
    def _message(self) -> MessagePane:
        return self.query_one(MessagePane)

    @property
    def _item(self) -> Item | None:
        return self._box.item(self._at)

    @on(RowList.Chosen, "#mail")
    def _chosen(self, chosen: RowList.Chosen) -> None:
        self._go_to(self._list.id_at(chosen.row), soon=True)

    @on(RowList.Opened, "#mail")
    def _opened(self, opened: RowList.Opened) -> None:
        self._at = self._list.id_at(opened.row)
        if self._item is not None and not self._tall:
            # A session without a message has nothing else to read.
            self._message.turn("text" if isinstance(self._item.row, MessageRow) else "session")
        self._read_it()

    def _read_it(self) -> None:
        """The item at hand; in a narrow window instead of the list."""
        self._go_to(self._at, soon=False)
        self._reading = True
        self._arrange()
        self._message.take_focus()
        self._mark_seen()

    def _go_to(self, name: str, *, soon: bool) -> None:
        """Soon: once the person stays there."""
        if self._opening is not None:
            self._opening.stop()
        self._at = name
        self.refresh_bindings()
        if not name:
            self._show_read(None)
        elif self._wide or self._reading or not soon:
            self._opening = self.set_timer(OPEN_S if soon else 0.001, lambda: self._open(name, person=soon))

    def _open(self, name: str, *, person: bool) -> None:
        self.run_worker(self._fetch(name, person=person), group="open", exclusive=True)

    async def _fetch(self, name: str, *, person: bool) -> None:
        try:
            read = await self._box.read(name)
        except BadInput as bad:
            self._lookout.problem = bad
            return
        if name == self._at and self._stands:
            self._show_read(read)
            if person:
                self._mark_seen()

    @property
    def _stands(self) -> bool:
        """What was read may come while the screen is taken down."""
        return self.is_attached and not self._closing and bool(self.query("#letter")) and bool(self.query("#mail"))

    def _show_read(self, read: Read | None) -> None:
        if not self._stands:
            return
        self._message.show(self._item, read)
        self.refresh_bindings()

    def _mark_seen(self, *, seen: bool = True) -> None:
        if self._item is not None and self._item.seen != seen:
            self._do(self._marking(self._at, seen=seen))

    async def _marking(self, name: str, *, seen: bool) -> None:
        self._box.show_seen(name, seen=seen)
        if self._stands:
            self._list.refresh()
        await self._box.mark_seen(name, seen=seen)
        self._say_title()

    def _do(self, work: Coroutine[object, object, None]) -> None:
        run_beside(self, work, self._tell)

    def _tell(self, bad: BadInput) -> None:
        """An inbox that may only be read is read all the same."""
        self._lookout.problem = bad
        self.notify(self._texts(bad.text, **bad.arguments), severity="error", markup=False)

    # Keys

    def action_filter(self) -> None:
        self._reading = False
        self._arrange()
        self.query_one(SearchBar).open()

    @on(SearchBar.Changed)
    def _look_for(self, sought: SearchBar.Changed) -> None:
        self.run_worker(self._sift(sought.wanted), group="filter", exclusive=True)

    async def _sift(self, wanted: str) -> None:
        try:
            await self._box.filter(wanted)
        except BadInput as bad:
            self._lookout.problem = bad
        self._show_list()

    @on(SearchBar.Closed)
    def _searched(self) -> None:
        self._list.focus()

    def action_tab(self, name: str) -> None:
        self._turn(lambda: self._message.turn(name))

    def action_turn(self, by: int) -> None:
        self._turn(lambda: self._message.turn_by(by))

    def _turn(self, turn: Callable[[], None]) -> None:
        """The list keeps the keys while it has them, but for a session that stands below its message."""
        had_list = self._list.has_focus
        turn()
        if not (self._wide or self._reading) and self._at:
            self._read_it()
        elif not had_list or (self._tall and self._message.tab == "session"):
            self._message.take_focus()

    async def action_leave(self) -> None:
        """From the message to the list, from the list to where one came from."""
        if not self._list.has_focus:
            self._reading = False
            self._arrange()
            self._list.focus()
        else:
            await self.app.run_action("app.back")

    def action_mark(self) -> None:
        if self._list.mark(self._at):
            self.notify(self._texts("inbox.marked"))

    def action_unread(self) -> None:
        if (item := self._item) is not None:
            self._mark_seen(seen=not item.seen)

    def action_want(self, what: What) -> None:
        """The app asks what is to be known more, and does it."""
        if what == "delete":
            self._do(self._delete((self._at,)))
        elif what == "compare" and self._list.marked in ("", self._at):
            self.notify(self._texts("inbox.mark-first"), severity="warning")
        else:
            self._do(self._want(what, self._at))

    async def _want(self, what: What, name: str) -> None:
        other = await self._box.read(self._list.marked) if what == "compare" else None
        read = self._message.read if what in ("serve", "delete-all") else await self._read_anew(name)
        self.post_message(self.Wanted(what, read, other))

    async def _read_anew(self, name: str) -> Read | None:
        """Where it was only passed in the list, and another one is shown still."""
        read = self._message.read
        if read is None or read.opened.item.id != name:
            read = await self._box.read(name)
            if name == self._at:
                self._show_read(read)
        return read

    def _once_read(self, act: Callable[[Read | None], None]) -> None:
        """What concerns the message at hand."""

        async def acting() -> None:
            read = await self._read_anew(self._at)
            if self._stands:
                act(read)

        self._do(acting())

    @on(RowList.Opened, "#parts")
    def _part_opened(self) -> None:
        self.post_message(self.Wanted("part", self._message.read, part=self._message.part))

    def action_walk(self) -> None:
        self._once_read(self._walk)

    def _walk(self, read: Read | None) -> None:
        if read is not None and read.opened.records:
            self.post_message(self.SessionOpened(read.opened.item.session, read))
        else:
            self.notify(self._texts("inbox.no-session"), severity="warning")

    def action_failure(self) -> None:
        self._once_read(lambda _: self._to_failure())

    def _to_failure(self) -> None:
        if not self._message.to_failure():
            self.notify(self._texts("ui.note.no-failure"))
        elif not self._tall:
            self.action_tab("session")

    def action_copy_line(self) -> None:
        self._once_read(lambda read: taking.copy_read(self, self._message.copied(read), self._texts))

    def action_copy_all(self) -> None:
        self._once_read(lambda _: taking.copy_all(self, self._message.walk, self._texts))

    # Deleting

    def delete_shown(self) -> None:
        """All that the filter admits."""
        self._do(self._delete(tuple(item.id for item in self._box.shown)))

    async def _delete(self, names: tuple[str, ...]) -> None:
        place = self._list.chosen
        count = await self._box.take_out(names)
        if count:
            self.notify(self._texts("inbox.deleted", count=count))
        shown = self._box.shown
        self._reading = self._reading and bool(shown)
        self._arrange()
        self._turn_to(shown[min(place, len(shown) - 1)].id if shown else "")

    def action_undo(self) -> None:
        self._do(self._undo())

    async def _undo(self) -> None:
        if names := await self._box.undo():
            self._turn_to(names[0])
            self.notify(self._texts("inbox.undone", count=len(names)))

    def _turn_to(self, name: str) -> None:
        self._at = name
        self._show_list()
        self._go_to(name, soon=False)

    # What is seen

    def _arrange(self) -> None:
        """Two columns where there is room, else one thing at a time."""
        self.set_class(self._wide, "-wide")
        self._list.display = self._wide or not self._reading
        self._message.display = self._wide or self._reading
        self._message.make_room(tall=self._tall)
