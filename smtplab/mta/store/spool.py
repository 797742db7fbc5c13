"""Large contents, appended one behind the other to files that are removed once nothing in them is wanted."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

SEGMENT_OCTETS = 67108864
"""A file is left for the next one here. Smaller ones are given back sooner, larger ones are fewer: 64 MiB hold six of
the largest messages that the server takes unless told otherwise."""


class Place(msgspec.Struct, frozen=True):
    """Where octets lie."""

    segment: int
    start: int
    length: int


class Spool:
    """Files `NUMBER.spool` in a folder. A new one is begun each time: what a crash left half written at the end of the
    last is never written behind.

    What fails in the system is raised as OSError, by every method.
    """

    def __init__(self, folder: Path, wanted: Iterable[int]) -> None:
        """`wanted`: the segment of each content that is still wanted, as often as it holds one."""
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._wanted = Counter(wanted)
        there = [int(path.stem) for path in folder.glob("*.spool") if path.stem.isdecimal()]
        for segment in there:
            if segment not in self._wanted:
                self._path(segment).unlink()
        self._segment = max([0, *there, *self._wanted]) + 1
        self._file: int | None = None
        self._end = 0

    def append(self, *pieces: bytes) -> Place:
        """One content. Safe only after `sync`."""
        if self._file is None:
            self._begin()
        assert self._file is not None
        start, octets = self._end, sum(map(len, pieces))
        for piece in pieces:
            left = memoryview(piece)
            while left:
                left = left[os.write(self._file, left) :]
        self._end += octets
        self._wanted[self._segment] += 1
        return Place(self._segment, start, octets)

    def sync(self) -> None:
        """What was appended is on disk afterwards. A full segment is left for the next one."""
        if self._file is not None:
            os.fdatasync(self._file) if hasattr(os, "fdatasync") else os.fsync(self._file)
        if self._end >= SEGMENT_OCTETS:
            self.leave()

    def leave(self) -> None:
        """No more is written to the present segment."""
        if self._file is not None:
            os.close(self._file)
            left, self._file, self._end = self._segment, None, 0
            self._segment += 1
            self._remove_unwanted(left)

    def read(self, place: Place) -> bytes:
        """Fewer octets than the place says where the file was cut."""
        with self._path(place.segment).open("rb") as file:
            file.seek(place.start)
            return file.read(place.length)

    def forget(self, segment: int) -> None:
        """One content of this segment is wanted no longer."""
        self._wanted[segment] -= 1
        if segment != self._segment:
            self._remove_unwanted(segment)

    def _remove_unwanted(self, segment: int) -> None:
        if self._wanted[segment] <= 0:
            del self._wanted[segment]
            self._path(segment).unlink(missing_ok=True)

    def _begin(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._file = os.open(self._path(self._segment), flags, 0o600)
        self._end = 0
        if hasattr(os, "O_DIRECTORY"):
            # The file's name must survive as well as its octets.
            folder = os.open(self._folder, os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def _path(self, segment: int) -> Path:
        return self._folder / f"{segment:08d}.spool"
