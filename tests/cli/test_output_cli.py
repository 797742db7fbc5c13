"""What every command does where its output can't be written."""

import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = [
    ("--help",),
    ("--version",),
    ("sim", "list"),
    ("sim", "show", "campus"),
    ("lesson", "list"),
    ("completion", "bash"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_is_one_line_and_may_be_better_later(command, tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "smtplab", "--lang", "en", "--home", str(tmp_path), *command],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.stderr.decode() == "smtplab: the output can't be written: No space left on device\n"
    assert done.returncode == 75
