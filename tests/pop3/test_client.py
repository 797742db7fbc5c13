"""What the client's half makes of servers that dialogues as text can't show."""

from __future__ import annotations

import pytest

from smtplab import events as ev
from smtplab.pop3.capability import Capabilities
from smtplab.pop3.client import Answered, Client, Closed, RawLine
from smtplab.pop3.command import Capa, Dele, List, Retr, Stat, Stls, User
from smtplab.pop3.response import LINE_OCTETS_KEPT, Response, err, ok, parse_status_line
from smtplab.pop3.states import legal_verbs


def greeted(events: list[ev.Event], **options: int) -> Client:
    client = Client(emit=events.append, monotonic=lambda: 0.0, **options)
    say(client, b"+OK ready\r\n")
    return client


def say(client: Client, data: bytes) -> list[Answered | Closed]:
    client.receive(data)
    found: list[Answered | Closed] = []
    while (event := client.next_event()) is not None:
        found.append(event)
    return found


def rules(events: list[ev.Event]) -> list[str]:
    return [event.rule for event in events if isinstance(event, ev.RuleBroken)]


def test_what_may_be_sent_next_follows_state_and_capabilities() -> None:
    assert legal_verbs("authorization", Capabilities(("TOP", "STLS"))) == ("APOP", "STLS", "CAPA", "QUIT")
    assert legal_verbs("named", Capabilities(("USER",))) == ("PASS", "USER", "APOP", "CAPA", "QUIT")
    assert "UIDL" not in legal_verbs("transaction", Capabilities(("TOP",)))
    assert "UIDL" in legal_verbs("transaction", None)
    assert legal_verbs("auth", Capabilities()) == ("AUTH",)
    assert legal_verbs("update", None) == ("QUIT",)
    assert legal_verbs("closed", None) == ()


def test_apop_is_legal_where_the_greeting_has_a_timestamp() -> None:
    without, with_one = greeted([]), Client(monotonic=lambda: 0.0)
    say(with_one, b"+OK hello <1.2@pop.example> there\r\n")
    assert "APOP" not in without.legal_verbs()
    assert "APOP" in with_one.legal_verbs()
    assert with_one.timestamp == "<1.2@pop.example>"


def test_a_response_that_nobody_asked_for_answers_nothing() -> None:
    events: list[ev.Event] = []
    client = greeted(events)
    assert say(client, b"+OK again\r\n") == [Answered(ok("again"), None, "*")]
    assert (client.state, rules(events)) == ("authorization", ["unsolicited-reply"])


def test_a_challenge_out_of_the_blue_moves_nothing() -> None:
    events: list[ev.Event] = []
    client = greeted(events)
    client.send(User("reader"))
    say(client, b"+ c2F5\r\n")
    assert (client.state, client.pending, rules(events)) == ("authorization", 0, ["challenge-unasked"])


def test_plaintext_behind_the_ok_to_stls_is_thrown_away() -> None:
    events: list[ev.Event] = []
    client = greeted(events)
    client.send(Stls())
    client.send(Stat())
    events.clear()
    assert len(say(client, b"+OK go\r\n+OK 1 100\r\n")) == 1
    client.receive(b"+OK more\r\n")
    client.tls_established()
    assert (client.state, client.pending, client.capabilities, client.secure) == ("authorization", 0, None, True)
    assert rules(events) == ["plaintext-after-starttls"] * 2
    assert client.next_event() is None


@pytest.mark.parametrize("data", [b"+OK 5 oct", b"+OK\r\nSubj", b"+OK\r\nSubject\r\n", b"+OK\r\n.\r"])
def test_a_response_that_breaks_off_is_told_and_not_given(data: bytes) -> None:
    events: list[ev.Event] = []
    client = greeted(events)
    client.send(Retr(1))
    events.clear()
    client.receive(data)
    assert say(client, b"") == [Closed()]
    assert rules(events) == ["truncated-reply"]
    assert client.next_event() is None


def test_a_content_past_its_bound_ends_the_reading() -> None:
    events: list[ev.Event] = []
    client = greeted(events, message_octets_max=10)
    client.send(Retr(1))
    client.send(Dele(1))
    found = say(client, b"+OK\r\n0123456789abc\r\n.\r\n+OK gone\r\n")
    assert found == [Answered(ok(), Retr(1), "RETR"), Closed("reply-too-long")]
    assert "reply-too-long" in rules(events)


def test_a_refused_listing_has_no_lines_and_one_with_a_number_neither() -> None:
    client = greeted([])
    client.send(List())
    client.send(List(2))
    client.send(Capa())
    found = say(client, b"-ERR no\r\n+OK 2 200\r\n+OK\r\nUIDL\r\n\r\n.\r\n")
    assert [event.response for event in found if isinstance(event, Answered)] == [
        err("no"),
        ok("2 200"),
        ok("", b"UIDL\r\n\r\n"),
    ]
    assert client.capabilities == Capabilities(("UIDL",))


def test_a_line_in_pieces_leaves_once_it_has_its_end() -> None:
    events: list[ev.Event] = []
    client = greeted(events)
    for piece in (b"ST", b"AT\r", b"\nNO"):
        client.send(RawLine(piece))
    assert [event.verb for event in events if isinstance(event, ev.CommandSent)] == ["STAT"]
    assert client.pending == 1


def test_after_quit_nothing_may_come() -> None:
    events: list[ev.Event] = []
    client = greeted(events)
    client.send(RawLine(b"QUIT\r\nNOOP\r\n"))
    assert rules(events) == ["after-closing", "pipelined-after-last", "pipelining-not-announced"]


def test_a_response_without_a_challenge_is_told() -> None:
    events: list[ev.Event] = []
    greeted(events).send_auth(b"secret")
    assert rules(events) == ["response-without-challenge"]
    assert "c2Vj" not in repr(events)


@pytest.mark.parametrize(
    ("line", "response", "broken"),
    [
        (b"+OK", ok(), []),
        (b"+OK ", Response("+OK", "", None, b"+OK \r\n"), []),
        (b"+ok fine", Response("+OK", "fine", None, b"+ok fine\r\n"), ["reply-status"]),
        (b"+OKfine", Response("+OK", "fine", None, b"+OKfine\r\n"), ["reply-separator"]),
        (b"-ERR [in-use] no", err("no", "in-use"), []),
        (b"+ ", Response("+", ""), []),
        (b"+", Response("+", "", None, b"+\r\n"), []),
        (b"250 ok", Response(None, "250 ok"), ["reply-status"]),
        (b"", Response(None, ""), ["reply-status"]),
        (b"+OK \xe1\xbb\x87", Response("+OK", "ệ", None, b"+OK \xe1\xbb\x87\r\n"), ["reply-not-ascii"]),
        (b"+OK \xff", Response("+OK", "ÿ", None, b"+OK \xff\r\n"), ["reply-not-ascii"]),
        (b"+OK \0", Response("+OK", "\0", None, b"+OK \0\r\n"), ["reply-control"]),
        (b"+OK " + b"x" * 507, ok("x" * 507), ["reply-line-too-long"]),
        (b"+ " + b"x" * 507, Response("+", "x" * 507), []),
    ],
)
def test_a_status_line_is_read_and_its_flaws_are_noted(line: bytes, response: Response, broken: list[str]) -> None:
    found, flaws = parse_status_line(line)
    assert (found, [flaw.rule for flaw in flaws]) == (response, broken)


def test_an_endless_line_is_cut_and_the_dialogue_goes_on() -> None:
    events: list[ev.Event] = []
    client = greeted(events)
    client.send(Stat())
    client.send(Stat())
    found = say(client, b"+OK " + b"x" * 2 * LINE_OCTETS_KEPT + b"\r\n+OK 0 0\r\n")
    assert [len(event.response.text) for event in found if isinstance(event, Answered)] == [LINE_OCTETS_KEPT - 6, 3]
    assert "line-too-long" in rules(events)


def test_response_codes_are_read_in_any_case() -> None:
    assert [err("no", code).code for code in ("in-use", "SYS/TEMP")] == ["IN-USE", "SYS/TEMP"]
    assert [Response("-ERR", text).code for text in ("no [AUTH]", "[]", "[a b]", "[AUTH")] == [None] * 4
