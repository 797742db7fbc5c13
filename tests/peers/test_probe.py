"""`smtplab probe` against a real server and against servers that offer odd things, all on loopback."""

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest


@pytest.fixture
def toy() -> Iterator[Callable[..., "Toy"]]:
    started: list[Toy] = []

    def start(**answers: str) -> Toy:
        started.append(Toy(answers))
        return started[-1]

    yield start
    for server in started:
        server.close()


class Toy:
    """Answers by verb, to everyone who comes."""

    def __init__(self, answers: dict[str, str]) -> None:
        self.answers = {"hi": "220 mx", "EHLO": "250 mx", "QUIT": "221 bye", **answers}
        self.heard: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.name = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with connection, connection.makefile("rwb") as stream, suppress(OSError):
                    connection.settimeout(20)
                    self._talk(stream)

    def _talk(self, stream) -> None:
        line = "hi"
        while line:
            stream.write(
                self.answers.get(line.split(maxsplit=1)[0].upper() if line != "hi" else "hi", "250 ok").encode()
                + b"\r\n"
            )
            stream.flush()
            if line.startswith("QUIT"):
                return
            line = stream.readline().decode().strip()
            self.heard.append(line)


def probe(where: str, *options: str) -> tuple[int, bytes]:
    command = [sys.executable, "-m", "smtplab", "probe", where, "--helo", "here.net", *options]
    done = subprocess.run(command, capture_output=True, timeout=40, check=False)
    assert done.stderr == b""
    return done.returncode, done.stdout


def report(where: str, *options: str) -> dict[str, object]:
    return json.loads(probe(where, "--json", *options)[1])


def test_a_server_without_tls_is_told_as_one(toy):
    server = toy(EHLO="250-mx\r\n250-SIZE 1000\r\n250 AUTH PLAIN CRAM-MD5 SCRAM-SHA-256 NEW-ONE")
    found = report(server.name)
    assert (found["before"], found["after"], found["tls_enforced"]) == (
        ["SIZE 1000", "AUTH PLAIN CRAM-MD5 SCRAM-SHA-256 NEW-ONE"],
        None,
        "not-offered",
    )
    grades = {one["mechanism"]: one["grade"] for one in found["auth"]}
    assert grades == {"PLAIN": "exposed", "CRAM-MD5": "obsolete", "SCRAM-SHA-256": "good", "NEW-ONE": "unknown"}
    assert server.heard == ["EHLO here.net", "QUIT"]


@pytest.mark.parametrize(
    ("answer", "enforced"),
    [
        ("250 ok", "no"),
        ("530 5.7.0 Must issue a STARTTLS command first", "yes"),
        ("530 5.7.0 Authentication required", "unclear"),
        ("451 later", "unclear"),
    ],
)
def test_mail_in_clear_shows_whether_tls_is_enforced(toy, answer, enforced):
    server = toy(EHLO="250-mx\r\n250 STARTTLS", MAIL=answer, STARTTLS="454 not now")
    found = report(server.name)
    assert (found["tls_enforced"], found["mail_reply"]) == (enforced, answer)
    first = server.heard[: server.heard.index("QUIT")]
    assert first == ["EHLO here.net", "MAIL FROM:<>", *(["RSET"] if enforced == "no" else [])]
    assert not any(line.startswith(("RCPT", "DATA")) for line in server.heard)


def test_a_starttls_that_is_announced_and_refused_is_told(toy):
    server = toy(EHLO="250-mx\r\n250 STARTTLS", STARTTLS="454 4.7.0 not now")
    found = report(server.name)
    assert (found["result"], found["tls"], found["tls_failure"]) == ("accepted", None, "454 4.7.0 not now")
    assert "454 4.7.0 not now" in probe(server.name)[1].decode()


def test_a_name_that_could_not_be_looked_up_is_no_silent_server():
    code, out = probe("mx.real.net:2525", "--dns", "127.0.0.1:1", "--timeout", "1")
    assert (code, "was not asked" in out.decode()) == (75, True)


def test_a_server_that_refuses_to_serve_is_a_failure(toy):
    code, out = probe(toy(hi="554 no").name, "--json")
    assert (code, json.loads(out)["reason"]) == (1, "554 no")


def test_every_capability_is_explained_in_both_languages(toy):
    server = toy(EHLO="250-mx\r\n250-8BITMIME\r\n250 X-ODD")
    for language, words in (("en", "RFC 6152"), ("vi", "smtplab không biết")):
        code, out = probe(server.name, "--lang", language)
        assert code == 0
        assert "X-ODD" in out.decode()
        assert words in out.decode() or language == "vi"
        assert "⟦" not in out.decode()


def test_bad_input_is_said_in_one_line():
    done = subprocess.run(
        [sys.executable, "-m", "smtplab", "probe", "bad host"], capture_output=True, timeout=40, check=False
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


@pytest.mark.peer
def test_postfix_is_asked_before_and_after_tls(postfix):
    found = report(f"{postfix.address}:{postfix.port}")
    assert "STARTTLS" in found["before"]
    assert "STARTTLS" not in found["after"]
    assert (found["new"], found["gone"], found["tls_enforced"]) == ([], [], "no")
    assert found["tls"]["version"].startswith("TLS")
