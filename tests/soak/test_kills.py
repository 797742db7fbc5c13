"""A queue's process that is killed at any moment loses nothing and doubles nothing unsaid."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import sys
from pathlib import Path

import pytest

KILLS = int(os.environ.get("SMTPLAB_KILLS", "20"))
"""`make soak` does several hundred."""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a matter of POSIX")
def test_killed_twenty_times_it_delivers_every_message_once_or_says_so(tmp_path):
    path = Path(__file__).with_name("soak_queue.py")
    spec = importlib.util.spec_from_file_location("soak_queue", path)
    assert spec is not None
    assert spec.loader is not None
    soak_queue = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(soak_queue)
    print(asyncio.run(soak_queue.soak(tmp_path, KILLS, seed=20261123)))
