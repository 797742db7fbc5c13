"""An inbox that a real server has filled, and the page's application on it."""

from __future__ import annotations

import shutil
import sys
from contextlib import asynccontextmanager

import httpx
import pytest

from smtplab.web.access import Access
from smtplab.web.app import Page
from smtplab.web.request import PageRequest
from tests.serve.served import Dialogue, Served
from tests.web.letters import HANDSOME, PLAIN, vietnamese, wicked

ORIGIN = "http://127.0.0.1:8025"


@pytest.fixture(scope="session")
def filled(tmp_path_factory):
    """Four messages, and a session that came to nothing. Not to be changed: `home` is."""
    if sys.platform == "win32":
        pytest.skip("the server's end is told by POSIX signals")
    home = tmp_path_factory.mktemp("filled")
    with Served(home, "--listen", "127.0.0.1:0", "--domain", "hust.example") as served:
        for letter in (PLAIN, HANDSOME, wicked("http://remote.example"), vietnamese()):
            with Dialogue(served.port) as client:
                client.ehlo()
                assert client.send(letter.removesuffix(b"\r\n")) == 250
                client.ask(b"QUIT\r\n")
        with Dialogue(served.port) as client:
            client.ehlo()
            client.ask(b"MAIL FROM:<sender@client.example>\r\n")
            assert client.ask(b"RCPT TO:<a@elsewhere.example>\r\n") == 550
            client.ask(b"QUIT\r\n")
        assert served.stop() == (0, b"", b"")
    return home


@pytest.fixture
def home(filled, tmp_path):
    return shutil.copytree(filled, tmp_path / "home")


@asynccontextmanager
async def opened(home, *, access: Access | None = None, told: list[str] | None = None):
    """A client of the page's application; errors of ours fail the test."""
    lines: list[str] = [] if told is None else told
    page = Page(PageRequest(home=home, access=access or Access()), lines.append)
    transport = httpx.ASGITransport(page.app, client=("127.0.0.1", 5000))
    try:
        async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            client.page = page
            yield client
    finally:
        page.close()
    assert told is not None or lines == []
