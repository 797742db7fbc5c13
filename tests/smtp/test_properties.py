"""What holds for every dialogue: nothing raises, no split of the bytes matters, and what is sent arrives."""

from __future__ import annotations

import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smtplab import events as ev
from smtplab.journal import Journal
from smtplab.smtp.client import Answered, Client, Closed, RawLine
from smtplab.smtp.server import Asked, AuthAnswered, ClientGone, ContentReceived, Limits, Server
from smtplab.smtp.states import STATES
from smtplab.wire.address import Mailbox
from smtplab.wire.command import Bdat, Data, Ehlo, Lhlo, Mail, Noop, Quit, Rcpt, Rset
from smtplab.wire.reply import Reply, make_reply

OFFER = ("PIPELINING", "SIZE 10000", "8BITMIME", "CHUNKING", "BINARYMIME", "STARTTLS", "AUTH PLAIN LOGIN", "SMTPUTF8")

LINES = st.sampled_from(
    [
        b"EHLO relay.hust.example\r\n",
        b"HELO relay.hust.example\r\n",
        b"LHLO relay.hust.example\r\n",
        b"MAIL FROM:<a@b.example>\r\n",
        b"MAIL FROM:<> SIZE=99999999999 BODY=BINARYMIME\r\n",
        b"RCPT TO:<c@d.example>\r\n",
        b"DATA\r\n",
        b"text\r\n..\r\n",
        b".\r\n",
        b"BDAT 3\r\n",
        b"BDAT 0 LAST\r\n",
        b"BDAT 99999999999999999999 LAST\r\n",
        b"RSET\r\n",
        b"NOOP\r\n",
        b"VRFY who\r\n",
        b"QUIT\r\n",
        b"STARTTLS\r\n",
        b"AUTH PLAIN\r\n",
        b"AUTH PLAIN AGEAYg==\r\n",
        b"*\r\n",
        b"POST / HTTP/1.1\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b"\0\xff",
        b"x" * 3000,
    ]
)
CODES = st.sampled_from([None, 220, 221, 235, 250, 334, 354, 421, 450, 503, 550])

quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def make_server(events: list[ev.Event], *, lmtp: bool = False, line_endings: str = "strict") -> Server:
    journal = Journal(lambda: 0.0, lambda record: events.append(record.event), keep=False)
    server = Server(
        dialect="lmtp" if lmtp else "esmtp",
        limits=Limits(message_octets=20_000, recipients=3),
        line_endings=line_endings,  # type: ignore[arg-type]
        emit=journal.scope(node="mx", hop=0, span=""),
        monotonic=lambda: 0.0,
    )
    server.offer(OFFER)
    return server


def answer(server: Server, request: object, *, at_once: bool = False) -> bytes:
    """As a plain server would: what is refused is refused, the rest taken."""
    match request:
        case Asked(command=command, refusal=refusal):
            return server.reply(refusal or good_reply(server, command.verb), at_once)
        case AuthAnswered(response=response):
            return server.reply(make_reply(501 if response is None else 235, "OK"), at_once)
        case ContentReceived(refusal=refusal):
            each = max(1, server.recipients) if server.dialect == "lmtp" else 1
            return b"".join(server.reply(refusal or make_reply(250, "OK"), at_once) for _ in range(each))
    raise AssertionError(request)


def good_reply(server: Server, verb: str) -> Reply:
    if verb in ("EHLO", "LHLO"):
        server.offer(OFFER)
        return make_reply(250, "mx.neu.example", *OFFER)
    return make_reply({"DATA": 354, "QUIT": 221, "STARTTLS": 220, "AUTH": 334}.get(verb, 250), "OK")


def run_server(data: list[bytes], *, at_once: bool = False) -> tuple[bytes, list[ev.Event], list[bytes]]:
    """What leaves, what is recorded and what is taken when these pieces come one after the other; `at_once` as a driver
    does it that asks for each piece's first request with the piece."""
    events: list[ev.Event] = []
    server = make_server(events)
    sent, contents = server.greet(make_reply(220, "mx.neu.example")), []
    for piece in data:
        if at_once:
            request = server.hear(piece)
        else:
            server.receive(piece)
            request = server.next_event()
        while request is not None:
            if isinstance(request, ClientGone):
                return sent, events, contents
            if isinstance(request, ContentReceived):
                contents.append(request.content)
            sent += answer(server, request, at_once=at_once)
            request = server.next_event()
    return sent, events, contents


@quick
@given(st.lists(LINES, max_size=25), st.lists(CODES, min_size=1, max_size=8), st.booleans(), st.data())
def test_no_command_in_any_state_raises_whatever_is_answered(
    lines: list[bytes], codes: list[int | None], lmtp: bool, data: st.DataObject
) -> None:
    events: list[ev.Event] = []
    server = make_server(events, lmtp=lmtp, line_endings=data.draw(st.sampled_from(["strict", "repair", "keep"])))
    server.greet(make_reply(220, "mx.neu.example"))
    for number, line in enumerate([*lines, b""]):
        server.receive(line)
        for _ in range(100):
            request = server.next_event()
            if request is None or isinstance(request, ClientGone):
                break
            server.reply(Reply(codes[number % len(codes)], ("text",)))
        if server.state == "tls":
            server.tls_established()
        assert server.state in STATES


@quick
@given(st.lists(LINES | st.binary(max_size=60), max_size=20), st.lists(st.integers(0, 400), max_size=12))
def test_any_split_of_the_clients_bytes_gives_the_same(lines: list[bytes], cuts: list[int]) -> None:
    # What is thrown away behind STARTTLS and a 334 depends on when it comes, and is meant to.
    data = b"".join(line for line in lines if b"STARTTLS" not in line and b"AUTH" not in line)
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    pieces = [data[start:end] for start, end in itertools.pairwise(edges)]
    assert run_server([*pieces, b""]) == run_server([data, b""] if data else [b""])


@quick
@given(st.lists(LINES, max_size=20))
def test_a_known_line_that_is_answered_at_once_gives_the_same(lines: list[bytes]) -> None:
    read = run_server(lines)
    assert run_server(lines, at_once=True) == read


@quick
@given(
    st.lists(st.binary(max_size=40) | st.sampled_from([b"250-", b"250 OK\r\n", b"421 \r\n", b"\r\n"]), max_size=30),
    LINES,
)
def test_no_bytes_of_a_server_raise_and_no_split_of_them_matters(replies: list[bytes], line: bytes) -> None:
    def run(pieces: list[bytes]) -> tuple[list[Answered | Closed], list[ev.Event]]:
        events: list[ev.Event] = []
        client = Client(emit=events.append, monotonic=lambda: 0.0)
        client.send(RawLine(line))
        found: list[Answered | Closed] = []
        for piece in (*filter(None, pieces), b""):
            client.receive(piece)
            while (event := client.next_event()) is not None:
                found.append(event)
        return found, events

    data = b"".join(replies)
    if line.startswith(b"STARTTLS"):
        run(replies)
        return
    assert run([data]) == run([data[at : at + 1] for at in range(len(data))])


def converse(client: Client, server: Server, sent: bytes) -> tuple[list[Answered], list[bytes]]:
    """Carry bytes to and fro until both are silent."""
    answers: list[Answered] = []
    contents: list[bytes] = []
    if sent:
        server.receive(sent)
    while (request := server.next_event()) is not None:
        if isinstance(request, ContentReceived):
            contents.append(request.content)
        client.receive(answer(server, request))
    while isinstance(event := client.next_event(), Answered):
        answers.append(event)
    return answers, contents


CONTENTS = st.lists(
    st.sampled_from([b".", b"..", b".x", b"", b"a line", "chữ Việt".encode(), b"x" * 900]), max_size=8
).map(lambda lines: b"".join(line + b"\r\n" for line in lines))


@quick
@given(st.lists(CONTENTS, min_size=1, max_size=3), st.booleans(), st.integers(1, 3), st.integers(1, 200))
def test_what_a_client_sends_a_server_receives(messages: list[bytes], lmtp: bool, recipients: int, chunk: int) -> None:
    client_events: list[ev.Event] = []
    server_events: list[ev.Event] = []
    client = Client(dialect="lmtp" if lmtp else "esmtp", emit=client_events.append, monotonic=lambda: 0.0)
    server = make_server(server_events, lmtp=lmtp)
    client.receive(server.greet(make_reply(220, "mx.neu.example")))
    assert client.next_event() is not None
    converse(client, server, client.send((Lhlo if lmtp else Ehlo)("relay.hust.example")))
    for number, message in enumerate(messages):
        mail = client.send(Mail(Mailbox("a", "b.example"), {"BODY": "8BITMIME"}))
        rcpts = b"".join(client.send(Rcpt(Mailbox(f"r{n}", "d.example"))) for n in range(recipients))
        expected = recipients if lmtp else 1
        if number % 2:
            pieces = [message[at : at + chunk] for at in range(0, len(message), chunk)]
            chunks = b"".join(client.send_chunk(piece, last=False) for piece in pieces)
            answers, arrived = converse(client, server, mail + rcpts + chunks + client.send_chunk(b"", last=True))
            assert len(answers) == 1 + recipients + len(pieces) + expected
        else:
            answers, _ = converse(client, server, mail + rcpts + client.send(Data()))
            assert answers[-1].reply.code == 354
            answers, arrived = converse(client, server, client.send_content(message))
            assert [item.verb for item in answers] == ["."] * expected
        assert arrived == [message]
        assert [item.recipient for item in answers[-expected:]] == (list(range(recipients)) if lmtp else [None])
        assert client.state == server.state == "ready"
    converse(client, server, client.send(Quit()))
    assert client.state == server.state == "closed"
    assert client.pending == 0
    told = [event for event in client_events + server_events if isinstance(event, ev.RuleBroken)]
    assert [event for event in told if event.rule != "enhanced-code-missing"] == []
    assert octets(client_events, ev.MessageSent) == octets(server_events, ev.MessageReceived)
    assert octets(client_events, ev.MessageSent) == [len(message) for message in messages]


def octets(events: list[ev.Event], kind: type) -> list[int]:
    return [event.octets for event in events if isinstance(event, kind)]  # type: ignore[attr-defined]


def test_any_client_command_can_be_sent_in_any_state() -> None:
    commands = [Ehlo("a"), Mail(None), Rcpt(Mailbox("a", "b")), Data(), Bdat(0, True), Rset(), Noop(), Quit()]
    for first in commands:
        for second in commands:
            client = Client(emit=lambda event: None, monotonic=lambda: 0.0)
            assert client.send(first).endswith(b"\r\n")
            assert client.send(second).endswith(b"\r\n")
            assert client.pending == 3
