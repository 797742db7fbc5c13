"""Captures as files: written line by line so that what happened stays whatever comes next, and read with patience."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, Self

import msgspec

from smtplab.capture.codec import VERSION, Damaged, Header, RecordEncoder, decode_header, decode_record, encode_header
from smtplab.journal import Record

LINE_OCTETS_MAX = 256 * 1024 * 1024
"""A record holds at most one message in base64; a message is some tens of megabytes on any server we know of."""


class CaptureError(Exception):
    """A file that is no capture of ours. OSError tells of one that can't be opened."""

    def __init__(self, reason: Literal["not-a-capture", "unknown-version"], version: int = 0) -> None:
        super().__init__(f"{reason} {version}" if version else reason)
        self.reason = reason
        self.version = version


class Capture(msgspec.Struct, frozen=True):
    """What stood in a file."""

    header: Header | None
    """None for bare records, such as `--json` printed them."""
    records: tuple[Record, ...]
    damaged: tuple[Damaged, ...]
    """Lines that were passed over, by their numbers."""


class CaptureWriter:
    """Writes a capture to a file, each record out of our hands before the next: a crash loses none that was told.

    `OSError` from the constructor names a file that can't be written.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)
        self._encoder = RecordEncoder()
        self._file.write(encode_header())

    def write(self, record: Record) -> None:
        """Raises OSError where the disk is full."""
        self._file.write(self._encoder.encode(record))

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, trouble: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def save(path: Path, records: Iterable[Record]) -> None:
    """A whole capture at once. Raises OSError."""
    encoder = RecordEncoder()
    with path.open("wb") as file:
        file.write(encode_header())
        file.writelines(encoder.encode(record) for record in records)


def read(path: Path) -> Capture:
    """A whole capture. Raises OSError or CaptureError."""
    header: Header | None = None
    records: list[Record] = []
    damaged: list[Damaged] = []
    with path.open("rb") as file:
        for item in scan(file):
            match item:
                case Header():
                    header = item
                case Record():
                    records.append(item)
                case Damaged():
                    damaged.append(item)
    return Capture(header, tuple(records), tuple(damaged))


def scan(file: BinaryIO) -> Iterator[Header | Record | Damaged]:
    """The lines of a capture in turn. Raises CaptureError where neither a header nor a record stands at the start."""
    begun = False
    for number, line in _lines(file):
        item = _item(line, number)
        if not begun:
            # A damaged header costs only itself, so the second line may still show that this is a capture.
            begun = not isinstance(item, Damaged)
            if not begun and number > 1:
                break
        yield item
    if not begun:
        raise CaptureError("not-a-capture")


def _item(line: bytes, number: int) -> Header | Record | Damaged:
    if number == 1 and (header := decode_header(line)) is not None:
        if header.version != VERSION:
            raise CaptureError("unknown-version", header.version)
        return header
    return decode_record(line, number)


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number = 0
    while line := file.readline(LINE_OCTETS_MAX):
        number += 1
        if line.strip():
            yield number, line
