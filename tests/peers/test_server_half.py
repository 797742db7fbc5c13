"""The server's half against clients that others wrote: CPython's smtplib, swaks and curl, in clear and inside TLS."""

import asyncio
import random
import smtplib
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from smtplab import events as ev
from smtplab.journal import Journal, Record
from smtplab.mta.accounts import MemoryAccounts
from smtplab.mta.arrival import Arrival
from smtplab.mta.receive import Receiver
from smtplab.mta.rules import Rules
from smtplab.net.clock import SystemClock
from smtplab.net.live import live_net
from smtplab.net.server_tls import server_tls
from smtplab.net.tcp import TcpListener
from smtplab.smtp.sasl import Secret
from smtplab.wire.reply import Reply, make_reply
from tests.peers.conftest import issue_certificate, program

pytestmark = pytest.mark.peer

CONTENT = b"From: a@here.net\r\nTo: b@there.net\r\nSubject: dots\r\n\r\n.\r\n..\r\n.one\r\nend\r\n"
SECONDS_MAX = 30


class Seen:
    """What our server took and told while a client spoke to it."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.records: list[Record] = []

    def told(self, kind: type) -> list[ev.Event]:
        return [record.event for record in self.records if isinstance(record.event, kind)]

    async def accept(self, arrival: Arrival) -> Reply:
        self.arrivals.append(arrival)
        return make_reply(250, "taken", enhanced="2.0.0")


@pytest.fixture
def serve(authority: trustme.CA, tmp_path: Path) -> Callable[[Callable[[int], None]], Seen]:
    """Runs a blocking client, given the port, against our server on loopback."""
    issue_certificate(authority, "localhost", tmp_path)
    rules = Rules(
        hostname="mx.there.net",
        tls=server_tls(tmp_path / "cert.pem", tmp_path / "key.pem"),
        accounts=MemoryAccounts({"lan": Secret("secret")}),
        clear_auth=True,
        local_domains=frozenset({"there.net"}),
    )

    def run(client: Callable[[int], None]) -> Seen:
        seen = Seen()
        journal = Journal(SystemClock().now, seen.records.append, keep=False)

        async def main() -> None:
            net = live_net()

            def make() -> Receiver:
                return Receiver(rules, net, journal.scope(node="mx.there.net", hop=1, span="receive"), seen.accept)

            listening = await TcpListener().listen("127.0.0.1", 0, make)
            try:
                async with asyncio.timeout(SECONDS_MAX):
                    await asyncio.to_thread(client, listening.endpoint.port)
            finally:
                await listening.close()

        asyncio.run(main())
        return seen

    return run


def call(*command: str, code: int = 0, content: bytes | None = None) -> None:
    done = subprocess.run(command, input=content, capture_output=True, timeout=SECONDS_MAX, check=False)
    assert done.returncode == code, done.stdout.decode() + done.stderr.decode()


def test_smtplib_sends_with_tls_and_each_mechanism_that_it_knows(serve, authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)

    def client(port: int) -> None:
        for mechanism in ("auth_plain", "auth_login", "auth_cram_md5"):
            with smtplib.SMTP("localhost", port, "client.here.net") as session:
                session.starttls(context=context)
                session.ehlo()
                session.user, session.password = "lan", "secret"
                name = mechanism.removeprefix("auth_").replace("_", "-").upper()
                assert session.auth(name, getattr(session, mechanism))[0] == 235
                assert session.sendmail("a@here.net", ["b@there.net", "c@there.net"], CONTENT) == {}

    seen = serve(client)
    assert [arrival.envelope.content for arrival in seen.arrivals] == [CONTENT] * 3
    assert [event.mechanism for event in seen.told(ev.Authenticated)] == ["PLAIN", "LOGIN", "CRAM-MD5"]
    assert {arrival.protocol for arrival in seen.arrivals} == {"ESMTPSA"}
    assert seen.told(ev.RuleBroken) == []


def test_smtplib_hears_each_refusal(serve):
    def client(port: int) -> None:
        with smtplib.SMTP("localhost", port, "client.here.net") as session:
            session.ehlo()
            with pytest.raises(smtplib.SMTPRecipientsRefused):
                session.sendmail("a@here.net", ["stranger@else.where"], CONTENT)
            with pytest.raises(smtplib.SMTPAuthenticationError):
                session.login("lan", "wrong")
            assert session.docmd("NONSENSE")[0] == 500
            assert session.docmd("DATA")[0] == 503

    assert serve(client).arrivals == []


def test_smtplib_sends_ten_megabytes_less_a_little(serve):
    line = b"x" * 70 + b"\r\n"
    content = b"Subject: large\r\n\r\n" + line * 130_000

    def client(port: int) -> None:
        with smtplib.SMTP("localhost", port, "client.here.net") as session:
            session.sendmail("a@here.net", ["b@there.net"], content)

    assert serve(client).arrivals[0].envelope.content == content


@pytest.mark.parametrize(
    "options", [(), ("-tls",), ("-tls", "-a", "CRAM-MD5", "-au", "lan", "-ap", "secret"), ("--pipeline",)]
)
def test_swaks_sends_in_each_of_its_ways(serve, tmp_path, options):
    swaks = program("swaks")
    file = tmp_path / "content.eml"
    file.write_bytes(CONTENT)

    def client(port: int) -> None:
        command = [swaks, "-s", "127.0.0.1", "-p", str(port), "-f", "a@here.net", "-t", "b@there.net"]
        call(*command, "-h", "client.here.net", "-d", f"@{file}", *options)

    seen = serve(client)
    assert [arrival.envelope.content.rstrip(b"\r\n") for arrival in seen.arrivals] == [CONTENT.rstrip(b"\r\n")]
    assert seen.told(ev.RuleBroken) == []


def test_swaks_exits_with_24_where_no_recipient_is_taken(serve):
    swaks = program("swaks")

    def client(port: int) -> None:
        call(swaks, "-s", "127.0.0.1", "-p", str(port), "-f", "a@here.net", "-t", "b@else.where", code=24)

    assert serve(client).arrivals == []


@pytest.mark.parametrize("secure", [False, True])
def test_curl_sends_byte_for_byte(serve, authority, tmp_path, secure):
    curl = program("curl")
    authority.cert_pem.write_to_path(str(tmp_path / "roots.pem"))
    options = ["--ssl-reqd", "--cacert", str(tmp_path / "roots.pem"), "-u", "lan:secret"] if secure else []

    def client(port: int) -> None:
        envelope = ["--mail-from", "a@here.net", "--mail-rcpt", "b@there.net", "-T", "-"]
        call(curl, "-s", f"smtp://localhost:{port}/client.here.net", *envelope, *options, content=CONTENT)

    seen = serve(client)
    assert [arrival.envelope.content for arrival in seen.arrivals] == [CONTENT]
    assert bool(seen.told(ev.TlsEstablished)) is secure


def test_random_bytes_through_curl_arrive_as_they_left(serve):
    """Every octet but NUL, CR and LF, in lines of all lengths: nothing is stuffed, split or joined on the way."""
    curl = program("curl")
    chance = random.Random(20261123)
    octets = [octet for octet in range(1, 256) if octet not in b"\r\n"]
    lines = [bytes(chance.choices(octets, k=chance.randrange(0, 900))) for _ in range(300)]
    content = b"Subject: x\r\n\r\n" + b"".join(line + b"\r\n" for line in lines)

    def client(port: int) -> None:
        envelope = ["--mail-from", "a@here.net", "--mail-rcpt", "b@there.net", "-T", "-"]
        call(curl, "-s", f"smtp://localhost:{port}/client.here.net", *envelope, content=content)

    assert serve(client).arrivals[0].envelope.content == content
