"""What is asked before something is done with a message of the inbox, and the doing: saved, released, compared."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import App
from textual.screen import Screen

from smtplab.lab.bad_input import BadInput, NotWritten
from smtplab.lab.captures import write_new
from smtplab.message.parts import MimePart
from smtplab.mta.inbox.reader import MessageRow
from smtplab.ui.letterbox import Read
from smtplab.ui.screens.ask import Answer, Ask, AskScreen, Said
from smtplab.ui.screens.inbox import InboxScreen
from smtplab.view.texts import Texts

if TYPE_CHECKING:
    from smtplab.lab.feed import Feed
    from smtplab.lab.served import Served

NAMES_TRIED_MAX = 1000
"""`report-2.pdf`, `report-3.pdf`: a folder with more of one name is better tidied first."""


class Desk:
    """Where what the inbox screen wants is asked and done."""

    def __init__(self, app: App[None], texts: Texts, served: Served, walk: Callable[[Feed], Screen[None]]) -> None:
        """`walk` makes the screen on which a release is followed."""
        self._app = app
        self._texts = texts
        self._served = served
        self._walk = walk

    def answer(self, wanted: InboxScreen.Wanted) -> None:
        read = wanted.read
        match wanted.what:
            case "serve":
                self._start_server()
            case "delete-all":
                self._delete_all()
            case "save" if read is not None and read.letter is not None:
                self._save(read)
            case "attachments" if read is not None and read.letter is not None:
                self._save_attachments(read)
            case "part" if wanted.part is not None:
                self._save_part(wanted.part)
            case "release" if read is not None:
                self._release(read)
            case "compare" if read is not None and wanted.other is not None:
                self._compare(wanted.other, read)
            case _:
                self._app.notify(self._texts("inbox.gone"), severity="warning")

    def _ask(
        self, title: Said, note: Said, asks: tuple[Ask, ...], act: Callable[[Answer], Callable[[], object] | None]
    ) -> None:
        """`act` works in a thread; what it can't do it says by BadInput, and what it returns is done afterwards."""
        afterwards: list[Callable[[], object]] = []

        async def acting(answer: Answer) -> Said | None:
            try:
                if (then := await asyncio.to_thread(act, answer)) is not None:
                    afterwards.append(then)
            except BadInput as bad:
                return Said(bad.text, bad.arguments)
            return None

        def asked(done: bool | None) -> None:
            for then in afterwards if done else ():
                then()

        self._app.push_screen(AskScreen(self._texts, title, note, asks, acting), asked)

    def _save(self, read: Read) -> None:
        name = read.opened.item.id

        def act(answer: Answer) -> Callable[[], None]:
            path = _path(answer["file"])
            write_new(path, read.opened.raw)
            return self._saying(path)

        asks = (Ask("file", "captures.ask.file", str(Path.cwd() / f"{name}.eml")),)
        self._ask(Said("inbox.save", {"id": name}), Said("inbox.save.note"), asks, act)

    def _save_attachments(self, read: Read) -> None:
        letter = read.letter
        assert letter is not None
        parts = letter.attachments
        if not parts:
            self._app.notify(self._texts("inbox.no-attachments"), severity="warning")
            return

        def act(answer: Answer) -> Callable[[], None]:
            folder = _path(answer["folder"])
            for part in parts:
                save_part(part, folder)
            return self._saying(folder)

        names = ", ".join(part.file_name for part in parts)
        asks = (Ask("folder", "inbox.ask.folder", str(Path.cwd())),)
        self._ask(
            Said("inbox.attachments.save", {"count": len(parts)}),
            Said("inbox.attachments.note", {"names": names}),
            asks,
            act,
        )

    def _save_part(self, part: MimePart) -> None:
        """The one chosen in the tree, under a name that is safe."""

        def act(answer: Answer) -> Callable[[], None]:
            path = _path(answer["file"])
            write_new(path, part.content)
            return self._saying(path)

        asks = (Ask("file", "captures.ask.file", str(Path.cwd() / part.file_name)),)
        self._ask(Said("inbox.part.save", {"kind": part.kind}), Said("inbox.part.note"), asks, act)

    def _release(self, read: Read) -> None:
        row = read.opened.item.row
        if not isinstance(row, MessageRow):
            return

        def act(answer: Answer) -> Callable[[], object]:
            # The sending engine takes 0.3 s to import, here in a thread.
            from smtplab.lab.releasing import Release  # noqa: PLC0415

            people = tuple(answer["recipients"].replace(",", " ").split())
            if not people:
                raise BadInput("inbox.release.nobody")
            feed = Release(read.opened.raw, server=answer["server"], sender=answer["sender"], recipients=people)
            return lambda: self._app.push_screen(self._walk(feed))

        asks = (
            Ask("server", "inbox.ask.server"),
            Ask("recipients", "inbox.ask.recipients", " ".join(row.recipients)),
            Ask("sender", "inbox.ask.sender", row.sender),
        )
        self._ask(Said("inbox.release"), Said("inbox.release.note"), asks, act)

    def _compare(self, old: Read, new: Read) -> None:
        from smtplab.ui.screens.compare_mail import CompareMailScreen  # noqa: PLC0415 (with difflib, when needed)

        self._app.push_screen(CompareMailScreen(self._texts, old, new))

    def _delete_all(self) -> None:
        screen = self._app.screen
        assert isinstance(screen, InboxScreen)

        async def act(answer: Answer) -> Said | None:
            del answer
            screen.delete_shown()
            return None

        self._app.push_screen(AskScreen(self._texts, Said("inbox.delete-all"), Said("inbox.delete-all.note"), (), act))

    def _start_server(self) -> None:
        screen = self._app.screen
        assert isinstance(screen, InboxScreen)

        def act(answer: Answer) -> None:
            from smtplab.lab.serve_request import Place, ServeRequest  # noqa: PLC0415

            host, _, port = answer["place"].rpartition(":")
            if not host or not port.isdecimal() or int(port) > 65535:
                raise BadInput("serve.not-a-place", option="--listen", value=answer["place"])
            try:
                place = Place("smtp", host.strip("[]"), int(port))
                self._served.start(ServeRequest(home=screen.home, places=(place,)))
            except OSError as trouble:
                raise BadInput("inbox.server.unstartable", reason=trouble.strerror or str(trouble)) from trouble

        asks = (Ask("place", "inbox.ask.place", "127.0.0.1:2525"),)
        self._ask(Said("inbox.serve"), Said("inbox.serve.note"), asks, act)

    def _saying(self, path: Path) -> Callable[[], None]:
        return lambda: self._app.notify(self._texts("ui.note.saved", path=str(path)), markup=False)


def save_part(part: MimePart, folder: Path) -> Path:
    """Under its safe name, with a number where that is taken. Raises BadInput."""
    stem, dot, suffix = part.file_name.rpartition(".")
    if not dot:
        stem, suffix = part.file_name, ""
    for number in range(1, NAMES_TRIED_MAX + 1):
        name = part.file_name if number == 1 else f"{stem}-{number}{dot}{suffix}"
        try:
            write_new(folder / name, part.content)
        except BadInput as bad:
            if bad.text != "captures.there-already" or number == NAMES_TRIED_MAX:
                raise
        else:
            return folder / name
    raise AssertionError("unreachable")


def _path(typed: str) -> Path:
    """Raises BadInput for nothing, and for a home that nobody has."""
    if not typed:
        raise BadInput("inbox.no-file")
    try:
        return Path(typed).expanduser()
    except RuntimeError as trouble:
        raise NotWritten(typed, trouble) from trouble
