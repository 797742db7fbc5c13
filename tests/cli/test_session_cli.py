"""`smtplab session` as a script meets it, against a small server of the test's own."""

import contextlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from smtplab.lab.script import ScriptFault, Step, parse_script

DIALOGUES = sorted(Path(__file__).parent.parent.joinpath("smtp", "dialogues").glob("*.txt"))


class Toy:
    """Greets, answers 250 to every line that ends in CR LF, 354 to DATA, and keeps the bytes it hears."""

    def __init__(self) -> None:
        self.heard = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.name = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.ended = threading.Event()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        connection, _ = self._listener.accept()
        connection.settimeout(20)
        with connection, connection.makefile("rwb") as stream, contextlib.suppress(OSError):
            stream.write(b"220-mx\r\n220 ready\r\n")
            stream.flush()
            content = False
            while line := stream.readline():
                self.heard += line
                content = (content and line != b".\r\n") or line == b"DATA\r\n"
                if line == b"DATA\r\n" or (not content and line.endswith(b"\r\n")):
                    stream.write(b"354 go\r\n" if content else b"250 2.0.0 ok\r\n")
                    stream.flush()
        self.ended.set()


@pytest.fixture
def toy() -> Iterator[Toy]:
    server = Toy()
    yield server
    server.close()


def session(where: str, script: str, *options: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "smtplab", "session", where, *options]
    return subprocess.run(command, input=script.encode(), capture_output=True, timeout=40, check=False)


def test_a_script_says_what_stands_in_it_and_nothing_more(toy):
    done = session(toy.name, "# hello\nexpect 220\nsend EHLO here.net\nexpect 2xx\nraw NOOP\\r\\n\nexpect /2.0.0/\n")
    assert (done.returncode, done.stderr) == (0, b"")
    assert toy.ended.wait(5)
    assert toy.heard == b"EHLO here.net\r\nNOOP\r\n"
    assert b" -> EHLO here.net\n<-  250 2.0.0 ok\n" in done.stdout


def test_rules_may_be_broken_by_hand(toy):
    session(toy.name, "raw NOOP\\n\\0\\xff\\r\\n\nexpect 220\nexpect 250\ndrop\nsend NEVER\n")
    assert toy.ended.wait(5)
    assert toy.heard == b"NOOP\n\0\xff\r\n"


def test_a_content_is_heard_to_its_dot(toy):
    script = "expect 220\nsend DATA\nexpect 354\nsend Subject: x\nsend\nsend ..y\nsend .\nexpect 250\n"
    assert session(toy.name, script).returncode == 0
    assert toy.heard == b"DATA\r\nSubject: x\r\n\r\n..y\r\n.\r\n"


def test_what_a_world_s_servers_tell_is_not_taken_for_the_script_s_own_session():
    """The backup hands the mail on inside TLS while the script's session goes on in clear."""
    lines = ("EHLO here.net", "MAIL FROM:<student@neu.example>", "RCPT TO:<student@hust.example>", "DATA")
    said = "expect 220\n" + "".join(f"send {line}\nexpect any\n" for line in lines)
    said += "send Subject: x\nsend\nsend .\nexpect 250\nwait 1\nsend QUIT\nexpect 221\n"
    done = session("mx2.vnet.example", said, "--sim", "campus")
    assert (done.returncode, done.stderr) == (0, b"")
    shown = done.stdout.decode().splitlines()
    assert [line for line in shown if line.startswith(("=== Trying", "=== Connection", "=== TLS"))] == [
        "=== Trying mx2.vnet.example [10.3.0.25]:25...",
        "=== Connection closed with remote host.",
    ]
    assert [line for line in shown if line.startswith((" -> ", " ~> "))] == [
        *(f" -> {line}" for line in lines),
        " -> Message sent: 14 octets, with DATA",
        " -> QUIT",
    ]


def test_repeats_may_stand_in_repeats(toy):
    session(toy.name, "expect 220\nrepeat 2\nsend A\nexpect 250\nrepeat 3\nsend B\nexpect 250\nend\nend\n")
    assert toy.heard == b"A\r\nB\r\nB\r\nB\r\n" * 2


@pytest.mark.parametrize("expected", ["354", "4xx", "/welcome/"])
def test_an_unmet_expectation_ends_with_1_and_names_its_line(toy, expected):
    done = session(toy.name, f"expect 220\nsend NOOP\nexpect {expected}\nsend NEVER\n")
    assert done.returncode == 1
    heard = f"line 3: expected {expected}, and what came was: 250 2.0.0 ok"
    assert done.stderr.decode() == f"smtplab: {heard}\n"
    assert b"NEVER" not in toy.heard


def test_a_reply_that_nothing_had_asked_for_is_heard_too():
    listener = socket.create_server(("127.0.0.1", 0))

    def speak() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(b"220 mx\r\n250 first\r\n550 second\r\n")
            connection.recv(100)

    threading.Thread(target=speak, daemon=True).start()
    script = "expect 220\nexpect /first/\nexpect 550\n"
    done = session(f"127.0.0.1:{listener.getsockname()[1]}", script, "--timeout", "3")
    listener.close()
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_script_may_come_from_a_file_and_its_records_go_out_as_json(toy, tmp_path):
    (tmp_path / "script").write_text("expect 220\nsend NOOP\nexpect 250\n")
    done = session(toy.name, "", "--script", str(tmp_path / "script"), "--json")
    events = [json.loads(line)["event"] for line in done.stdout.splitlines()]
    assert (done.returncode, events[-1], events.count("reply_received")) == (0, "journey_ended", 2)


def test_nobody_listening_is_temporary():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert session(f"127.0.0.1:{port}", "expect 220\n").returncode == 75


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("sned x", "script.unknown-word"),
        ("expect", "script.bad-expect"),
        ("expect 99", "script.bad-expect"),
        ("expect /(/", "script.bad-pattern"),
        ("wait soon", "script.bad-wait"),
        ("repeat 0", "script.bad-repeat"),
        ("repeat 2", "script.no-end"),
        ("end", "script.end-alone"),
        ("raw \\x", "script.bad-escape"),
        ("raw \\u1234", "script.bad-escape"),
    ],
)
def test_a_fault_in_a_script_is_named_with_its_line(line, problem):
    found = parse_script(f"expect 220\n\n{line}\n")
    assert isinstance(found, ScriptFault)
    assert (found.line, found.problem) == (3, problem)


def test_a_fault_is_told_before_anything_is_sent(toy):
    done = session(toy.name, "send A\nnonsense\n")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert b"line 2" in done.stderr
    assert toy.heard == b""


def test_repeats_do_not_fill_the_memory():
    script = "repeat 999999\nrepeat 999999\nsend A\nend\nend\n"
    assert isinstance(parse_script(script), ScriptFault)


@pytest.mark.parametrize("path", DIALOGUES, ids=lambda path: path.stem)
def test_the_dialogues_of_our_own_tests_are_scripts_too(path):
    steps = parse_script(path.read_text(encoding="utf-8"))
    assert isinstance(steps, list)
    assert steps
    assert all(isinstance(step, Step) for step in steps)
