"""A local socket and a program are connections like any other, and one that we cut ends where it was asked to."""

import asyncio
import sys
from pathlib import Path

import pytest

from smtplab.net.cut import CuttingDialer
from smtplab.net.doors import ProgramDialer, SocketDialer
from smtplab.net.ports import Endpoint, Lost

ECHO = """
import sys
for line in sys.stdin.buffer:
    sys.stdout.buffer.write(b"debug\\n250 " + line.upper() + b"\\n354"); sys.stdout.buffer.flush()
"""


def test_a_program_is_spoken_with_and_ends_with_the_connection():
    async def speak() -> tuple[bytes | Lost, bytes | Lost]:
        stream = await ProgramDialer(f"{sys.executable} -c '{ECHO}'").dial("", 0)
        assert not isinstance(stream, Lost)
        assert await stream.write(b"hello\r\n") is None
        heard = await stream.read()
        await stream.close()
        return heard, await stream.read()

    assert asyncio.run(speak()) == (b"250 HELLO\r\n", b"")


def test_a_program_that_ends_is_an_end_of_stream():
    async def speak() -> bytes | Lost:
        stream = await ProgramDialer("true").dial("", 0)
        assert not isinstance(stream, Lost)
        heard = await stream.read()
        await stream.close()
        return heard

    assert asyncio.run(speak()) == b""


def test_what_is_not_there_is_lost_with_its_reason(tmp_path: Path):
    missing = str(tmp_path / "missing")
    for dialer in (ProgramDialer(missing), SocketDialer(missing)):
        found = asyncio.run(dialer.dial("", 0))
        assert isinstance(found, Lost)
        assert found.reason == "not-found"


@pytest.mark.parametrize("command", ["", "   ", "'open"])
def test_what_names_no_program_is_refused(command):
    with pytest.raises(ValueError):  # noqa: PT011 - shlex has words of its own
        ProgramDialer(command)


class Sink:
    """A stream that takes everything."""

    local = peer = Endpoint("", 0)

    async def write(self, data: bytes) -> Lost | None:
        return None

    async def dial(self, address, port, *, source=None):
        return self


HELLO, MAIL, RCPT, DATA = b"EHLO x\r\n", b"MAIL FROM:<a@b>\r\n", b"RCPT TO:<c@d>\r\n", b"DATA\r\n"
CONTENT = [b"Subject: x\r\n\r\nMAIL FROM is text here\r\n", b"rest\r\n.\r\n"]


@pytest.mark.parametrize(
    ("after", "writes", "last"),
    [
        ("ehlo", [HELLO, MAIL], 0),
        ("second-ehlo", [HELLO, b"STARTTLS\r\n", HELLO, MAIL], 2),
        ("handshake", [HELLO, b"STARTTLS\r\n", HELLO], 1),
        ("auth", [HELLO, b"AUTH PLAIN x\r\n", MAIL], 1),
        ("mail", [HELLO, MAIL + RCPT + DATA, *CONTENT], 1),
        ("rcpt", [HELLO, MAIL, RCPT, DATA], 2),
        ("go-ahead", [HELLO, MAIL, RCPT, DATA, *CONTENT], 3),
        ("data", [HELLO, MAIL, RCPT, DATA, *CONTENT, b"QUIT\r\n"], 5),
        ("data", [HELLO, MAIL, RCPT, b"BDAT 3\r\nabc", b"BDAT 4 LAST\r\nde", b"fg", b"QUIT\r\n"], 5),
        ("mail", [HELLO, DATA, *CONTENT, MAIL], 4),
    ],
)
def test_the_last_command_is_the_one_that_was_asked_for(after, writes, last):
    async def speak() -> list[bool]:
        stream = await CuttingDialer(Sink(), after).dial("", 0)
        return [isinstance(await stream.write(data), Lost) for data in writes]

    assert asyncio.run(speak()).index(True) == last
