"""Transcripts have swaks' marks, three columns and a space, and tell nothing twice."""

from __future__ import annotations

from typing import Any

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.view.journey import Journey
from smtplab.view.ladder import rows
from smtplab.view.texts import Texts
from smtplab.view.transcript import lines

HOST = "mx1.neu.example"


def printed(records: list[Record]) -> list[str]:
    journey, found = Journey(), []
    for record in records:
        journey.advance(record)
        found += [str(line) for line in lines(record, journey, Texts("en"))]
    return found


def test_a_dialogue_in_clear_and_in_tls_has_swaks_marks(book: Any) -> None:
    book.begin()
    book.fail_to_connect("192.0.2.24", "refused")
    book.connect()
    book.ask("", 220, "mx1 ESMTP")
    book.ask("EHLO a.example", 250, "mx1", "SIZE 10", "STARTTLS")
    book.ask("STARTTLS", 220, "go")
    book(ev.TlsEstablished("TLSv1.3", "AES", None, None))
    book.ask("MAIL FROM:<>", 250, "2.1.0 OK", enhanced="2.1.0")
    book.ask("RCPT TO:<x@neu.example>", 550, "5.1.1 no", "5.1.1 really", enhanced="5.1.1")
    book.ask("DATA", 354)
    book(ev.MessageSent(10, "DATA"), ev.Disconnected("them", clean=False, reason="reset"))
    refused = "nothing answers on that port: the connection was refused (30.0 s)"
    assert printed(book.records) == [
        "=== A message for lan@neu.example, from minh@hust.example (real Internet)",
        "Hop 0: laptop.example → mx1.neu.example",
        "=== Connecting to mx1.neu.example [192.0.2.24], port 25",
        "*** No connection to mx1.neu.example [192.0.2.24], port 25: " + refused,
        "=== Connecting to mx1.neu.example [192.0.2.25], port 25",
        "=== Connected to mx1.neu.example [192.0.2.25], port 25 (1.0 ms)",
        "<-  220 mx1 ESMTP",
        " -> EHLO a.example",
        "<-  250-mx1",
        "<-  250-SIZE 10",
        "<-  250 STARTTLS",
        " -> STARTTLS",
        "<-  220 go",
        "=== TLS is up: TLSv1.3, AES",
        " ~> MAIL FROM:<>",
        "<~  250 2.1.0 OK",
        " ~> RCPT TO:<x@neu.example>",
        "<~* 550-5.1.1 no",
        "<~* 550 5.1.1 really",
        " ~> DATA",
        "<~  354 OK",
        " ~> Message sent: 10 octets, with DATA",
        "*** Connection over: the other side broke the connection off",
    ]


def test_a_refusal_in_clear_is_marked(book: Any) -> None:
    book.connect()
    book.ask("", 554, "no")
    assert printed(book.records)[-1] == "<** 554 no"


def test_a_reply_without_a_code_is_marked_as_refusing(book: Any) -> None:
    book(ev.ReplyReceived(None, None, ("HTTP/1.1 400 Bad Request",), 1.0, ""))
    assert printed(book.records)[-1] == "<** HTTP/1.1 400 Bad Request"


def test_a_yes_of_pop3_has_no_code_and_is_no_refusal(book: Any) -> None:
    book(ev.ReplyReceived(None, None, ("+OK ready",), 1.0, ""), ev.ReplyReceived(None, None, ("-ERR no",), 1.0, "PASS"))
    assert printed(book.records)[1:] == ["<-  +OK ready", "<** -ERR no"]


def test_what_both_ends_of_a_simulated_session_record_is_told_once(book: Any) -> None:
    book.connect(hop=1)
    book(ev.CommandSent("EHLO", "EHLO a.example"), hop=1)
    book(ev.CommandReceived("EHLO", "EHLO a.example"), hop=1, node=HOST)
    book(ev.ReplySent(250, None, ("mx1",), 1.0, "EHLO"), hop=1, node=HOST)
    book(ev.ReplyReceived(250, None, ("mx1",), 1.0, "EHLO"), hop=1)
    book(ev.Queued("A1"), hop=1, node=HOST)
    assert printed(book.records)[-3:] == [
        " -> EHLO a.example",
        "<-  250 mx1",
        "=== mx1.neu.example: in the queue as A1",
    ]


def test_a_server_alone_tells_its_own_view(book: Any) -> None:
    book(ev.ReplySent(220, None, ("mx1",), 1.0, ""), node=HOST)
    book(ev.CommandReceived("EHLO", "EHLO a.example"), node=HOST)
    assert printed(book.records)[1:] == ["<-  220 mx1", " -> EHLO a.example"]


def test_every_mark_is_three_columns_wide(book: Any, one_of_each: tuple[ev.Event, ...]) -> None:
    for event in one_of_each:
        book(event)
    journey = Journey()
    for record in book.records:
        journey.advance(record)
        for line in lines(record, journey, Texts("en")):
            assert len(line.mark) == 3 or line.tone == "heading"


def test_the_ladder_has_the_client_left_and_the_server_right(book: Any) -> None:
    book.connect()
    book.ask("EHLO a.example", 250, "mx1", "SIZE 10")
    journey, found = Journey(), []
    for record in book.records:
        journey.advance(record)
        found += [(row.side, row.text, row.first) for row in rows(record, journey, Texts("en"))]
    assert found[-3:] == [
        ("left", "EHLO a.example", True),
        ("right", "250-mx1", True),
        ("right", "250 SIZE 10", False),
    ]
    assert found[0][0] == "heading"
    assert found[1][0] == "middle"


def test_what_happens_beside_a_session_is_not_drawn_as_inside_its_tls(book: Any) -> None:
    book.begin()
    book.connect()
    book(ev.TlsEstablished("TLSv1.3", "AES", None, None))
    sent = book.ask("MAIL FROM:<>", 250)
    asked = book(ev.DnsQueried("neu.example", "MX", "10.0.0.53"))
    journey, secure = Journey(), {}
    for record in book.records:
        journey.advance(record)
        secure[record.seq] = [line.secure for line in lines(record, journey, Texts("en"))]
    assert (secure[sent.seq], secure[asked.seq]) == ([True], [False])


def test_a_message_that_is_told_stands_below_its_delivery_line_by_line(book: Any) -> None:
    header = ("Received: from a.example\n\tby b.example", "Subject: \x1b[2J")
    book(ev.Delivered("A1", "lan@b.example", "lan@b.example", header, ("Hello", "", "Bye")))
    _, *message = printed(book.records)[-9:]
    assert message[-7:] == [
        "    Received: from a.example",
        "        by b.example",
        r"    Subject: \x1b[2J",
        "    ",
        "    Hello",
        "    ",
        "    Bye",
    ]


def test_of_two_sessions_at_once_each_line_stands_under_its_own_host(book: Any) -> None:
    def say(number: int, *events: ev.Event) -> None:
        book(*events, hop=2, node="mail.club.example", span=f"deliver/{number}/x")

    hosts = ("mail.away.example", "mail.home.example")
    for number, host in enumerate(hosts, 1):
        say(number, ev.ConnectStarted(host, "10.0.0.1", 25), ev.Connected(host, "10.0.0.1", 25, 1.0))
    say(1, ev.TlsEstablished("TLSv1.3", "AES", None, "pkix"))
    say(2, ev.CommandSent("QUIT", "QUIT"))
    say(1, ev.CommandSent("NOOP", "NOOP"))
    assert printed(book.records)[-4:] == [
        "Hop 2: mail.club.example → mail.home.example",
        " -> QUIT",
        "Hop 2: mail.club.example → mail.away.example",
        " ~> NOOP",
    ]


def test_a_session_that_was_kept_for_the_next_message_is_still_the_same(book: Any) -> None:
    book.connect()
    book(ev.TlsEstablished("TLSv1.3", "AES", None, "pkix"), ev.MessageSent(10, "DATA"))
    book(ev.CommandSent("MAIL", "MAIL FROM:<a@b.example>"), span="deliver/2/mx1.neu.example")
    assert printed(book.records)[-2:] == ["Hop 0: laptop.example → mx1.neu.example", " ~> MAIL FROM:<a@b.example>"]


def test_two_hosts_that_send_over_the_same_hop_at_once_are_both_told(book: Any) -> None:
    for node, host in (("relay.hust.example", "mx1.neu.example"), ("relay.neu.example", "mx1.hust.example")):
        book(ev.ConnectStarted(host, "10.0.0.1", 25), hop=2, node=node, span="deliver/1/x")
    book(ev.Connected("mx1.neu.example", "10.0.0.1", 25, 1.0), hop=2, node="relay.hust.example", span="deliver/1/x")
    assert printed(book.records)[-2:] == [
        "Hop 2: relay.hust.example → mx1.neu.example",
        "=== Connected to mx1.neu.example [10.0.0.1], port 25 (1.0 ms)",
    ]
