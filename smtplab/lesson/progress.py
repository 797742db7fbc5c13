"""Keeps a student's progress in the home folder: one small file a lesson, replaced whole, so no lock is needed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import msgspec

from smtplab.lesson.player import Progress


def load_progress(home: Path, lesson_id: str) -> Progress:
    """What was kept; a file that is missing or damaged is a lesson not begun, and nothing to stop for."""
    try:
        return msgspec.json.decode(_path(home, lesson_id).read_bytes(), type=Progress)
    except (OSError, msgspec.DecodeError):
        return Progress()


def save_progress(home: Path, lesson_id: str, progress: Progress) -> None:
    """A reader sees the old file or the new one, never half of it. Raises OSError."""
    path = _path(home, lesson_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(msgspec.json.encode(progress))
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _path(home: Path, lesson_id: str) -> Path:
    return home / "progress" / f"{lesson_id}.json"
