"""`smtplab serve --behaviour FILE`, as clients meet it: raw dialogues, smtplib and swaks."""

import contextlib
import json
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509

from smtplab.mta.behaviour.file import BehaviourError, parse_behaviour
from smtplab.view.texts import LANGUAGES, Texts
from tests.serve.served import Dialogue, Served, smtplab

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its end is told by POSIX signals")

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


def behaving(tmp_path: Path, text: str, *arguments: str) -> Served:
    (tmp_path / "behaviour.toml").write_text(text, "utf-8")
    return Served(tmp_path / "home", "--behaviour", str(tmp_path / "behaviour.toml"), *arguments)


def rcpt(served: Served, sender: str, recipient: str, helo: str = "client.example") -> int:
    with Dialogue(served.port) as client:
        client.ask(f"EHLO {helo}\r\n".encode())
        said = client.ask(f"MAIL FROM:<{sender}>\r\n".encode())
        return client.ask(f"RCPT TO:<{recipient}>\r\n".encode()) if said == 250 else said


def test_answers_follow_sender_recipient_and_helo(tmp_path):
    text = """
        [[faults]]
        what = "reply"
        stage = "rcpt"
        code = 452
        enhanced = "4.2.2"
        text = "Mailbox full"
        when = { recipient = "full@*" }

        [[faults]]
        what = "refuse"
        stage = "mail"
        when = { sender = "*@spam.example" }

        [[faults]]
        what = "refuse"
        stage = "mail"
        when = { sender = "<>", helo = "*.spam.example" }
    """
    with behaving(tmp_path, text) as served:
        assert rcpt(served, "a@client.example", "FULL@hust.example") == 452
        assert rcpt(served, "a@client.example", "student@hust.example") == 250
        assert rcpt(served, "b@SPAM.example", "student@hust.example") == 550
        assert rcpt(served, "", "student@hust.example") == 250
        assert rcpt(served, "", "student@hust.example", "host.spam.example") == 550


def test_a_fault_of_clients_is_one_of_their_network_and_allow_goes_before(tmp_path):
    text = """
        [[faults]]
        what = "allow"
        stage = "rcpt"
        when = { recipient = "postmaster@*" }

        [[faults]]
        what = "refuse"
        stage = "rcpt"
        when = { client = "127.0.0.0/8", authenticated = false }
    """
    with behaving(tmp_path, text, "--user", "lan:secret") as served:
        assert rcpt(served, "a@x.example", "student@hust.example") == 550
        assert rcpt(served, "a@x.example", "postmaster@hust.example") == 250
        with smtplib.SMTP("127.0.0.1", served.port) as client:
            client.login("lan", "secret")
            client.mail("a@x.example")
            assert client.rcpt("student@hust.example")[0] == 250


def test_the_first_try_of_each_triplet_is_put_off_and_the_second_is_taken(tmp_path):
    text = """
        [[faults]]
        what = "reply"
        stage = "rcpt"
        code = 451
        enhanced = "4.7.1"
        text = "Come again"
        count = 1
        when = { per = "triplet" }
    """
    with behaving(tmp_path, text) as served:
        codes = [rcpt(served, sender, "b@x.example") for sender in ("a@x.example", "c@x.example") for _ in range(2)]
        assert codes == [451, 250, 451, 250]


def test_greylisting_remembers_and_says_so(tmp_path):
    with behaving(tmp_path, "greylisting = { delay_s = 0.0 }") as served:
        assert [rcpt(served, "a@x.example", "b@x.example") for _ in range(2)] == [250, 250]
    with behaving(tmp_path, "greylisting = { delay_s = 3600 }") as served:
        assert [rcpt(served, "a@x.example", "b@x.example") for _ in range(2)] == [451, 451]
        served.stop()
        *_, session = served.inbox("list", "--sessions")
        records = served.inbox("show", session["id"])["records"]
        assert [one["verdict"] for one in records if one["event"] == "judged"] == ["too-early"]


@pytest.mark.parametrize("manner", ["plain", "exchange", "gmail"])
def test_a_rate_is_held_against_each_message_of_a_session(tmp_path, manner):
    """Whoever stayed connected was asked for its first message only."""

    def send(client: Dialogue) -> int:
        for line in (b"MAIL FROM:<a@x.example>\r\n", b"RCPT TO:<b@x.example>\r\n", b"DATA\r\n"):
            if (code := client.ask(line)) >= 400:
                return code
        return client.ask(b"Subject: one more\r\n\r\n.\r\n")

    text = f'manner = "{manner}"\nrate_limit = {{ messages = 2, per_s = 3600 }}'
    with behaving(tmp_path, text) as served, Dialogue(served.port) as client:
        client.ask(b"EHLO client.example\r\n")
        first, second, third = (send(client) for _ in range(3))
        assert (first, second) == (250, 250)
        assert third in (421, 450, 452)


def test_421_after_so_many_messages_and_after_so_many_commands(tmp_path):
    text = """
        [[faults]]
        what = "shutdown"
        messages = 2
        when = { per = "session" }
    """
    with behaving(tmp_path, text) as served:
        for _ in range(2):
            with Dialogue(served.port) as client:
                client.ehlo()
                assert [client.send(b"x") for _ in range(2)] == [250, 250]
                assert client.ask(b"MAIL FROM:<>\r\n") == 421
                assert client.reply() == 0
    text = """
        [[faults]]
        what = "reply"
        stage = "any"
        code = 421
        text = "You talk too much"
        when = { after = 3, per = "session" }
    """
    with behaving(tmp_path, text) as served, Dialogue(served.port) as client:
        assert [client.ehlo(), client.ask(b"NOOP\r\n"), client.ask(b"RSET\r\n")] == [250, 250, 250]
        assert client.ask(b"NOOP\r\n") == 421


def test_chance_is_the_same_for_the_same_seed(tmp_path):
    text = """
        seed = {seed}
        [[faults]]
        what = "refuse"
        stage = "other"
        when = {{ chance = 0.5 }}
    """

    def drawn(seed: int) -> list[int]:
        with behaving(tmp_path, text.format(seed=seed)) as served, Dialogue(served.port) as client:
            client.ehlo()
            return [client.ask(b"NOOP\r\n") for _ in range(15)]

    first = drawn(1)
    assert set(first) == {250, 502}
    assert drawn(1) == first
    assert drawn(2) != first


STAGES = ("connect", "greeting", "ehlo", "mail", "rcpt", "data", "content")
STEPS = (b"EHLO x.example\r\n", b"MAIL FROM:<>\r\n", b"RCPT TO:<a@x.example>\r\n", b"DATA\r\n", b".\r\n")


def answers_until_the_end(port: int) -> list[int]:
    codes: list[int] = []
    try:
        with Dialogue(port, greeted=False) as client:
            codes.append(client.reply())
            while codes[-1] and len(codes) <= len(STEPS):
                codes.append(client.ask(STEPS[len(codes) - 1]))
    except ConnectionError:
        codes.append(0)  # Reset while it was still being made.
    return codes


def test_a_connection_ends_at_any_stage_without_an_answer(tmp_path):
    cases = [(what, stage) for what in ("reset", "drop") for stage in STAGES]
    with behaving(tmp_path, "") as served:
        for what, stage in cases:
            # Each session looks at the file.
            (tmp_path / "behaviour.toml").write_text(f'faults = [{{ what = "{what}", stage = "{stage}" }}]')
            codes = answers_until_the_end(served.port)
            assert codes == [*[220, 250, 250, 250, 354][: max(0, STAGES.index(stage) - 1)], 0]
        served.stop()
        sessions = served.inbox("list", "--sessions")
        for (what, stage), session in zip(cases, sessions, strict=True):
            records = served.inbox("show", session["id"])["records"]
            (fault,) = [one for one in records if one["event"] == "fault_injected"]
            assert (fault["fault"], fault["where"].rpartition("/")[2]) == (what, stage)
            assert (records[-1]["event"], records[-1]["by"], records[-1]["clean"]) == ("disconnected", "us", False)
        assert served.inbox() == []


def test_replies_come_late_in_drops_garbled_and_broken(tmp_path):
    text = """
        faults = [
          { what = "delay", stage = "ehlo", seconds = 0.2 },
          { what = "drip", stage = "other", every_s = 0.01, count = 1 },
          { what = "broken-reply", stage = "mail", how = "codes-differ", count = 1 },
          { what = "garble", stage = "mail" },
        ]
    """
    with behaving(tmp_path, text) as served, socket.create_connection(("127.0.0.1", served.port), 30) as client:
        client.recv(1000)
        begun = time.monotonic()
        client.sendall(b"HELO x.example\r\n")
        client.recv(1000)
        assert time.monotonic() - begun >= 0.2
        client.sendall(b"NOOP\r\n")
        pieces = []
        while not pieces or not pieces[-1].endswith(b"\n"):
            pieces.append(client.recv(1000))
        assert b"".join(pieces) == b"250 2.0.0 OK\r\n"
        assert len(pieces) > 3
        client.sendall(b"MAIL FROM:<>\r\n")
        broken = client.recv(1000).splitlines()
        assert [line[:4] for line in broken] == [b"250-", b"451 "]
        client.sendall(b"RSET\r\n")
        client.recv(1000)
        client.sendall(b"MAIL FROM:<>\r\n")
        assert not client.recv(1000).isascii()


def test_a_wrong_code_and_a_reply_of_several_lines(tmp_path):
    text = """
        [[faults]]
        what = "reply"
        stage = "mail"
        code = 252
        text = "One line\\nand another"
    """
    with behaving(tmp_path, text) as served, smtplib.SMTP("127.0.0.1", served.port) as client:
        client.ehlo()
        assert client.mail("a@x.example") == (252, b"One line\nand another")
        assert client.rcpt("b@x.example")[0] == 250


def test_what_is_announced_is_not_honoured_and_what_is_hidden_is_there(tmp_path):
    text = """
        [[faults]]
        what = "announce"
        add = ["X-MAGIC 1"]
        hide = ["PIPELINING"]
        dishonour = ["CHUNKING", "DSN", "STARTTLS"]
    """
    with behaving(tmp_path, text) as served, smtplib.SMTP("127.0.0.1", served.port) as client:
        client.ehlo()
        assert {"x-magic", "chunking", "dsn", "starttls"} <= set(client.esmtp_features)
        assert "pipelining" not in client.esmtp_features
        assert client.docmd("BDAT", "0 LAST")[0] == 502
        assert client.docmd("STARTTLS")[0] == 502
        assert client.mail("a@x.example", ["RET=HDRS"])[0] == 555
        assert client.mail("a@x.example", ["BODY=8BITMIME"])[0] == 250


def test_size_announces_one_limit_and_holds_to_another(tmp_path):
    text = 'faults = [{ what = "size-lie", announced = 50000000, real = 100 }]'
    with behaving(tmp_path, text) as served, Dialogue(served.port) as client:
        assert client.ehlo() == 250
        assert client.send(b"x" * 200) == 552
        assert client.send(b"x" * 50) == 250
        with smtplib.SMTP("127.0.0.1", served.port) as other:
            other.ehlo()
            assert other.esmtp_features["size"] == "50000000"


def test_no_fault_opens_a_relay_or_logs_anybody_in(tmp_path):
    text = """
        faults = [
          { what = "reply", stage = "rcpt", code = 250 },
          { what = "allow", stage = "any" },
        ]
    """
    with behaving(tmp_path, text, "--domain", "hust.example") as served:
        assert rcpt(served, "a@x.example", "b@elsewhere.example") == 550
        assert rcpt(served, "a@x.example", "b@hust.example") == 250


BAD_FILES = {
    "faults = [}": "11",
    "faluts = []": "faluts",
    'faults = [{ what = "refuse", stage = "lunch" }]': "$.faults[0].stage",
    'faults = [{ what = "explode" }]': "$.faults[0].what",
    'faults = [{ what = "dns-change", text = "" }]': "$.faults[0].what",
    'faults = [{ what = "reply", stage = "rcpt", code = "550" }]': "$.faults[0].code",
    'faults = [{ what = "reply", stage = "auth", code = 235 }]': "$.faults[0].code",
    'faults = [{ what = "refuse", stage = "rcpt", when = { client = "10.0.0.0/99" } }]': "$.faults[0].when.client",
    'faults = [{ what = "refuse", stage = "rcpt", when = { chance = 1.5 } }]': "$.faults[0].when.chance",
    'faults = [{ what = "refuse", stage = "rcpt", where = "mx" }]': "$.faults[0].where",
    'faults = [{ what = "garble", stage = "connect" }]': "$.faults[0].what",
    'faults = [{ what = "refuse", stage = "dns" }]': "$.faults[0].stage",
    'faults = [{ what = "refuse", stage = "rcpt", when = { name = "mx.example" } }]': "$.faults[0].when.name",
    'faults = [{ what = "reply", stage = "rcpt", code = 550, enhanced = "4.1.1" }]': "$.faults[0].enhanced",
    'manner = "qmail"': "$.manner",
    "greylisting = { delay_s = -1 }": "$.greylisting.delay_s",
}


@pytest.mark.parametrize("text", BAD_FILES)
def test_what_cannot_be_used_is_said_in_one_line_with_the_path_of_the_error(text):
    with pytest.raises(BehaviourError) as caught:
        parse_behaviour(text, "file.toml")
    for language in LANGUAGES:
        line = Texts(language).told(caught.value.told)
        assert line.startswith("file.toml: ")
        assert BAD_FILES[text] in line
        assert not set("\n⟦") & set(line)


def test_a_file_that_cannot_be_used_ends_with_2(tmp_path):
    file = tmp_path / "behaviour.toml"
    file.write_text('faults = [{ what = "explode" }]')
    line = b'smtplab: %b: "explode" is none of the words that may stand here - at `$.faults[0].what`\n'
    done = smtplab(tmp_path / "home", "serve", "--behaviour", str(file), "--listen", "127.0.0.1:0")
    assert (done.returncode, done.stdout, done.stderr) == (2, b"", line % str(file).encode())


def test_a_file_that_cannot_be_used_is_told_of_in_the_persons_language(tmp_path):
    file = tmp_path / "behaviour.toml"
    file.write_text('faults = [{ what = "refuse", stage = "dns" }]')
    done = smtplab(tmp_path / "home", "serve", "--behaviour", str(file), "--lang", "vi")
    line = f"smtplab: {file}: không ai gửi truy vấn DNS tới máy chủ này - tại `$.faults[0].stage`\n"
    assert (done.returncode, done.stderr.decode()) == (2, line)


def test_a_file_that_is_not_there_is_named(tmp_path):
    done = smtplab(tmp_path / "home", "serve", "--behaviour", str(tmp_path / "none.toml"))
    assert done.returncode == 2
    assert b"none.toml" in done.stderr


def test_a_changed_file_holds_for_the_next_session_and_a_broken_one_changes_nothing_and_is_told(tmp_path):
    with behaving(tmp_path, 'faults = [{ what = "refuse", stage = "rcpt" }]') as served:
        file = tmp_path / "behaviour.toml"
        assert rcpt(served, "a@x.example", "b@x.example") == 550
        file.write_text('faults = [{ what = "reply", stage = "rcpt", code = 450 }]')
        assert rcpt(served, "a@x.example", "b@x.example") == 450
        file.write_text("faults = [{}]")
        assert rcpt(served, "a@x.example", "b@x.example") == 450
        file.unlink()
        assert rcpt(served, "a@x.example", "b@x.example") == 450
        code, _, err = served.stop()
        assert code == 0
        broken, missing = err.splitlines()
        assert b"behaviour.toml" in broken
        assert b"$.faults[0]" in broken
        assert b"behaviour.toml" in missing


def test_a_server_that_is_to_end_waits_for_no_delay_and_no_silence(tmp_path):
    text = """
        faults = [
          { what = "silence", stage = "ehlo", when = { helo = "silent.example" } },
          { what = "delay", stage = "ehlo", seconds = 3600, when = { helo = "late.example" } },
          { what = "drip", stage = "ehlo", every_s = 60, when = { helo = "drip.example" } },
        ]
    """
    with behaving(tmp_path, text) as served:
        clients = [Dialogue(served.port) for _ in range(3)]
        for client, name in zip(clients, (b"silent", b"late", b"drip"), strict=True):
            client.say(b"EHLO %s.example\r\n" % name)
        with Dialogue(served.port) as other:
            assert other.ehlo() == 250
        begun = time.monotonic()
        assert served.stop()[0] == 0
        assert time.monotonic() - begun < 8
        for client in clients:
            client.__exit__()


# TLS


@contextlib.contextmanager
def handshake(port: int, *, implicit: bool = False) -> Iterator[ssl.SSLObject]:
    """Over memory, for the library's own sockets leave one open where the other side resets."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    inside = context.wrap_bio(incoming, outgoing)
    with socket.create_connection(("127.0.0.1", port), 30) as plain:
        if not implicit:
            plain.recv(1000)
            for line in (b"EHLO x.example\r\n", b"STARTTLS\r\n"):
                plain.sendall(line)
                reply = plain.recv(1000)
            assert reply.startswith(b"220"), reply
            incoming.write(reply.partition(b"\n")[2])
        while True:
            try:
                inside.do_handshake()
                break
            except ssl.SSLWantReadError:
                plain.sendall(outgoing.read())
                if not (octets := plain.recv(16384)):
                    raise ConnectionError("closed in the handshake") from None
                incoming.write(octets)
        plain.sendall(outgoing.read())
        yield inside


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("how", ["garbage", "reset"])
def test_tls_is_promised_and_does_not_come_about(tmp_path, how, implicit):
    text = f'faults = [{{ what = "handshake", how = "{how}" }}]'
    with behaving(tmp_path, text, "--listen", "127.0.0.1:0", "--smtps", "127.0.0.1:0") as served:
        port = served.ports["smtps"] if implicit else served.port
        with pytest.raises((ssl.SSLError, ConnectionError)), handshake(port, implicit=implicit):
            pass
        with Dialogue(served.port) as client:
            assert client.ehlo() == 250


def test_starttls_is_refused(tmp_path):
    with behaving(tmp_path, 'faults = [{ what = "refuse", stage = "tls" }]') as served, Dialogue(served.port) as client:
        client.ehlo()
        assert client.ask(b"STARTTLS\r\n") == 454
        assert client.send(b"in clear") == 250


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("how", ["expired", "wrong-name", "self-signed"])
def test_the_certificate_is_another_than_the_right_one(tmp_path, how, implicit):
    text = f'faults = [{{ what = "certificate", how = "{how}", count = 1 }}]'
    places = ("--listen", "127.0.0.1:0", "--smtps", "127.0.0.1:0", "--hostname", "mx.hust.example")
    with behaving(tmp_path, text, *places) as served:
        port = served.ports["smtps"] if implicit else served.port
        with handshake(port, implicit=implicit) as inside:
            seen = x509.load_der_x509_certificate(inside.getpeercert(binary_form=True) or b"")
        names = seen.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        hosts = names.get_values_for_type(x509.DNSName)
        now = time.time()
        assert (seen.not_valid_after_utc.timestamp() < now) == (how == "expired")
        assert ("mx.hust.example" in hosts) == (how != "wrong-name")
        with handshake(port, implicit=implicit) as inside:
            assert inside.version()


# Strangers


@pytest.mark.peer
@pytest.mark.skipif(shutil.which("swaks") is None, reason="swaks is missing")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--to", "student@hust.example"), 0),
        (("--to", "full@hust.example"), 24),
        (("--to", "student@hust.example", "--from", "no@spam.example"), 23),
        (("--to", "student@hust.example", "--helo", "deaf.example"), 6),
        (("--to", "lost@hust.example"), 6),
        (("--to", "student@hust.example", "-tls"), 29),
    ],
)
def test_swaks_meets_the_example_of_the_documents(tmp_path, arguments, code):
    file = EXAMPLES / "behaviour.toml"
    with Served(tmp_path, "--behaviour", str(file)) as served:
        command = ["swaks", "--server", f"127.0.0.1:{served.port}", "--timeout", "20", *arguments]
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)
        assert done.returncode == code, done.stdout.decode()


def test_the_examples_of_the_documents_can_be_used(tmp_path):
    files = sorted(EXAMPLES.glob("*.toml"))
    assert files
    for file in files:
        with Served(tmp_path, "--behaviour", str(file), "--domain", "hust.example") as served:
            assert rcpt(served, "a@client.example", "b@elsewhere.example") in (550, 554)
            served.process.send_signal(signal.SIGTERM)


def test_a_manner_has_its_own_words(tmp_path):
    with behaving(tmp_path, 'manner = "postfix"', "--hostname", "mx.hust.example") as served:
        with smtplib.SMTP("127.0.0.1", served.port) as client:
            assert client.helo()[0] == 250
            assert client.mail("a@x.example") == (250, b"2.1.0 Ok")
        with socket.create_connection(("127.0.0.1", served.port), 30) as plain:
            assert plain.recv(1000) == b"220 mx.hust.example ESMTP Postfix\r\n"


def test_what_is_refused_is_told_in_the_session(tmp_path):
    with behaving(tmp_path, 'faults = [{ what = "refuse", stage = "content" }]') as served:
        with Dialogue(served.port) as client:
            client.ehlo()
            assert client.send(b"x") == 554
        served.stop()
        assert served.inbox() == []
        (session,) = served.inbox("list", "--sessions")
        shown = smtplab(served.home, "inbox", "show", session["id"], "--json")
        faults = [one for one in json.loads(shown.stdout)["records"] if one["event"] == "fault_injected"]
        assert [fault["fault"] for fault in faults] == ["refuse"]
