"""A log as a file of lines that grows to a bound and is then put aside; what the lines say it does not know."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from smtplab.lab.bad_input import BadInput, NotWritten
from smtplab.mta.trace import iso_time

OLD_FILES = 5
"""FILE.1 is the newest of them; with a new FILE they take six times the bound."""

Value = str | int | bool | list[str]


class Logbook:
    """Raises BadInput where the file can't be opened at the start; what fails later is told once and costs lines."""

    def __init__(
        self, path: Path, octets_max: int, now: Callable[[], float], on_notice: Callable[[BadInput], None]
    ) -> None:
        self._path = path
        self._octets_max = octets_max
        self._now = now
        self._on_notice = on_notice
        self._failing = False
        try:
            self._file, self._octets = self._open()
        except OSError as trouble:
            raise self._unwritable(trouble) from trouble

    def write(self, what: str, about: Mapping[str, Value]) -> None:
        """`2026-11-23T01:00:00.020000Z what key="value" …`. Values are JSON in ASCII: nothing that a client says can
        begin a line, end a value or steer a terminal."""
        told = " ".join(f"{key}={json.dumps(value)}" for key, value in about.items())
        line = f"{iso_time(self._now())} {what} {told}\n".encode("ascii")
        try:
            if self._octets and self._octets + len(line) > self._octets_max:
                self._put_aside()
            os.write(self._file, line)
            self._octets += len(line)
            self._failing = False
        except OSError as trouble:
            if not self._failing:
                self._failing = True
                self._on_notice(self._unwritable(trouble))

    def reopen(self) -> None:
        """Somebody else has put the file aside (SIGHUP, as logrotate has it)."""
        try:
            opened = self._open()
        except OSError as trouble:
            self._on_notice(self._unwritable(trouble))
            return
        os.close(self._file)
        self._file, self._octets = opened

    def close(self) -> None:
        os.close(self._file)

    def _open(self) -> tuple[int, int]:
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_CLOEXEC", 0), 0o600)
        return file, os.fstat(file).st_size

    def _put_aside(self) -> None:
        for number in range(OLD_FILES - 1, 0, -1):
            if (older := self._old(number)).exists():
                older.replace(self._old(number + 1))
        self._path.replace(self._old(1))
        opened = self._open()
        os.close(self._file)
        self._file, self._octets = opened

    def _old(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _unwritable(self, trouble: OSError) -> BadInput:
        return NotWritten(self._path, trouble)
