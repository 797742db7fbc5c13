"""The two kinds of what is compared: a world before and after a change, and two servers to whom the same was said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath
from typing import Final, Protocol

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.ui.halves import STYLES, half
from smtplab.ui.log import short
from smtplab.ui.reading import elapsed
from smtplab.ui.secured import Secured
from smtplab.ui.widgets.two_columns import Both, Half
from smtplab.view import duet
from smtplab.view.difference import Pair, pairs
from smtplab.view.moments import line_count
from smtplab.view.safe import safe
from smtplab.view.texts import Texts

_WIDE_CELLS: Final = 120
_NODE_CELLS: Final = 16
_NODE_CELLS_NARROW: Final = 10


class Comparison(Protocol):
    """Lays the records of an old run and a new one beside each other."""

    help: str
    """Its text's id."""
    world: str | None
    """The changed world's name or file, which can be opened."""
    title: str

    same: str
    """The id of what is said where nothing differs."""

    def heads(self, texts: Texts) -> tuple[str, str]:
        """What each side is called."""
        ...

    def ends(self, texts: Texts) -> tuple[str, str]:
        """How each side ends, in a few words; empty where that is no question."""
        ...

    def lay(self, old: Sequence[Record], new: Sequence[Record], texts: Texts) -> list[bool]:
        """For each row, whether both are the same; called again when the language changes."""
        ...

    def draw(self, row: int, texts: Texts, width: int) -> Both:
        """A width of 0 asks for whole names."""
        ...

    def elapsed_us(self, row: int) -> int:
        """When it happened, since its run's start; in the new one where that has it."""
        ...


class Worlds:
    """One world's events, before a change and after it."""

    help = "ui.help.compare"
    same = "ui.compare.same-world"

    def __init__(self, world: str) -> None:
        self.world: str | None = world
        # Of a file its name alone, which tells of the change.
        self.title = PurePath(world).stem
        self._old = self._new = _told(())
        self._pairs: list[Pair] = []

    def heads(self, texts: Texts) -> tuple[str, str]:
        return texts("ui.compare.before"), texts("ui.compare.after")

    def ends(self, texts: Texts) -> tuple[str, str]:
        """As `Comparison.ends`: what became of how many messages."""
        return _ends(self._old, texts), _ends(self._new, texts)

    def lay(self, old: Sequence[Record], new: Sequence[Record], texts: Texts) -> list[bool]:
        """As `Comparison.lay`, in every language the same."""
        del texts
        self._old, self._new = _told(old), _told(new)
        self._pairs = pairs([one for one, _ in self._old], [one for one, _ in self._new])
        return [pair.same for pair in self._pairs]

    def draw(self, row: int, texts: Texts, width: int) -> Both:
        """As `Comparison.draw`."""
        pair = self._pairs[row]
        left = None if pair.old is None else self._old[pair.old]
        right = None if pair.new is None else self._new[pair.new]
        halves = [
            None if one is None else half(one[0], texts, secure=one[1], node=_in_front(one[0].node, width))
            for one in (left, right)
        ]
        return Both(halves[0], halves[1], differs=not pair.same)

    def elapsed_us(self, row: int) -> int:
        """As `Comparison.elapsed_us`."""
        pair = self._pairs[row]
        told = self._new[pair.new] if pair.new is not None else self._old[pair.old or 0]
        return told[0].elapsed_us


def _in_front(node: str, width: int) -> str:
    if not width:
        return f"{safe(node)}: "
    cells = _NODE_CELLS if width >= _WIDE_CELLS else _NODE_CELLS_NARROW
    return f"{short(node, cells - 1):<{cells}}"


class Dialogues:
    """The same session with two servers."""

    help = "ui.help.duet"
    same = "ui.compare.same"
    world: str | None = None

    def __init__(self, servers: tuple[str, str]) -> None:
        self._servers = servers
        self.title = ""
        self._left: list[duet.Said] = []
        self._right: list[duet.Said] = []
        self._rows: list[duet.Both] = []

    def heads(self, texts: Texts) -> tuple[str, str]:
        del texts
        return safe(self._servers[0]), safe(self._servers[1])

    def ends(self, texts: Texts) -> tuple[str, str]:
        """As `Comparison.ends`: each server's last words are seen."""
        del texts
        return "", ""

    def lay(self, old: Sequence[Record], new: Sequence[Record], texts: Texts) -> list[bool]:
        """As `Comparison.lay`."""
        self._left, self._right = duet.said_in(old, texts), duet.said_in(new, texts)
        self._rows = duet.side_by_side(self._left, self._right)
        return [row.same for row in self._rows]

    def draw(self, row: int, texts: Texts, width: int) -> Both:
        """As `Comparison.draw`."""
        del texts, width
        both = self._rows[row]
        left = None if both.left is None else _half(self._left[both.left])
        right = None if both.right is None else _half(self._right[both.right])
        return Both(left, right, differs=not both.same)

    def elapsed_us(self, row: int) -> int:
        """As `Comparison.elapsed_us`."""
        both = self._rows[row]
        said = self._right[both.right] if both.right is not None else self._left[both.left or 0]
        return said.elapsed_us


def _half(said: duet.Said) -> Half:
    return Half(elapsed(said.elapsed_us / 1e6), f"{said.line.mark:<3} {said.line.text}", STYLES[said.line.tone])


def _ends(told: Sequence[tuple[Record, bool]], texts: Texts) -> str:
    results = Counter(record.event.result for record, _ in told if isinstance(record.event, ev.JourneyEnded))
    return " · ".join(f"{texts(f'result.{result}')}: {count}" for result, count in sorted(results.items()))


def _told(records: Sequence[Record]) -> list[tuple[Record, bool]]:
    """Those that a transcript shows, and whether inside TLS; a server's view its client tells already."""
    secured = Secured(records)
    return [(record, secured[index]) for index, record in enumerate(records) if line_count(record)]
