"""`smtplab serve` as a person and a script meet it."""

import json
import mailbox
import poplib
import select
import signal
import smtplib
import ssl
import subprocess
import sys

import pytest
import trustme

from smtplab.view.texts import Texts
from tests.serve.served import Dialogue, Served, smtplab

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its end is told by POSIX signals")

LETTER = b"From: a@client.example\r\nSubject: =?utf-8?B?eGluIGNow6Bv?=\r\n\r\n..dots\r\n\xff\x00 octets \r\nend"


def test_each_listener_is_told_in_one_line_and_sigterm_ends_with_nothing_more(tmp_path):
    with Served(tmp_path, "--listen", "127.0.0.1:0", "--lmtp", "127.0.0.1:0", "--pop3", "127.0.0.1:0") as served:
        assert [set(line) for line in served.said] == [{"event", "protocol", "host", "port"}] * 3
        assert [line["protocol"] for line in served.said] == ["smtp", "lmtp", "pop3"]
        assert {(line["event"], line["host"]) for line in served.said} == {("listening", "127.0.0.1")}
        assert served.stop() == (0, b"", b"")


def test_sigint_ends_with_130_and_the_port_can_be_bound_at_once(tmp_path):
    with Served(tmp_path) as served, Dialogue(served.port) as client:
        assert client.ehlo() == 250
        port = served.port
        served.process.send_signal(signal.SIGINT)
        assert client.reply() == 421
        client.socket.close()
        served.process.communicate(timeout=30)
        assert served.process.returncode == 130
    with Served(tmp_path, "--listen", f"127.0.0.1:{port}") as again, Dialogue(again.port) as client:
        assert client.ehlo() == 250


def test_the_inbox_holds_the_trace_lines_and_then_exactly_what_was_sent(tmp_path):
    with Served(tmp_path) as served:
        with Dialogue(served.port) as client:
            client.ehlo()
            stuffed = LETTER.replace(b"\r\n.", b"\r\n..")
            assert client.send(stuffed, "student@hust.example", "teacher@neu.example") == 250
            client.ask(b"QUIT\r\n")
        (row,) = served.inbox()
        assert list(row)[:8] == ["id", "received", "sender", "recipients", "size", "subject", "client", "tls"]
        assert row["sender"] == "sender@client.example"
        assert row["recipients"] == ["student@hust.example", "teacher@neu.example"]
        assert (row["subject"], row["client"], row["tls"]) == ("xin chào", "127.0.0.1", None)
        raw = served.smtplab("inbox", "raw", row["id"]).stdout
        assert raw.endswith(b"\r\n" + LETTER + b"\r\n")
        assert raw.startswith(b"Return-Path: <sender@client.example>\r\nReceived: from client.example")
        assert row["size"] == len(raw)


def test_a_session_that_came_to_nothing_is_kept_too(tmp_path):
    with Served(tmp_path, "--domain", "hust.example") as served:
        with Dialogue(served.port) as client:
            client.ehlo()
            client.ask(b"MAIL FROM:<>\r\n")
            assert client.ask(b"RCPT TO:<a@elsewhere.example>\r\n") == 550
        served.stop()
        (session,) = served.inbox("list", "--sessions")
        assert (session["protocol"], session["client"], session["messages"]) == ("smtp", "127.0.0.1", [])
        shown = served.inbox("show", session["id"])
        heard = [record["line"] for record in shown["records"] if record["event"] == "command_received"]
        assert heard == ["EHLO client.example", "MAIL FROM:<>", "RCPT TO:<a@elsewhere.example>"]
        assert shown["records"][-1]["event"] == "disconnected"
        assert b"<** 550" in served.smtplab("inbox", "show", session["id"]).stdout


def test_search_reads_what_is_encoded_and_knows_where_to_look(tmp_path):
    encoded = {
        "subject": b"Subject: =?utf-8?B?SMOzYSDEkcahbg==?=\r\n\r\nx",
        "base64": b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\nSMOzYSDEkcahbiBz4buRIDQy",
        "printable": b"Content-Transfer-Encoding: quoted-printable\r\n\r\ninvo=\r\nice =34=32",
    }
    with Served(tmp_path) as served, Dialogue(served.port) as client:
        client.ehlo()
        for content in encoded.values():
            assert client.send(content) == 250
        names = {row["id"]: name for row, name in zip(served.inbox(), encoded, strict=True)}

        def found(text: str) -> list[str]:
            return [names[row["id"]] for row in served.inbox("search", text)]

        assert found("hóa ĐƠN") == ["subject", "base64"]
        assert found("subject:hóa") == ["subject"]
        assert found("số 42") == ["base64"]
        assert found('"đơn số"') == ["base64"]
        assert found('"số đơn"') == []
        assert found("invoice 42") == ["printable"]
        assert found("from:sender to:student is:unread") == list(encoded)
        assert found("is:read") == []


def test_messages_are_saved_found_and_deleted(tmp_path):
    with Served(tmp_path / "home") as served:
        with Dialogue(served.port) as client:
            client.ehlo()
            client.send(b"Subject: one\r\n\r\nneedle")
            client.send(b"Subject: two\r\n\r\nhay")
        one, two = (row["id"] for row in served.inbox())
        assert [row["id"] for row in served.inbox("search", "NEEDLE")] == [one]
        assert served.smtplab("inbox", "search", "nowhere to be found").returncode == 1
        file = tmp_path / "one.eml"
        assert served.smtplab("inbox", "save", one, str(file)).returncode == 0
        assert file.read_bytes().endswith(b"\r\n\r\nneedle\r\n")
        assert served.smtplab("inbox", "delete", one).returncode == 0
        assert [row["id"] for row in served.inbox()] == [two]
        again = served.smtplab("inbox", "raw", one)
        assert (again.returncode, again.stdout) == (2, b"")
        assert again.stderr == f"smtplab: no message {one}; see smtplab inbox list\n".encode()
        never = served.smtplab("inbox", "show", "F" * 40)
        assert (never.returncode, never.stderr.count(b"\n")) == (2, 1)
        assert served.smtplab("inbox", "delete", "--all").returncode == 0
        assert served.inbox() == []


def test_nothing_in_a_message_steers_the_terminal(tmp_path):
    with Served(tmp_path) as served:
        with Dialogue(served.port) as client:
            client.ehlo()
            client.send(b"Subject: \x1b]0;evil\x07 =?utf-8?Q?=0Aforged=1B[2J?=\r\n\r\n\x1b[2Jbody")
        (row,) = served.inbox()
        listed = served.smtplab("inbox", "list").stdout
        assert listed.count(b"\n") == 1
        assert b"\x1b" not in listed
        assert b"\x1b" not in served.smtplab("inbox", "show", row["id"]).stdout


def test_an_inbox_that_never_was_is_empty_and_stays_nowhere(tmp_path):
    done = smtplab(tmp_path, "inbox", "list", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, [])
    assert json.loads(smtplab(tmp_path, "queue", "list", "--json").stdout) == []
    assert list(tmp_path.iterdir()) == []


def test_a_maildir_gets_each_message_once(tmp_path):
    with Served(tmp_path / "home", "--maildir", str(tmp_path / "mail")) as served, Dialogue(served.port) as client:
        client.ehlo()
        client.send(b"Subject: one\r\n\r\nbody", "a@hust.example", "b@hust.example")
        (letter,) = mailbox.Maildir(tmp_path / "mail", create=False)
        assert (letter["Subject"], letter.get_payload()) == ("one", "body\n")


def test_a_pop3_user_reads_and_removes_the_mail_for_that_local_part(tmp_path):
    with Served(tmp_path, "--listen", "127.0.0.1:0", "--pop3", "127.0.0.1:0", "--user", "student:secret") as served:
        with Dialogue(served.port) as client:
            client.ehlo()
            client.send(b"Subject: mine\r\n\r\n.x", "student@hust.example", "other@hust.example")
            client.send(b"Subject: not mine\r\n\r\nx", "other@hust.example")
        reader = poplib.POP3("127.0.0.1", served.ports["pop3"], timeout=30)
        reader.user("student")
        reader.pass_("secret")
        assert reader.stat()[0] == 1
        assert b"Subject: mine" in reader.retr(1)[1]
        reader.dele(1)
        reader.quit()
        assert [row["subject"] for row in served.inbox()] == ["mine", "not mine"]
        reader = poplib.POP3("127.0.0.1", served.ports["pop3"], timeout=30)
        reader.user("student")
        reader.pass_("secret")
        assert reader.stat()[0] == 0
        reader.quit()


def test_submission_takes_nothing_without_a_password(tmp_path):
    arguments = ("--submission", "127.0.0.1:0", "--smtps", "127.0.0.1:0", "--user", "student:secret")
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    with Served(tmp_path, *arguments) as served:
        with smtplib.SMTP("127.0.0.1", served.ports["submission"], timeout=30) as client:
            with pytest.raises(smtplib.SMTPSenderRefused) as refused:
                client.sendmail("a@b.example", "c@d.example", "x")
            assert refused.value.smtp_code == 530
            client.starttls(context=trusting)
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.login("student", "wrong")
            client.login("student", "secret")
            client.sendmail("a@b.example", "c@d.example", "Subject: s\n\nx")
        with smtplib.SMTP_SSL("127.0.0.1", served.ports["smtps"], timeout=30, context=trusting) as client:
            client.sendmail("a@b.example", "c@d.example", "Subject: i\n\nx")
        rows = served.inbox()
        assert [row["subject"] for row in rows] == ["s", "i"]
        assert all(row["tls"].startswith("TLSv1.3") for row in rows)
    secrets = b"".join(path.read_bytes() for path in tmp_path.rglob("*.sqlite*"))
    assert b"student" in secrets
    assert b"c2VjcmV0" not in secrets


def test_lmtp_answers_for_each_recipient(tmp_path):
    with Served(tmp_path, "--lmtp", "127.0.0.1:0") as served, Dialogue(served.ports["lmtp"]) as client:
        assert client.ask(b"LHLO client.example\r\n") == 250
        client.say(b"MAIL FROM:<>\r\nRCPT TO:<a@x.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n")
        assert [client.reply() for _ in range(4)] == [250, 250, 250, 354]
        client.say(b"x\r\n.\r\n")
        assert [client.reply(), client.reply()] == [250, 250]


@pytest.mark.parametrize(
    ("address", "replies"),
    [
        ("rcpt550_5.1.1", [550]),
        ("rcpt451", [451]),
        ("data421_4.3.2", [250, 421]),
        ("content452_4.2.2", [250, 354, 452]),
        ("rcptdrop", [0]),
        ("rcpt250", [250]),
    ],
)
def test_an_address_asks_for_its_own_fault(tmp_path, address, replies):
    with Served(tmp_path) as served, Dialogue(served.port) as client:
        client.ehlo()
        client.ask(b"MAIL FROM:<>\r\n")
        steps = [f"RCPT TO:<{address}@hust.example>\r\n".encode(), b"DATA\r\n", b"x\r\n.\r\n"]
        assert [client.ask(step) for step, _ in zip(steps, replies, strict=False)] == replies


def test_larger_than_allowed_is_refused_before_and_after_it_came(tmp_path):
    with Served(tmp_path, "--max-size", "1000") as served, Dialogue(served.port) as client:
        client.ehlo()
        assert client.ask(b"MAIL FROM:<> SIZE=1001\r\n") == 552
        assert client.send(b"x" * 500) == 250
        assert client.send(b"\r\n".join([b"x" * 500] * 3)) == 552
        assert len(served.inbox()) == 1


@pytest.mark.parametrize("way_out", [[], ["--relay-to", "127.0.0.1:9"], ["--deliver"]])
def test_it_is_no_open_relay(tmp_path, way_out):
    """Clients of loopback may relay where there is a way out; without one nobody's mail is taken for elsewhere."""
    with Served(tmp_path, "--domain", "hust.example", *way_out) as served, Dialogue(served.port) as client:
        client.ehlo()
        client.ask(b"MAIL FROM:<>\r\n")
        assert client.ask(b"RCPT TO:<a@elsewhere.example>\r\n") == (250 if way_out else 550)
        assert client.ask(b"RCPT TO:<a@hust.example>\r\n") == 250


def test_what_is_for_elsewhere_is_handed_to_the_relay(tmp_path):
    with Served(tmp_path / "far") as far:
        near = ("--domain", "hust.example", "--relay-to", f"127.0.0.1:{far.port}", "--hostname", "near.example")
        with Served(tmp_path / "near", *near) as served:
            with Dialogue(served.port) as client:
                client.ehlo()
                assert client.send(b"Subject: on\r\n\r\nx", "a@hust.example", "b@elsewhere.example") == 250
            while not (rows := far.inbox()):
                pass
            assert [row["recipients"] for row in rows] == [["b@elsewhere.example"]]
            assert [row["recipients"] for row in served.inbox()] == [["a@hust.example", "b@elsewhere.example"]]


def test_the_queue_is_listed_and_obeys(tmp_path):
    with Served(tmp_path, "--domain", "hust.example", "--relay-to", "127.0.0.1:9") as served:
        with Dialogue(served.port) as client:
            client.ehlo()
            client.send(b"x", "b@elsewhere.example")

        def queue():
            return json.loads(served.smtplab("queue", "list", "--json").stdout)

        (row,) = queue()
        keys = ["queue_id", "state", "sender", "recipients", "next_attempt", "attempts", "reason"]
        assert (list(row), row["recipients"]) == (keys, ["b@elsewhere.example"])
        while not (row := queue()[0])["reason"]:
            pass
        assert row["reason"] == "refused Connection refused"
        listed = served.smtplab("queue", "list", "--lang", "vi").stdout.decode()
        assert Texts("vi")("reason.refused") in listed
        assert served.smtplab("queue", "hold", row["queue_id"]).returncode == 0
        while queue()[0]["state"] != "hold":
            pass
        assert served.smtplab("queue", "delete", row["queue_id"]).returncode == 0
        while queue():
            pass
        assert served.smtplab("queue", "retry", row["queue_id"]).returncode == 2


def test_the_queue_has_the_schedule_that_it_is_given(tmp_path):
    arguments = ["--domain", "client.example", "--relay-to", "127.0.0.1:9"]
    with Served(tmp_path, *arguments, "--retry", "1s,2m", "--lifetime", "1s", "--warn-after", "2h") as served:
        with Dialogue(served.port) as client:
            client.ehlo()
            client.send(b"x", "b@elsewhere.example")
        # After one second it would be too old for a second attempt.
        while len(served.inbox()) < 2:
            pass
        assert json.loads(served.smtplab("queue", "list", "--json").stdout) == []


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--listen", "nowhere"], b"nowhere"),
        (["--deliver", "--retry", "5m,0.5s"], b'--retry: "5m,0.5s"'),
        (["--deliver", "--retry", "5m,,1h"], b'--retry: "5m,,1h"'),
        (["--lifetime", "5d"], b"--lifetime needs --relay-to"),
        (["--listen", "127.0.0.1:70000"], b"70000"),
        (["--domain", "not a domain"], b"not a domain"),
        (["--discard", "--maildir", "x"], b"--maildir"),
        (["--maildir", __file__], b"test_serve_cli.py can't be written"),
        (["--tls-cert", "/nonexistent.pem"], b"/nonexistent.pem"),
        (["--max-size", "none"], b"none"),
        (["--trust", "10.0.0.0/33", "--deliver"], b"10.0.0.0/33"),
        (["--tls-key", "x"], b"--tls-cert"),
        (["--user", "alice"], b"give --user alice:@FILE or set SMTPLAB_AUTH_PASSWORD"),
    ],
)
def test_what_cannot_be_used_is_named_in_one_line(tmp_path, arguments, named):
    done = smtplab(tmp_path, "serve", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert named in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_a_port_that_is_taken_is_named(tmp_path):
    with Served(tmp_path) as served:
        done = smtplab(tmp_path / "other", "serve", "--listen", f"127.0.0.1:{served.port}")
        assert (done.returncode, done.stdout) == (2, b"")
        assert f"127.0.0.1:{served.port}".encode() in done.stderr


def test_two_servers_may_share_an_inbox(tmp_path):
    with Served(tmp_path) as one, Served(tmp_path) as two:
        for served in (one, two):
            with Dialogue(served.port) as client:
                client.ehlo()
                assert client.send(b"Subject: s\r\n\r\n" + b"x" * 900 + (b"\r\n" + b"y" * 900) * 100) == 250
        rows = one.inbox()
        assert len(rows) == 2
        assert {len(one.smtplab("inbox", "raw", row["id"]).stdout) for row in rows} == {row["size"] for row in rows}


def test_what_is_discarded_is_answered_and_nowhere(tmp_path):
    with Served(tmp_path, "--discard") as served:
        with Dialogue(served.port) as client:
            client.ehlo()
            assert client.send(b"Subject: gone\r\n\r\nx") == 250
        assert served.inbox() == []
        assert list(tmp_path.iterdir()) == []


def test_watch_prints_each_message_as_it_comes(tmp_path):
    with Served(tmp_path) as served, Dialogue(served.port) as client:
        client.ehlo()
        client.send(b"Subject: before\r\n\r\nx")
        command = [sys.executable, "-m", "smtplab", "inbox", "watch", "--json", "--home", str(tmp_path)]
        watching = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert watching.stdout is not None
        # Nothing says when it has begun to look, so it is given something to see until it does.
        while not select.select([watching.stdout], [], [], 0.2)[0]:
            client.send(b"Subject: new\r\n\r\nx")
        assert json.loads(watching.stdout.readline())["subject"] == "new"
        watching.send_signal(signal.SIGINT)
        watching.communicate(timeout=30)
        assert watching.returncode == 130


def test_a_certificate_is_read_again_at_sighup_and_kept_where_the_new_one_is_none(tmp_path):
    authority, file = trustme.CA(), tmp_path / "both.pem"
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE

    def shown(port: int) -> bytes:
        with smtplib.SMTP_SSL("127.0.0.1", port, timeout=30, context=trusting) as client:
            return client.sock.getpeercert(binary_form=True)

    authority.issue_cert("one.example").private_key_and_cert_chain_pem.write_to_path(file)
    with Served(tmp_path, "--smtps", "127.0.0.1:0", "--tls-cert", str(file)) as served:
        port = served.ports["smtps"]
        first = shown(port)
        authority.issue_cert("two.example").private_key_and_cert_chain_pem.write_to_path(file)
        served.process.send_signal(signal.SIGHUP)
        while (second := shown(port)) == first:
            pass
        assert b"two.example" in second
        file.write_bytes(b"nonsense")
        served.process.send_signal(signal.SIGHUP)
        assert [shown(port) for _ in range(5)] == [second] * 5
        assert served.stop() == (0, b"", b"")
