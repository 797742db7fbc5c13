"""`smtplab send` for messages that differ: tables, folders, the queue; nothing is lost and nothing is sent twice."""

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path

import pytest

from smtplab.view.texts import Texts
from tests.cli.test_send_bulk import Server
from tests.serve.served import smtplab

PEOPLE = "email,name,place\nan@real.net,Ấn,Hà Nội\nbao@real.net,Bảo,Huế\nchi@real.net,Chi,Đà Nẵng\n"


@pytest.fixture
def server() -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start(answer: Callable[[str, int], str | None] = lambda verb, number: "", extensions: str = "250 mx") -> Server:
        started.append(Server(answer, extensions))
        return started[-1]

    yield start
    for one in started:
        with contextlib.suppress(OSError):
            one.close()


def send(port: int | None, *options: str, home: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "smtplab", "send", "-f", "lan@here.net", "-h", "here.net", *options]
    command += [] if port is None else ["-s", f"127.0.0.1:{port}"]
    environ = {**os.environ, "LC_ALL": "C.UTF-8", "SMTPLAB_LANG": "en", "HOME": "/nonexistent"}
    if home is not None:
        environ["SMTPLAB_HOME"] = str(home)
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environ)


def table(folder: Path, text: str = PEOPLE) -> str:
    path = folder / "people.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_each_row_gets_a_message_of_its_own(server, tmp_path):
    one = server()
    done = send(one.port, "--merge", table(tmp_path), "--subject", "Chào {{name}}", "--body", "Ở {{place}}")
    assert done.returncode == 0, done.stderr
    assert "3 of 3 messages accepted" in done.stdout
    found = {str(message["To"]): message for message in map(message_from_bytes, one.contents)}
    assert set(found) == {"an@real.net", "bao@real.net", "chi@real.net"}
    assert found["bao@real.net"].get_payload(decode=True).decode().strip() == "Ở Huế"
    assert len({message["Message-ID"] for message in found.values()}) == 3
    assert one.sessions == 1


def test_a_whole_message_is_a_template_too(server, tmp_path):
    one = server(extensions="250-mx\r\n250-8BITMIME\r\n250 SMTPUTF8")
    data = "To: {{name}} <{{email}}>\\nSubject: x\\n\\n{{place}}"
    done = send(one.port, "--merge", table(tmp_path), "-d", data, "-t", "all@real.net")
    assert done.returncode == 0, done.stderr
    assert {line for line in one.lines if line.startswith(b"RCPT")} == {b"RCPT TO:<all@real.net>\r\n"}
    assert any("To: Ấn <an@real.net>".encode() in content for content in one.contents)


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (PEOPLE, ("--subject", "{{nick}}"), 'line 2: there is no column "nick"; there are: email, name, place'),
        ("email,name\na@b.net,x\nc@d.net\n", ("--subject", "{{name}}"), 'line 3: nothing stands in the column "name"'),
        ("email,name\na@b.net,x\nc@d.net,y,z\n", (), "line 3: more fields than columns"),
        ("name\nx\n", (), 'no column "to" or "email"'),
        ("email\n", (), "there are no rows"),
        ("email\nnobody\n", (), 'people.csv:2: "nobody" is not an address'),
        ("email\na@b.net\n", ("--header", "X: {{email}}\\nY"), "is no header field"),
    ],
    ids=["no column", "short row", "long row", "no address", "empty", "bad address", "bad header"],
)
def test_a_table_that_does_not_fit_is_told_in_one_line_before_anything_is_sent(server, tmp_path, text, options, words):
    one = server()
    done = send(one.port, "--merge", table(tmp_path, text), *options)
    assert (done.returncode, one.sessions) == (2, 0)
    assert len(done.stderr.splitlines()) == 1
    assert words in done.stderr or words == "is no header field"


def test_who_did_not_get_theirs_is_named(server, tmp_path):
    one = server(lambda verb, number: "550 5.1.1 nobody" if verb == "RCPT" and number == 2 else "")
    done = send(one.port, "--merge", table(tmp_path), "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["accepted"], report["refused"]) == (1, 2, 1)
    assert [(one["recipient"], one["code"]) for one in report["failed"]] == [("bao@real.net", 550)]


def test_a_stop_ends_what_is_under_way_and_names_what_was_not_sent(tmp_path):
    """The third message waits for its answer when the signal comes."""
    asked, answer = threading.Event(), threading.Event()

    def hold(verb: str, number: int) -> str | None:
        if verb == "." and number == 3:
            asked.set()
            answer.wait(20)
        return ""

    one = Server(hold, "250 mx")
    rows = "email\n" + "".join(f"p{number}@real.net\n" for number in range(6))
    command = [sys.executable, "-m", "smtplab", "send", "-s", f"127.0.0.1:{one.port}", "--merge", table(tmp_path, rows)]
    environ = {**os.environ, "LC_ALL": "C.UTF-8", "SMTPLAB_LANG": "en", "HOME": "/nonexistent"}
    process = subprocess.Popen([*command, "--json"], stdout=subprocess.PIPE, env=environ)
    assert asked.wait(20)
    process.send_signal(signal.SIGINT)
    answer.set()
    output, _ = process.communicate(timeout=30)
    one.close()
    report = json.loads(output)
    assert process.returncode == 130
    assert report["accepted"] + len(report["unsent"]) == 6
    assert report["accepted"] == len(one.contents)
    assert all("people.csv:" in name for name in report["unsent"])


def test_the_messages_of_a_maildir_go_to_whom_they_name(server, tmp_path):
    one = server()
    for name in ("new", "cur", "tmp"):
        (tmp_path / name).mkdir()
    letter = b"From: Lan <lan@here.net>\nTo: an@real.net\nBcc: bao@real.net,\n chi@real.net\nSubject: x\n\nhello\n"
    (tmp_path / "cur" / "1:2,S").write_bytes(letter)
    (tmp_path / "tmp" / "half").write_bytes(b"half")
    done = send(one.port, "--messages", str(tmp_path))
    assert done.returncode == 0, done.stderr
    asked = [line.strip() for line in one.lines if line.startswith(b"RCPT")]
    assert asked == [b"RCPT TO:<an@real.net>", b"RCPT TO:<bao@real.net>", b"RCPT TO:<chi@real.net>"]
    assert one.contents == [b"From: Lan <lan@here.net>\r\nTo: an@real.net\r\nSubject: x\r\n\r\nhello\r\n"]


def test_an_mbox_and_a_file_are_read_as_they_were_kept(server, tmp_path):
    one = server()
    box = tmp_path / "box"
    box.write_bytes(b"From a Mon\nTo: an@real.net\n\n>From here\n>>From there\n\nFrom b Tue\nTo: bao@real.net\n\nbye\n")
    assert send(one.port, "--messages", str(box)).returncode == 0
    assert one.contents == [
        b"To: an@real.net\r\n\r\nFrom here\r\n>From there\r\n",
        b"To: bao@real.net\r\n\r\nbye\r\n",
    ]
    (tmp_path / "x.eml").write_bytes(b"Subject: x\n\nhi\n")
    done = send(one.port, "--messages", str(tmp_path / "x.eml"))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)


def test_a_server_without_8bitmime_gets_seven_bits_where_wanted(server):
    body = "Subject: x\\nMIME-Version: 1.0\\nContent-Type: text/plain; charset=utf-8\\n"
    body += "Content-Transfer-Encoding: 8bit\\n\\nChào bạn"
    one = server()
    done = send(one.port, "-t", "an@real.net", "-d", body)
    assert "--mend re-encodes it" in done.stdout
    assert not one.contents[0].isascii()
    done = send(one.port, "-t", "an@real.net", "-d", body, "--mend")
    assert "Message re-encoded for this server" in done.stdout
    again = message_from_bytes(one.contents[1])
    assert one.contents[1].isascii()
    assert again.get_payload(decode=True).decode().strip() == "Chào bạn"


def test_a_domain_in_another_script_is_sent_by_its_ascii_form_where_wanted(server):
    one = server()
    done = send(one.port, "-t", "an@thử.example", "-d", "Subject: thử\\n\\nx")
    assert done.returncode == 1
    assert "--mend" in done.stdout
    done = send(one.port, "-t", "an@thử.example", "-d", "Subject: thử\\n\\nx", "--mend")
    assert done.returncode == 0, done.stdout
    assert b"RCPT TO:<an@xn--th-yct.example>\r\n" in one.lines
    assert b"Subject: =?utf-8?b?" in one.contents[-1]


def test_the_queue_keeps_what_can_not_be_sent_and_a_later_call_goes_on(server, tmp_path):
    one = server()
    nobody = socket.create_server(("127.0.0.1", 0))
    port = nobody.getsockname()[1]
    nobody.close()
    done = send(port, "--queue", "--merge", table(tmp_path), "--json", home=tmp_path / "home")
    report = json.loads(done.stdout)
    assert (done.returncode, len(report["queued"]), report["waiting"]) == (75, 3, 3)
    done = send(one.port, "--resume", "--json", home=tmp_path / "home")
    report = json.loads(done.stdout)
    assert (done.returncode, report["relayed"], report["waiting"]) == (0, 3, 0)
    assert len(one.contents) == 3


def test_what_is_held_or_deleted_while_nobody_has_the_queue_does_not_leave(server, tmp_path):
    one = server()
    one.answer = lambda verb, number: "450 4.2.0 later" if verb == "RCPT" and number <= 3 else ""
    done = send(one.port, "--queue", "--merge", table(tmp_path), "--json", home=tmp_path / "home")
    first, second, _ = json.loads(done.stdout)["queued"]
    smtplab(tmp_path / "home", "queue", "hold", first)
    smtplab(tmp_path / "home", "queue", "delete", second)
    done = send(one.port, "--resume", "--json", home=tmp_path / "home")
    report = json.loads(done.stdout)
    assert (done.returncode, report["relayed"], report["waiting"], len(one.contents)) == (75, 1, 1, 1)
    (row,) = json.loads(smtplab(tmp_path / "home", "queue", "list", "--json").stdout)
    assert (row["queue_id"], row["state"]) == (first, "hold")


def test_an_order_is_obeyed_while_the_queue_is_worked_off(server, tmp_path):
    """It comes while the recipient's server thinks about it, and is carried out when that says: later."""

    def ordered_first(verb, _number):
        if verb != "RCPT":
            return ""
        (row,) = json.loads(smtplab(tmp_path, "queue", "list", "--json").stdout)
        smtplab(tmp_path, "queue", "delete", row["queue_id"])
        with contextlib.closing(sqlite3.connect(tmp_path / "queue" / "queue.sqlite")) as database:
            while database.execute("SELECT count(*) FROM orders").fetchone() != (0,):
                pass
        return "450 4.2.0 later"

    one = server(ordered_first)
    done = send(one.port, "-t", "an@real.net", "--queue", "--json", home=tmp_path)
    assert (done.returncode, json.loads(done.stdout)["waiting"]) == (0, 0)


def test_a_bounce_from_the_queue_begins_in_the_language_that_was_chosen(server, tmp_path):
    one = server(lambda verb, number: "550 5.1.1 nobody" if (verb, number) == ("RCPT", 1) else "")
    done = send(one.port, "-t", "an@real.net", "--queue", "--lang", "vi", home=tmp_path)
    assert done.returncode == 1
    send(one.port, "--resume", "--lang", "vi", home=tmp_path)  # Where the bounce has not left yet.
    (notice,) = map(message_from_bytes, one.contents)
    assert str(make_header(decode_header(notice["Subject"]))) == Texts("vi")("notice.subject.failed")


def test_one_message_through_the_queue_is_taken_at_once(server, tmp_path):
    one = server(extensions="250-mx\r\n250 DSN")
    options = ("-t", "an@real.net", "--dsn-notify", "failure", "--queue", "--json")
    done = send(one.port, *options, home=tmp_path)
    assert (done.returncode, json.loads(done.stdout)["relayed"]) == (0, 1)
    assert b"RCPT TO:<an@real.net> NOTIFY=FAILURE\r\n" in one.lines


def test_what_another_run_hands_over_meanwhile_is_sent_on_by_the_first(server, tmp_path):
    """Its message is under way when the other one's comes, and no server is there to see to that."""
    others = []

    def hands_over(verb, number):
        if (verb, number) == ("RCPT", 1):
            others.append(send(one.port, "-t", "bao@real.net", "--queue", "--json", home=tmp_path))
        return ""

    one = server(hands_over)
    done = send(one.port, "-t", "an@real.net", "--queue", "--json", home=tmp_path)
    assert [json.loads(other.stdout)["server_at_work"] for other in others] == [True]
    report = json.loads(done.stdout)
    assert (done.returncode, report["relayed"], report["waiting"]) == (0, 2, 0)
    assert len(one.contents) == 2


def test_a_server_at_work_sends_on_what_is_handed_over(server, tmp_path):
    """It has the queue to itself, and is told of what is new."""
    one = server()
    arrived = threading.Event()
    one.answer = lambda verb, number: arrived.set() or "" if verb == "." else ""
    options = ["--listen", "127.0.0.1:0", "--relay-to", f"127.0.0.1:{one.port}", "--home", str(tmp_path), "--json"]
    serving = subprocess.Popen([sys.executable, "-m", "smtplab", "serve", *options], stdout=subprocess.PIPE)
    try:
        assert serving.stdout is not None
        assert json.loads(serving.stdout.readline())["event"] == "listening"
        done = send(None, "-t", "an@real.net", "--subject", "handed over", "--queue", "--json", home=tmp_path)
        report = json.loads(done.stdout)
        assert (done.returncode, report["server_at_work"], len(report["queued"])) == (0, True, 1)
        assert arrived.wait(20)
    finally:
        serving.send_signal(signal.SIGTERM)
        serving.communicate(timeout=20)
    assert b"Subject: handed over" in one.contents[0]


def test_more_recipients_than_a_server_takes_at_once_go_in_several_transactions(server):
    one = server(extensions="250-mx\r\n250 LIMITS RCPTMAX=2 MAILMAX=2")
    people = [f"p{number}@real.net" for number in range(7)]
    done = send(one.port, "-t", ",".join(people), "--pipeline")
    assert done.returncode == 0, done.stdout
    assert [line[:4] for line in one.lines if line[:4] in (b"MAIL", b"RCPT", b"EHLO")] == [
        *(b"EHLO", b"MAIL", b"RCPT", b"RCPT", b"MAIL", b"RCPT", b"RCPT"),
        *(b"EHLO", b"MAIL", b"RCPT", b"RCPT", b"MAIL", b"RCPT"),
    ]


def test_copies_stay_within_what_a_session_may_hold(server):
    one = server(extensions="250-mx\r\n250-PIPELINING\r\n250 LIMITS MAILMAX=3")
    done = send(one.port, "-t", "an@real.net", "--count", "7", "--json")
    assert (done.returncode, json.loads(done.stdout)["accepted"]) == (0, 7)
    assert one.sessions == 3


@pytest.mark.parametrize(
    ("options", "parameter"),
    [
        (("--deliver-by", "120"), b"BY=120;R"),
        (("--deliver-by", "60;NT"), b"BY=60;NT"),
        (("--hold-for", "30"), b"HOLDFOR=30"),
        (("--hold-until", "2026-12-01T08:00:00+07:00"), b"HOLDUNTIL=2026-12-01T08:00:00+07:00"),
        (("--priority", "-3"), b"MT-PRIORITY=-3"),
        (("--prdr",), b"PRDR"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_what_is_asked_of_a_server_goes_only_to_one_that_offers_it(server, options, parameter):
    offers = server(extensions="250-mx\r\n250-DELIVERBY\r\n250-FUTURERELEASE 999 9\r\n250-MT-PRIORITY\r\n250 PRDR")
    done = send(offers.port, "-t", "an@real.net", *options)
    assert done.returncode == 0, done.stdout
    assert any(line.startswith(b"MAIL") and parameter in line for line in offers.lines)
    plain = server()
    done = send(plain.port, "-t", "an@real.net", *options)
    assert (done.returncode, plain.contents) == (1, [])
    assert not any(line.startswith(b"MAIL") for line in plain.lines)


@pytest.mark.parametrize(
    "options",
    [
        ("--deliver-by", "0;R"),
        ("--hold-for", "0"),
        ("--hold-until", "tomorrow"),
        ("--priority", "10"),
        ("--xclient", "NAME=x\r\nQUIT"),
        ("--helo", "x\r\nQUIT"),
        ("-t", "an@real.net>\r\nDATA"),
        ("--mail-parameter", "X=1\r\nDATA"),
        ("--proxy-version", "3"),
        ("--attach-type", "image", "--attach", "/etc/hostname"),
        ("--tls-protocol", "tlsv9"),
        ("--tls-cert", "/etc/hostname"),
        ("--pipe", "'open"),
    ],
    ids=lambda options: options[0],
)
def test_what_can_not_be_sent_is_refused_in_one_line(options):
    done = send(9, "-t", "an@real.net", *options) if options[0] != "--pipe" else send(None, "-t", "a@b.net", *options)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), done.stderr


@pytest.mark.parametrize("many", [("--count", "2"), ("--queue",), ("--resume",)], ids=" ".join)
@pytest.mark.parametrize("stage", [("-q", "rcpt"), ("-da", "data"), ("-das", "mail")], ids=" ".join)
def test_whoever_sends_many_does_not_stop_short(server, tmp_path, many, stage):
    one = server()
    done = send(one.port, "-t", "an@real.net", *many, *stage, home=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines()), one.sessions) == (2, 1, 0)


def test_a_field_of_the_table_can_not_add_to_a_header(server, tmp_path):
    one = server()
    rows = 'email,name\nan@real.net,"x\nBcc: evil@real.net"\n'
    done = send(one.port, "--merge", table(tmp_path, rows), "-d", "Subject: {{name}}\\n\\nhi")
    assert (done.returncode, one.sessions) == (2, 0)
    assert "people.csv:3" in done.stderr
    assert send(one.port, "--merge", table(tmp_path, rows), "-d", "Subject: x\\n\\n{{name}}").returncode == 0


def test_a_server_that_is_down_is_not_tried_for_every_message(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    rows = "email\n" + "".join(f"p{number}@real.net\n" for number in range(9))
    done = send(port, "--merge", table(tmp_path, rows), "--json", "--capture", str(tmp_path / "c.jsonl"))
    report = json.loads(done.stdout)
    assert (done.returncode, report["deferred"], len(report["failed"])) == (75, 9, 9)
    assert (tmp_path / "c.jsonl").read_text().count('"connect_started"') == 5
