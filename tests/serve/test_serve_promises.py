"""What a server offers it keeps: later release, priorities, TLS all the way, and what ETRN asks for."""

from __future__ import annotations

import json
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.serve.served import SECONDS_MAX, Dialogue, Served

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the server's end is told by POSIX signals")

HERE = ("--domain", "hust.example", "--user", "student:secret", "--hostname", "near.example")


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("far")) as served:
        yield served


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory, far: Served) -> Iterator[Served]:
    places = ["--listen", "127.0.0.1:0", "--submission", "127.0.0.1:0"]
    with Served(tmp_path_factory.mktemp("near"), *places, *HERE, "--relay-to", f"127.0.0.1:{far.port}") as served:
        yield served


@pytest.fixture
def stuck(tmp_path: Path) -> Iterator[Served]:
    """Nobody listens where it hands mail on."""
    with Served(tmp_path, *HERE, "--relay-to", "127.0.0.1:9") as served:
        yield served


def until(condition: Callable[[], object]) -> object:
    end = time.monotonic() + SECONDS_MAX
    while not (found := condition()):
        assert time.monotonic() < end
    return found


def submit(served: Served, mail: bytes, subject: bytes, *recipients: bytes) -> None:
    with Dialogue(served.ports["submission"]) as client:
        client.ehlo()
        assert client.announced["FUTURERELEASE"] == ["2592000", "2099-12-31T23:59:59Z"]
        assert client.ask(b"AUTH PLAIN AHN0dWRlbnQAc2VjcmV0\r\n") == 235
        assert client.ask(mail) == 250
        for recipient in recipients:
            assert client.ask(b"RCPT TO:<" + recipient + b">\r\n") == 250
        assert client.ask(b"DATA\r\n") == 354
        assert client.ask(b"Subject: " + subject + b"\r\n\r\nx\r\n.\r\n") == 250


def with_subject(served: Served, subject: str) -> list[dict[str, object]]:
    return [row for row in served.inbox() if row["subject"] == subject]


def test_a_message_is_held_for_those_here_and_elsewhere(near, far):
    mail = b"MAIL FROM:<student@hust.example> HOLDFOR=86400\r\n"
    submit(near, mail, b"tomorrow", b"a@elsewhere.example", b"b@hust.example")
    (row,) = json.loads(near.smtplab("queue", "list", "--json").stdout)
    assert sorted(row["recipients"]) == ["a@elsewhere.example", "b@hust.example"]
    near.smtplab("queue", "delete", row["queue_id"])
    assert with_subject(near, "tomorrow") == with_subject(far, "tomorrow") == []


def test_a_message_is_held_as_long_as_it_was_asked(near, far):
    began = time.time()
    mail = b"MAIL FROM:<student@hust.example> HOLDFOR=2\r\n"
    submit(near, mail, b"later", b"a@elsewhere.example", b"b@hust.example")
    until(lambda: with_subject(far, "later"))
    assert time.time() >= began + 2
    until(lambda: with_subject(near, "later"))


@pytest.mark.parametrize(
    "parameters",
    [
        b"HOLDFOR=0",
        b"HOLDFOR=2592001",
        b"HOLDFOR=1 HOLDUNTIL=2026-01-01T00:00:00Z",
        b"HOLDUNTIL=2099-01-01T00:00:00Z",
        b"HOLDUNTIL=2026-13-01T00:00:00Z",
        b"HOLDUNTIL=tomorrow",
    ],
)
def test_no_later_release_is_promised_that_cannot_be_kept(near, parameters):
    with Dialogue(near.ports["submission"]) as client:
        client.ehlo()
        assert client.ask(b"AUTH PLAIN AHN0dWRlbnQAc2VjcmV0\r\n") == 235
        assert client.ask(b"MAIL FROM:<a@b.example> " + parameters + b"\r\n") == 501


def test_a_priority_is_handed_on(near, far):
    submit(near, b"MAIL FROM:<student@hust.example> MT-PRIORITY=-3\r\n", b"calm", b"a@elsewhere.example")
    (row,) = until(lambda: with_subject(far, "calm"))  # type: ignore[misc]
    shown = json.loads(far.smtplab("inbox", "show", row["id"], "--json").stdout)
    lines = [record["line"] for record in shown["records"] if record["event"] == "command_received"]
    assert any("MT-PRIORITY=-3" in line for line in lines if line.startswith("MAIL"))


def test_what_demands_tls_all_the_way_stays_where_a_certificate_proves_nothing(near, far):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with Dialogue(near.port) as client:
        client.ehlo()
        assert client.ask(b"STARTTLS\r\n") == 220
        client.upgrade(context, "near.example")
        client.ehlo()
        assert "REQUIRETLS" in client.announced
        assert client.ask(b"MAIL FROM:<student@hust.example> REQUIRETLS\r\n") == 250
        assert client.ask(b"RCPT TO:<a@elsewhere.example>\r\n") == 250
        assert client.ask(b"DATA\r\n") == 354
        assert client.ask(b"Subject: sealed\r\n\r\nx\r\n.\r\n") == 250

    def reasons() -> list[str]:
        rows = json.loads(near.smtplab("queue", "list", "--json").stdout)
        return [row["reason"] for row in rows if row["attempts"]]

    until(lambda: any("tls-not-verified" in reason for reason in reasons()))
    assert with_subject(far, "sealed") == []


def test_etrn_starts_what_waits_for_a_node(stuck):
    with Dialogue(stuck.port) as client:
        client.ehlo()
        assert client.send(b"Subject: one\r\n\r\nx", "a@elsewhere.example") == 250
        assert client.send(b"Subject: two\r\n\r\nx", "a@sub.elsewhere.example") == 250

        def attempts() -> list[int]:
            rows = json.loads(stuck.smtplab("queue", "list", "--json").stdout)
            return [row["attempts"] for row in rows if row["state"] == "deferred"]

        until(lambda: len(attempts()) == 2)
        assert client.ask_text(b"ETRN nobody.example\r\n")[0] == 251
        code, text = client.ask_text(b"ETRN ELSEWHERE.example\r\n")
        assert (code, text.split()[1]) == (253, "1")
        code, text = client.ask_text(b"ETRN @elsewhere.example\r\n")
        assert (code, text.split()[1]) == (253, "2")
        until(lambda: min(attempts(), default=0) >= 2)
        assert client.ask(b"ETRN #queue\r\n") == 459
        assert client.ask(b"ETRN not..a.node\r\n") == 501
        assert client.ask(b"ETRN\r\n") == 501
        assert client.ask(b"XCLIENT ADDR=192.0.2.9\r\n") == 220
        client.ehlo()
        assert client.ask(b"ETRN elsewhere.example\r\n") == 459
