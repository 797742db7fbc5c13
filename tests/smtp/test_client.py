from __future__ import annotations

from smtplab import events as ev
from smtplab.smtp.client import Answered, Client, Closed, RawLine
from smtplab.wire.address import Mailbox
from smtplab.wire.command import Auth, Ehlo, Mail, Noop, Rcpt, StartTls


def make_client(events: list[ev.Event], *extensions: str, show_secrets: bool = False) -> Client:
    """Greeted, and EHLO answered with these extensions."""
    client = Client(emit=events.append, monotonic=lambda: 0.0, show_secrets=show_secrets)
    client.receive(b"220 mx.neu.example\r\n")
    client.next_event()
    client.send(Ehlo("relay.hust.example"))
    lines = ["mx.neu.example", *extensions]
    client.receive(b"".join(f"250-{line}\r\n".encode() for line in lines[:-1]) + f"250 {lines[-1]}\r\n".encode())
    client.next_event()
    events.clear()
    return client


def rules(events: list[ev.Event]) -> list[tuple[str, str]]:
    return [(event.rule, event.by) for event in events if isinstance(event, ev.RuleBroken)]


def test_a_reply_pushed_behind_the_220_of_starttls_is_thrown_away() -> None:
    events: list[ev.Event] = []
    client = make_client(events, "STARTTLS")
    client.send(StartTls())
    client.receive(b"220 Go on\r\n250-evil.example\r\n250 AUTH PLAIN\r\n")
    assert client.next_event() is not None
    assert client.next_event() is None
    client.tls_established()
    assert (client.state, client.secure, client.next_event()) == ("greeted", True, None)
    assert rules(events) == [("plaintext-after-starttls", "them")]
    assert "STARTTLS" not in client.extensions


def test_a_second_reply_in_the_same_segment_is_not_lost() -> None:
    events: list[ev.Event] = []
    client = make_client(events)
    client.send(Noop())
    client.receive(b"250 OK\r\n421 Closing\r\n")
    first, second = client.next_event(), client.next_event()
    assert isinstance(first, Answered)
    assert isinstance(second, Answered)
    assert (first.verb, second.verb, second.command) == ("NOOP", "*", None)
    assert client.state == "closed"
    assert rules(events) == []


def test_a_reply_that_nobody_asked_for_is_told() -> None:
    events: list[ev.Event] = []
    client = make_client(events)
    client.receive(b"250 OK\r\n")
    client.next_event()
    assert rules(events) == [("unsolicited-reply", "them")]


def test_a_greeting_in_utf8_is_no_crash() -> None:
    events: list[ev.Event] = []
    client = Client(emit=events.append, monotonic=lambda: 0.0)
    client.receive("220 máy chủ thư\r\n".encode())
    answered = client.next_event()
    assert isinstance(answered, Answered)
    assert (answered.reply.code, answered.verb, client.state) == (220, "", "greeted")


def test_a_reply_without_end_closes_for_that_reason() -> None:
    client = make_client([])
    client.send(Noop())
    told = []
    for _ in range(200):
        client.receive(b"250-" + b"x" * 60000 + b"\r\n")
        while (event := client.next_event()) is not None:
            told.append(event)
    assert told == [Closed("reply-too-long")]


def test_an_end_of_stream_inside_a_reply_is_told() -> None:
    events: list[ev.Event] = []
    client = make_client(events)
    client.receive(b"250 O")
    client.receive(b"")
    assert client.next_event() == Closed()
    assert client.next_event() is None
    assert rules(events) == [("truncated-reply", "them")]


def test_the_time_of_an_answer_counts_from_its_own_command() -> None:
    now = [0.0]
    events: list[ev.Event] = []
    client = Client(emit=events.append, monotonic=lambda: now[0])
    now[0] = 0.25
    client.receive(b"220 mx\r\n")
    client.next_event()
    client.send(Noop())
    now[0] = 0.5
    client.send(Noop())
    now[0] = 1.0
    client.receive(b"250 OK\r\n250 OK\r\n")
    client.next_event()
    client.next_event()
    assert [event.ms for event in events if isinstance(event, ev.ReplyReceived)] == [250.0, 750.0, 500.0]


def test_what_was_not_announced_is_sent_and_told() -> None:
    events: list[ev.Event] = []
    client = make_client(events, "PIPELINING", "SIZE 1000", "LIMITS RCPTMAX=1 MAILMAX=1 RCPTDOMAINMAX=1")
    client.send(Mail(Mailbox("a", "b.example"), {"SIZE": "1001", "BODY": "8BITMIME", "RET": "HDRS"}))
    client.send(Rcpt(Mailbox("c", "d.example")))
    client.send(Rcpt(Mailbox("c", "e.example")))
    assert [rule for rule, _ in rules(events)] == [
        "parameter-not-announced",
        "parameter-not-announced",
        "larger-than-announced",
        "over-rcptmax",
        "over-rcptdomainmax",
    ]


def test_8bit_content_without_8bitmime_is_told() -> None:
    events: list[ev.Event] = []
    client = make_client(events)
    for line in (b"MAIL FROM:<a@b.example>\r\n", b"RCPT TO:<c@d.example>\r\n", b"DATA\r\n"):
        client.send(RawLine(line))
        client.receive(b"354 OK\r\n" if line == b"DATA\r\n" else b"250 OK\r\n")
        client.next_event()
    assert client.send_content("chữ".encode()) == "chữ\r\n.\r\n".encode()
    assert rules(events) == [("8bit-without-8bitmime", "us")]


def test_secrets_are_masked_unless_asked_for() -> None:
    for show, line in ((False, "AUTH PLAIN ***"), (True, "AUTH PLAIN AHUAcA==")):
        events: list[ev.Event] = []
        client = make_client(events, "AUTH PLAIN LOGIN", show_secrets=show)
        assert client.send(Auth("PLAIN", b"\0u\0p")) == b"AUTH PLAIN AHUAcA==\r\n"
        client.send(RawLine(b"auth  plain AHUAcA==\r\n"))
        commands = [event for event in events if isinstance(event, ev.CommandSent)]
        assert commands[0] == ev.CommandSent("AUTH", line, None, "identity= user=u password=***")
        assert ("AHUAcA" in commands[1].line) == show


def test_a_line_sent_in_parts_by_hand_is_one_command() -> None:
    events: list[ev.Event] = []
    client = make_client(events)
    assert client.send(RawLine(b"NO")) == b"NO"
    assert client.pending == 0
    client.send(RawLine(b"OP\n"))
    assert client.pending == 1
    assert [event for event in events if isinstance(event, ev.CommandSent)] == [
        ev.CommandSent("NOOP", "NOOP", b"NOOP\n")
    ]
    assert ("bare-lf", "us") in rules(events)


def test_legal_verbs_follow_the_state_and_what_was_announced() -> None:
    client = make_client([], "STARTTLS")
    assert client.legal_verbs()[:2] == ("MAIL", "STARTTLS")
    assert "BDAT" not in client.legal_verbs()
    assert "LHLO" not in client.legal_verbs()
