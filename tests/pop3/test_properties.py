"""What holds for every POP3 dialogue: nothing raises, no split of the bytes matters, and what is sent arrives."""

from __future__ import annotations

import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smtplab import events as ev
from smtplab.pop3 import command as commands
from smtplab.pop3.capability import Capabilities
from smtplab.pop3.client import Answered, Client, Closed, RawLine
from smtplab.pop3.command import Command, Pass, Retr, Unknown, User, format_command, parse_command
from smtplab.pop3.response import Response, err, ok, parse_status_line
from smtplab.pop3.server import Asked, AuthAnswered, ClientGone, Server
from smtplab.pop3.states import STATES, TABLE, transitions

LINES = st.sampled_from(
    [
        b"USER reader\r\n",
        b"user reader\n",
        b"PASS sesame\r\n",
        b"APOP reader c4c9334bac560ecc979e58001b3e22fb\r\n",
        b"AUTH PLAIN\r\n",
        b"AUTH PLAIN AHJlYWRlcgBzZXNhbWU=\r\n",
        b"*\r\n",
        b"CAPA\r\n",
        b"STLS\r\n",
        b"STAT\r\n",
        b"LIST\r\n",
        b"LIST 1\r\n",
        b"UIDL\r\n",
        b"RETR 1\r\n",
        b"RETR 99999999999\r\n",
        b"TOP 1 0\r\n",
        b"DELE 2\r\n",
        b"NOOP\r\n",
        b"RSET\r\n",
        b"QUIT\r\n",
        b"EHLO mx\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b".\r\n",
        b"\0\xff",
        b"x" * 400,
    ]
)
SAID = st.sampled_from(
    [
        b"+OK\r\n",
        b"+ok \xe1\xbb\x87\r\n",
        b"+OK 1 120\n",
        b"-ERR [IN-USE] no\r\n",
        b"+ \r\n",
        b"+\r\n",
        b"..dot\r\n",
        b".\r\n",
        b"\n.\r\n",
        b"\r\n",
        b"SASL PLAIN\r\n",
        b"* OK\r\n",
        b"+OK" + b"x" * 600 + b"\r\n",
    ]
)
RESPONSES = st.sampled_from(
    [ok(), ok("1 120", b"a\r\n.b\r\n"), err("No", "AUTH"), Response("+", ""), Response(None, "what"), ok("x", b"")]
)
CONTENT = st.lists(st.sampled_from([b"\r\n", b".", b"..", b"\n", b"\r", b"text", b"\0\xff"]), max_size=20).map(b"".join)
CAPABILITIES = Capabilities(("USER", "TOP", "UIDL", "SASL PLAIN", "STLS", "PIPELINING"))

quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(at % (len(data) + 1) for at in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(edges)]


def run_server(pieces: list[bytes]) -> tuple[bytes, list[ev.Event]]:
    """What leaves and what is recorded where the server takes all that may be taken."""
    events: list[ev.Event] = []
    server = Server(emit=events.append, monotonic=lambda: 0.0)
    server.offer(CAPABILITIES, apop=True)
    sent = server.greet(ok("ready"))
    for piece in pieces:
        server.receive(piece)
        while (request := server.next_event()) is not None:
            if isinstance(request, ClientGone):
                return sent, events
            sent += server.reply(answer(request))
    return sent, events


def answer(request: Asked | AuthAnswered) -> Response:
    match request:
        case Asked(refusal=Response() as refusal):
            return refusal
        case Asked(command=commands.Auth(initial=None)):
            return Response("+", "")
        case AuthAnswered(response=None):
            return err("No base64")
        case _:
            return ok("taken")


@quick
@given(st.lists(LINES | st.binary(max_size=40), max_size=25), st.lists(RESPONSES, min_size=1, max_size=8))
def test_no_command_in_any_state_raises_whatever_is_answered(lines: list[bytes], responses: list[Response]) -> None:
    server = Server(emit=[].append, monotonic=lambda: 0.0)
    server.offer(CAPABILITIES, apop=True)
    server.greet(ok())
    for number, line in enumerate([*lines, b""]):
        server.receive(line)
        for _ in range(50):
            request = server.next_event()
            if request is None or isinstance(request, ClientGone):
                break
            server.reply(responses[number % len(responses)])
        if server.state == "tls":
            server.tls_established()
        assert server.state in STATES


@quick
@given(st.lists(LINES | st.binary(max_size=60), max_size=20), st.lists(st.integers(0, 400), max_size=12))
def test_any_split_of_the_clients_bytes_gives_the_same(lines: list[bytes], cuts: list[int]) -> None:
    # What is thrown away behind STLS and a challenge depends on when it comes, and is meant to.
    data = b"".join(line for line in lines if b"STLS" not in line and b"AUTH" not in line)
    assert run_server([*cut(data, cuts), b""]) == run_server([data, b""] if data else [b""])


def run_client(sent: bytes, pieces: list[bytes]) -> tuple[list[Answered | Closed], list[ev.Event]]:
    events: list[ev.Event] = []
    client = Client(message_octets_max=60, emit=events.append, monotonic=lambda: 0.0)
    client.send(RawLine(sent))
    found: list[Answered | Closed] = []
    for piece in pieces:
        client.receive(piece)
        while (event := client.next_event()) is not None:
            found.append(event)
    return found, events


@quick
@given(
    st.lists(LINES, max_size=6).filter(lambda lines: b"STLS\r\n" not in lines),
    st.lists(SAID | st.binary(max_size=20), max_size=20),
    st.lists(st.integers(0, 400), max_size=12),
)
def test_no_bytes_of_a_server_raise_and_no_split_of_them_matters(
    lines: list[bytes], said: list[bytes], cuts: list[int]
) -> None:
    data = b"".join(said)
    sent = b"".join(lines)
    assert run_client(sent, [*cut(data, cuts), b""]) == run_client(sent, [data, b""] if data else [b""])


@quick
@given(st.lists(CONTENT, min_size=1, max_size=4), st.lists(st.integers(0, 400), max_size=12))
def test_joined_halves_deliver_every_octet_and_go_through_the_same_states(
    contents: list[bytes], cuts: list[int]
) -> None:
    told_by_server: list[ev.Event] = []
    told_by_client: list[ev.Event] = []
    server = Server(emit=told_by_server.append, monotonic=lambda: 0.0)
    server.offer(CAPABILITIES)
    client = Client(emit=told_by_client.append, monotonic=lambda: 0.0)
    answers = [ok(), ok(), *(ok("it follows", content) for content in contents), ok("bye")]
    for piece in cut(server.greet(ok()), cuts):
        client.receive(piece)
    received = []
    for command in [User("reader"), Pass("se same"), *map(Retr, range(1, len(contents) + 1)), commands.Quit()]:
        for piece in cut(client.send(command), cuts):
            server.receive(piece)
        asked = server.next_event()
        assert isinstance(asked, Asked)
        assert asked.command == command
        for piece in cut(server.reply(answers.pop(0)), cuts):
            client.receive(piece)
        while (event := client.next_event()) is not None:
            assert isinstance(event, Answered)
            if event.verb == "RETR":
                received.append(event.response.content)
    whole = [content if content.endswith(b"\r\n") or not content else content + b"\r\n" for content in contents]
    assert received == whole
    moves = [
        [event for event in told if isinstance(event, ev.StateChanged)] for told in (told_by_server, told_by_client)
    ]
    assert moves[0] == moves[1]
    assert client.state == server.state == "closed"


@quick
@given(st.binary(max_size=80) | LINES)
def test_every_line_is_read_and_what_is_read_is_written_again_as_it_was_meant(line: bytes) -> None:
    command = parse_command(line).command
    if not isinstance(command, Unknown):
        assert parse_command(format_command(command)).command == command


@quick
@given(st.binary(max_size=80) | SAID)
def test_every_status_line_is_read(line: bytes) -> None:
    response, flaws = parse_status_line(line)
    assert response.status is not None or flaws


def test_no_command_prints_its_secret() -> None:
    secrets: list[Command] = [
        Pass("sesame"),
        commands.Apop("reader", "sesame"),
        commands.Auth("PLAIN", b"sesame"),
        Unknown(b"PASS\tsesame"),
    ]
    assert "sesame" not in repr(secrets)
    assert "sesame" not in repr([command.__rich_repr__() for command in secrets])  # type: ignore[union-attr]


def test_every_state_can_be_reached_and_left_but_the_last() -> None:
    reached = {"connected"} | {target for state in STATES for _, _, target in transitions(state)}
    assert reached == set(STATES) == set(TABLE)
    assert [state for state in STATES if not transitions(state)] == ["closed"]
