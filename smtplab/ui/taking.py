"""What a person takes out of a transcript: a line or all of it for the clipboard, the records for a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from textual.screen import Screen

from smtplab.journal import Record
from smtplab.ui.keep import capture_path
from smtplab.ui.rungs import Line
from smtplab.view.texts import Texts


class Lines(Protocol):
    """Rows of a transcript as far as they are shown, one of them selected."""

    selected: int

    @property
    def count(self) -> int: ...

    def draw(self, row: int) -> tuple[str, Line]: ...


def as_text(lines: Lines) -> list[str]:
    """Every row shown, with swaks' marks, as it is pasted into a mail or an issue."""
    drawn = (lines.draw(row)[1] for row in range(lines.count))
    return [f"{line.mark:<3} {line.text}" for line in drawn]


def copy_line(screen: Screen[None], lines: Lines, texts: Texts) -> None:
    """By OSC 52, which reaches the terminal's own clipboard through ssh too."""
    if 0 <= lines.selected < lines.count:
        copy(screen, [lines.draw(lines.selected)[1].text.strip()], texts)


def copy_all(screen: Screen[None], lines: Lines, texts: Texts) -> None:
    copy(screen, as_text(lines), texts)


def copy_read(screen: Screen[None], copied: tuple[str, str] | None, texts: Texts) -> None:
    """A text, and the id of what is said of it; nothing where there is none."""
    if copied is not None:
        screen.app.copy_to_clipboard(copied[0])
        screen.notify(texts(copied[1]))


def copy(screen: Screen[None], text: Sequence[str], texts: Texts) -> None:
    """Lines of whatever is at hand; nothing where there are none."""
    if text:
        screen.app.copy_to_clipboard("\n".join(text) + ("\n" if len(text) > 1 else ""))
        one = len(text) == 1
        screen.notify(texts("ui.note.copied-line") if one else texts("ui.note.copied-all", lines=len(text)))


def save(screen: Screen[None], records: Sequence[Record], folder: Path, subject: str, texts: Texts) -> None:
    """As a capture; the folder is made when first needed."""
    from smtplab.lab.feed import save_capture  # noqa: PLC0415 (the codec is not wanted for the first paint)

    path = capture_path(folder, subject)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_capture(records, path)
    except OSError as error:
        said = texts("ui.note.save-failed", path=str(path), reason=error.strerror or str(error))
        screen.notify(said, severity="error", markup=False)
    else:
        screen.notify(texts("ui.note.saved", path=str(path)), markup=False)
