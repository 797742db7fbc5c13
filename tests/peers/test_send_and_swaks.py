"""The same command lines through swaks and through `smtplab send`: the transcripts agree line by line."""

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from tests.peers.conftest import end_process, free_port, listens, program, wait_until

pytestmark = pytest.mark.peer

DATA = r"From: lan@here.net\nSubject: hello\n\nOne line.\n.A dot.\n\nThe end"


@pytest.fixture(scope="session")
def sink() -> Iterator[int]:
    port = free_port("127.0.0.1")
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen([program("smtp-sink"), *user, f"127.0.0.1:{port}", "100"])
    wait_until(lambda: listens("127.0.0.1", port), "smtp-sink listens")
    yield port
    end_process(process.pid)
    process.wait()


@pytest.fixture
def toy() -> Iterator[Callable[..., int]]:
    """A server that says its replies in turn to everyone who comes; gives its port."""
    listeners = []

    def start(*replies: str) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, connection.makefile("rwb") as stream, suppress(OSError):
                        connection.settimeout(20)
                        talk(stream, replies)

        threading.Thread(target=serve, daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def talk(stream, replies: tuple[str, ...]) -> None:
    for reply in replies:
        stream.write(reply.encode() + b"\r\n")
        stream.flush()
        while line := stream.readline():
            if not reply.startswith("354") or line == b".\r\n":
                break
        else:
            return


def run(command: list[str], *options: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [*command, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=40,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8", "SMTPLAB_LANG": "en", "HOME": "/nonexistent"},
    )
    return done.returncode, done.stdout.decode().splitlines()


def alike(line: str) -> str:
    """Without ids, times and what smtplab adds where a server announced it."""
    line = re.sub(r"(?<=MAIL FROM:<lan@here.net>).*", "", line)
    line = re.sub(r"queued as \S+|id=\S+|[0-9]\.[0-9]{3}s", "#", line)
    line = re.sub(r"\w{3}, [0-9 ]+\w{3} [0-9]{4} [0-9:]{8}", "#", line)
    return re.sub(r"(SIZE|LIMITS) \S+", r"\1", line).rstrip()


def both(*options: str) -> tuple[tuple[int, list[str]], tuple[int, list[str]]]:
    common = ["-f", "lan@here.net", "-h", "client.here.net", *options]
    swaks = run([program("swaks")], *common)
    ours = run([sys.executable, "-m", "smtplab", "send", "--swaks-exit-codes"], *common)
    return (swaks[0], [alike(line) for line in swaks[1]]), (ours[0], [alike(line) for line in ours[1]])


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("-n",),
        ("-n", "-stl"),
        ("-hr",),
        ("-hs",),
        ("-hi", "-n"),
        ("-nth", "-n"),
        ("-nih", "-nsh", "-n"),
        ("-S",),
        ("--quit-after", "RCPT"),
        ("--quit-after", "ehlo"),
        ("--quit-after", "banner"),
        ("--drop-after", "MAIL"),
        ("-t", "an@real.net,bao@real.net", "-n"),
        ("--protocol", "SMTP", "-n"),
        ("-helo", "other.net", "-n"),
        ("-n", "--no-n"),
    ],
    ids=" ".join,
)
def test_smtp_sink_hears_the_same_from_both(sink, options):
    swaks, ours = both("-s", f"127.0.0.1:{sink}", "-t", "an@real.net", "-d", DATA, *options)
    assert ours == swaks


def test_the_default_message_has_as_many_lines(sink):
    swaks, ours = both("-s", f"127.0.0.1:{sink}", "-t", "an@real.net", "-n")
    assert [line for line in ours[1] if "lines sent" not in line] == [
        line for line in swaks[1] if "lines sent" not in line
    ]


@pytest.mark.parametrize(
    "replies",
    [
        ("554 no", "221 bye"),
        ("220 hi", "500 what", "250 hi", "250 ok", "250 ok", "554-no\r\n554 never", "221 bye"),
        ("220 hi", "250 x", "550 5.7.1 not you", "221 bye"),
        ("220 hi", "250 x", "250 ok", "450 later", "221 bye"),
        ("220 hi", "250 x", "250 ok", "250 ok", "354 go", "552 too much", "221 bye"),
        ("220 hi", "250 x", "250 ok"),
        ("220-two\r\n220 lines", "250 x", "250 ok", "250 ok", "354 go", "250 ok", "221 bye"),
    ],
    ids=lambda replies: replies[-2][:14],
)
def test_a_server_that_refuses_gets_the_same_from_both(toy, replies):
    swaks, ours = both("-s", f"127.0.0.1:{toy(*replies)}", "-t", "an@real.net", "-d", DATA)
    assert ours == swaks


def test_nobody_listening_is_told_with_the_same_marks_and_code():
    swaks, ours = both("-s", f"127.0.0.1:{free_port('127.0.0.1')}", "-t", "an@real.net")
    assert (ours[0], [line[:3] for line in ours[1]]) == (swaks[0], [line[:3] for line in swaks[1]])
    assert ours[1][:2] == swaks[1][:2]


@pytest.mark.parametrize("recipient", ["an@real.net", "nobody@real.net", "later@real.net", "an@elsewhere.net"])
def test_postfix_hears_the_same_from_both(postfix, recipient):
    server = f"{postfix.address}:{postfix.port}"
    swaks, ours = both("-s", server, "-t", recipient, "-d", DATA, "-tls")
    assert (ours[0], dialogue(ours[1])) == (swaks[0], dialogue(swaks[1]))


@pytest.mark.parametrize("recipient", ["an@exim.net", "nobody@exim.net"])
def test_exim_hears_the_same_from_both(exim, recipient):
    server = f"{exim.address}:{exim.port}"
    swaks, ours = both("-s", server, "-t", recipient, "-d", DATA, "-tls")
    assert (ours[0], dialogue(ours[1])) == (swaks[0], dialogue(swaks[1]))


def test_a_message_in_small_chunks_and_with_dsn_is_taken_by_postfix(postfix):
    known = len(postfix.messages())
    options = ("-s", f"{postfix.address}:{postfix.port}", "-t", "an@real.net", "-f", "lan@here.net", "-d", DATA)
    code, lines = run(
        [sys.executable, "-m", "smtplab", "send"], *options, "--chunk-size", "40", "--dsn-notify", "failure"
    )
    assert code == 0
    assert sum(" ~> BDAT 40" in line for line in lines) == 1
    assert any("RCPT TO:<an@real.net> NOTIFY=FAILURE" in line for line in lines)
    assert postfix.wait_for_message(known).endswith(b"One line.\n.A dot.\n\nThe end\n")


def dialogue(lines: list[str]) -> list[str]:
    """What was said on the wire: the notes about TLS differ in wording."""
    return [re.sub(r"\[127.*|Hello .*", "#", line) for line in lines if not line.startswith("===")]
