"""A message of the inbox goes on to a real server: another `smtplab serve`."""

from __future__ import annotations

import asyncio
import sys

import pytest

from smtplab.lab.release import relayed
from tests.serve.served import Served
from tests.web.conftest import opened
from tests.web.letters import PLAIN

API = "/api/v1"


async def released(home, **wish):
    async with opened(home) as client:
        row = (await client.get(f"{API}/messages?q=needle")).json()["messages"][0]
        return row, await client.post(f"{API}/messages/{row['id']}/release", json=wish)


@pytest.mark.skipif(sys.platform == "win32", reason="the server's end is told by POSIX signals")
def test_it_goes_on_with_its_envelope_or_another_and_says_what_became_of_it(home, tmp_path):
    with Served(tmp_path / "other", "--listen", "127.0.0.1:0") as other:
        server = f"127.0.0.1:{other.port}"
        row, answer = asyncio.run(released(home, server=server))
        assert answer.json()["result"] == "accepted"
        assert [one["recipient"] for one in answer.json()["recipients"]] == row["recipients"]
        people = ["x@y.example", "rcpt550_5.1.1@y.example"]
        _, answer = asyncio.run(released(home, server=server, sender="", recipients=people))
        assert [(one["recipient"], one["result"], one["code"]) for one in answer.json()["recipients"]] == [
            ("x@y.example", "accepted", 250), ("rcpt550_5.1.1@y.example", "refused", 550),
        ]  # fmt: skip
        first, second = other.inbox()
        raw = other.smtplab("inbox", "raw", first["id"]).stdout
    assert (first["sender"], first["recipients"]) == ("sender@client.example", ["student@hust.example"])
    assert (second["sender"], second["recipients"]) == ("", ["x@y.example"])
    assert raw.endswith(PLAIN)
    assert raw.count(b"Return-Path:") == 1
    assert raw.count(b"Received:") == 2


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"server": "a b"}, 400),
        ({"server": ""}, 400),
        ({"server": "127.0.0.1:99999"}, 400),
        ({"server": "127.0.0.1", "recipients": ["nobody"]}, 400),
        ({"server": "127.0.0.1", "recipients": ["a@b.example"] * 101}, 400),
        ({"server": "127.0.0.1", "sender": "a@b.example>\r\nRCPT TO:<c@d.example"}, 400),
        ({"recipients": []}, 400),
    ],
)
def test_a_wish_that_can_not_be_is_refused_before_anything_is_sent(home, wish, status):
    _, answer = asyncio.run(released(home, **wish))
    assert (answer.status_code, list(answer.json())) == (status, ["error"])


def test_a_server_that_is_not_there_is_told_as_such(home):
    _, answer = asyncio.run(released(home, server="127.0.0.1:1"))
    assert (answer.status_code, answer.json()["result"]) == (200, "unreachable")


def test_only_the_return_path_at_the_top_is_taken_off():
    assert relayed(b"Return-Path: <a@b>\r\n\tmore\r\nReceived: x\r\nReturn-Path: <c@d>\r\n\r\n") == (
        b"Received: x\r\nReturn-Path: <c@d>\r\n\r\n"
    )
