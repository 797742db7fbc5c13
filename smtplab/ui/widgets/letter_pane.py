"""A message to read, one face of it at a time: text, HTML, headers, source or parts."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from textual.app import ComposeResult
from textual.containers import Container
from textual.content import Content

from smtplab.lab.mailroom import Item
from smtplab.message.header import decode_words, find_first
from smtplab.message.parts import MimePart
from smtplab.mta.inbox.reader import MessageRow
from smtplab.ui.inbox_rows import ending_text, part_row
from smtplab.ui.letterbox import Read
from smtplab.ui.rungs import Piece
from smtplab.ui.widgets.paper import Paper
from smtplab.ui.widgets.row_list import RowList
from smtplab.view.html_text import Written
from smtplab.view.letter import Letter
from smtplab.view.texts import Texts

Face = Literal["text", "html", "headers", "source", "parts"]
PEOPLE_MAX: Final = 10
"""Of the envelope, so that the letter itself is in sight; its session has them all."""

FACES: Final[tuple[Face, ...]] = ("text", "html", "headers", "source", "parts")


class LetterPane(Container):
    """Nothing of the message is interpreted here but by what reads it for us."""

    HELP: ClassVar = "ui.help.letter"

    def __init__(self, texts: Texts, *, id: str | None = None) -> None:  # noqa: A002 (Textual's own name for it)
        super().__init__(id=id)
        self._texts = texts
        self._read: Read | None = None
        self._item: Item | None = None
        self.face: Face = "text"

    def compose(self) -> ComposeResult:
        yield Paper(id="paper")
        yield RowList(self._draw_part, id="parts")

    def on_mount(self) -> None:
        self.query_one("#parts").display = False

    def speak(self, texts: Texts) -> None:
        self._texts = texts
        self._fill()

    @property
    def letter(self) -> Letter | None:
        return None if self._read is None else self._read.letter

    @property
    def part(self) -> MimePart | None:
        """The one chosen in the tree."""
        letter, row = self.letter, self.query_one("#parts", RowList).chosen
        return letter.parts[row].part if letter is not None and row < len(letter.parts) else None

    @property
    def lacking(self) -> tuple[str, ...]:
        """Faces that this message has not."""
        letter = self.letter
        if letter is None:
            return ("html", "headers", "source", "parts")
        return () if letter.html else ("html",)

    def show(self, item: Item | None, read: Read | None) -> None:
        """The item at hand, and what was read of it; None while nothing is."""
        self._item, self._read = item, read
        self._fill()

    def turn(self, face: Face) -> None:
        self.face = face
        self._fill()

    def take_focus(self) -> None:
        self.query_one("#parts" if self.face == "parts" and self.letter is not None else "#paper").focus()

    def _fill(self) -> None:
        paper, parts = self.query_one(Paper), self.query_one("#parts", RowList)
        letter = self.letter
        tree = self.face == "parts" and letter is not None
        if parts.display != tree:
            had_focus = paper.has_focus or parts.has_focus
            parts.display, paper.display = tree, not tree
            if had_focus:
                self.take_focus()
        parts.border_title = self._texts("inbox.parts.title")
        parts.say_empty(Content())
        if letter is not None and tree:
            parts.show(len(letter.parts), 0)
        paper.show(self._lines())

    def _lines(self) -> tuple[Written, ...] | tuple[bytes, ...]:
        texts, letter = self._texts, self.letter
        if self._item is None:
            return ()
        if letter is None:
            return self._about_session(self._item)
        match self.face:
            case "html":
                return letter.html or (Written(texts("inbox.no-html"), "quiet"),)
            case "headers":
                return tuple(_headers(letter, texts))
            case "source":
                cut = (b"", texts("inbox.cut", octets=texts.octets(letter.left_out)).encode())
                return letter.source + cut if letter.left_out else letter.source
            case _:
                body = letter.readable or (Written(texts("inbox.no-text"), "quiet"),)
                return (*_head(self._item, letter, texts), *body)

    def _about_session(self, item: Item) -> tuple[Written, ...]:
        texts = self._texts
        lines = [Written(ending_text(item, texts), "strong"), Written("")]
        if not isinstance(item.row, MessageRow):
            kind = "none" if item.ending is None else item.ending.kind
            kind = "collected" if item.row.protocol == "pop3" else kind
            lines += [Written(texts(f"inbox.ending.{kind}.more")), Written("")]
            client = texts("inbox.client", client=item.row.client, protocol=item.row.protocol)
            lines.append(Written(client, "quiet"))
        return tuple(lines)

    def _draw_part(self, row: int, cells: int) -> list[Piece]:
        letter = self.letter
        return [] if letter is None or row >= len(letter.parts) else part_row(letter.parts[row], self._texts, cells)


def _head(item: Item, letter: Letter, texts: Texts) -> list[Written]:
    """What a reader shows above a letter; the envelope too, for it need not agree with the header."""
    lines = [
        Written(f"{name}: {decode_words(value)}", "", len(name) + 1)
        for name in ("From", "To", "Cc", "Subject", "Date")
        if (value := find_first(letter.root.fields, name))
    ]
    if isinstance(item.row, MessageRow):
        label = texts("inbox.envelope")
        people = ", ".join(f"<{who}>" for who in item.row.recipients[:PEOPLE_MAX])
        if (more := len(item.row.recipients) - PEOPLE_MAX) > 0:
            people += f" +{texts.number(more)}"
        lines.append(Written(f"{label}: <{item.row.sender}> → {people}", "quiet", len(label) + 1))
    if letter.attachments:
        label = texts("inbox.attachments")
        names = ", ".join(f"{part.file_name} ({texts.octets(part.octets)})" for part in letter.attachments)
        lines.append(Written(f"{label}: {names}", "", len(label) + 1))
    return [*lines, Written("")]


def _headers(letter: Letter, texts: Texts) -> list[Written]:
    lines = []
    for name, value, decoded in letter.headers:
        lines.append(Written(f"{name}: {value}", "", len(name) + 1) if name else Written(value, "quiet"))
        if decoded:
            lines.append(Written(f"    {texts('inbox.decoded')}", "quiet"))
    return lines
