"""What every command does where its output can't be written, or its input is no text."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = [
    ("--help",),
    ("--version",),
    ("sim", "list"),
    ("sim", "show", "campus"),
    ("lesson", "list"),
    ("completion", "bash"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_is_one_line_and_may_be_better_later(command, tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "smtplab", "--lang", "en", "--home", str(tmp_path), *command],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.stderr.decode() == "smtplab: the output can't be written: No space left on device\n"
    assert done.returncode == 75


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe of POSIX says that nobody reads")
def test_a_reader_who_has_had_enough_makes_nothing_fail(tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    # More than is buffered, so that the command itself meets it.
    command = [sys.executable, "-m", "smtplab", "--home", str(tmp_path), "capture", "show", "bounce"]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="a pipe of POSIX says that nobody reads")
@pytest.mark.parametrize(
    "options",
    [("--count", "2"), ("--count", "2", "--json"), ("--queue",), ("--queue", "--json"), ("--merge", "table.csv")],
)
def test_what_became_of_messages_is_in_the_exit_code_though_nobody_reads(options, tmp_path):
    (tmp_path / "table.csv").write_text("to\nan@real.net\n")
    reading, writing = os.pipe()
    os.close(reading)
    nobody = socket.create_server(("127.0.0.1", 0))
    place = f"127.0.0.1:{nobody.getsockname()[1]}"
    nobody.close()
    to = () if "--merge" in options else ("-t", "an@real.net")
    command = [sys.executable, "-m", "smtplab", "--home", str(tmp_path / "home"), "send", "-s", place, *to, *options]
    done = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE, check=False, cwd=tmp_path)
    os.close(writing)
    assert (done.returncode, done.stderr) == (75, b"")


@pytest.mark.parametrize("group", ["inbox", "queue", "user", "lesson", "capture"])
@pytest.mark.parametrize(
    ("language", "line"), [("en", "COMMAND is missing; see --help"), ("vi", "thiếu COMMAND; xem --help")]
)
def test_a_group_without_a_command_says_so_in_one_line(group, language, line, tmp_path):
    done = said_of((group,), tmp_path, language=language)
    assert (done.returncode, done.stdout, done.stderr.decode()) == (2, b"", f"smtplab: {line}\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    "command",
    [
        ("walk", "student@hust.example", "--json", "--capture", "/dev/full"),
        ("sim", "run", "first-mail", "--json", "--capture", "/dev/full"),
        ("sim", "serve", "first-mail", "--capture", "/dev/full"),
        ("capture", "export", "bounce", "--to", "text", "--output", "/dev/full"),
        ("capture", "export", "bounce", "--to", "pcapng", "--output", "/dev/full"),
    ],
)
def test_a_file_for_which_there_is_no_room_is_one_line_and_may_be_better_later(command, tmp_path):
    done = said_of(command, tmp_path)
    assert (done.returncode, done.stdout) == (75, b"")
    assert done.stderr.decode() == "smtplab: /dev/full can't be written: No space left on device\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_transcript_for_which_there_is_no_room_costs_one_line_and_the_message_is_sent(tmp_path):
    sent = tmp_path / "sent.jsonl"
    command = ("send", "-t", "student@hust.example", "--sim", "campus", "--output", "/dev/full", "--capture", str(sent))
    done = said_of(command, tmp_path)
    assert done.stderr.decode() == "smtplab: the output can't be written: No space left on device\n"
    # Who takes 75 for an answer would send it twice.
    assert (done.returncode, b'"event":"delivered"' in sent.read_bytes()) == (0, True)


def test_a_file_in_a_folder_that_is_not_there_is_the_person_s_to_mend(tmp_path):
    target = tmp_path / "none" / "x.txt"
    done = said_of(("capture", "export", "bounce", "--to", "text", "--output", str(target)), tmp_path)
    assert done.returncode == 2
    assert done.stderr.decode() == f"smtplab: {target} can't be written: No such file or directory\n"


def said_of(arguments, tmp_path, given=b"", language="en"):
    command = [sys.executable, "-m", "smtplab", "--lang", language, "--home", str(tmp_path), *arguments]
    return subprocess.run(command, input=given, capture_output=True, check=False)


@pytest.mark.skipif(sys.platform == "win32", reason="arguments are text there")
@pytest.mark.parametrize(
    "arguments",
    [
        ("walk", b"a\xff@b.example", "--plain"),
        ("send", "-t", "a@b.example", "-s", "127.0.0.1:9", "--body", b"a\xff"),
        ("inbox", "search", b"a\xff"),
    ],
)
def test_an_argument_that_is_not_utf_8_is_named_in_one_line(arguments, tmp_path):
    done = said_of(arguments, tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"\\udcff" in done.stderr
    assert b"is not UTF-8" in done.stderr
    assert done.stderr.count(b"\n") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a file's name is text")
def test_a_file_whose_name_is_not_utf_8_can_be_read(tmp_path):
    name = os.fsencode(tmp_path) + b"/caf\xe9.jsonl"
    assert (
        said_of(("walk", "student@hust.example", "--plain", "--capture", str(tmp_path / "one")), tmp_path).returncode
        == 0
    )
    (tmp_path / "one").rename(os.fsdecode(name))
    assert said_of(("capture", "show", name), tmp_path).returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a file's name is text")
def test_a_message_in_a_file_whose_name_is_not_utf_8_is_named_in_the_report(tmp_path):
    folder = tmp_path / "mail"
    folder.mkdir()
    (folder / os.fsdecode(b"\xff.eml")).write_bytes(b"Subject: x\r\n\r\nx\r\n")
    options = ("--messages", str(folder), "-t", "an@real.net", "-s", "127.0.0.1:1", "--json")
    done = said_of(("send", *options), tmp_path)
    assert (done.returncode, done.stderr) == (75, b"")
    assert json.loads(done.stdout)["failed"][0]["name"] == f"{folder}/\\xff.eml"


def test_a_password_that_is_not_utf_8_is_refused_in_one_line(tmp_path):
    done = said_of(("user", "set", "bob"), tmp_path, b"\xd3\xff\n")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"smtplab: the password of bob is not UTF-8; write it so\n"


@pytest.mark.parametrize(
    ("language", "line"),
    [("en", "extra two: this is too much; see --help"), ("vi", "extra two: thừa; xem --help")],
)
def test_what_is_too_much_is_named_in_the_person_s_language(language, line, tmp_path):
    done = said_of(("inbox", "list", "extra", "two"), tmp_path, language=language)
    assert (done.returncode, done.stdout, done.stderr.decode()) == (2, b"", f"smtplab: {line}\n")


def test_a_home_that_is_a_file_is_refused_and_not_taken_for_an_empty_one(tmp_path):
    file = tmp_path / "file"
    file.touch()
    done = said_of(("inbox", "list"), file)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == f"smtplab: --home: {file} is not a folder; name one, or a name that is free\n".encode()


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("send", "-t", "a@b.example", "-s", "127.0.0.1:9", "--count", "0"), '--count: "0" is not above 0'),
        (("probe", "127.0.0.1:x"), '"127.0.0.1:x" names no server; write HOST or HOST:PORT, IPv6 in brackets'),
    ],
)
def test_a_wrong_value_is_named_for_what_it_is(arguments, line, tmp_path):
    done = said_of(arguments, tmp_path)
    assert (done.returncode, done.stdout, done.stderr.decode()) == (2, b"", f"smtplab: {line}\n")


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX closes the streams")
@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("command", ["walk student@hust.example --plain", "capture export refused-550 --to pcapng"])
def test_a_closed_standard_stream_is_as_good_as_none(command, closed, tmp_path):
    words = f'"$1" -m smtplab --home "$2" {command} {closed}'
    done = subprocess.run(["sh", "-c", words, "sh", sys.executable, str(tmp_path)], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no /dev/zero")
@pytest.mark.parametrize(
    "arguments",
    [
        ("send", "-s", "127.0.0.1:9", "--merge", "/dev/zero"),
        ("send", "-s", "127.0.0.1:9", "--messages", "/dev/zero"),
        ("send", "-t", "a@b.example", "-s", "127.0.0.1:9", "--config", "/dev/zero"),
        ("user", "set", "bob"),
        ("session", "127.0.0.1:9"),
    ],
)
def test_input_without_end_is_refused_in_one_line(arguments, tmp_path):
    with Path("/dev/zero").open("rb") as endless:
        command = [sys.executable, "-m", "smtplab", "--lang", "en", "--home", str(tmp_path), *arguments]
        done = subprocess.run(command, stdin=endless, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b" is larger than " in done.stderr
    assert done.stderr.count(b"\n") == 1
