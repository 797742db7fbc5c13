"""`smtplab session --plain` in a terminal: typed line by line, on a pseudo-terminal of the test's own."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.test_session_cli import Toy, session

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")

WAIT_S_MAX = 30.0
_STEERING = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x07")


class Terminal:
    """What a person sees, and their keyboard."""

    def __init__(self, *arguments: str) -> None:
        self._ours, theirs = os.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "smtplab", "session", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "100"},
        )
        os.close(theirs)
        self.seen = ""
        self.raw = b""
        self._read_to = 0

    def until(self, wanted: str) -> str:
        """All that came up to this text and with it."""
        end_s = time.monotonic() + WAIT_S_MAX
        while wanted not in self.seen[self._read_to :]:
            assert time.monotonic() < end_s, f"{wanted!r} never came: {self.seen[-2000:]!r}"
            self._read(0.2)
        start, self._read_to = self._read_to, self.seen.index(wanted, self._read_to) + len(wanted)
        return self.seen[start : self._read_to]

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def ended(self) -> int:
        end_s = time.monotonic() + WAIT_S_MAX
        while self.process.poll() is None and time.monotonic() < end_s:
            self._read(0.1)
        self._read(0.1)
        return self.process.wait(1)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def _read(self, limit_s: float) -> None:
        if select.select([self._ours], [], [], limit_s)[0]:
            try:
                data = os.read(self._ours, 65536)
            except OSError:
                return
            self.raw += data
            self.seen += _STEERING.sub(b"", data).decode("utf-8", "replace").replace("\r\n", "\n")


@pytest.fixture
def toy() -> Iterator[Toy]:
    server = Toy()
    yield server
    server.close()


@pytest.fixture
def open_terminal() -> Iterator[object]:
    opened: list[Terminal] = []

    def make(*arguments: str) -> Terminal:
        opened.append(Terminal(*arguments))
        return opened[-1]

    yield make
    for terminal in opened:
        terminal.close()


def test_what_is_typed_is_said_and_each_reply_is_explained(toy, open_terminal):
    terminal = open_terminal(toy.name, "--plain")
    terminal.until("greeted -> ")
    terminal.type("EHLO me.example\n")
    shown = terminal.until("ready -> ")
    assert " -> EHLO me.example\n<-  250 2.0.0 ok\n" in shown
    assert "↳ 2.0.0:" in shown
    terminal.type("\x04")
    assert terminal.ended() == 0
    assert toy.heard == b"EHLO me.example\r\nQUIT\r\n"


def test_a_broken_rule_is_told_first_and_said_if_it_is_wanted(toy, open_terminal):
    terminal = open_terminal(toy.name, "--plain")
    terminal.until("greeted -> ")
    terminal.type("DATA now\n")
    terminal.until("all the same? ")
    terminal.type("no\n")
    terminal.until("greeted -> ")
    terminal.type("XYZZY\n")
    terminal.until("all the same? ")
    terminal.type("\n")
    terminal.until("greeted -> ")
    terminal.type("\x04")
    assert terminal.ended() == 0
    assert toy.heard == b"XYZZY\r\nQUIT\r\n"


def test_tab_completes_and_up_brings_a_line_back(toy, open_terminal):
    pytest.importorskip("readline")
    terminal = open_terminal(toy.name, "--plain", "--helo", "me.example")
    terminal.until("greeted -> ")
    terminal.type("EH\t\n")
    terminal.until("ready -> ")
    terminal.type("\x1b[A\n")
    terminal.until("ready -> ")
    terminal.type(":quit\n")
    assert terminal.ended() == 0
    assert toy.heard == b"EHLO me.example\r\nEHLO me.example\r\nQUIT\r\n"


def test_raw_bytes_half_lines_and_a_dropped_connection(toy, open_terminal):
    terminal = open_terminal(toy.name, "--plain")
    terminal.until("greeted -> ")
    terminal.type(":half NO\n")
    terminal.until("greeted -> ")
    terminal.type(":raw OP\\0\\r\\n\n")
    terminal.until("greeted -> ")
    terminal.type(":drop\n")
    assert terminal.ended() == 0
    assert toy.heard == b"NOOP\0\r\n"


def test_a_recorded_session_says_the_same_word_for_word(toy, open_terminal, tmp_path: Path):
    script = tmp_path / "script"
    terminal = open_terminal(toy.name, "--plain", "--record", str(script))
    terminal.until("greeted -> ")
    for line in ("EHLO me.example", "MAIL FROM:<nguyễn@b.example>", "RCPT TO:<c@d.example>", "DATA"):
        terminal.type(f"{line}\n")
        terminal.until(" -> ")
        terminal.until(" -> ")
    for line in ("Subject: xin chào", "", ".x", "."):
        terminal.type(f"{line}\n")
        terminal.until(" -> ")
    terminal.type(":raw NOOP\\t\\r\\n\n")
    terminal.until("NOOP\\t\n")
    terminal.until("ready -> ")
    terminal.type("\x04")
    assert terminal.ended() == 0
    other = Toy()
    try:
        done = session(other.name, "", "--script", str(script))
        assert other.ended.wait(5)
    finally:
        other.close()
    assert (done.returncode, done.stderr) == (0, b"")
    assert other.heard == toy.heard
    assert b"..x\r\n.\r\nNOOP\t\r\nQUIT\r\n" in toy.heard


def test_the_server_of_our_own_takes_a_login_whose_password_shows_nowhere(open_terminal, tmp_path: Path):
    script = tmp_path / "script"
    terminal = open_terminal("--own-server", "--plain", "--record", str(script), "--capture", str(tmp_path / "c"))
    terminal.until("greeted -> ")
    terminal.type("EHLO me.example\n")
    terminal.until("ready -> ")
    terminal.type(":auth PLAIN student\n")
    terminal.until("student: ")
    terminal.type("secret\n")
    terminal.until("235")
    terminal.until("ready -> ")
    terminal.type("\x04")
    assert terminal.ended() == 0
    assert "auth PLAIN student\n" in script.read_text()
    kept = (tmp_path / "c").read_text() + script.read_text() + terminal.seen
    assert "AHN0dWRlbnQAc2VjcmV0" not in kept


def test_ctrl_c_ends_with_130(toy, open_terminal):
    terminal = open_terminal(toy.name, "--plain")
    terminal.until("greeted -> ")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.ended() == 130
    assert toy.ended.wait(5)
    assert toy.heard == b""
    assert "Traceback" not in terminal.seen


def test_a_server_that_keeps_silent_is_told_and_ends_with_75(open_terminal):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        terminal = open_terminal(f"127.0.0.1:{silent.getsockname()[1]}", "--plain", "--timeout", "1")
        assert terminal.ended() == 75
    assert "time" in terminal.seen.lower()


def test_the_prompt_ends_by_itself_when_the_server_hangs_up(open_terminal):
    with socket.create_server(("127.0.0.1", 0)) as server:
        terminal = open_terminal(f"127.0.0.1:{server.getsockname()[1]}", "--plain")
        peer, _ = server.accept()
        with peer:
            peer.sendall(b"220 mx\r\n")
            terminal.until("greeted -> ")
            peer.sendall(b"421 4.3.2 going down\r\n")
        assert terminal.ended() == 75
    assert "421 4.3.2 going down" in terminal.seen
    assert re.split(rb"\r\x1b\[K|\n", terminal.raw)[-1] == b""  # the shell's prompt finds an empty line


def test_json_gives_the_records_and_nothing_else(toy, tmp_path: Path):
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "smtplab", "session", toy.name, "--json"]
    process = subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    os.close(theirs)
    os.write(ours, b"NOOP\n\x04")
    out, _ = process.communicate(timeout=WAIT_S_MAX)
    os.close(ours)
    events = [json.loads(line)["event"] for line in out.splitlines()]
    assert (process.returncode, events[-1], events.count("command_sent")) == (0, "journey_ended", 2)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), "HOST"),
        (("mx.example", "--own-server"), "--own-server"),
        (("mx.example", "--sim", "campus", "--dns", "127.0.0.1"), "--dns"),
        (("mx.example", "--seed", "3"), "--seed"),
        (("mx.example", "--sim", "nowhere"), "nowhere"),
        (("mx.example", "--sim", "campus", "--source", "192.0.2.9"), "192.0.2.9"),
        (("mx.example", "--record", "/tmp/x"), "--record"),
        (("a b",), "a b"),
    ],
)
def test_what_makes_no_sense_is_one_line_and_2(arguments, named):
    command = [sys.executable, "-m", "smtplab", "session", *arguments]
    done = subprocess.run(command, input=b"", capture_output=True, timeout=40, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert named in done.stderr.decode()


def test_a_login_given_beforehand_needs_no_more_than_its_word(open_terminal):
    terminal = open_terminal("--own-server", "--plain", "--auth-user", "student", "--auth-password", "secret")
    terminal.until("greeted -> ")
    terminal.type("EHLO me.example\n")
    terminal.until("ready -> ")
    terminal.type(":auth\n")
    terminal.until("Logged in as student (SCRAM-SHA-256)")
    terminal.until("ready -> ")
    terminal.type("\x04")
    assert terminal.ended() == 0


def test_the_server_may_be_named_by_its_option(toy):
    done = session("--server", "expect 220\n", toy.name)
    assert done.returncode == 0


def test_where_nobody_listens_it_says_what_to_do(open_terminal):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    terminal = open_terminal(f"127.0.0.1:{port}", "--plain")
    assert terminal.ended() == 75
    assert "See whether the port is right" in terminal.seen


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_the_screen_as_its_keys_do(open_terminal, tmp_path: Path, sign, code):
    kept = tmp_path / "kept.jsonl"
    terminal = open_terminal("mx1.hust.example", "--sim", "campus", "--capture", str(kept))
    terminal.until("220")
    terminal.process.send_signal(sign)
    assert terminal.ended() == code
    assert "Traceback" not in terminal.seen
    assert b'"journey_ended"' in kept.read_bytes()
