"""What `smtplab serve` keeps, logs and lets go of, and the parts of what it kept."""

import asyncio
import json
import poplib
import re
import signal
import sys
import threading
import time
from email.message import EmailMessage
from pathlib import Path

import pytest

from smtplab.mta.envelope import Envelope
from smtplab.mta.store.port import Delivering, Entry, Put
from smtplab.mta.store.sql import SqlStore, open_store
from smtplab.wire.address import Mailbox
from tests.serve.served import Dialogue, Served, smtplab

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its end is told by POSIX signals")

_VALUE = r'"(?:[^"\\]|\\.)*"|\[[^\n]*\]|\d+|true|false'
LINE = re.compile(rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{6}}Z [a-z-]+(?: [a-z]+=(?:{_VALUE}))+")
S_MAX = 30.0


def letter() -> bytes:
    message = EmailMessage()
    message["Subject"] = "Parts"
    message.set_content("Xin chào\n")
    message.add_attachment(b"\x00\x01", maintype="application", subtype="octet-stream", filename="../../data\x1b.bin")
    return message.as_bytes().replace(b"\n", b"\r\n")


def test_parts_are_shown_as_a_tree_and_saved_under_safe_names(tmp_path, monkeypatch):
    with Served(tmp_path / "home") as served, Dialogue(served.port) as client:
        client.ehlo()
        assert client.send(letter()) == 250
        (row,) = served.inbox()
        shown = served.smtplab("inbox", "parts", row["id"]).stdout.decode()
        assert [line.split()[:2] for line in shown.splitlines()] == [
            ["0", "multipart/mixed"],
            ["1", "text/plain"],
            ["2", "application/octet-stream"],
        ]
        assert "\x1b" not in shown
        told = served.inbox("parts", row["id"])
        assert [part["size"] for part in told["parts"]] == [11, 2]
        assert told["parts"][0]["text"] == "Xin chào\n"
        assert told["parts"][1]["file_name"] == "data_.bin"
        monkeypatch.chdir(tmp_path)
        done = served.smtplab("inbox", "save", row["id"], "--part", "2")
        assert (done.returncode, done.stdout) == (0, b"data_.bin\n")
        assert (tmp_path / "data_.bin").read_bytes() == b"\x00\x01"
        assert served.smtplab("inbox", "save", row["id"], "--part", "2").returncode == 2
        assert served.smtplab("inbox", "save", row["id"], "text", "--part", "1").returncode == 0
        assert (tmp_path / "text").read_bytes() == "Xin chào\r\n".encode()
        missing = served.smtplab("inbox", "save", row["id"], "--part", "7")
        assert (missing.returncode, b" 7;" in missing.stderr) == (2, True)
        assert served.smtplab("inbox", "save", row["id"]).returncode == 2
        assert served.smtplab("inbox", "parts", "FFFF").returncode == 2


def test_only_the_newest_messages_are_kept(tmp_path):
    with Served(tmp_path, "--keep-messages", "2") as served:
        with Dialogue(served.port) as client:
            client.ehlo()
            assert [client.send(b"Subject: %d\r\n" % number) for number in range(4)] == [250] * 4
        served.stop()
    with Served(tmp_path, "--keep-messages", "2") as served:
        until = time.monotonic() + S_MAX
        while len(served.inbox()) > 2 and time.monotonic() < until:
            pass
        assert [row["subject"] for row in served.inbox()] == ["2", "3"]


@pytest.mark.parametrize(("arguments", "promised"), [((), True), (("--keep-age", "30d"), False)])
def test_a_pop3_reader_is_promised_no_more_than_is_kept(tmp_path, arguments, promised):
    with Served(tmp_path, "--listen", "127.0.0.1:0", "--pop3", "127.0.0.1:0", *arguments) as served:
        reader = poplib.POP3("127.0.0.1", served.ports["pop3"], timeout=30)
        assert ("EXPIRE" in reader.capa()) is promised
        reader.quit()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--keep-age", "soon"),
        ("--keep-size", "0"),
        ("--keep-messages", "many"),
        ("--keep-messages", "1", "--discard"),
        ("--log-size", "100"),
        ("--log", "/nowhere/at/all.log"),
    ],
)
def test_what_cannot_be_kept_so_is_named_in_one_line(tmp_path, arguments):
    done = smtplab(tmp_path, "serve", "--listen", "127.0.0.1:0", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    (line,) = done.stderr.splitlines()
    assert arguments[0].encode() in line or arguments[1].encode() in line


# The log


def test_the_log_has_a_line_for_each_fact_of_a_session(tmp_path):
    file = tmp_path / "serve.log"
    with Served(tmp_path / "home", "--log", str(file), "--domain", "hust.example") as served:
        with Dialogue(served.port) as client:
            client.ehlo()
            assert client.send(b"x", "a@hust.example", "b@hust.example") == 250
            client.ask(b"MAIL FROM:<>\r\n")
            assert client.ask(b"RCPT TO:<c@elsewhere.example>\r\n") == 550
            client.ask(b"QUIT\r\n")
        (row,) = served.inbox()
        served.stop()
    lines = file.read_text("ascii").splitlines()
    assert all(LINE.fullmatch(line) for line in lines), lines
    assert [line.split()[1] for line in lines] == ["connected", "accepted", "refused", "disconnected"]
    accepted = lines[1]
    assert row["id"] in accepted
    assert '"RCPT TO:<a@hust.example>", "RCPT TO:<b@hust.example>"' in accepted
    assert 'command="RCPT TO:<c@elsewhere.example>" code=550' in lines[2]
    assert lines[3].endswith("accepted=1 refused=1")


def test_the_log_tells_of_what_is_sent_on_and_of_what_may_arrive_twice_after_a_crash(tmp_path):
    file, home = tmp_path / "serve.log", tmp_path / "home"
    asyncio.run(_leave_in_doubt(home / "queue"))
    with Served(home, "--listen", "127.0.0.1:0", "--relay-to", "127.0.0.1:9", "--log", str(file)) as served:
        with Dialogue(served.port) as client:
            client.ehlo()
            assert client.send(b"x", "b@elsewhere.example") == 250
        until = time.monotonic() + S_MAX
        while file.read_text("ascii").count(" deferred ") < 2 and time.monotonic() < until:
            pass
        served.stop()
    lines = file.read_text("ascii").splitlines()
    assert all(LINE.fullmatch(line) for line in lines), lines
    told = [line.split(maxsplit=1)[1] for line in lines if 'queue="' in line]
    assert told[0] == 'in-doubt queue="1" recipient="a@elsewhere.example" host="mx.elsewhere.example"'
    assert sorted(line.split()[0] for line in told) == ["deferred", "deferred", "in-doubt", "queued"]


async def _leave_in_doubt(folder: Path) -> None:
    """As a process leaves it that is killed between a content and its answer."""
    store = open_store(folder, threaded=False)
    assert isinstance(store, SqlStore)
    people = (Mailbox("a", "elsewhere.example"),)
    entry = Entry(
        queue_id="1",
        envelope=Envelope(None, people, b""),
        octets=3,
        hop=1,
        arrived_at=time.time(),
        next_attempt_at=0.0,
        state="active",
        attempts=1,
        delivering=(Delivering("mx.elsewhere.example", ("a@elsewhere.example",)),),
    )
    assert await store.apply((Put(entry, b"abc"),)) is None
    await store.close()


def test_nothing_that_a_client_says_makes_a_line_or_a_field_of_the_log(tmp_path):
    file = tmp_path / "serve.log"
    forged = b'2026-01-01T00:00:00.000000Z accepted session="X"'
    with Served(tmp_path / "home", "--log", str(file)) as served:
        with Dialogue(served.port) as client:
            client.ask(b"EHLO x\n" + forged + b"\r\n")
            client.ask(b'FOO\x1b[2J" accepted="yes\x00\r\n')
            client.ask(b"MAIL FROM:<\xc3\xa9\xe2\x80\xa8\x85@x>\r\n")
            client.ask(forged + b"\r\n")
        served.stop()
    content = file.read_bytes()
    assert content.isascii()
    assert not set(content) & set(range(32)) - {10}
    lines = content.decode().splitlines()
    assert all(LINE.fullmatch(line) for line in lines), lines
    assert [line for line in lines if line.split()[1] == "accepted"] == []


def test_no_password_comes_into_the_log(tmp_path):
    file = tmp_path / "serve.log"
    with Served(tmp_path / "home", "--log", str(file), "--user", "lan:geheim") as served:
        with Dialogue(served.port) as client:
            client.ehlo()
            assert client.ask(b"AUTH PLAIN AGxhbgBnZWhlaW0=\r\n") == 235
            assert client.ask(b"AUTH PLAIN AGxhbgBnZWhlaW0=\r\n") == 503
        served.stop()
    content = file.read_text()
    assert "authenticated" in content
    assert "geheim" not in content
    assert "AGxhbgBnZWhlaW0" not in content


def test_the_log_is_put_aside_at_its_bound_and_five_old_ones_stay(tmp_path):
    file = tmp_path / "serve.log"
    with Served(tmp_path / "home", "--log", str(file), "--log-size", "600", "--discard") as served:
        for _ in range(40):
            with Dialogue(served.port) as client:
                client.ask(b"QUIT\r\n")
        assert served.stop() == (0, b"", b"")
    assert sorted(path.name for path in tmp_path.glob("serve.log*")) == [
        "serve.log",
        *(f"serve.log.{number}" for number in range(1, 6)),
    ]
    for path in tmp_path.glob("serve.log*"):
        assert path.stat().st_size <= 600
        assert all(LINE.fullmatch(line) for line in path.read_text().splitlines())


def test_a_log_that_somebody_else_put_aside_is_begun_again_at_sighup(tmp_path):
    file = tmp_path / "serve.log"
    with Served(tmp_path / "home", "--log", str(file), "--discard") as served:
        file.rename(tmp_path / "old")
        served.process.send_signal(signal.SIGHUP)
        until = time.monotonic() + S_MAX
        while not file.exists() and time.monotonic() < until:
            pass
        with Dialogue(served.port) as client:
            client.ask(b"QUIT\r\n")
        served.stop()
    assert len(file.read_text().splitlines()) == 2


# The end under load


def test_at_sigterm_under_load_what_got_250_is_on_disk_and_the_rest_got_421(tmp_path):
    """Clients send as fast as they can until their session ends; each counts its 250s."""
    clients, accepted, ends = 8, [], []
    busy = threading.Barrier(clients + 1)

    def send(number: int) -> None:
        with Dialogue(served.port) as client:
            client.ehlo()
            code = 250
            waited = False
            count = 0
            while code == 250:
                steps = (b"MAIL FROM:<a@x.example>\r\n", b"RCPT TO:<b@x.example>\r\n", b"DATA\r\n")
                name = b"%d-%d" % (number, count)
                try:
                    for step in steps:
                        code = client.ask(step)
                        if code not in (250, 354):
                            break
                    else:
                        code = client.ask(b"Subject: %s\r\n\r\n" % name + b"x" * 2000 + b"\r\n.\r\n")
                        if code == 250:
                            accepted.append(name.decode())
                            count += 1
                except OSError:
                    code = 0
                if count == 20 and not waited:
                    waited = True
                    busy.wait(S_MAX)
            ends.append(code)

    with Served(tmp_path) as served:
        threads = [threading.Thread(target=send, args=(number,)) for number in range(clients)]
        for thread in threads:
            thread.start()
        busy.wait(S_MAX)
        code, out, err = served.stop()
        for thread in threads:
            thread.join(S_MAX)
        assert (code, out, err) == (0, b"", b"")
        kept = {row["subject"] for row in served.inbox()}
        assert len(accepted) >= clients * 20
        assert set(accepted) <= kept
        assert ends == [421] * clients
        # A reply that was on its way when its client was told to go may be lost; a message may not be doubled.
        assert len(kept) - len(accepted) <= clients
        assert len(kept) == len(json.loads(served.smtplab("inbox", "list", "--json").stdout))
