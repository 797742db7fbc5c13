"""`smtplab send` as a person and a script meet it, against small servers of the test's own."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from email import message_from_bytes
from pathlib import Path

import click
import pytest

from smtplab.cli.send import make_command
from smtplab.cli.swaks import SWAKS_OPTIONS
from smtplab.cli.words import Habits, one_of, settled
from smtplab.lab.bad_input import BadInput
from smtplab.view.texts import Texts
from tools import swaks_docs

GOOD = ("220 mx ready", "250-mx\r\n250 DSN", "250 ok", "250 ok", "354 go", "250 2.0.0 taken", "221 bye")


class Toy:
    """Says its replies in turn, one for each line, or content, that it hears; keeps all lines."""

    def __init__(self, replies: tuple[str, ...]) -> None:
        self.replies = replies
        self.heard: list[bytes] = []
        self.ended = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self._listener.accept()
            with connection, connection.makefile("rwb") as stream:
                connection.settimeout(20)
                for reply in self.replies:
                    stream.write(reply.encode() + b"\r\n")
                    stream.flush()
                    self._hear(stream, content=reply.startswith("354"))
        self.ended.set()

    def _hear(self, stream, *, content: bool) -> None:
        while line := stream.readline():
            self.heard.append(line)
            if not content or line == b".\r\n":
                return

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def toy() -> Iterator[Callable[..., Toy]]:
    started: list[Toy] = []

    def start(*replies: str) -> Toy:
        started.append(Toy(replies or GOOD))
        return started[-1]

    yield start
    for server in started:
        server.close()


def send(server: Toy | None, *options: str, env: dict[str, str] | None = None, stdin: bytes = b""):
    command = [sys.executable, "-m", "smtplab", "send"]
    if server is not None:
        command += ["-s", f"127.0.0.1:{server.port}", "-t", "an@real.net", "-f", "lan@here.net", "-h", "here.net"]
    plain = {"LC_ALL": "C.UTF-8", "SMTPLAB_LANG": "", "HOME": "/nonexistent", **(env or {})}
    environ = {**os.environ, **plain}
    done = subprocess.run([*command, *options], capture_output=True, timeout=40, check=False, input=stdin, env=environ)
    if server is not None:
        server.ended.wait(5)
    return done


def commands(server: Toy) -> list[bytes]:
    return [line.rstrip(b"\r\n") for line in server.heard]


def test_the_transcript_has_the_marks_of_swaks(toy):
    server = toy()
    done = send(server, "-d", "Subject: x\\n\\n.dot\\n")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines() == [
        f"=== Trying 127.0.0.1:{server.port}...",
        "=== Connected to 127.0.0.1.",
        "<-  220 mx ready",
        " -> EHLO here.net",
        "<-  250-mx",
        "<-  250 DSN",
        " -> MAIL FROM:<lan@here.net>",
        "<-  250 ok",
        " -> RCPT TO:<an@real.net>",
        "<-  250 ok",
        " -> DATA",
        "<-  354 go",
        " -> Subject: x",
        " -> ",
        " -> ..dot",
        " -> .",
        "<-  250 2.0.0 taken",
        " -> QUIT",
        "<-  221 bye",
        "=== Connection closed with remote host.",
    ]


def test_records_come_one_a_line_with_json_and_go_into_a_capture(toy, tmp_path):
    done = send(toy(), "--json", "--capture", str(tmp_path / "sent.jsonl"))
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert (found[0]["event"], found[-1]["event"]) == ("journey_started", "journey_ended")
    assert (found[-1]["result"], found[-1]["enhanced"]) == ("accepted", "2.0.0")
    assert len((tmp_path / "sent.jsonl").read_bytes().splitlines()) == len(found) + 1


@pytest.mark.parametrize(
    ("replies", "code", "swaks"),
    [
        (("554 no", "221 bye"), 1, 21),
        (("220 hi", "550 no", "550 no", "221 bye"), 1, 22),
        (("220 hi", "250 x", "451 later", "221 bye"), 75, 23),
        (("220 hi", "250 x", "250 ok", "550 no", "221 bye"), 1, 24),
        (("220 hi", "250 x", "250 ok", "250 ok", "554 no", "221 bye"), 1, 25),
        (("220 hi", "250 x", "250 ok", "250 ok", "354 go", "552 no", "221 bye"), 1, 26),
        (("220 hi", "250 x", "250 ok"), 75, 6),
    ],
)
def test_exit_codes_are_the_contracts_or_those_of_swaks(toy, replies, code, swaks):
    assert send(toy(*replies)).returncode == code
    assert send(toy(*replies), "--swaks-exit-codes").returncode == swaks


def test_demanded_tls_that_is_not_offered_is_29_in_swaks_words(toy):
    done = send(toy("220 hi", "250 x", "221 bye"), "-tls", "--swaks-exit-codes")
    assert done.returncode == 29
    assert b"*** " in done.stderr


def test_a_bare_cr_and_lf_are_repaired_and_that_is_said(toy, tmp_path):
    file = tmp_path / "message.eml"
    file.write_bytes(b"Subject: x\r\n\r\none\rtwo\nthree\r\n")
    server = toy()
    done = send(server, "-d", f"@{file}", "-n")
    assert b"=== Line ends repaired in the message: 1 CR, 1 LF became CR LF" in done.stdout.splitlines()
    assert b"".join(server.heard[4:-2]) == b"Subject: x\r\n\r\none\r\ntwo\r\nthree\r\n"


def test_bare_line_ends_leave_as_they_are_where_that_was_asked_for(toy, tmp_path):
    file = tmp_path / "message.eml"
    file.write_bytes(b"Subject: x\r\n\r\none\rtwo\nthree\r\n")
    server = toy()
    send(server, "-d", f"@{file}", "--line-endings", "keep")
    assert b"one\rtwo\nthree\r\n" in b"".join(server.heard)


def test_a_text_whose_lines_end_in_lf_alone_is_no_news(toy, tmp_path):
    file = tmp_path / "message.eml"
    file.write_bytes(b"Subject: x\n\nbody\n")
    server = toy()
    done = send(server, "-d", f"@{file}", "-n")
    assert b"repaired" not in done.stdout
    assert b" -> 4 lines sent" in done.stdout.splitlines()
    assert b"body\r\n" in server.heard


@pytest.mark.parametrize("option", ["--from", "--to", "--helo", "--mail-parameter"])
def test_a_line_end_never_makes_a_second_command(option):
    done = send(None, "-s", "127.0.0.1:9", "-t", "a@b.net", option, "X=1\r\nQUIT")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_notices_are_asked_for_where_the_server_knows_them(toy):
    server = toy()
    options = ("--dsn-notify", "success,delay", "--dsn-return", "hdrs", "--dsn-envid", "a b", "--dsn-orcpt")
    send(server, *options)
    assert b"MAIL FROM:<lan@here.net> RET=HDRS ENVID=a+20b" in commands(server)
    assert b"RCPT TO:<an@real.net> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;an@real.net" in commands(server)


def test_it_is_said_where_no_notice_will_come(toy):
    server = toy("220 mx", "250 mx", "250 ok", "250 ok", "354 go", "250 ok", "221 bye")
    done = send(server, "--dsn-notify", "never", "-n")
    assert b"=== The server does not offer DSN" in done.stdout
    assert b"RCPT TO:<an@real.net>" in commands(server)


def test_parameters_of_rarer_extensions_are_sent_as_they_are(toy):
    server = toy()
    send(server, "--mail-parameter", "BY=120;R", "--mail-parameter", "mt-priority=3", "--rcpt-parameter", "RRVS=x")
    assert b"MAIL FROM:<lan@here.net> BY=120;R MT-PRIORITY=3" in commands(server)
    assert b"RCPT TO:<an@real.net> RRVS=x" in commands(server)


def test_requiretls_is_never_sent_without_it(toy):
    server = toy("220 mx", "250 mx", "221 bye")
    done = send(server, "--require-tls")
    assert done.returncode == 75
    assert commands(server) == [b"EHLO here.net", b"QUIT"]


def test_a_name_server_that_does_not_answer_is_told_and_temporary():
    options = ("an@real.net", "--dns", "127.0.0.1:9", "--timeout", "1")
    done = send(None, *options)
    assert (done.returncode, done.stdout) == (75, b"")
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(b"*** ")


def test_dropping_ends_the_connection_with_no_quit(toy):
    server = toy()
    done = send(server, "--drop-after", "rcpt")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, b"=== Dropping connection")
    assert commands(server)[-1] == b"RCPT TO:<an@real.net>"


def test_stopping_after_the_recipient_says_quit_and_nothing_before_it(toy):
    server = toy("220 mx", "250 mx", "250 ok", "250 ok", "221 bye")
    assert send(server, "-q", "RCPT").returncode == 0
    assert commands(server)[-2:] == [b"RCPT TO:<an@real.net>", b"QUIT"]


def test_one_refused_recipient_of_two_is_a_failure_of_ours_and_none_of_swaks(toy):
    replies = ("220 mx", "250 mx", "250 ok", "550 no", "250 ok", "354 go", "250 ok", "221 bye")
    done = send(toy(*replies), "-t", "bao@real.net", "-n")
    assert done.returncode == 1
    assert b"=== bao@real.net: accepted" in done.stdout
    assert send(toy(*replies), "-t", "bao@real.net", "--swaks-exit-codes").returncode == 0


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        (("-hr", "-hi"), [" -> EHLO here.net", " -> MAIL FROM:<lan@here.net>", " -> QUIT"]),
        (("-hs", "-hi", "-nth"), ["220 mx", "250 mx", "550 no", "221 bye"]),
        (("-S",), ["<** 550 no", " -> QUIT", "<-  221 bye", "=== Connection closed with remote host."]),
        (("-S", "2"), ["<** 550 no"]),
        (("-S3",), []),
        (("-ha",), []),
    ],
)
def test_output_control_hides_what_swaks_would_hide(toy, options, lines):
    done = send(toy("220 mx", "250 mx", "550 no", "221 bye"), *options)
    assert (done.returncode, done.stdout.decode().splitlines()) == (1, lines)


def test_output_goes_to_the_files_that_were_named(toy, tmp_path):
    server = toy("220 mx", "250 mx", "221 bye")
    done = send(server, "-tls", "--output", str(tmp_path / "both"))
    assert (done.stdout, done.stderr) == (b"", b"")
    assert "*** " in (tmp_path / "both").read_text()


def test_options_come_from_the_file_then_the_environment_then_the_command_line(toy, tmp_path):
    (tmp_path / ".smtplabrc").write_text("# mine\nhelo file.net\nn\n--h-X-From: the file\n")
    server = toy()
    done = send(server, "--no-helo", env={"HOME": str(tmp_path), "SMTPLAB_OPT_from": "env@here.net"})
    assert b" -> EHLO file.net" not in done.stdout.splitlines()
    assert b" lines sent" in done.stdout
    server = toy()
    send(server, "--no-f", env={"HOME": str(tmp_path), "SMTPLAB_OPT_from": "env@here.net", "SMTPLAB_OPT_h": "env.net"})
    assert b"MAIL FROM:<lan@here.net>" not in commands(server)
    assert b"X-From: the file\r\n" in server.heard


def test_a_message_is_printed_instead_of_sent(tmp_path):
    done = send(None, "-t", "a@b.net", "-s", "127.0.0.1:9", "--dump-mail", "-d", "Subject: x\\n\\ny")
    assert (done.returncode, done.stdout) == (0, b"Subject: x\r\n\r\ny")


def test_help_is_whole_in_both_languages():
    for language in ("en", "vi"):
        done = send(None, "--help", "--lang", language)
        assert (done.returncode, b"cli.help" in done.stdout) == (0, False)


def test_every_option_that_the_table_calls_ours_exists():
    names = {name for one in make_command(Texts("en")).params for name in (*one.opts, *one.secondary_opts)}
    names |= {"--header-NAME", "--h-NAME", "--help", "--version", "SMTPLAB_OPT_name"}
    for option in SWAKS_OPTIONS:
        said = option.swaks.split(", ") if option.fate == "same" else [option.ours.partition("=")[0]]
        for name in said if option.fate != "left out" else ():
            assert name in names, name


def test_the_table_in_the_docs_is_the_one_in_the_code():
    assert swaks_docs.PAGE.read_text(encoding="utf-8") == swaks_docs.page()


def words(*arguments: str, environ: dict[str, str] | None = None) -> list[str]:
    parameters = [click.Option(["--from", "-f", "sender"]), click.Option(["-n", "quiet"], is_flag=True)]
    parameters.append(click.Option(["--silent", "-S", "silent"], is_flag=False, flag_value="1"))
    return settled(parameters, Habits(optional={"silent": one_of("1", "2", "3")}), arguments, environ or {})


def test_either_dash_works_and_a_value_may_look_like_an_option():
    assert words("-from", "-n", "--n") == ["--from=-n", "-n"]


def test_a_bare_option_takes_only_what_is_a_value_of_it():
    assert words("-S", "a@b.net", "-S", "2") == ["--silent", "a@b.net", "--silent=2"]


def test_what_follows_two_dashes_is_left_alone():
    assert words("-f", "x", "--no-from", "--", "-f") == ["--", "-f"]


def test_a_configuration_that_cannot_be_read_is_named():
    with pytest.raises(BadInput):
        words("--config", str(Path("/nonexistent/file")))


def test_a_message_of_parts_has_them_in_their_order_and_types(tmp_path):
    (tmp_path / "logo.png").write_bytes(b"\x89PNG")
    (tmp_path / "list.txt").write_bytes(b"one\n")
    done = send(
        None,
        *("-t", "an@real.net", "-f", "lan@here.net", "--cc", "bao@real.net", "--bcc", "chi@real.net", "--dump-mail"),
        *("--html", "<p>Xin <b>chào</b></p>", "--inline", str(tmp_path / "logo.png")),
        *("--attach-type", "text/csv", "--attach-name", "a.csv", "--attach", f"@{tmp_path / 'list.txt'}"),
        *("--attach-name", "--attach", str(tmp_path / "list.txt")),
    )
    message = message_from_bytes(done.stdout)
    assert (message["To"], message["Cc"], message["Bcc"]) == ("an@real.net", "bao@real.net", None)
    found = [(part.get_content_type(), part.get_filename()) for part in message.walk() if not part.is_multipart()]
    assert found == [
        ("text/plain", None),
        ("text/html", None),
        ("image/png", "logo.png"),
        ("text/csv", "a.csv"),
        ("text/csv", None),
    ]
    assert [part["Content-ID"] for part in message.walk() if part["Content-ID"]] == ["<logo.png>"]
    assert next(message.walk()).get_content_type() == "multipart/mixed"


def test_bodies_of_several_types_are_alternatives(tmp_path):
    bodies = ("--attach-body", "plain", "--attach-type", "text/html", "--attach-body", "<p>rich</p>")
    message = message_from_bytes(send(None, "-t", "an@real.net", "--dump-mail", *bodies).stdout)
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.get_payload()] == ["text/plain", "text/html"]


def test_copies_are_recipients_too(toy):
    server = toy(*GOOD[:4], "250 ok", "250 ok", *GOOD[4:])
    assert send(server, "--cc", "bao@real.net", "--bcc", "chi@real.net").returncode == 0
    asked = [line for line in commands(server) if line.startswith(b"RCPT")]
    assert asked == [b"RCPT TO:<an@real.net>", b"RCPT TO:<bao@real.net>", b"RCPT TO:<chi@real.net>"]
    assert not any(b"chi@" in line for line in commands(server) if not line.startswith(b"RCPT"))


def test_who_logs_in_may_stand_in_netrc(toy, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login lan password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    server = toy("220 mx", "250-mx\r\n250 AUTH PLAIN", "235 ok", *GOOD[2:])
    done = send(server, "-a", "PLAIN", env={"HOME": str(tmp_path)})
    assert done.returncode == 0, done.stdout
    assert b"AUTH PLAIN AGxhbgBzZWNyZXQ=" in commands(server)
    assert b"secret" not in done.stdout


def test_a_server_may_be_written_with_a_slash_and_a_port_by_its_name(toy):
    server = toy()
    for written in (f"127.0.0.1/{server.port}", f"[127.0.0.1]:{server.port}"):
        done = send(None, "-s", written, "-t", "an@real.net", "-q", "dns", "--dump", "TRANSPORT")
        assert f"port            = {server.port}\n" in done.stdout.decode()
    done = send(None, "-s", "127.0.0.1", "-p", "submission", "-t", "an@real.net", "--dump", "TRANSPORT")
    assert "port            = 587\n" in done.stdout.decode()


def test_the_port_to_connect_from_can_be_chosen(toy):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    done = send(toy(), "--local-port", str(port), "-li", "127.0.0.1")
    assert done.returncode == 0, done.stdout


def test_a_dump_masks_the_password_and_sends_nothing(toy):
    server = toy()
    options = ("-au", "lan", "-ap", "topsecret", "--xclient-addr", "192.0.2.7")
    done = send(None, "-s", f"127.0.0.1:{server.port}", "-t", "an@real.net", *options, "--dump")
    assert done.returncode == 0
    assert b"topsecret" not in done.stdout
    assert b"commands        = XCLIENT ADDR=192.0.2.7\n" in done.stdout
    assert not server.heard
    shown = send(None, "-s", "127.0.0.1", "-t", "an@real.net", "-dab", "TLS", "--dump-mail")
    assert b"TLS\r\n  tls           = may\r\n" in shown.stdout


def test_what_is_typed_may_end_with_a_dot_of_its_own(toy):
    server = toy()
    assert send(server, "-d", "Subject: x\\n\\nhi\\n.").returncode == 0
    assert commands(server)[-3:] == [b"hi", b".", b"QUIT"]


def test_raw_bytes_show_in_hex_and_secrets_never(toy):
    server = toy("220 mx", "250-mx\r\n250 AUTH LOGIN", "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 ok", "221 bye")
    done = send(server, "-raw", "-a", "LOGIN", "-au", "lan", "-ap", "topsecret", "-q", "auth")
    lines = [line.rstrip() for line in done.stdout.decode().splitlines()]
    assert "  > 0000: 45 48 4C 4F  20 68 65 72  65 2E 6E 65  74 0D 0A       EHLO.here.net.." in lines
    assert "topsecret" not in done.stdout.decode()
    assert "dG9wc2VjcmV0" not in done.stdout.decode()


def test_the_help_has_each_option_under_a_heading():
    done = send(None, "--help")
    text = done.stdout.decode()
    assert "\nLogging in:\n" in text
    assert text.count("--xclient-addr") == 1
    assert "⟦" not in text
    assert "⟦" not in send(None, "--help", "--lang", "vi").stdout.decode()


def test_a_message_goes_through_a_world_with_the_transcript_of_whoever_sends():
    done = send(None, "--sim", "campus", "student@neu.example", "--subject", "x", "-n")
    lines = done.stdout.decode().splitlines()
    assert (done.returncode, done.stderr) == (0, b"")
    assert sum(" MAIL FROM:<student@hust.example>" in line for line in lines) == 3
    assert sum(line.startswith("=== Connection closed") for line in lines) == 3
    for refused in (("--server", "x.net"), ("--prdr",), ("-t", "lan@hust.example"), ("--count", "2"), ("--queue",)):
        again = send(None, "--sim", "campus", "student@neu.example", *refused)
        assert (again.returncode, len(again.stderr.splitlines())) == (2, 1)
