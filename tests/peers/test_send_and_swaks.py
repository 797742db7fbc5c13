"""The same command lines through swaks and through `smtplab send`: the transcripts agree line by line."""

import os
import re
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from tests.peers.conftest import end_process, free_port, listens, program, wait_until

pytestmark = pytest.mark.peer

DATA = r"From: lan@here.net\nSubject: hello\n\nOne line.\n.A dot.\n\nThe end"


@pytest.fixture(scope="session")
def sink() -> Iterator[int]:
    port = free_port("127.0.0.1")
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = subprocess.Popen([program("smtp-sink"), *user, f"127.0.0.1:{port}", "100"])
    wait_until(lambda: listens("127.0.0.1", port), "smtp-sink listens")
    yield port
    end_process(process.pid)
    process.wait()


@pytest.fixture
def toy() -> Iterator[Callable[..., int]]:
    """A server that says its replies in turn to everyone who comes; gives its port."""
    listeners = []

    def start(*replies: str, preface: int = 0, tls: ssl.SSLContext | None = None) -> int:
        """`preface`: how many octets come before the greeting; -1 for a line."""
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        serve_on(listener, replies, preface, tls)
        return int(listener.getsockname()[1])

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def serve_on(listener: socket.socket, replies: tuple[str, ...], preface: int = 0, tls=None) -> None:
    """To everyone who comes, in a thread of its own, until the listener is closed."""

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.settimeout(20)
                with (
                    suppress(OSError),
                    tls.wrap_socket(connection, server_side=True) if tls else connection as plain,
                    plain.makefile("rwb") as stream,
                ):
                    stream.read(preface) if preface > 0 else preface and stream.readline()
                    talk(stream, replies)

    threading.Thread(target=serve, daemon=True).start()


def talk(stream, replies: tuple[str, ...]) -> None:
    for reply in replies:
        stream.write(reply.encode() + b"\r\n")
        stream.flush()
        while line := stream.readline():
            if not reply.startswith("354") or line == b".\r\n":
                break
        else:
            return


def run(command: list[str], *options: str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [*command, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=40,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8", "SMTPLAB_LANG": "en", "HOME": "/nonexistent"},
    )
    return done.returncode, done.stdout.decode().splitlines()


def alike(line: str) -> str:
    """Without ids, times and what smtplab adds where a server announced it."""
    line = re.sub(r"(?<=MAIL FROM:<lan@here.net>).*", "", line)
    line = re.sub(r"\d{14}\.\d+@\S+|[0-9a-f]{16}@\S+", "#", line)
    line = re.sub(r"queued as \S+|id=\S+|[0-9]\.[0-9]{3}s", "#", line)
    line = re.sub(r"\w{3}, [0-9 ]+\w{3} [0-9]{4} [0-9:]{8}", "#", line)
    return re.sub(r"(SIZE|LIMITS) \S+", r"\1", line).rstrip()


def both(*options: str, ours_too: tuple[str, ...] = ()) -> tuple[tuple[int, list[str]], tuple[int, list[str]]]:
    common = ["-f", "lan@here.net", "-h", "client.here.net", *options]
    swaks = run([program("swaks")], *common)
    ours = run([sys.executable, "-m", "smtplab", "send", "--swaks-exit-codes", *ours_too], *common)
    return (swaks[0], [alike(line) for line in swaks[1]]), (ours[0], [alike(line) for line in ours[1]])


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("-n",),
        ("-n", "-stl"),
        ("-hr",),
        ("-hs",),
        ("-hi", "-n"),
        ("-nth", "-n"),
        ("-nih", "-nsh", "-n"),
        ("-S",),
        ("--quit-after", "RCPT"),
        ("--quit-after", "ehlo"),
        ("--quit-after", "banner"),
        ("--drop-after", "banner"),
        ("--drop-after", "first-helo"),
        ("--drop-after", "TLS"),
        ("--drop-after", "AUTH"),
        ("--drop-after", "MAIL"),
        ("--drop-after", "RCPT"),
        ("--drop-after", "DATA"),
        ("--drop-after", "DOT"),
        ("--drop-after-send", "first-helo"),
        ("--drop-after-send", "MAIL"),
        ("--drop-after-send", "RCPT"),
        ("--drop-after-send", "DATA"),
        ("-das", "DOT"),
        ("-raw",),
        ("-pp", "-n"),
        ("--add-header", "X-One: 1", "--h-Subject", "other"),
        ("-t", "an@real.net,bao@real.net", "-n"),
        ("--protocol", "SMTP", "-n"),
        ("-helo", "other.net", "-n"),
        ("-n", "--no-n"),
    ],
    ids=" ".join,
)
def test_smtp_sink_hears_the_same_from_both(sink, options):
    swaks, ours = both("-s", f"127.0.0.1:{sink}", "-t", "an@real.net", "-d", DATA, *options)
    assert ours == swaks


def test_the_default_message_has_as_many_lines(sink):
    swaks, ours = both("-s", f"127.0.0.1:{sink}", "-t", "an@real.net", "-n")
    assert [line for line in ours[1] if "lines sent" not in line] == [
        line for line in swaks[1] if "lines sent" not in line
    ]


@pytest.mark.parametrize(
    "replies",
    [
        ("554 no", "221 bye"),
        ("220 hi", "500 what", "250 hi", "250 ok", "250 ok", "554-no\r\n554 never", "221 bye"),
        ("220 hi", "250 x", "550 5.7.1 not you", "221 bye"),
        ("220 hi", "250 x", "250 ok", "450 later", "221 bye"),
        ("220 hi", "250 x", "250 ok", "250 ok", "354 go", "552 too much", "221 bye"),
        ("220 hi", "250 x", "250 ok"),
        ("220-two\r\n220 lines", "250 x", "250 ok", "250 ok", "354 go", "250 ok", "221 bye"),
    ],
    ids=lambda replies: replies[-2][:14],
)
def test_a_server_that_refuses_gets_the_same_from_both(toy, replies):
    swaks, ours = both("-s", f"127.0.0.1:{toy(*replies)}", "-t", "an@real.net", "-d", DATA)
    assert ours == swaks


MAIL = ("250 ok", "250 ok", "354 go", "250 taken", "221 bye")
XCLIENT = ("220 hi", "250-mx\r\n250 XCLIENT NAME ADDR HELO", "220 again", "250 mx", *MAIL)
REFUSED_XCLIENT = (*XCLIENT[:2], "550 no", "221 bye")
FOR_ANOTHER = ("--xclient-name", "foo.net", "--xclient-addr", "192.168.1.1")


@pytest.mark.parametrize(
    ("replies", "options"),
    [
        (XCLIENT, FOR_ANOTHER),
        (XCLIENT, ("--xclient", "NAME=x ADDR=1.2.3.4")),
        ((*XCLIENT[:3], *XCLIENT[2:]), ("--xclient-helo", "a b+c", "--xclient-delim", "--xclient-addr", "10.0.0.1")),
        ((*XCLIENT[:2], "221 bye"), (*FOR_ANOTHER, "-q", "helo")),
        ((*XCLIENT[:3], "221 bye"), (*FOR_ANOTHER, "-q", "xclient")),
        (XCLIENT, (*FOR_ANOTHER, "-das", "xclient")),
        (REFUSED_XCLIENT, FOR_ANOTHER),
        (REFUSED_XCLIENT, (*FOR_ANOTHER, "--xclient-optional-strict")),
        ((*XCLIENT[:2], "550 no", *MAIL), (*FOR_ANOTHER, "--xclient-optional")),
        ((*XCLIENT[:2], "221 bye"), ("--xclient-port", "26")),
        (("220 hi", "250 mx", "221 bye"), FOR_ANOTHER),
        (("220 hi", "250 mx", *MAIL), (*FOR_ANOTHER, "--xclient-optional")),
        ((*XCLIENT[:3], "550 no", "550 no", "221 bye"), FOR_ANOTHER),
    ],
    ids=lambda value: value[-1][:16],
)
def test_xclient_is_said_as_by_swaks(toy, replies, options):
    swaks, ours = both("-s", f"127.0.0.1:{toy(*replies)}", "-t", "an@real.net", "-d", DATA, *options)
    assert (ours[0], dialogue(ours[1])) == (swaks[0], dialogue(swaks[1]))


def test_each_recipients_own_reply_after_the_content_is_read_as_by_swaks(toy):
    replies = ("250 ok", "250 ok", "250 ok", "354 go", "353 begin\r\n250 one\r\n550 two\r\n250 all", "221 bye")
    server = toy("220 hi", "250-mx\r\n250 PRDR", *replies)
    swaks, ours = both("-s", f"127.0.0.1:{server}", "-t", "an@real.net,bao@real.net", "-d", DATA, "--prdr")
    assert (ours[0], dialogue(ours[1])) == (swaks[0], dialogue(swaks[1]))


CHALLENGE = "334 PDFAeD4="


@pytest.mark.parametrize(
    ("replies", "options"),
    [
        (("PLAIN", "235 ok", *MAIL), ("-a", "PLAIN")),
        (("LOGIN", "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 ok", *MAIL), ("-a", "LOGIN")),
        (("CRAM-MD5", CHALLENGE, "235 ok", *MAIL), ()),
        (("CRAM-MD5 PLAIN", CHALLENGE, "535 no", "235 ok", *MAIL), ("-a", "CRAM-MD5,PLAIN")),
        (("CRAM-MD5 PLAIN", "235 ok", *MAIL), ("-a", "PLAIN,CRAM-MD5")),
        (("XPLAIN", "235 ok", *MAIL), ("-a", "XPLAIN", "-am", "XPLAIN=PLAIN")),
        (("CRAM-MD5", CHALLENGE, "235 ok", *MAIL), ("--protocol", "ESMTPA")),
        (("PLAIN", "535 no", "221 bye"), ("-a", "PLAIN")),
        (("PLAIN", "535 no", *MAIL), ("-ao", "PLAIN")),
        (("PLAIN", "535 no", "221 bye"), ("-aos", "PLAIN")),
        (("LOGIN", *MAIL), ("-aos", "PLAIN")),
        (("LOGIN", "221 bye"), ("-a", "PLAIN")),
        (("PLAIN", "235 ok", "221 bye"), ("-a", "PLAIN", "-q", "auth")),
        (("PLAIN", "235 ok"), ("-a", "PLAIN", "-da", "auth")),
        (("PLAIN", "235 ok"), ("-a", "PLAIN", "-das", "auth")),
    ],
    ids=lambda value: "-".join(value[:3]).replace(" ", "")[:24],
)
def test_auth_is_said_as_by_swaks(toy, replies, options):
    server = toy("220 hi", f"250-mx\r\n250 AUTH {replies[0]}", *replies[1:])
    options = ("-s", f"127.0.0.1:{server}", "-t", "an@real.net", "-d", DATA, "-au", "lan", "-ap", "secret", *options)
    swaks, ours = both(*options, ours_too=("--show-secrets",))
    assert (ours[0], dialogue(ours[1])) == (swaks[0], dialogue(swaks[1]))


@pytest.mark.parametrize("options", [(), ("-ao",), ("-aos",)], ids=str)
def test_a_server_without_auth_is_met_as_by_swaks(toy, options):
    replies = ("220 hi", "250 mx", *(MAIL if options else ("221 bye",)))
    swaks, ours = both(
        "-s", f"127.0.0.1:{toy(*replies)}", "-t", "an@real.net", *options, "-au", "lan", "-ap", "x", "-n"
    )
    assert (ours[0], dialogue(ours[1])) == (swaks[0], dialogue(swaks[1]))


PROXIED = (
    "--proxy-source",
    "1.2.3.4",
    "--proxy-source-port",
    "111",
    "--proxy-dest",
    "5.6.7.8",
    "--proxy-dest-port",
    "25",
)


@pytest.mark.parametrize(
    ("octets", "options"),
    [
        (-1, ("--proxy-family", "TCP4", *PROXIED)),
        (-1, ("--proxy", "UNKNOWN and more")),
        (28, ("--proxy-version", "2", "--proxy-family", "AF_INET", *PROXIED)),
        (28, ("--proxy-version", "2", "--proxy-family", "AF_INET", "--proxy-protocol", "dgram", *PROXIED)),
    ],
    ids=["1", "raw", "2", "2 datagrams"],
)
def test_a_proxy_header_is_said_as_by_swaks(toy, octets, options):
    server = toy("220 hi", "250 mx", *MAIL, preface=octets)
    swaks, ours = both("-s", f"127.0.0.1:{server}", "-t", "an@real.net", "-d", DATA, *options)
    assert ours == swaks


SHELL = """sh -c 'echo 220 hi; for reply in "250 mx" "250 ok" "250 ok" "354 go"; do read line; echo $reply; done;
while read line; do case $line in .?) break;; esac; done; echo 250 taken; read line; echo 221 bye'"""


@pytest.mark.parametrize("command", [SHELL, "true"])
def test_a_program_is_spoken_with_as_by_swaks(command):
    swaks, ours = both("--pipe", command.replace("\n", " "), "-t", "an@real.net", "-d", DATA)
    assert ours == swaks


@pytest.mark.parametrize("way", ["--pipe", "--socket"])
def test_what_is_not_there_is_told_with_the_same_marks_and_code(way):
    swaks, ours = both(way, "/nonexistent", "-t", "an@real.net")
    assert (ours[0], ours[1][:2], ours[1][2][:4]) == (swaks[0], swaks[1][:2], "*** ")


def test_a_local_socket_is_spoken_over_as_by_swaks(tmp_path):
    path = str(tmp_path / "lmtp")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        serve_on(listener, ("220 hi", "250 mx", *MAIL))
        swaks, ours = both("--socket", path, "-t", "an@real.net", "-d", DATA, "--protocol", "lmtp")
        listener.shutdown(socket.SHUT_RDWR)
    assert ours == swaks


@pytest.mark.parametrize(
    ("data", "options"),
    [
        (r"To: %TO_ADDRESS%\n%NEW_HEADERS%X: y\n\n%FROM_ADDRESS%%NEWLINE%%BODY%", ("--body", r"one\ntwo")),
        (r"Subject: a\nX-Y: y\n z\n\nhi", ("--h-X-Y", "new", "--h-Other", "more", "-ah", r"A: 1\nB: 2")),
        (r"From lan Mon\nSubject: x\n\nhi", ()),
        (r"From lan Mon\nSubject: x\n\nhi", ("-nsf",)),
        (r"Subject: %DATE%\n\n%BODY% %MESSAGEID%", ("--body", "@/etc/debian_version")),
    ],
)
def test_a_message_given_whole_is_fixed_up_as_by_swaks(toy, data, options):
    server = toy("220 hi", "250 mx", *MAIL)
    swaks, ours = both("-s", f"127.0.0.1:{server}", "-t", "an@real.net", "-d", data, *options)
    assert ours == swaks


def test_nobody_listening_is_told_with_the_same_marks_and_code():
    swaks, ours = both("-s", f"127.0.0.1:{free_port('127.0.0.1')}", "-t", "an@real.net")
    assert (ours[0], [line[:3] for line in ours[1]]) == (swaks[0], [line[:3] for line in swaks[1]])
    assert ours[1][:2] == swaks[1][:2]


@pytest.mark.parametrize("recipient", ["an@real.net", "nobody@real.net", "later@real.net", "an@elsewhere.net"])
def test_postfix_hears_the_same_from_both(postfix, recipient):
    server = f"{postfix.address}:{postfix.port}"
    swaks, ours = both("-s", server, "-t", recipient, "-d", DATA, "-tls")
    assert (ours[0], dialogue(ours[1])) == (swaks[0], dialogue(swaks[1]))


@pytest.mark.parametrize("recipient", ["an@exim.net", "nobody@exim.net"])
def test_exim_hears_the_same_from_both(exim, recipient):
    server = f"{exim.address}:{exim.port}"
    swaks, ours = both("-s", server, "-t", recipient, "-d", DATA, "-tls")
    assert (ours[0], dialogue(ours[1])) == (swaks[0], dialogue(swaks[1]))


@pytest.mark.parametrize(
    "options",
    [
        ("-tls", "-q", "first-helo"),
        ("-tls", "-q", "tls"),
        ("-tls", "-q", "helo"),
        ("-tls", "-da", "tls"),
        ("-tls", "-das", "tls"),
        ("-tls", "-das", "helo"),
        ("-tlso",),
        ("-tlsos",),
        ("--protocol", "ESMTPS"),
        ("-tls", "-tlsp", "tlsv1_2"),
        ("-tls", "-tlsp", "no_tlsv1_3"),
        ("-tls", "--tls-cipher", "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384", "-tlsp", "tlsv1_2"),
        ("-tls", "--tls-sni", "mx.real.net"),
        ("-tls", "-tlsp", "sslv3"),
        ("-tlsos", "-tlsp", "sslv3"),
    ],
    ids=" ".join,
)
def test_every_way_with_tls_is_that_of_swaks(postfix, options):
    server = f"{postfix.address}:{postfix.port}"
    swaks, ours = both("-s", server, "-t", "an@real.net", "-d", DATA, *options)
    assert (ours[0], dialogue(ours[1])) == (swaks[0], dialogue(swaks[1]))


@pytest.mark.parametrize("options", [("-tlsc",), ("--protocol", "SSMTP"), ("-tlsc", "-tlsp", "tlsv1_2")], ids=" ".join)
def test_tls_from_the_first_byte_is_that_of_swaks(toy, authority, tmp_path, options):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("mx.real.net").configure_cert(context)
    server = toy("220 hi", "250 mx", *MAIL, tls=context)
    swaks, ours = both("-s", f"127.0.0.1:{server}", "-t", "an@real.net", "-d", DATA, *options)
    assert (ours[0], dialogue(ours[1])) == (swaks[0], dialogue(swaks[1]))


def test_a_server_without_tls_is_met_as_by_swaks(toy):
    for options, replies in ((("-tls",), ("221 bye",)), (("-tlsos",), MAIL), (("-tlso",), MAIL)):
        server = toy("220 hi", "250 mx", *replies)
        swaks, ours = both("-s", f"127.0.0.1:{server}", "-t", "an@real.net", "-d", DATA, *options)
        assert (ours[0], dialogue(ours[1])) == (swaks[0], dialogue(swaks[1]))


def test_the_servers_certificate_is_written_as_by_swaks(postfix, tmp_path):
    server = f"{postfix.address}:{postfix.port}"
    swaks, ours = (
        run([*command, "-s", server, "-t", "an@real.net", "-tls", "-q", "tls", "--tls-get-peer-cert", str(path)])
        for command, path in (
            ([program("swaks")], tmp_path / "swaks.pem"),
            ([sys.executable, "-m", "smtplab", "send", "--swaks-exit-codes"], tmp_path / "ours.pem"),
        )
    )
    assert ours[0] == swaks[0] == 0
    assert (tmp_path / "ours.pem").read_text().strip() == (tmp_path / "swaks.pem").read_text().strip()


def test_a_message_in_small_chunks_and_with_dsn_is_taken_by_postfix(postfix):
    known = len(postfix.messages())
    options = ("-s", f"{postfix.address}:{postfix.port}", "-t", "an@real.net", "-f", "lan@here.net", "-d", DATA)
    code, lines = run(
        [sys.executable, "-m", "smtplab", "send"], *options, "--chunk-size", "40", "--dsn-notify", "failure"
    )
    assert code == 0
    assert sum(" ~> BDAT 40" in line for line in lines) == 1
    assert any("RCPT TO:<an@real.net> NOTIFY=FAILURE" in line for line in lines)
    assert postfix.wait_for_message(known).endswith(b"One line.\n.A dot.\n\nThe end\n")


def dialogue(lines: list[str]) -> list[str]:
    """What was said on the wire, and where a trouble of our own is told: notes and troubles differ in wording."""
    said = [re.sub(r"\[127.*|Hello .*", "#", line) for line in lines if not line.startswith("===")]
    return ["***" if line.startswith("***") else line for line in said]
