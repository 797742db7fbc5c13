"""A walk through the real engine over loopback, up to a small server of the test's own."""

import asyncio
import base64
import os
import signal
from collections.abc import Awaitable, Callable

import pytest

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.lab import exits
from smtplab.lab.bad_input import BadInput
from smtplab.lab.exits import exit_code_of
from smtplab.lab.feed import LiveFeed
from smtplab.lab.live import prepare_live, walk_live
from smtplab.lab.request import WalkRequest
from smtplab.lab.walk import run_walk

ANSWERS = {
    "EHLO": "250-mx.real.net\r\n250 AUTH PLAIN",
    "AUTH": "235 2.7.0 ok",
    "QUIT": "221 bye",
    "RCPT": "250 2.1.5 ok",
}


class Server:
    """Greets, and answers each line by its verb."""

    def __init__(self, answers: dict[str, str | None]) -> None:
        self.answers = answers
        self.ended = asyncio.Event()
        self.asked: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx.real.net\r\n")
        while line := await reader.readline():
            verb = line.split()[0].decode().upper()
            self.asked.append(verb)
            if (answer := self.answers.get(verb, "250 ok")) is not None:
                writer.write(answer.encode() + b"\r\n")
        writer.close()
        self.ended.set()


def walked(
    act: Callable[[WalkRequest, Server], Awaitable[object]],
    answers: dict[str, str | None] | None = None,
    **options: object,
) -> Server:
    async def run() -> Server:
        server = Server({**ANSWERS, **(answers or {})})
        async with await asyncio.start_server(server, "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
            request = WalkRequest(
                recipient="an@real.net", server=f"127.0.0.1:{port}", helo="here.net", sender="lan@here.net", **options
            )
            await act(request, server)
            await asyncio.wait_for(server.ended.wait(), 5)
        return server

    return asyncio.run(run())


def test_a_live_walk_stops_after_the_recipient_and_says_goodbye():
    records: list[Record] = []

    async def act(request: WalkRequest, server: Server) -> None:
        assert await walk_live(prepare_live(request), records.append) == exits.DONE

    server = walked(act)
    assert server.asked == ["EHLO", "MAIL", "RCPT", "RSET", "QUIT"]
    assert [record.seq for record in records] == list(range(1, len(records) + 1))
    assert records[0].event == ev.JourneyStarted("an@real.net", "lan@here.net", "live", None, None)
    assert isinstance(records[-1].event, ev.JourneyEnded)
    assert records[-1].event.result == "stopped"


@pytest.mark.parametrize(("answer", "code"), [("450 4.2.1 later", exits.TEMPORARY), ("550 5.1.1 no", exits.FAILED)])
def test_the_recipients_reply_decides_the_exit_code(answer, code):
    async def act(request: WalkRequest, server: Server) -> None:
        assert await walk_live(prepare_live(request), lambda record: None) == code

    walked(act, {"RCPT": answer})


def test_raw_records_every_byte_beside_its_session():
    records: list[Record] = []

    async def act(request: WalkRequest, server: Server) -> None:
        await walk_live(prepare_live(request), records.append)

    walked(act, raw=True)
    sent = b"".join(record.event.data for record in records if isinstance(record.event, ev.BytesSent))
    assert sent.startswith(b"EHLO here.net\r\nMAIL FROM:<lan@here.net>")
    assert sent.endswith(b"QUIT\r\n")
    assert {record.span for record in records if isinstance(record.event, ev.BytesReceived)} == {"deliver/1/127.0.0.1"}


@pytest.mark.parametrize("shown", [False, True])
def test_a_password_is_in_the_records_only_where_that_was_asked_for(shown):
    secret = base64.b64encode(b"\0lan\0opensesame").decode()
    records: list[Record] = []

    async def act(request: WalkRequest, server: Server) -> None:
        await walk_live(prepare_live(request), records.append)

    walked(act, auth_user="lan", auth_password="opensesame", auth_mechanism="PLAIN", show_secrets=shown)
    assert (secret in repr(records)) is shown


def test_a_feed_that_is_cancelled_closes_its_socket_and_keeps_what_came():
    async def act(request: WalkRequest, server: Server) -> None:
        feed = LiveFeed(prepare_live(request))
        running = asyncio.create_task(feed.run())
        while "EHLO" not in server.asked:
            await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert feed.ended is not None
        assert feed.records[-1].event == ev.JourneyEnded("stopped", None, None, "interrupted")

    walked(act, {"EHLO": None})


def test_a_person_edits_a_command_of_a_live_walk():
    async def act(request: WalkRequest, server: Server) -> None:
        feed = LiveFeed(prepare_live(request))
        assert feed.gate is not None
        feed.gate.hold_next()
        running = asyncio.create_task(feed.run())
        while feed.gate.held is None:
            await asyncio.sleep(0)
        assert feed.gate.held == "EHLO here.net"
        feed.gate.replace("EHLO there.net")
        assert (await running).exit_code == exits.DONE
        gates = [record.event for record in feed.records if isinstance(record.event, ev.GateHeld | ev.GateReleased)]
        assert gates == [ev.GateHeld("EHLO here.net"), ev.GateReleased("EHLO there.net", "edited")]

    walked(act)


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_walk_after_its_last_record(sign, code):
    records: list[Record] = []

    def on_record(record: Record) -> None:
        records.append(record)
        if isinstance(record.event, ev.JourneyStarted):
            os.kill(os.getpid(), sign)

    # Port 9 of a documentation address: nothing answers, so the signal always comes first.
    request = WalkRequest(recipient="an@real.net", server="192.0.2.1:9", timeout_s=5)
    assert run_walk(request, on_record) == code
    assert records[-1].event == ev.JourneyEnded("stopped", None, None, "interrupted")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"recipient": "nobody"}, "cli.not-an-address"),
        ({"recipient": "Postmaster"}, "cli.not-an-address"),
        ({"sender": "not one"}, "cli.not-an-address"),
        ({"dns": "nowhere"}, "cli.not-an-endpoint"),
        ({"server": "mx.real.net:0"}, "cli.not-a-server"),
        ({"server": ""}, "cli.not-a-server"),
        ({"helo": "a\r\nRSET"}, "cli.not-a-name"),
    ],
)
def test_a_request_that_can_not_be_read_is_refused_before_anything_is_sent(options, text):
    with pytest.raises(BadInput) as caught:
        prepare_live(WalkRequest(**{"recipient": "an@real.net", **options}))
    assert caught.value.text == text


@pytest.mark.parametrize(
    ("result", "code"),
    [
        ("delivered", 0),
        ("accepted", 0),
        ("stopped", 0),
        ("bounced", 1),
        ("refused", 1),
        ("deferred", 75),
        ("unreachable", 75),
    ],
)
def test_each_result_has_its_exit_code(result, code):
    assert exit_code_of(result) == code
