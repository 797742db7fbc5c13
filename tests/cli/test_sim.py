"""`smtplab sim` as a person and a script meet it: a real process each time."""

import json
import os
import signal
import socket
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

SECONDS_MAX = 60
PLAIN = {**os.environ, "LC_ALL": "C.UTF-8", "SMTPLAB_LANG": ""}


def sim(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "smtplab", "sim", *arguments]
    return subprocess.run(command, capture_output=True, timeout=SECONDS_MAX, check=False, env=PLAIN)


def world_file(folder: Path, more: str) -> str:
    text = resources.files("smtplab").joinpath("worlds", "first-mail.toml").read_text("utf-8")
    path = folder / "mine.toml"
    path.write_text(text + more, "utf-8")
    return str(path)


def test_the_list_speaks_the_persons_language():
    english, vietnamese = (json.loads(sim("list", "--json", "--lang", lang).stdout) for lang in ("en", "vi"))
    assert [world["name"] for world in english] == [world["name"] for world in vietnamese]
    assert all(
        one["title"] and one["teaches"] != other["teaches"] for one, other in zip(english, vietnamese, strict=True)
    )
    assert b"campus" in sim("list").stdout


def test_a_world_is_shown_as_a_page_and_as_data():
    page = sim("show", "campus", "--lang", "vi")
    assert page.returncode == 0
    for part in ("mx1.neu.example  10.2.0.26  (mx)", "Bản đồ", "Điều mong đợi", "mật khẩu hoa-sen-2026"):
        assert part in page.stdout.decode()
    data = json.loads(sim("show", "campus", "--json").stdout)
    assert (data["name"], data["seed"]) == ("campus", 20261123)


@pytest.mark.parametrize(
    ("world", "said"),
    [
        ("rate-limit", b"takes no more than 8 messages in 10 min from one client"),
        ("blocklisted", b"looks its clients up in bl.example"),
        ("expired-certificate", b"TLS when it sends: verify"),
        ("multi-hop", b"behaves like exim"),
        ("uucp-1982", b"knows RFC 821 only"),
    ],
)
def test_the_page_tells_what_is_peculiar_about_a_host(world, said):
    assert said in sim("show", world, "--lang", "en").stdout


def test_the_page_has_conditions_as_the_file_has_them(tmp_path):
    fault = '[[faults]]\nwhat = "announce"\nwhere = "mail.away.example"\nadd = ["X-FOO"]\nwhen = { tls = true }\n'
    expected = '[[expectations]]\nevent = "disconnected"\nwhere = { clean = true }\n'
    page = sim("show", world_file(tmp_path, f"\n{fault}\n{expected}"), "--lang", "en").stdout.decode()
    assert 'mail.away.example/ehlo  announce  (add = ["X-FOO"], tls = true)\n' in page
    assert "disconnected (clean = true): at least 1\n" in page


def test_what_is_wrong_with_a_world_is_told_in_the_persons_language(tmp_path):
    path = world_file(tmp_path, '\n[[journeys]]\nsender = "nobody@home.example"\nrecipients = ["minh@away.example"]\n')
    for lang, line in (
        ("en", "no program of a user to send from: 'nobody@home.example' - at"),
        ("vi", "không có phần mềm gửi thư nào của người dùng ở đây: 'nobody@home.example' - tại"),
    ):
        done = sim("run", path, "--lang", lang)
        assert (done.returncode, done.stdout) == (2, b"")
        assert done.stderr.decode() == f"smtplab: {path}: {line} `$.journeys[1].sender`\n"


def test_a_run_prints_the_same_records_each_time_and_is_done_where_its_expectations_hold():
    first, second = sim("run", "null-mx", "--json"), sim("run", "null-mx", "--json")
    assert (first.returncode, first.stderr) == (0, b"")
    assert first.stdout == second.stdout
    events = [json.loads(line)["event"] for line in first.stdout.splitlines()]
    assert (events[0], events[-1], events.count("bounced")) == ("journey_started", "journey_ended", 2)


def test_a_run_in_words_ends_with_each_expectation():
    done = sim("run", "null-mx", "--plain")
    assert done.returncode == 0
    said = done.stdout.decode()
    assert "What the world expects\n  pass: " in said
    assert "  1  returned to the sender: the domain says that it takes no mail (null MX) (nomail.example)\n" in said


def test_an_expectation_that_fails_ends_with_1_and_is_said(tmp_path):
    path = world_file(tmp_path, '\n[[expectations]]\nevent = "bounced"\nmin = 1\n')
    assert sim("run", path).stdout.decode().splitlines()[-1] == "  fail: bounced: at least 1; seen 0"
    done = sim("run", path, "--json")
    assert (done.returncode, done.stderr) == (1, b"smtplab: fail: bounced: at least 1; seen 0\n")


def test_what_a_cut_run_could_not_judge_is_no_failure():
    done = sim("run", "five-days", "--until", "2026-11-24T08:00Z")
    assert done.returncode == 0
    last = done.stdout.decode().split("What the world expects\n")[1].splitlines()
    assert last
    assert all(line.startswith("  could not check: ") for line in last)


def test_an_event_that_never_happens_is_said_and_is_no_failure():
    done = sim("run", "first-mail", "--until", "bounced")
    said = b"smtplab: --until: no bounced happened; the world was played to its end\n"
    assert (done.returncode, done.stderr) == (0, said)


def test_a_capture_holds_what_was_printed(tmp_path):
    path = tmp_path / "run.jsonl"
    done = sim("run", "first-mail", "--json", "--capture", str(path))
    assert b"".join(path.read_bytes().splitlines(keepends=True)[1:]) == done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "atlantis"), "atlantis: no such world"),
        (("run", "campsu"), "campsu: no such world; did you mean campus?"),
        (("run", "campus", "--until", "soon"), '--until: "soon" is neither a time (5d, 1h30m), nor a moment'),
        (("run", "campus", "--until", "bounce"), "did you mean bounced?"),
        (("run", "campus", "--json", "--plain"), "--plain"),
        (("serve", "campus", "--speed", "0"), '--speed: "0"'),
        ((), "list, show, run, serve"),
    ],
)
def test_what_can_not_be_used_is_one_line_that_names_it(arguments, said):
    done = sim(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert said in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def test_a_bad_world_is_one_line_with_the_path_of_the_error(tmp_path):
    done = sim("run", world_file(tmp_path, '\n[[expectations]]\nevent = "bounced"\ncount = -1\n'))
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)
    assert b"$.expectations[" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="a loopback address for each host")
@pytest.mark.parametrize(("sign", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_served_world_tells_its_listeners_ends_at_a_signal_and_can_be_served_again_at_once(sign, code):
    command = [sys.executable, "-m", "smtplab", "sim", "serve", "first-mail", "--json"]
    for _ in range(2):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=PLAIN) as process:
            try:
                assert process.stdout is not None
                told = []
                while not told or told[-1]["event"] != "ready":
                    told.append(json.loads(process.stdout.readline()))
                listening = told[:-1]
                assert {one["protocol"] for one in listening} >= {"dns", "smtp", "submission", "pop3"}
                assert all(one["host"].startswith("127.") for one in listening)
                smtp = next(one for one in listening if one["protocol"] == "smtp")
                with socket.create_connection((smtp["host"], smtp["port"]), 10) as caller:
                    caller.settimeout(10)
                    assert caller.recv(200).startswith(b"220 " + smtp["node"].encode())
                    process.send_signal(sign)
                    assert process.wait(10) == code
                assert process.stderr is not None
                assert process.stderr.read() == b""
            finally:
                process.kill()


@pytest.mark.skipif(sys.platform != "linux", reason="a loopback address for each host")
def test_a_world_that_is_served_already_says_so_in_the_systems_own_words():
    command = [sys.executable, "-m", "smtplab", "sim", "serve", "null-mx", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=PLAIN) as process:
        try:
            assert process.stdout is not None
            where = json.loads(process.stdout.readline())
            done = sim("serve", "null-mx")
            said = (
                f"cannot listen on {where['host']}:{where['port']}: Address already in use; is this world being served"
            )
            assert (done.returncode, done.stdout) == (2, b"")
            assert said in done.stderr.decode()
        finally:
            process.kill()
