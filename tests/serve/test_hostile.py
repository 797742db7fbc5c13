"""The corpus of hostile inputs, said to `smtplab serve` over TCP."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serve.served import Dialogue, Served

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the server's end is told by POSIX signals")

_REPEATED = re.compile(r"\{(.+?)\*(\d+)\}", re.DOTALL)
Step = tuple[bytes, list[str]]


def read_corpus(path: Path) -> Iterator[tuple[str, list[Step]]]:
    """Names and steps: what is said, and the replies to all that was said since the last ones."""
    name, steps = "", []
    for line in path.read_text("ascii").splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "==":
            if name:
                yield name, steps
            name, steps = rest, []
        elif kind == "C:":
            steps.append((_octets(rest), []))
        elif kind == "S:":
            codes = _REPEATED.sub(lambda found: " ".join([found[1]] * int(found[2])), rest)
            steps[-1][1].extend(codes.split())
    yield name, steps


def _octets(text: str) -> bytes:
    spelt = text.encode("ascii").decode("unicode_escape")
    return _REPEATED.sub(lambda found: found[1] * int(found[2]), spelt).encode("latin-1")


CORPUS = dict(read_corpus(Path(__file__).parent / "hostile" / "corpus.txt"))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("hostile"), "--user", "student:secret") as served:
        yield served
        code, out, err = served.stop()
        assert (code, out, err) == (0, b"", b"")


def test_the_corpus_is_large_enough():
    assert len(CORPUS) >= 60


@pytest.mark.parametrize("name", CORPUS)
def test_hostile_input_meets_its_rfc(served, name):
    with Dialogue(served.port) as client:
        for said, expected in CORPUS[name]:
            client.say(said)
            for code in expected:
                reply = client.reply()
                assert re.fullmatch(code.replace("x", "[0-9]").replace("end", "0"), str(reply)), (said[-40:], reply)
        if expected[-1] != "end":
            assert client.ask(b"NOOP\r\n") == 250


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
