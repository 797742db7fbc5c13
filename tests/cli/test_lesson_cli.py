"""`smtplab lesson` as a student, a teacher and an autograder meet it: a real process each time."""

import functools
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from smtplab.lesson.library import bundled_folder


def lesson(
    *arguments: str, stdin: str = "", before: Callable[[], None] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "smtplab", "lesson", *arguments],
        capture_output=True,
        timeout=60,
        check=False,
        input=stdin,
        encoding="utf-8",
        preexec_fn=before,
        env={**os.environ, "LC_ALL": "C.UTF-8", "SMTPLAB_LANG": "", "NO_COLOR": "1"},
    )


def solution(name: str) -> str:
    return str(bundled_folder() / name / "solution.toml")


def test_a_list_says_minutes_and_points(tmp_path: Path):
    done = lesson("list", "--json", "--home", str(tmp_path))
    rows = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert rows[0]["id"] == "way-of-one-message"
    assert all(10 <= row["minutes"] <= 20 and row["points"] == 0 < row["points_max"] for row in rows)


def test_an_autograder_reads_points_and_an_exit_code():
    right = lesson("check", "7", solution("07-the-queue"), "--json")
    checked = json.loads(right.stdout)
    assert (right.returncode, checked["passed"], checked["lesson"]) == (0, True, "the-queue")
    assert checked["points"] == checked["points_max"]


def test_a_poor_hand_in_exits_1(tmp_path: Path):
    (tmp_path / "mine.toml").write_text('[answers]\nwhich-first = "mx2"\n', "utf-8")
    done = lesson("check", "5", str(tmp_path / "mine.toml"), "--lang", "vi")
    assert done.returncode == 1
    assert "Ngược lại mới đúng" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("check", "99", "x.toml"), "99: no such lesson"),
        (("check", "1", "no-such.toml"), "no-such.toml: No such file"),
        (("start", "99"), "99: no such lesson"),
        (("new", "no-number"), "call a lesson's folder NN-name"),
        (("preview",), "LESSON is missing"),
        (("grade",), "no command grade"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments: tuple[str, ...], said: str):
    done = lesson(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert said in done.stderr


def test_what_an_action_names_wrongly_is_one_line(tmp_path: Path):
    (tmp_path / "mine.toml").write_text('[actions.speak]\nzones = { "away.example" = "x" }\n', "utf-8")
    done = lesson("check", "3", str(tmp_path / "mine.toml"))
    assert (done.returncode, done.stderr) == (
        2,
        "smtplab: this task is to speak, not to mend - at `$.actions.speak`\n",
    )


def test_a_draft_is_written_validated_and_previewed(tmp_path: Path):
    folder = tmp_path / "09-mine"
    assert lesson("new", str(folder)).returncode == 0
    assert lesson("validate", str(folder)).returncode == 0
    shown = lesson("preview", str(folder), "--lang", "vi").stdout
    assert "▶  ~> MAIL FROM:<lan@home.example>" in shown
    assert lesson("new", str(folder)).returncode == 2


def test_what_is_wrong_is_told_in_the_language_of_the_author(tmp_path: Path):
    folder = tmp_path / "09-mine"
    assert lesson("new", str(folder)).returncode == 0
    (folder / "wrong.toml").write_text("", "utf-8")
    done = lesson("validate", str(folder), "--lang", "vi")
    said = 'chưa có cách làm sai nào trượt mục tiêu "arrives"'
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == f"{folder}/wrong.toml: {said} - tại `send-it`\n"
    findings = json.loads(lesson("validate", str(folder), "--json", "--lang", "vi").stdout)[0]["findings"]
    assert findings == [{"file": "wrong.toml", "where": "send-it", "text": said}]
    (folder / "lesson.toml").write_text('id = "mine"\n', "utf-8")
    done = lesson("preview", str(folder), "--lang", "vi")
    assert (done.returncode, done.stderr) == (2, f"smtplab: {folder}/lesson.toml: thiếu trường `minutes`\n")


def test_a_draft_for_which_there_is_no_room_ends_with_75_and_leaves_nothing(tmp_path: Path):
    folder = tmp_path / "09-mine"
    limit = functools.partial(resource.setrlimit, resource.RLIMIT_FSIZE, (100, 100))
    done = lesson("new", str(folder), before=limit)
    assert (done.returncode, done.stdout) == (75, "")
    assert done.stderr == f"smtplab: {folder} can't be written: File too large\n"
    assert not folder.exists()


BY_HAND = """\
HELO laptop.home.example
MAIL FROM:<lan@home.example>
RCPT TO:<minh@away.example>
DATA
Subject: hand

Hello
.
QUIT
"""


def test_a_whole_lesson_is_played_by_typing(tmp_path: Path):
    typed = "\n\nb\n\n\nc\n\n503\n\n354\n\nb\n\nc e a b d\n\n"
    typed += BY_HAND + "\n"
    typed += "HELO x\nMAIL FROM:<lan@home.example>\nRCPT TO:<mihn@away.example>\nQUIT\n\n\n5.7.1\n\n\n"
    done = lesson("start", "3", "--home", str(tmp_path), "--lang", "vi", stdin=typed)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("15/15 điểm\n")
    kept = json.loads((tmp_path / "progress" / "first-message-by-hand.json").read_text("utf-8"))
    assert (kept["at"], len(kept["done"])) == ("looking-back", 9)


def test_a_wrong_answer_a_hint_and_the_model_solution_are_shown(tmp_path: Path):
    done = lesson("start", "1", "--home", str(tmp_path), stdin="\n\nc\n?\n!\n:q\n")
    assert "Minh's server comes in only at hop 1" in done.stdout
    assert "Read the first marked line" in done.stdout
    assert "Answer: b" in done.stdout
    assert done.stdout.endswith("0 of 12 points\n")


def test_a_zone_is_mended_line_by_line(tmp_path: Path):
    (tmp_path / "progress").mkdir()
    (tmp_path / "progress" / "finding-the-way.json").write_text('{"at":"mend-it"}', "utf-8")
    typed = "4 @ IN MX 10 mx1\nnonsense\n.\n:q\n"
    done = lesson("start", "5", "--home", str(tmp_path), stdin=typed)
    assert '"nonsense" changes nothing' in done.stdout
    assert "✓ It connects straight to mx1.office.example." in done.stdout
    assert done.stdout.endswith("4 of 13 points\n")


def test_bytes_that_are_no_utf_8_are_no_crash(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "smtplab", "lesson", "start", "1", "--home", str(tmp_path)],
        input=b"\xff\xfe\n:q\n",
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"},
    )
    assert (done.returncode, done.stderr) == (0, b"")
