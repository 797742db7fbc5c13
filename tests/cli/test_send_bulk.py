"""`smtplab send --count`: every message is counted once, whatever the server or the person does."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from smtplab.lab.tally import Tally
from smtplab.mta.outcome import Judgement


class Server:
    """Answers by verb, as often as it is asked; `answer` may say something else to the nth line of a kind."""

    def __init__(self, answer: Callable[[str, int], str | None], extensions: str) -> None:
        self.answer = answer
        self.extensions = extensions
        self.contents: list[bytes] = []
        self.lines: list[bytes] = []
        self.counts: dict[str, int] = {}
        self.sessions = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.sessions += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(20)
        with connection, connection.makefile("rwb") as stream, contextlib.suppress(OSError):
            stream.write(b"220 mx\r\n")
            stream.flush()
            while line := stream.readline():
                if not self._one(stream, line):
                    return

    def _one(self, stream, line: bytes) -> bool:
        verb = line[:4].decode().upper().strip()
        self.lines.append(line)
        reply = self._said(verb)
        if reply is None:
            return False
        stream.write(reply.encode() + b"\r\n")
        stream.flush()
        if verb == "DATA" and reply.startswith("354"):
            content = b""
            while (piece := stream.readline()) != b".\r\n":
                content += piece
            self.contents.append(content)
            reply = self._said(".")
            if reply is None:
                return False
            stream.write(reply.encode() + b"\r\n")
            stream.flush()
        return verb != "QUIT"

    def _said(self, verb: str) -> str | None:
        with self._lock:
            self.counts[verb] = number = self.counts.get(verb, 0) + 1
        usual = {"EHLO": self.extensions, "DATA": "354 go", "QUIT": "221 bye"}.get(verb, "250 ok")
        return self.answer(verb, number) if self.answer(verb, number) != "" else usual


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start(
        answer: Callable[[str, int], str | None] = lambda verb, number: "", extensions="250-mx\r\n250 PIPELINING"
    ):
        started.append(Server(answer, extensions))
        return started[-1]

    yield start
    for server in started:
        server.close()


def command(server: Server, *options: str) -> list[str]:
    to = ["-s", f"127.0.0.1:{server.port}", "-t", "an@real.net", "-f", "lan@here.net", "-h", "here.net"]
    return [sys.executable, "-m", "smtplab", "send", *to, *options]


def bulk(server: Server, *options: str) -> tuple[int, dict[str, object]]:
    environ = {**os.environ, "HOME": "/nonexistent"}
    line = command(server, "--json", *options)
    done = subprocess.run(line, capture_output=True, timeout=40, check=False, env=environ)
    assert done.stderr == b""
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("extensions", ["250-mx\r\n250 PIPELINING", "250 mx"])
@pytest.mark.parametrize("connections", [1, 4])
def test_every_message_arrives_once_and_whole_over_few_connections(serve, extensions, connections):
    server = serve(extensions=extensions)
    code, report = bulk(server, "--count", "60", "--concurrency", str(connections))
    assert (code, report["accepted"], report["not_sent"], server.sessions) == (0, 60, 0, connections)
    ids = [line for content in server.contents for line in content.splitlines() if line.startswith(b"Message-ID:")]
    assert len(set(ids)) == len(server.contents) == 60
    assert len({len(content) for content in server.contents}) == 1
    assert report["latency_ms"]["p50"] <= report["latency_ms"]["max"]


def test_a_message_of_ones_own_is_sent_as_it_is(serve):
    server = serve()
    bulk(server, "--count", "3", "-d", "Message-ID: <0123456789abcdef@x>\\n\\n.x")
    assert server.contents == [b"Message-ID: <0123456789abcdef@x>\r\n\r\n..x\r\n"] * 3


def test_replies_are_grouped_without_their_ids(serve):
    server = serve(lambda verb, number: f"250 2.0.0 queued as 4F2A{number:06}" if verb == "." else "")
    _, report = bulk(server, "--count", "5")
    group = {"result": "accepted", "stage": "data", "code": 250, "enhanced": "2.0.0"}
    assert report["replies"] == [{"count": 5, **group, "text": "2.0.0 queued as #"}]


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "."])
def test_what_is_refused_now_and_then_is_counted_and_the_rest_goes_on(serve, verb):
    server = serve(lambda said, number: "452 later" if said == verb and number % 3 == 0 else "")
    code, report = bulk(server, "--count", "12")
    assert (code, report["accepted"] + report["deferred"], report["refused"]) == (75, 12, 0)
    assert report["deferred"] >= 3
    assert server.sessions == 1
    assert server.counts["."] == report["accepted"] + (report["deferred"] if verb == "." else 0) + (
        0 if verb in (".", "DATA") else server.counts["DATA"] - report["accepted"]
    )


def test_a_server_that_ends_sessions_early_gets_the_message_in_another(serve):
    server = serve(lambda said, number: "421 enough" if said == "MAIL" and number % 5 == 0 else "")
    code, report = bulk(server, "--count", "12")
    assert (code, report["accepted"], len(server.contents)) == (0, 12, 12)
    assert server.sessions > 1


def test_a_message_that_was_handed_over_and_not_answered_is_unknown_and_not_sent_twice(serve):
    server = serve(lambda said, number: None if said == "." and number == 4 else "")
    code, report = bulk(server, "--count", "6")
    assert (code, report["accepted"], report["unknown"], report["not_sent"]) == (75, 5, 1, 0)
    assert len(server.contents) == 6


def test_a_destination_that_serves_nobody_is_given_up(serve):
    server = serve(lambda said, number: "554 no" if said == "EHLO" or said == "HELO" else "")
    code, report = bulk(server, "--count", "50")
    assert (code, report["accepted"], report["refused"], report["not_sent"]) == (1, 0, 5, 45)


def test_a_rate_is_kept(serve):
    server = serve()
    started = time.monotonic()
    _, report = bulk(server, "--count", "11", "--rate", "20", "--concurrency", "3")
    assert report["accepted"] == 11
    assert time.monotonic() - started >= 0.5
    assert 0.49 <= report["seconds"] < 3


def test_an_interrupt_ends_in_good_order_and_says_what_was_sent(serve):
    server = serve()
    line = command(server, "--count", "10000", "--rate", "50", "--json")
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while not server.contents:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    report = json.loads(out)
    assert (process.returncode, err) == (130, b"")
    assert report["accepted"] == len(server.contents)
    assert report["accepted"] + report["not_sent"] == 10000
    assert server.lines[-1] == b"QUIT\r\n"


def test_a_capture_holds_every_message(serve, tmp_path):
    path = tmp_path / "bulk.jsonl"
    bulk(serve(), "--count", "4", "--concurrency", "2", "--capture", str(path))
    records = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    assert sum(record["event"] == "message_sent" for record in records) == 4
    assert not [record for record in records if record["event"] == "rule_broken"]


def test_the_summary_is_text_and_needs_no_terminal(serve):
    done = subprocess.run(command(serve(), "--count", "2"), capture_output=True, timeout=40, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"2 of 2 messages accepted" in done.stdout


def test_percentiles_are_of_the_nearest_rank():
    tally = Tally(100)
    for number in range(1, 101):
        tally.note(Judgement("accepted", "data", 250, None, "reply", "ok"), number / 1000)
    assert tally.report(1.0).latency_ms == {"p50": 50.0, "p90": 90.0, "p99": 99.0, "max": 100.0}


@pytest.mark.parametrize("options", [("--count", "0"), ("--rate", "5"), ("--count", "x")])
def test_numbers_that_make_no_sense_are_refused(serve, options):
    done = subprocess.run(command(serve(), *options), capture_output=True, timeout=40, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
