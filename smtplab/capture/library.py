"""Where captures lie: those that come with smtplab and those that a person kept; what they hold in a few words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

import smtplab
from smtplab import events as ev
from smtplab.capture.codec import decode_header, decode_record
from smtplab.journal import Record

SUFFIX = ".jsonl"

_ENDS_OCTETS = 65536
"""Read at either end of a file: a journey's first and last record are well below that."""


class Shelved(msgspec.Struct, frozen=True):
    """A capture on a shelf."""

    path: Path
    bundled: bool
    """It came with smtplab."""
    octets: int
    first: ev.JourneyStarted | None
    """None where the file does not begin with a journey."""
    last: ev.JourneyEnded | None
    """None where it does not end with the journey's end."""
    elapsed_s: float
    records: int
    """The last one's number."""
    began_us: int | None
    """Microseconds since the epoch, as recorded; None where the first line is damaged."""

    @property
    def name(self) -> str:
        return self.path.stem


def bundled_folder() -> Path | None:
    """In an installed smtplab within the package, in a checkout beside it; None where they were left out."""
    package = Path(smtplab.__file__).parent
    places = (package / "captures", package.parent / "captures")
    return next((place for place in places if (place / "README.md").is_file()), None)


def shelved(home: Path) -> list[Shelved]:
    """What comes with smtplab first, then what lies in `captures/` of the home folder, each by name."""
    return [*_in_folder(bundled_folder(), bundled=True), *_in_folder(home / "captures", bundled=False)]


def find(name: str, home: Path) -> Path:
    """A file as named; else a capture of that name, with or without its suffix, a person's own before a bundled one."""
    path = Path(name)
    if path.parent != Path() or _is_there(path):
        return path
    for folder in (home / "captures", bundled_folder()):
        if folder is None:
            continue
        for candidate in (folder / name, folder / f"{name}{SUFFIX}"):
            if _is_there(candidate):
                return candidate
    return path


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        # A name that no system takes, too long or with a NUL: whoever opens it will be told.
        return False


def _in_folder(folder: Path | None, *, bundled: bool) -> Iterator[Shelved]:
    if folder is None or not folder.is_dir():
        return
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            found = _look(path, bundled=bundled)
        except OSError:
            # It went away, or is not ours to read: a list is no place to fail.
            continue
        if found is not None:
            yield found


def _look(path: Path, *, bundled: bool) -> Shelved | None:
    """None for a file that is no capture. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(_ENDS_OCTETS)
        octets = path.stat().st_size
        file.seek(max(0, octets - _ENDS_OCTETS))
        tail = file.read(_ENDS_OCTETS)
    lines = head.split(b"\n", 2)
    if decode_header(lines[0]) is None:
        return None
    first, last = (_event(lines[1]) if len(lines) > 1 else None), _event(tail.rstrip(b"\n").rpartition(b"\n")[2])
    return Shelved(
        path,
        bundled,
        octets,
        first.event if first is not None and isinstance(first.event, ev.JourneyStarted) else None,
        last.event if last is not None and isinstance(last.event, ev.JourneyEnded) else None,
        0.0 if last is None else last.elapsed_us / 1e6,
        0 if last is None else last.seq,
        None if first is None else first.time_us,
    )


def _event(line: bytes) -> Record | None:
    found = decode_record(line)
    return found if isinstance(found, Record) else None
