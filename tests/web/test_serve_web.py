"""`smtplab serve --web` as a process: the page beside the mail."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.serve.served import Dialogue, Served, smtplab
from tests.web.letters import PLAIN

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its end is told by POSIX signals")

LISTEN = ("--listen", "127.0.0.1:0", "--web", "127.0.0.1:0")


def told_next(web: httpx.Client, lines: Iterator[str]) -> Any:
    """The message that the stream tells of by its row or, where it came before the first look, by a `resync`."""
    for line in itertools.islice(lines, 20):
        if line == "event: message":
            return json.loads(next(lines).removeprefix("data: "))
        if line == "event: resync" and (rows := web.get("/api/v1/messages").json()["messages"]):
            return rows[0]
    pytest.fail("the stream tells of no message")


def test_the_page_is_told_as_a_listener_and_ends_with_the_server(tmp_path):
    with Served(tmp_path, *LISTEN) as served:
        assert [line["protocol"] for line in served.said] == ["smtp", "http"]
        assert list(served.said[1]) == ["event", "protocol", "host", "port"]
        with httpx.Client(base_url=f"http://127.0.0.1:{served.ports['http']}", timeout=30) as web:
            assert web.get("/api/v1/health").json()["status"] == "ok"
            with web.stream("GET", "/api/v1/events") as stream:
                lines = stream.iter_lines()
                assert "event: resync" in itertools.islice(lines, 5)
                with Dialogue(served.port) as client:
                    client.ehlo()
                    assert client.send(PLAIN) == 250
                    client.ask(b"QUIT\r\n")
                row = told_next(web, lines)
                # The stream is open yet: it ends, and does not hold up the end.
                assert served.stop() == (0, b"", b"")
    assert row["subject"] == "A plain one"


def test_wider_than_loopback_a_token_is_made_and_told_once(tmp_path):
    with Served(tmp_path, "--listen", "127.0.0.1:0", "--web", "0.0.0.0:0") as served:
        token = served.said[1]["token"]
        url = f"http://127.0.0.1:{served.ports['http']}/api/v1/health"
        assert httpx.get(url, timeout=30).status_code == 401
        assert httpx.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=30).status_code == 200
        assert served.stop() == (0, b"", b"")


def test_a_token_that_is_given_is_needed_on_loopback_too_and_never_told(tmp_path):
    (tmp_path / "token").write_text("sixteen-characters-at-least\n")
    with Served(tmp_path / "home", *LISTEN, "--web-token", f"@{tmp_path / 'token'}") as served:
        assert "token" not in served.said[1]
        url = f"http://127.0.0.1:{served.ports['http']}/api/v1/health"
        assert httpx.get(url, timeout=30).status_code == 401
        headers = {"Authorization": "Bearer sixteen-characters-at-least"}
        assert httpx.get(url, headers=headers, timeout=30).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--web", "nowhere"), '--web: "nowhere"'),
        (("--web", "127.0.0.1:0", "--web-token", "short"), "at least 16 characters"),
        (("--web-token", "sixteen-characters-at-least"), "--web"),
        (("--web-name", "mail.lan"), "--web"),
        (("--web", "127.0.0.1:0", "--discard"), "--discard"),
        (("--web", "192.0.2.1:8025"), "192.0.2.1:8025"),
    ],
)
def test_what_can_not_be_meant_is_said_in_one_line(tmp_path, arguments, said):
    done = smtplab(tmp_path, "serve", "--listen", "127.0.0.1:0", *arguments)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert said in done.stderr.decode()


def test_the_page_ends_also_where_the_server_is_killed(tmp_path):
    with Served(tmp_path, *LISTEN) as served:
        port = served.ports["http"]
        with socket.create_connection(("127.0.0.1", port), timeout=30) as listener:
            served.process.kill()
            served.process.communicate(timeout=30)
            # What the page's process held is closed by its end; what it had not accepted yet, reset.
            with contextlib.suppress(ConnectionResetError):
                assert listener.recv(1) == b""
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{port}/api/v1/health", timeout=30)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the page's process is found in Linux's /proc")
def test_mail_goes_on_where_the_page_is_no_more_and_that_is_told_in_a_line(tmp_path):
    with Served(tmp_path, *LISTEN) as served:
        server = served.process.pid
        (page,) = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        os.kill(int(page), signal.SIGKILL)
        assert served.process.stderr is not None
        assert served.process.stderr.readline() == b"smtplab: the page: its process has ended\n"
        with Dialogue(served.port) as client:
            client.ehlo()
            assert client.send(PLAIN) == 250
        assert served.stop() == (0, b"", b"")


def test_it_listens_on_ipv6_too(tmp_path):
    with Served(tmp_path, "--listen", "127.0.0.1:0", "--web", "[::1]:0") as served:
        assert served.said[1]["host"] == "::1"
        assert httpx.get(f"http://[::1]:{served.ports['http']}/api/v1/health", timeout=30).status_code == 200


def test_connections_that_say_nothing_leave_mail_and_page_at_work(tmp_path):
    with Served(tmp_path, *LISTEN) as served:
        idle = [socket.create_connection(("127.0.0.1", served.ports["http"]), timeout=30) for _ in range(250)]
        with Dialogue(served.port) as client:
            client.ehlo()
            assert client.send(PLAIN) == 250
        for one in idle:
            one.close()
        url = f"http://127.0.0.1:{served.ports['http']}/api/v1/health"
        assert httpx.get(url, timeout=30).json()["messages"] == 1
        assert served.stop() == (0, b"", b"")
