"""Clients that come through others: the PROXY protocol and XCLIENT, from those that may and those that may not."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import sys
from collections.abc import Iterator

import pytest

from smtplab.lab.inbox import opened_inbox
from tests.serve.served import SECONDS_MAX, Dialogue, Served

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the server's end is told by POSIX signals")

FIRST = b"PROXY TCP4 192.0.2.7 192.0.2.1 40000 25\r\n"
SECOND = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes([192, 0, 2, 7, 192, 0, 2, 1]) + struct.pack("!HH", 40000, 25)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    places = [word for name in ("listen", "smtps", "pop3") for word in (f"--{name}", "127.0.0.1:0")]
    options = ["--proxy-protocol", "--user", "student:secret", "--domain", "hust.example", "--relay-to", "127.0.0.1:9"]
    with Served(tmp_path_factory.mktemp("proxied"), *places, *options) as served:
        yield served
        assert served.stop() == (0, b"", b"")


@pytest.fixture(scope="module")
def direct(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    options = ["--user", "student:secret", "--domain", "hust.example", "--relay-to", "127.0.0.1:9"]
    with Served(tmp_path_factory.mktemp("direct"), *options) as served:
        yield served
        assert served.stop() == (0, b"", b"")


def newest_client(served: Served) -> str:
    with opened_inbox(served.home) as inbox:
        return next(inbox.latest()).client


def last_records(served: Served) -> list[dict[str, object]]:
    session = served.inbox("list", "--sessions")[-1]
    return json.loads(served.smtplab("inbox", "show", session["id"], "--json").stdout)["records"]


@pytest.mark.parametrize("header", [FIRST, SECOND])
def test_the_client_is_whom_the_header_names(served, header):
    with Dialogue(served.port, greeted=False) as client:
        client.say(header + b"EHLO x.example\r\n")
        assert [client.reply(), client.reply()] == [220, 250]
        assert client.send(b"x") == 250
    assert newest_client(served) == "192.0.2.7"


def test_who_comes_through_a_proxy_on_loopback_has_not_what_loopback_has(served):
    with Dialogue(served.port, greeted=False) as client:
        client.say(FIRST)
        assert client.reply() == 220
        client.ehlo()
        assert not {"AUTH", "XCLIENT", "XFORWARD"} & set(client.announced)
        assert client.ask(b"MAIL FROM:<>\r\n") == 250
        assert client.ask(b"RCPT TO:<a@elsewhere.example>\r\n") == 550  # no open relay behind a proxy
    for header in (b"PROXY UNKNOWN\r\n", b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n"):
        with Dialogue(served.port, greeted=False) as client:
            client.say(header)
            assert client.reply() == 220
            client.ehlo()
            assert {"AUTH", "XCLIENT"} <= set(client.announced)


@pytest.mark.parametrize("pieces", [1, 1000])
def test_tls_begins_behind_the_header(served, pieces):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    first = FIRST + outgoing.read()
    with socket.create_connection(("127.0.0.1", served.ports["smtps"]), timeout=SECONDS_MAX) as plain:
        for start in range(0, len(first), len(first) // pieces + 1):
            plain.sendall(first[start : start + len(first) // pieces + 1])
        greeting = b""
        while not greeting:
            try:
                tls.do_handshake()
                plain.sendall(outgoing.read())
                greeting = tls.read()
            except ssl.SSLWantReadError:
                plain.sendall(outgoing.read())
                octets = plain.recv(65536)
                assert octets
                incoming.write(octets)
    assert greeting.startswith(b"220 ")


def test_pop3_is_proxied_too(served):
    with socket.create_connection(("127.0.0.1", served.ports["pop3"]), timeout=SECONDS_MAX) as client:
        client.sendall(SECOND)
        assert client.recv(1000).startswith(b"+OK")
        client.sendall(b"USER student\r\n")
        assert client.recv(1000).startswith(b"-ERR")  # in clear on loopback only, and this is not


@pytest.mark.parametrize(
    "header", [b"EHLO x.example\r\n", b"PROXY TCP4 1.2.3.4\r\n", b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0"]
)
def test_what_is_no_header_ends_the_connection_with_one_record_of_why(served, header):
    with Dialogue(served.port, greeted=False) as client:
        client.say(header)
        assert client.reply() == 0
        assert client.lines == []
    told = [(record["event"], record.get("rule")) for record in last_records(served)]
    assert told == [("rule_broken", "proxy-header"), ("disconnected", None)]


def test_a_client_that_ends_before_its_header_is_told_of(served):
    with Dialogue(served.port, greeted=False) as client:
        client.say(b"PROXY TCP4")
        client.socket.shutdown(socket.SHUT_WR)
        assert client.reply() == 0
    assert last_records(served)[0]["rule"] == "proxy-header"


def test_xclient_makes_the_client_another_one(direct):
    with Dialogue(direct.port) as client:
        client.ehlo()
        names = "NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT REVERSE_NAME"
        assert client.announced["XCLIENT"] == names.split()
        assert client.ask(b"XCLIENT NAME=far.example ADDR=192.0.2.9\r\n") == 220
        assert client.ask(b"MAIL FROM:<>\r\n") == 503  # it begins anew
        assert client.ask(b"XCLIENT HELO=far.example\r\n") == 220  # in several commands, as swaks can send it
        client.ehlo()
        assert "AUTH" not in client.announced
        assert client.ask(b"MAIL FROM:<>\r\n") == 250
        assert client.ask(b"RCPT TO:<a@elsewhere.example>\r\n") == 550
        assert client.ask(b"RSET\r\n") == 250
        assert client.send(b"x") == 250
    assert newest_client(direct) == "192.0.2.9"


def test_xclient_tells_who_is_logged_in(direct):
    with Dialogue(direct.port) as client:
        client.ehlo()
        assert client.ask(b"XCLIENT ADDR=IPV6:2001:db8::9 LOGIN=student\r\n") == 220
        client.ehlo()
        assert client.ask(b"MAIL FROM:<>\r\n") == 250
        assert client.ask(b"RCPT TO:<a@elsewhere.example>\r\n") == 250
        assert client.ask(b"XCLIENT ADDR=192.0.2.9\r\n") == 503
        assert client.ask(b"RSET\r\n") == 250
        assert client.ask(b"XCLIENT ADDR=nonsense\r\n") == 501
        assert client.ask(b"XFORWARD NAME=x ADDR=192.0.2.1 SOURCE=LOCAL\r\n") == 250
        assert client.ask(b"XFORWARD\r\n") == 501


def test_xclient_is_not_for_everybody(served):
    with Dialogue(served.port, greeted=False) as client:
        client.say(FIRST)
        assert client.reply() == 220
        client.ehlo()
        assert client.ask(b"XCLIENT ADDR=127.0.0.1\r\n") == 502
        assert client.ask(b"XFORWARD ADDR=127.0.0.1\r\n") == 502
