"""`smtplab walk` against real servers and against servers that misbehave on purpose, all on loopback."""

import contextlib
import datetime as dt
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.peer

ZONES = {
    "real.net": "@ MX 10 mx\nmx A 127.0.0.10\n",
    "exim.net": "@ MX 10 mx\nmx A 127.0.0.11\n",
    "three.net": "@ MX 10 refuses\n@ MX 20 silent\n@ MX 30 takes\n"
    "refuses A 127.0.0.20\nsilent A 127.0.0.21\ntakes A 127.0.0.22\n",
    "toy.net": "@ MX 10 mx\nmx A 127.0.0.23\n",
    "broken.net": "null MX 0 .\nempty TXT none\nalias CNAME mx.real.net.\ndangling MX 10 nowhere\n",
}

MESSAGE = (
    b"From: Lan <lan@here.net>\r\nTo: an@real.net\r\nSubject: =?utf-8?q?Xin_ch=C3=A0o?=\r\n"
    b"Message-ID: <1@here.net>\r\nDate: Mon, 23 Nov 2026 08:00:00 +0700\r\n\r\n"
    b"A line.\r\n.\r\n..two dots\r\n.one dot\r\n\r\nThe last line, with \xc4\x91.\r\n"
)


class Walk:
    """A finished `smtplab walk`."""

    def __init__(self, done: subprocess.CompletedProcess[bytes]) -> None:
        self.code = done.returncode
        self.output = done.stdout.decode()
        self.errors = done.stderr.decode()

    @property
    def records(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.output.splitlines()]

    def events(self, *names: str) -> list[dict[str, object]]:
        return [record for record in self.records if record["event"] in names]

    def commands(self) -> list[str]:
        return [str(record["verb"]) for record in self.events("command_sent")]

    def ending(self) -> dict[str, object]:
        last = self.records[-1]
        assert last["event"] == "journey_ended"
        return last


@pytest.fixture(scope="module")
def dns(bind) -> str:
    return bind(ZONES).option


@pytest.fixture
def walk(dns: str, mail_port: int, tmp_path: Path) -> Callable[..., Walk]:
    def run(recipient: str, *options: str, env: dict[str, str] | None = None, output: str = "--json") -> Walk:
        command = [sys.executable, "-m", "smtplab", "--home", str(tmp_path), "walk", recipient, "--live", output]
        command += ["--dns", dns, "--port", str(mail_port), "--helo", "client.here.net", "--from", "lan@here.net"]
        done = subprocess.run(
            [*command, *options], capture_output=True, timeout=40, check=False, env={**os.environ, **(env or {})}
        )
        return Walk(done)

    return run


@pytest.fixture
def toy(mail_port: int) -> Iterator[Callable[[str, Callable[[socket.socket], None]], None]]:
    """Starts a toy server at an address: each connection runs the function given, in a thread of its own."""
    with contextlib.ExitStack() as stack:

        def start(address: str, talk: Callable[[socket.socket], None]) -> None:
            listener = stack.enter_context(socket.create_server((address, mail_port)))
            # Closing alone leaves a thread in `accept` and the port with it.
            stack.callback(listener.shutdown, socket.SHUT_RDWR)

            def serve() -> None:
                with contextlib.suppress(OSError):
                    while True:
                        connection, _ = listener.accept()
                        with connection, contextlib.suppress(OSError):
                            connection.settimeout(20)
                            talk(connection)

            threading.Thread(target=serve, daemon=True).start()

        yield start


def dialogue(*replies: str) -> Callable[[socket.socket], None]:
    """A server that says these replies in turn, one for each line that it hears after the first."""

    def talk(connection: socket.socket) -> None:
        stream = connection.makefile("rwb")
        for reply in replies:
            stream.write(reply.encode() + b"\r\n")
            stream.flush()
            if not stream.readline():
                return

    return talk


OPEN = ("220 mx.toy.net ready", "250 mx.toy.net")


def test_a_message_arrives_in_postfix_byte_for_byte(walk, postfix, tmp_path):
    file = tmp_path / "message.eml"
    file.write_bytes(MESSAGE)
    known = len(postfix.messages())
    done = walk("an@real.net", "--send", "--data", f"@{file}")
    assert (done.code, done.ending()["result"]) == (0, "accepted")
    stored = postfix.wait_for_message(known)
    assert stored.endswith(MESSAGE.replace(b"\r\n", b"\n"))
    assert b"Return-Path: <lan@here.net>" in stored


def test_a_message_arrives_in_exim_byte_for_byte(walk, exim, tmp_path):
    file = tmp_path / "message.eml"
    file.write_bytes(MESSAGE)
    known = len(exim.messages())
    done = walk("an@exim.net", "--send", "--data", f"@{file}")
    assert done.code == 0
    assert exim.wait_for_message(known).endswith(MESSAGE.replace(b"\r\n", b"\n"))


def test_a_message_in_chunks_arrives_in_exim_byte_for_byte(walk, exim, tmp_path):
    file = tmp_path / "message.eml"
    file.write_bytes(MESSAGE)
    known = len(exim.messages())
    done = walk("an@exim.net", "--send", "--chunking", "--data", f"@{file}")
    assert done.code == 0
    assert [event["transfer"] for event in done.events("message_sent")] == ["BDAT"]
    assert exim.wait_for_message(known).endswith(MESSAGE.replace(b"\r\n", b"\n"))


def test_a_live_walk_stops_after_the_recipients_reply_unless_told_to_send(walk, postfix):
    known = len(postfix.messages())
    done = walk("an@real.net")
    assert done.code == 0
    assert done.commands()[-4:] == ["MAIL", "RCPT", "RSET", "QUIT"]
    assert len(postfix.messages()) == known


def test_the_first_mx_refuses_the_second_stays_silent_and_the_third_takes_the_message(walk, toy):
    toy("127.0.0.21", lambda connection: connection.recv(1))
    toy("127.0.0.22", dialogue(*OPEN, "250 ok", "250 ok", "250 ok", "221 bye"))
    done = walk("an@three.net", "--timeout", "1")
    assert done.code == 0
    starts = [event["address"] for event in done.events("connect_started")]
    assert starts == ["127.0.0.20", "127.0.0.21", "127.0.0.22"]
    assert [event["reason"] for event in done.events("connect_failed")] == ["refused"]
    silent = [event for event in done.events("disconnected") if str(event["span"]).endswith("silent.three.net")]
    assert [event["reason"] for event in silent] == ["timed-out"]


@pytest.mark.parametrize(
    ("recipient", "code", "result"), [("nobody@real.net", 1, "refused"), ("later@real.net", 75, "deferred")]
)
def test_postfix_says_no_and_the_exit_code_says_which_no(walk, postfix, recipient, code, result):
    done = walk(recipient)
    assert (done.code, done.ending()["result"]) == (code, result)


def test_starttls_with_a_good_certificate_is_verified(walk, postfix, authority, tmp_path):
    roots = tmp_path / "roots.pem"
    authority.cert_pem.write_to_path(str(roots))
    done = walk("an@real.net", "--tls", "verify", env={"SSL_CERT_FILE": str(roots)})
    established = done.events("tls_established")[0]
    assert done.code == 0
    assert established["verified_by"] == "pkix"
    assert "mx.real.net" in established["certificate"]["names"]


def test_starttls_with_an_unknown_issuer_is_used_where_it_may_be_and_refused_where_it_must_be_verified(walk, postfix):
    may = walk("an@real.net")
    assert may.code == 0
    assert may.events("tls_established")[0]["problem"] in ("self-signed", "unknown-issuer")
    must = walk("an@real.net", "--tls", "verify")
    assert must.code in (1, 75)
    assert "MAIL" not in must.commands()


@pytest.mark.parametrize(
    ("name", "not_after", "problem"),
    [
        ("mx.toy.net", dt.datetime(2020, 1, 1, tzinfo=dt.UTC), "expired"),
        ("other.example", None, "name-mismatch"),
    ],
)
def test_a_bad_certificate_is_named_for_what_is_wrong_with_it(walk, toy, authority, tmp_path, name, not_after, problem):
    certificate = authority.issue_cert(name, not_after=not_after)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "roots.pem"))

    def talk(connection: socket.socket) -> None:
        stream = connection.makefile("rwb", buffering=0)
        stream.write(b"220 mx.toy.net\r\n")
        connection.recv(1000)
        stream.write(b"250-mx.toy.net\r\n250 STARTTLS\r\n")
        connection.recv(1000)
        stream.write(b"220 go ahead\r\n")
        with context.wrap_socket(connection, server_side=True) as secure:
            for _ in range(6):
                if not secure.recv(1000):
                    return
                secure.sendall(b"250 ok\r\n")

    toy("127.0.0.23", talk)
    roots = {"SSL_CERT_FILE": str(tmp_path / "roots.pem")}
    done = walk("an@toy.net", env=roots)
    established = done.events("tls_established")[0]
    assert (established["verified_by"], established["problem"]) == (None, problem)
    assert done.code == 0, "an unverified certificate is still better than none where TLS is optional"
    assert walk("an@toy.net", "--tls", "verify", env=roots).code in (1, 75)


def test_a_421_in_the_middle_is_temporary(walk, toy):
    toy("127.0.0.23", dialogue(*OPEN, "421 4.3.2 going down"))
    done = walk("an@toy.net")
    assert (done.code, done.ending()["result"], done.ending()["code"]) == (75, "deferred", 421)


def test_a_server_that_closes_after_its_greeting_is_temporary(walk, toy):
    toy("127.0.0.23", lambda connection: connection.sendall(b"220 mx.toy.net\r\n"))
    done = walk("an@toy.net")
    assert done.code == 75
    assert done.events("disconnected")[-1]["by"] in ("them", "network")


def test_a_reply_without_end_is_cut_off_at_a_bound(walk, toy):
    def endless(connection: socket.socket) -> None:
        line = b"220-" + b"x" * 496 + b"\r\n"
        for _ in range(20_000):
            connection.sendall(line)

    toy("127.0.0.23", endless)
    started = time.monotonic()
    done = walk("an@toy.net")
    assert done.code == 75
    assert time.monotonic() - started < 15
    assert "reply-too-long" in [event["rule"] for event in done.events("rule_broken")]
    assert len(done.output) < 1_000_000


@pytest.mark.parametrize(
    ("recipient", "code"),
    [
        ("an@null.broken.net", 1),
        ("an@missing.broken.net", 1),
        ("an@empty.broken.net", 1),
        ("an@dangling.broken.net", 1),
        ("an@refused.by.every.server.example.org", 75),
    ],
)
def test_what_dns_can_not_answer_decides_the_exit_code(walk, recipient, code):
    assert walk(recipient).code == code


def test_a_domain_that_is_an_alias_is_followed(walk, dns, postfix):
    done = walk("an@alias.broken.net")
    assert done.events("connect_started")[0]["address"] == "127.0.0.10"


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["no-address"], "no-address"),
        (["a@b@c..d"], "a@b@c..d"),
        (["an@real.net", "--tls", "sometimes"], "sometimes"),
        (["an@real.net", "--port", "70000"], "70000"),
        (["an@real.net", "--dns", "not an address"], "not an address"),
        (["an@real.net", "--data", "@/does/not/exist"], "/does/not/exist"),
        (["an@real.net", "--quit-after", "lunch"], "lunch"),
        (["an@real.net", "--sim", "nowhere"], "nowhere"),
        (["an@real.net", "--timeout", "soon"], "soon"),
        (["an@real.net", "--capture", "/does/not/exist/walk.jsonl"], "/does/not/exist"),
    ],
)
def test_bad_input_is_one_clear_line_that_names_it(arguments, named):
    done = subprocess.run(
        [sys.executable, "-m", "smtplab", "walk", *arguments], capture_output=True, timeout=20, check=False
    )
    lines = done.stderr.decode().strip().splitlines()
    assert done.returncode == 2
    assert done.stdout == b""
    assert len(lines) == 1
    assert named in lines[0]


def test_a_dns_server_that_is_not_there_is_temporary_and_named(walk, tmp_path):
    command = [
        sys.executable,
        "-m",
        "smtplab",
        "walk",
        "an@real.net",
        "--live",
        "--dns",
        "127.0.0.1:1",
        "--timeout",
        "1",
    ]
    done = subprocess.run([*command, "--plain"], capture_output=True, timeout=30, check=False)
    assert done.returncode == 75
    assert "127.0.0.1:1" in done.stdout.decode()


@pytest.mark.parametrize("stage", ["dns", "connect", "greeting", "ehlo", "rcpt"])
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_any_stage_ends_the_walk_and_keeps_the_capture(toy, dns, mail_port, tmp_path, stage, sign):
    """Each server answers up to the stage and then says nothing more, so that the signal falls into that stage."""
    answers = {"greeting": (), "ehlo": OPEN[:1], "rcpt": (*OPEN, "250 ok")}
    silence = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silence.bind(("127.0.0.1", 0))

    def talk(connection: socket.socket) -> None:
        dialogue(*answers.get(stage, ()))(connection)
        time.sleep(5)

    options = ["--dns", f"127.0.0.1:{silence.getsockname()[1]}" if stage == "dns" else dns]
    if stage == "connect":
        full = socket.create_server(("127.0.0.23", mail_port), backlog=0)
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.23", mail_port))
    elif stage != "dns":
        toy("127.0.0.23", talk)
    capture = tmp_path / "walk.jsonl"
    command = [sys.executable, "-m", "smtplab", "walk", "an@toy.net", "--live", "--json", "--port", str(mail_port)]
    process = subprocess.Popen(
        [*command, *options, "--capture", str(capture)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    last = {"dns": "dns_queried", "connect": "connect_started", "greeting": "connected"}.get(stage, "command_sent")
    verb = {"ehlo": "EHLO", "rcpt": "RCPT"}.get(stage)
    assert process.stdout is not None
    for line in process.stdout:
        record = json.loads(line)
        if record["event"] == last and (verb is None or record["verb"] == verb):
            break
    process.send_signal(sign)
    _, errors = process.communicate(timeout=10)
    silence.close()
    if stage == "connect":
        for open_socket in (full, *fillers):
            open_socket.close()
    assert process.returncode == (130 if sign == signal.SIGINT else 143)
    assert b"Traceback" not in errors
    kept = [json.loads(line) for line in capture.read_text().splitlines()]
    assert kept[0]["format"] == "smtplab-capture"
    assert [record["seq"] for record in kept[1:]] == list(range(1, len(kept)))
    assert kept[-1]["event"] == "journey_ended"
    assert kept[-1]["result"] == "stopped"
