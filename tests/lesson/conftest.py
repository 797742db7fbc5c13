"""A lesson to spoil: each test changes one thing in a draft that stands."""

from collections.abc import Callable
from pathlib import Path

import pytest

from smtplab.lesson.draft import write_draft
from smtplab.lesson.library import open_lesson
from smtplab.lesson.validate import validate
from smtplab.told import Told
from smtplab.view.texts import Texts

Spoil = Callable[[str, str, str], list[str]]


@pytest.fixture(scope="session")
def english() -> Callable[[Told], str]:
    return Texts("en").told


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    draft = tmp_path / "09-my-lesson"
    write_draft(draft)
    return draft


@pytest.fixture
def spoil(folder: Path, english: Callable[[Told], str]) -> Spoil:
    """Replaces a text in one file and gives what `validate` finds, the folder left out."""

    def change(file: str, old: str, new: str) -> list[str]:
        text = (folder / file).read_text("utf-8")
        assert old in text
        (folder / file).write_text(text.replace(old, new, 1), "utf-8")
        return [english(finding.told(Path())) for finding in validate(open_lesson(folder))]

    return change
