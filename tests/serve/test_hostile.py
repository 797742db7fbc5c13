"""The corpus of hostile inputs, said to `smtplab serve` over TCP."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from smtplab.lab.inbox import opened_inbox
from tests.serve.served import SECONDS_MAX, Dialogue, Served

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the server's end is told by POSIX signals")

_REPEATED = re.compile(r"\{(.+?)\*(\d+)\}", re.DOTALL)


class Case:
    """What is said, and the replies to all that was said since the last ones."""

    def __init__(self) -> None:
        self.listener = "smtp"
        self.steps: list[tuple[bytes, list[str]]] = []
        self.kept: int | None = None
        self.ending: bytes | None = None


def read_corpus(path: Path) -> Iterator[tuple[str, Case]]:
    """By name."""
    name, case = "", Case()
    for line in path.read_text("ascii").splitlines():
        kind, _, rest = line.partition(" ")
        match kind:
            case "==":
                if name:
                    yield name, case
                name, case = rest, Case()
            case "@":
                case.listener = rest
            case "C:":
                case.steps.append((_octets(rest), []))
            case "S:":
                codes = _REPEATED.sub(lambda found: " ".join([found[1]] * int(found[2])), rest)
                case.steps[-1][1].extend(codes.split())
            case "N:":
                case.kept = int(rest)
            case "K:":
                case.ending = _octets(rest)
            case _:
                pass
    yield name, case


def _octets(text: str) -> bytes:
    spelt = text.encode("ascii").decode("unicode_escape")
    return _REPEATED.sub(lambda found: found[1] * int(found[2]), spelt).encode("latin-1")


CORPUS = dict(read_corpus(Path(__file__).parent / "hostile" / "corpus.txt"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    places = [word for name in ("listen", "lmtp", "submission", "pop3") for word in (f"--{name}", "127.0.0.1:0")]
    with Served(tmp_path_factory.mktemp("hostile"), *places, "--user", "student:secret") as served:
        yield served
        code, out, err = served.stop()
        assert (code, out, err) == (0, b"", b"")


def test_the_corpus_is_large_enough():
    assert len(CORPUS) >= 150


def fits(expected: str, reply: int) -> bool:
    return any(re.fullmatch(one.replace("x", "[0-9]").replace("end", "0"), str(reply)) for one in expected.split("|"))


@pytest.mark.parametrize("name", CORPUS)
def test_hostile_input_meets_its_rfc(served, name):
    case = CORPUS[name]
    with opened_inbox(served.home) as inbox:
        before = inbox.count()
    with Dialogue(served.ports[case.listener]) as client:
        for said, expected in case.steps:
            client.say(said)
            for number, code in enumerate(expected):
                reply = client.reply()
                assert fits(code, reply), (said[-60:], number, code, reply)
        if case.steps[-1][1][-1:] != ["end"]:
            assert client.ask(b"NOOP\r\n") == 250
    with opened_inbox(served.home) as inbox:
        assert case.kept in (None, inbox.count() - before)
        if case.ending is not None:
            raw = inbox.raw(next(inbox.latest()).id) or b""
            trace, _, content = raw.partition(b" +0000\r\n")
            assert trace.startswith(b"Return-Path: ")
            assert content.endswith(case.ending)


def test_a_client_that_closes_its_half_gets_its_replies(served):
    with Dialogue(served.port) as client:
        client.say(b"EHLO x.example\r\nMAIL FROM:<>\r\n")
        client.socket.shutdown(1)
        assert [client.reply(), client.reply(), client.reply()] == [250, 250, 0]


def test_a_client_that_drips_octet_by_octet_is_understood(served):
    with Dialogue(served.port) as client:
        for octet in b"EHLO x.example\r\n":
            client.say(bytes([octet]))
        assert client.reply() == 250


def test_a_message_given_up_in_the_middle_is_not_kept(served):
    before = len(served.inbox())
    with Dialogue(served.port) as client:
        client.ehlo()
        client.say(b"MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\nx\r\n.\r")
        assert [client.reply() for _ in range(3)] == [250, 250, 354]
    with Dialogue(served.port) as client:
        client.ehlo()
    assert len(served.inbox()) == before


def rules_broken(served: Served) -> list[str]:
    """In the session that ended last."""
    session = served.inbox("list", "--sessions")[-1]["id"]
    records = json.loads(served.smtplab("inbox", "show", session, "--json").stdout)["records"]
    return [record["rule"] for record in records if record["event"] == "rule_broken"]


def test_who_talks_before_the_greeting_is_answered_and_noticed(served):
    for _ in range(50):
        with Dialogue(served.port, greeted=False) as client:
            client.say(b"EHLO x.example\r\nQUIT\r\n")
            assert [client.reply() for _ in range(4)] == [220, 250, 221, 0]
        if "early-talker" in rules_broken(served):
            return
    raise AssertionError("the server waits two milliseconds, and in fifty times nobody was so quick")


def test_there_is_no_second_tls_inside_tls(served):
    with Dialogue(served.port) as client:
        client.ehlo()
        assert client.ask(b"STARTTLS\r\n") == 220
        client.upgrade(unverified(), "x.example")
        assert client.ask(b"MAIL FROM:<>\r\n") == 503  # RFC 3207 4.2: EHLO was forgotten
        assert client.ehlo() == 250
        assert "STARTTLS" not in client.announced
        assert client.ask(b"STARTTLS\r\n") == 503
        assert client.ask(b"MAIL FROM:<> REQUIRETLS\r\n") == 250  # RFC 8689 2
        assert client.ask(b"MAIL FROM:<>\r\n") == 503


def test_plaintext_and_a_client_hello_in_one_piece_are_no_way_in(served):
    """CVE-2011-0411: what came before the handshake is thrown away, and what is left of the piece is no handshake."""
    with Dialogue(served.port) as client:
        client.ehlo()
        client.say(b"STARTTLS\r\nMAIL FROM:<a@b.example>\r\n")
        assert client.reply() == 220
        client.upgrade(unverified(), "x.example")
        assert client.ehlo() == 250
        assert client.ask(b"RCPT TO:<a@b.example>\r\n") == 503


def unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def test_a_message_that_drips_octet_by_octet_is_kept_whole(served):
    with Dialogue(served.port) as client:
        client.ehlo()
        client.say(b"MAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n")
        assert [client.reply() for _ in range(3)] == [250, 250, 354]
        for octet in b"Subject: drip\r\n\r\n..\r\n.x\r\n.\r\n":
            client.say(bytes([octet]))
        assert client.reply() == 250
    with opened_inbox(served.home) as inbox:
        raw = inbox.raw(next(inbox.latest()).id) or b""
    assert raw.endswith(b"\r\nSubject: drip\r\n\r\n.\r\nx\r\n")


def test_a_submission_port_adds_what_a_program_left_out(served):
    """RFC 6409 8.2 and 8.3; what the client sent stays as it is."""
    sent = b"Subject: bare\r\n\r\nx\r\n"
    with Dialogue(served.ports["submission"]) as client:
        client.ehlo()
        assert client.ask(b"AUTH PLAIN AHN0dWRlbnQAc2VjcmV0\r\n") == 235
        assert client.send(sent.removesuffix(b"\r\n")) == 250
        with opened_inbox(served.home) as inbox:
            raw = inbox.raw(next(inbox.latest()).id) or b""
        assert raw.endswith(sent)
        trace = raw.removesuffix(sent)
        assert trace.count(b"\r\nDate: ") == trace.count(b"\r\nMessage-ID: <") == 1
        whole = b"Date: Mon, 23 Nov 2026 01:00:00 +0000\r\nMessage-id: <1@x.example>\r\n" + sent
        assert client.send(whole.removesuffix(b"\r\n")) == 250
        with opened_inbox(served.home) as inbox:
            raw = inbox.raw(next(inbox.latest()).id) or b""
        assert b"Message-ID: " not in raw.removesuffix(whole)


@pytest.mark.parametrize(
    ("listener", "first", "said"),
    [
        ("smtp", b"EHLO x.example\r\nMAIL FROM:<>\r\n", b"RCPT TO:<a@b.example>\r\n"),
        ("pop3", b"", b"CAPA\r\n"),
    ],
)
def test_who_reads_no_replies_is_listened_to_no_longer(served, listener, first, said):
    """What he says stays in the system's buffers, a few MB at most, and none of it in our memory."""
    with socket.create_connection(("127.0.0.1", served.ports[listener]), timeout=SECONDS_MAX) as client:
        client.sendall(first)
        client.settimeout(2)
        octets = 0
        with contextlib.suppress(TimeoutError):
            while octets < 100_000_000:
                client.sendall(said * 10_000)
                octets += len(said) * 10_000
    assert octets < 50_000_000
