"""A lesson to spoil: each test changes one thing in a draft that stands."""

from collections.abc import Callable
from pathlib import Path

import pytest

from smtplab.lesson.draft import write_draft
from smtplab.lesson.library import open_lesson
from smtplab.lesson.validate import validate

Spoil = Callable[[str, str, str], list[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draft = tmp_path / "09-my-lesson"
    write_draft(draft)
    return draft


@pytest.fixture
def spoil(folder: Path) -> Spoil:
    """Replaces a text in one file and gives what `validate` finds."""

    def change(file: str, old: str, new: str) -> list[str]:
        text = (folder / file).read_text("utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1), "utf-8")
        return [str(finding) for finding in validate(open_lesson(folder))]

    return change
