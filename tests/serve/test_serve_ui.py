"""`smtplab serve --ui` on a terminal of its own: it shows where it listens, and ends with nothing accepted lost."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from smtplab.lab.serve_request import Place, ServeRequest
from smtplab.lab.served import Served as ServerProcess
from tests.serve.served import Dialogue, smtplab

PATIENCE_S = 40


class Terminal:
    """The UI on a pseudo terminal; what it paints is kept."""

    def __init__(self, home: Path, *arguments: str) -> None:
        self._ours, theirs = pty.openpty()
        environ = os.environ | {"TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40", "SMTPLAB_LANG": "en"}
        command = [sys.executable, "-m", "smtplab", *arguments, "--home", str(home)]
        self.process = subprocess.Popen(
            command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ, start_new_session=True
        )
        os.close(theirs)
        self._painted = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join(PATIENCE_S)
        os.close(self._ours)

    def until(self, pattern: bytes) -> re.Match[bytes]:
        end = time.monotonic() + PATIENCE_S
        while (found := re.search(pattern, self._painted)) is None:
            assert time.monotonic() < end, self._painted[-3000:]
            assert self.process.poll() is None, self._painted[-3000:]
            time.sleep(0.02)
        return found

    def press(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def ended(self) -> int:
        return self.process.wait(PATIENCE_S)

    def _read(self) -> None:
        while True:
            try:
                if select.select([self._ours], [], [], 0.2)[0]:
                    piece = os.read(self._ours, 65536)
                    if not piece:
                        return
                    self._painted += piece
            except OSError:
                return


def port_of(terminal: Terminal) -> int:
    return int(terminal.until(rb"smtp 127\.0\.0\.1:(\d+)")[1])


def is_open(port: int) -> bool:
    try:
        with Dialogue(port, greeted=False) as client:
            return client.reply() == 220
    except OSError:
        return False


def subjects(home: Path) -> list[bytes]:
    return re.findall(rb"number \d+", smtplab(home, "inbox", "list").stdout)


def test_new_mail_is_painted_and_q_ends_server_and_screen(tmp_path):
    with Terminal(tmp_path, "serve", "--ui", "--listen", "127.0.0.1:0") as terminal:
        port = port_of(terminal)
        terminal.until(rb"swaks -t student@hust\.example")
        with Dialogue(port) as client:
            assert client.ehlo() == 250
            assert client.send(b"Subject: number 1\r\n\r\nbody") == 250
        terminal.until(rb"number 1")
        terminal.press(b"q")
        assert terminal.ended() == 0
        assert not is_open(port)


def test_sigterm_under_load_loses_nothing_that_was_accepted(tmp_path):
    accepted: list[bytes] = []
    with Terminal(tmp_path, "serve", "--ui", "--listen", "127.0.0.1:0") as terminal:
        port = port_of(terminal)

        def load() -> None:
            try:
                with Dialogue(port, greeted=False) as client:
                    assert client.reply() == 220
                    client.ehlo()
                    for number in range(100_000):
                        subject = b"number %d" % number
                        if client.send(b"Subject: " + subject + b"\r\n\r\nbody") != 250:
                            return
                        accepted.append(subject)
            except (OSError, AssertionError):
                return

        sender = threading.Thread(target=load)
        sender.start()
        while len(accepted) < 50:
            time.sleep(0.01)
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.ended() == 0
        sender.join(PATIENCE_S)
        assert not is_open(port)
    kept = subjects(tmp_path)
    assert set(accepted) <= set(kept)
    assert len(kept) - len(accepted) <= 1


def test_the_server_ends_when_its_screen_is_killed(tmp_path):
    with Terminal(tmp_path, "serve", "--ui", "--listen", "127.0.0.1:0") as terminal:
        port = port_of(terminal)
        assert is_open(port)
        terminal.process.kill()
        terminal.process.wait()
        end = time.monotonic() + PATIENCE_S
        while is_open(port):
            assert time.monotonic() < end
            time.sleep(0.05)


def test_inbox_alone_opens_in_a_terminal(tmp_path):
    with Terminal(tmp_path, "inbox") as terminal:
        terminal.until(rb"Nothing has been received yet")
        terminal.press(b"q")
        assert terminal.ended() == 0


def test_a_page_in_the_browser_stands_beside_the_screen(tmp_path):
    with Terminal(tmp_path, "serve", "--ui", "--listen", "127.0.0.1:0", "--web", "127.0.0.1:0") as terminal:
        terminal.until(rb"http 127\.0\.0\.1:\d+")
        terminal.press(b"q")
        assert terminal.ended() == 0


@pytest.mark.parametrize("arguments", [("--json",), ("--discard",), ()])
def test_without_a_terminal_or_with_nothing_to_show_there_is_no_screen(tmp_path, arguments):
    said = smtplab(tmp_path, "serve", "--ui", *arguments)
    assert said.returncode == 2
    assert said.stderr.count(b"\n") == 1


def test_a_place_that_is_taken_is_one_line_and_exit_2(tmp_path):
    other = ServerProcess()
    other.start(ServeRequest(home=tmp_path / "other", places=(Place("smtp", "127.0.0.1", 0),)))
    other.wait_until_ready()
    try:
        with Terminal(tmp_path, "serve", "--ui", "--listen", f"127.0.0.1:{other.places[0].port}") as terminal:
            assert terminal.ended() == 2
            terminal._reader.join(PATIENCE_S)
            assert b"cannot listen on" in terminal._painted
            assert b"Traceback" not in terminal._painted
    finally:
        assert other.stop() == 0
