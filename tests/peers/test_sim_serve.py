"""A world on loopback used by programs of others: dig, swaks, curl, and a Postfix that relays into it and out of it."""

import json
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import pytest

from tests.peers.conftest import _POSTFIX_MAIN, _POSTFIX_MASTER, Mta, issue_certificate, listens, program, wait_until

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(sys.platform != "linux", reason="a loopback address for each host"),
]

SECONDS_MAX = 30
POSTFIX = "127.0.0.41"
"""Beside the world: none of its hosts stands below 127.64.0.0."""
SMTP_PORT = 2525
STUDENT, PASSWORD = "student@hust.example", "hoa-sen-2026"
READER, READERS_PASSWORD = "student@neu.example", "cau-long-bien"
REAL_ZONE = """
[[zones]]
origin = "real.net"
text = \"\"\"
$TTL 300
@ IN SOA ns.vnet.example. hostmaster.real.net. 1 7200 900 1209600 300
@ IN NS ns.vnet.example.
@ IN MX 10 mx
mx IN A 127.0.0.41
\"\"\"
"""


@dataclass
class Served:
    """A world that stands, and where."""

    listening: list[dict[str, object]]

    def place(self, node: str, protocol: str) -> tuple[str, str]:
        """Address and port."""
        found = next(one for one in self.listening if (one["node"], one["protocol"]) == (node, protocol))
        return str(found["host"]), str(found["port"])

    def dig(self, *question: str) -> str:
        address, port = self.place("ns.vnet.example", "dns")
        return call(program("dig"), f"@{address}", "-p", port, "+time=5", "+tries=1", *question).stdout.decode()

    def submit(self, recipient: str, *more: str, code: int = 0) -> str:
        """With swaks, as a student's program does: TLS first, then the password."""
        server = ":".join(self.place("submission.hust.example", "submission"))
        login = ("-tls", "-a", "PLAIN", "-au", STUDENT, "-ap", PASSWORD)
        command = (program("swaks"), "-s", server, *login, "-f", STUDENT, "-t", recipient, *more)
        return call(*command, code=code).stdout.decode()

    def collect(self, what: str = "1") -> str:
        """With curl, over POP3; empty where there is no such message."""
        server = ":".join(self.place("mx1.neu.example", "pop3"))
        user = f"{READER}:{READERS_PASSWORD}"
        command = [program("curl"), "-sS", "--max-time", "10", "-u", user, f"pop3://{server}/{what}"]
        done = subprocess.run(command, capture_output=True, timeout=SECONDS_MAX, check=False)
        return done.stdout.decode() if done.returncode == 0 else ""

    def collect_one_with(self, subject: str) -> str:
        """The newest message once it is the one with this subject."""

        def count() -> int:
            return len(self.collect("").split("\r\n")) - 1

        wait_until(lambda: count() > 0 and subject in self.collect(str(count())), f"{subject} in the mailbox")
        return self.collect(str(count()))


def call(*command: str, code: int = 0) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(command, capture_output=True, timeout=SECONDS_MAX, check=False)
    assert done.returncode == code, done.stdout.decode() + done.stderr.decode()
    return done


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`campus`, ten times as quick, in whose DNS a real server has a name too."""
    path = tmp_path_factory.mktemp("world") / "campus.toml"
    text = resources.files("smtplab").joinpath("worlds", "campus.toml").read_text("utf-8")
    path.write_text(text + REAL_ZONE, "utf-8")
    command = [sys.executable, "-m", "smtplab", "sim", "serve", str(path), "--speed", "10", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            listening = []
            while (told := json.loads(process.stdout.readline()))["event"] == "listening":
                listening.append(told)
            assert told == {"event": "ready"}
            yield Served(listening)
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
        finally:
            process.kill()


@pytest.fixture(scope="module")
def real_postfix(peer_folder: Path, authority: object, world: Served) -> Iterator[Mta]:
    """Final for real.net; what is for neu.example it relays to the world's MX."""
    control = program("postfix")
    if os.geteuid() != 0:
        pytest.skip("Postfix can only be started by root")
    if listens(POSTFIX, SMTP_PORT):
        pytest.skip(f"somebody else listens on {POSTFIX}")
    folder = peer_folder / "postfix-beside"
    queue, maildir, config = folder / "queue", folder / "inbox", folder / "conf"
    for part in (queue / "pid", folder / "data", config, *(maildir / name for name in ("new", "cur", "tmp"))):
        part.mkdir(parents=True)
    nobody = pwd.getpwnam("nobody")
    for part in (maildir, *maildir.iterdir()):
        os.chown(part, nobody.pw_uid, nobody.pw_gid)
    os.chown(folder / "data", pwd.getpwnam("postfix").pw_uid, -1)
    issue_certificate(authority, "mx.real.net", folder)
    (config / "refused").write_text("")
    mx, port = world.place("mx1.neu.example", "smtp")
    (config / "main.cf").write_text(
        _POSTFIX_MAIN.format(folder=folder, queue=queue, uid=nobody.pw_uid, gid=nobody.pw_gid)
        .replace("mynetworks =\n", "mynetworks = 127.0.0.1/32\n")
        .replace("reject_unauth_destination", "permit_mynetworks, reject_unauth_destination")
        + f"transport_maps = inline:{{neu.example=smtp:[{mx}]:{port}}}\nsmtp_tls_security_level = may\n"
    )
    (config / "master.cf").write_text(_POSTFIX_MASTER.format(address=POSTFIX, port=SMTP_PORT))
    run = [control, "-c", str(config)]
    subprocess.run([*run, "start"], check=True, capture_output=True, timeout=SECONDS_MAX)
    try:
        wait_until(lambda: listens(POSTFIX, SMTP_PORT), "Postfix listens")
        yield Mta(POSTFIX, SMTP_PORT, maildir)
    finally:
        subprocess.run([*run, "stop"], check=False, capture_output=True, timeout=SECONDS_MAX)


def test_dig_is_answered_with_addresses_of_loopback_over_udp_and_tcp(world: Served):
    address, _ = world.place("mx1.neu.example", "smtp")
    assert world.dig("+short", "neu.example", "MX").split("\n")[:2] == ["10 mx1.neu.example.", "20 mx2.vnet.example."]
    assert world.dig("+short", "mx1.neu.example", "A") == f"{address}\n"
    assert world.dig("+short", "+tcp", "mx1.neu.example", "A") == f"{address}\n"
    assert world.dig("+short", "smtp.hust.example", "A").split("\n")[0] == "submission.hust.example."


def test_dig_tells_a_name_that_is_not_there_from_one_without_such_records(world: Served):
    missing, empty = world.dig("nobody.neu.example", "A"), world.dig("mx1.neu.example", "AAAA")
    assert "status: NXDOMAIN" in missing
    assert ("status: NOERROR" in empty, "ANSWER: 0" in empty) == (True, True)


def test_swaks_submits_with_tls_and_a_password_and_curl_collects_at_the_other_end(world: Served):
    world.submit(READER, "--header", "Subject: over the relay")
    message = world.collect_one_with("Subject: over the relay")
    hops = [line.split()[2] for line in message.split("\r\n") if line.startswith("Received: from ")]
    assert hops[:2] == ["relay.hust.example", "submission.hust.example"]
    assert len(hops) == 3
    assert message.startswith(f"Return-Path: <{STUDENT}>\r\n")


def test_swaks_submits_inside_tls_from_the_first_octet(world: Served):
    server = ":".join(world.place("submission.hust.example", "submissions"))
    login = ("-tlsc", "-a", "PLAIN", "-au", STUDENT, "-ap", PASSWORD)
    call(program("swaks"), "-s", server, *login, "-f", STUDENT, "-t", READER, "--quit-after", "RCPT")


def test_a_submission_server_wants_a_password_and_an_mx_relays_for_nobody(world: Served):
    entry = ":".join(world.place("submission.hust.example", "submission"))
    said = call(program("swaks"), "-s", entry, "-f", STUDENT, "-t", READER, "--quit-after", "RCPT", code=23)
    assert b"<** 530 5.7.0" in said.stdout
    mx = ":".join(world.place("mx1.neu.example", "smtp"))
    said = call(program("swaks"), "-s", mx, "-f", "x@real.net", "-t", STUDENT, "--quit-after", "RCPT", code=24)
    assert b"<** 550 5.7.1" in said.stdout


def test_the_worlds_people_are_as_they_are(world: Served):
    mx = ":".join(world.place("mx1.neu.example", "smtp"))
    for recipient, code in (("full@neu.example", b"452 4.2.2"), ("nobody@neu.example", b"550 5.1.1")):
        said = call(program("swaks"), "-s", mx, "-f", STUDENT, "-t", recipient, "--quit-after", "RCPT", code=24)
        assert b"<** " + code in said.stdout


def test_a_real_postfix_relays_into_the_world(world: Served, real_postfix: Mta):
    server = f"{real_postfix.address}:{real_postfix.port}"
    subject = "Subject: from a real Postfix"
    call(program("swaks"), "-s", server, "-f", "x@real.net", "-t", READER, "--header", subject)
    message = world.collect_one_with(subject)
    assert "by mx.real.net (Postfix)" in message
    assert "by mx1.neu.example with ESMTPS" in message


def test_the_worlds_relay_finds_a_real_postfix_by_its_mx_record(world: Served, real_postfix: Mta):
    world.submit("anybody@real.net", "--header", "Subject: into the real world")
    message = real_postfix.wait_for_message().decode()
    assert "Subject: into the real world" in message
    assert "Received: from relay.hust.example" in message
    assert "by relay.hust.example with ESMTPS" in message
