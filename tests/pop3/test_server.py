"""What the server's half makes of clients that dialogues as text can't show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtplab import events as ev
from smtplab.pop3 import response
from smtplab.pop3.capability import Capabilities
from smtplab.pop3.command import Noop, Quit, Stat
from smtplab.pop3.response import LongContent, Response, err, flaws_of_ends, of_lines, ok
from smtplab.pop3.server import Asked, AuthAnswered, ClientGone, Limits, Server
from smtplab.wire.framing import bare_line_ends, stuff


def served(events: list[ev.Event], **limits: int) -> Server:
    server = Server(limits=Limits(**limits), emit=events.append, monotonic=lambda: 0.0)
    server.offer(Capabilities(("USER", "STLS", "SASL PLAIN")))
    server.greet(ok("ready"))
    return server


def rules(events: list[ev.Event]) -> list[str]:
    return [f"{event.by}:{event.rule}" for event in events if isinstance(event, ev.RuleBroken)]


def test_nothing_is_read_before_the_greeting_and_it_is_read_after_it() -> None:
    events: list[ev.Event] = []
    server = Server(emit=events.append, monotonic=lambda: 0.0)
    server.receive(b"CAPA\r\n")
    assert server.next_event() is None
    server.greet(ok())
    assert isinstance(server.next_event(), Asked)
    assert rules(events) == ["them:early-talker"]


def test_one_command_is_asked_at_a_time_and_in_the_state_that_the_one_before_made() -> None:
    server = served([])
    server.receive(b"USER reader\r\nPASS sesame\r\nSTAT\r\n")
    seen = []
    while (request := server.next_event()) is not None:
        assert server.next_event() is None
        assert isinstance(request, Asked)
        seen.append((request.command.verb, request.refusal))
        server.reply(ok())
    assert seen == [("USER", None), ("PASS", None), ("STAT", None)]


def test_a_response_that_nobody_asked_for_is_ours_to_answer_for() -> None:
    events: list[ev.Event] = []
    server = served(events)
    server.reply(err("a thought of our own"))
    assert (server.state, rules(events)) == ("authorization", ["us:unasked-reply"])
    assert [event.verb for event in events if isinstance(event, ev.ReplySent)] == ["", "*"]


def test_what_comes_in_clear_within_the_handshake_is_no_command() -> None:
    events: list[ev.Event] = []
    server = served(events)
    server.receive(b"STLS\r\n")
    server.next_event()
    server.reply(ok())
    server.receive(b"QUIT\r\n")
    server.tls_established()
    assert server.next_event() is None
    assert (server.state, server.secure, rules(events)) == ("authorization", True, ["them:plaintext-after-starttls"])


def test_a_response_of_auth_may_be_longer_than_a_command() -> None:
    server = served([], command_octets=30, auth_octets=100)
    server.receive(b"AUTH PLAIN\r\n")
    server.next_event()
    server.reply(Response("+", ""))
    server.receive(b"QUFB" * 20 + b"\r\n")
    assert server.next_event() == AuthAnswered(b"AAA" * 20)


def test_quit_opens_update_before_it_is_answered() -> None:
    events: list[ev.Event] = []
    server = served(events)
    server.receive(b"USER a\r\nPASS b\r\nQUIT\r\n")
    for _ in range(2):
        server.next_event()
        server.reply(ok())
    assert server.next_event() == Asked(Quit(), (), None)
    assert server.state == "update"
    server.reply(ok())
    server.receive(b"")
    assert server.next_event() == ClientGone(clean=True)
    assert server.next_event() is None


def test_a_client_that_ends_its_stream_is_gone_once_all_it_asked_is_answered() -> None:
    server = served([])
    server.receive(b"NOOP\r\n")
    server.receive(b"")
    request = server.next_event()
    assert isinstance(request, Asked)
    assert (request.command, server.next_event()) == (Noop(), None)
    server.reply(err("no"))
    assert server.next_event() == ClientGone(clean=False)


def test_bare_line_ends_in_what_we_send_are_told_as_ours() -> None:
    events: list[ev.Event] = []
    server = served(events)
    server.receive(b"USER a\r\nPASS b\r\nRETR 1\r\n")
    for answer in (ok(), ok(), ok("it follows", b"a\n.\nb\r\n")):
        server.next_event()
        data = server.reply(answer)
    assert data == b"+OK it follows\r\na\n.\nb\r\n.\r\n"
    assert [(event.rule, event.detail) for event in events if isinstance(event, ev.RuleBroken)] == [("bare-lf", "2")]


def test_a_server_without_a_listener_to_its_facts_answers_alike() -> None:
    server = Server(monotonic=lambda: 0.0)
    assert server.greet(ok("ready")) == b"+OK ready\r\n"
    server.receive(b"STAT\r\nCAPA\r\n")
    request = server.next_event()
    assert isinstance(request, Asked)
    assert request.command == Stat()
    assert request.refusal is not None
    assert server.reply(request.refusal) == b"-ERR Not in this state\r\n"
    server.next_event()
    assert server.reply(ok("", of_lines("TOP", ".odd"))) == b"+OK\r\nTOP\r\n..odd\r\n.\r\n"


@given(
    st.lists(st.sampled_from([b"\r", b"\n", b".", b"a", b"\r\n", b"\r\n."]), max_size=40).map(b"".join),
    st.integers(min_value=1, max_value=9),
)
def test_a_long_content_is_stuffed_and_judged_alike_wherever_it_is_parted(content: bytes, octets: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(response, "LONG_OCTETS", octets)
        long, pieces = LongContent(content), []
        while piece := long.next_piece():
            pieces.append(piece)
    assert b"".join(pieces) == stuff(content)
    assert long.flaws == flaws_of_ends(*bare_line_ends(content))
