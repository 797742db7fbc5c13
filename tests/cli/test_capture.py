"""`smtplab capture` as a person and a script meet it: a real process each time."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from smtplab.capture.codec import encode_header
from smtplab.capture.file import read
from smtplab.view.texts import LANGUAGES, Texts

CAPTURES = Path(__file__).parent.parent.parent / "captures"
NAMES = sorted(path.stem for path in CAPTURES.glob("*.jsonl"))
SMALL = "refused-550"


def smtplab(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "smtplab", *arguments],
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, "LC_ALL": "C.UTF-8", "SMTPLAB_LANG": "", **(env or {})},
    )


def test_the_bundled_captures_and_ones_own_are_listed(tmp_path):
    (tmp_path / "captures").mkdir()
    (tmp_path / "captures" / "mine.jsonl").write_bytes((CAPTURES / f"{SMALL}.jsonl").read_bytes())
    (tmp_path / "captures" / "other.jsonl").write_text("no capture\n")
    done = smtplab("capture", "list", "--home", str(tmp_path), "--json")
    found = json.loads(done.stdout)
    assert [one["name"] for one in found] == [*NAMES, "mine"]
    assert [one["bundled"] for one in found] == [True] * len(NAMES) + [False]
    assert (found[-1]["recipient"], found[-1]["result"]) == ("nobody@harbour.example", "refused")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_list_says_what_each_bundled_capture_shows(language, tmp_path):
    texts = Texts(language)
    said = smtplab("capture", "--home", str(tmp_path), "list", "--lang", language).stdout.decode()
    for name in NAMES:
        assert re.search(rf"^  {name} +{re.escape(texts(f'capture.{name}.shows'))}$", said, re.MULTILINE)
    assert "⟦" not in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_table_beside_the_captures_is_the_catalogues(language):
    texts, table = Texts(language), (CAPTURES / "README.md").read_text()
    for name in NAMES:
        assert f"| `{name}` | {texts(f'capture.{name}.shows')} | {texts(f'capture.{name}.made')} |" in table


def test_there_are_twelve_captures_and_none_holds_a_secret_or_a_place_of_some_machine():
    assert len(NAMES) >= 12
    for name in NAMES:
        data = (CAPTURES / f"{name}.jsonl").read_bytes()
        assert read(CAPTURES / f"{name}.jsonl").damaged == ()
        assert len(data) < 100_000
        assert not re.search(rb"hoa-sen|aG9hLXNlbg|/tmp/|/home/|/root|\.py\b", data)


def test_a_capture_is_shown_by_its_name_as_the_walk_was():
    done = smtplab("capture", "show", SMALL)
    by_path = smtplab("capture", "show", str(CAPTURES / f"{SMALL}.jsonl"))
    assert (done.returncode, done.stderr, done.stdout) == (0, b"", by_path.stdout)
    assert b"<** 550 5.1.1" in done.stdout
    assert b"Outcome" in done.stdout


def test_shown_as_json_it_is_its_own_records():
    done = smtplab("capture", "show", SMALL, "--json")
    assert done.stdout == b"".join((CAPTURES / f"{SMALL}.jsonl").read_bytes().splitlines(keepends=True)[1:])


def test_text_has_the_marks_of_swaks_alone():
    done = smtplab("capture", "export", "auth-login", "--to", "text")
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    assert " ~> AUTH LOGIN" in lines
    assert all(line[:4] in ("=== ", "*** ", " -> ", " ~> ", "<-  ", "<~  ", "<** ", "<~* ") for line in lines[2:])


@pytest.mark.parametrize("name", NAMES)
def test_markdown_has_whole_blocks_with_explanations_between(name, tmp_path):
    target = tmp_path / "out.md"
    done = smtplab("capture", "export", name, "--to", "markdown", "--output", str(target), "--lang", "vi")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    lines = target.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    inside = False
    for line in lines:
        if line.startswith("```"):
            assert line == ("```" if inside else "```text")
            inside = not inside
    assert not inside
    assert any(line.startswith("> ") for line in lines)
    assert "⟦" not in target.read_text(encoding="utf-8")


def test_pcapng_goes_to_a_file_or_a_pipe_and_holds_no_secret(tmp_path):
    target = tmp_path / "out.pcapng"
    done = smtplab("capture", "export", SMALL, "--to", "PCAPNG", "-o", str(target))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert target.read_bytes() == smtplab("capture", "export", SMALL, "--to", "pcapng").stdout
    assert target.read_bytes().startswith(b"\n\r\r\n")


def test_secrets_that_a_capture_holds_stay_in_it_unless_asked_for(tmp_path):
    record = (
        '{"seq":1,"time":"2026-11-23T01:00:00.000000Z","elapsed":0.0,"hop":0,"node":"c","span":"s","stage":"auth",'
        '"event":"bytes_sent","data":"QVVUSCBQTEFJTiBzZWNyZXQNCg=="}\n'
    )
    path = tmp_path / "secret.jsonl"
    path.write_bytes(encode_header() + record.encode())
    assert b"AUTH PLAIN ***\r\n" in smtplab("capture", "export", str(path), "--to", "pcapng").stdout
    assert b"AUTH PLAIN secret" in smtplab("capture", "export", str(path), "--to", "pcapng", "--show-secrets").stdout
    assert b"QVVUSCBQTEFJTiBzZWNyZXQ" not in smtplab("capture", "show", str(path), "--json").stdout


@pytest.mark.parametrize("command", [("show",), ("export", "--to", "text"), ("export", "--to", "pcapng")])
def test_a_damaged_line_costs_only_itself_and_is_named(command, tmp_path):
    lines = (CAPTURES / f"{SMALL}.jsonl").read_bytes().splitlines(keepends=True)
    path = tmp_path / "damaged.jsonl"
    path.write_bytes(b"".join([*lines[:5], b'{"seq":5,\n', *lines[6:-1], lines[-1][:40]]))
    done = smtplab("capture", *command, str(path))
    said = done.stderr.decode().splitlines()
    assert (done.returncode, len(said)) == (0, 2)
    assert [f"line {number}" in line for number, line in zip((6, len(lines)), said, strict=True)] == [True, True]
    assert b"550 5.1.1" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["list", "extra"], "extra"),
        (["show"], "FILE"),
        (["show", "no-such-capture"], "no-such-capture"),
        (["show", "/"], "/"),
        (["show", "x" * 5000], "xxx"),
        (["show", "\udcff"], "\\udcff"),
        (["show", __file__], "no capture"),
        (["show", SMALL, "--jsno"], "--json"),
        (["export", SMALL], "text, markdown, pcapng"),
        (["export", SMALL, "--to", "pcap"], '"pcap"'),
        (["export", SMALL, "--to"], "--to"),
        (["export", "--to", "text"], "FILE"),
        (["export", SMALL, "--to", "text", "--output", "/does/not/exist/x"], "/does/not/exist/x"),
        (["export", SMALL, "--to", "text", "--output", str(CAPTURES / f"{SMALL}.jsonl")], "the capture itself"),
        (["exprot"], "exprot"),
        ([], "COMMAND"),
    ],
)
def test_bad_input_is_one_line_that_names_it(arguments, named):
    done = smtplab("capture", *arguments)
    lines = done.stderr.decode().splitlines()
    assert (done.returncode, done.stdout, len(lines)) == (2, b"", 1)
    assert named in lines[0]


def test_a_capture_of_a_later_version_is_told_as_one(tmp_path):
    path = tmp_path / "later.jsonl"
    path.write_text('{"format":"smtplab-capture","version":9}\n')
    done = smtplab("capture", "show", str(path), "--lang", "vi")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, b"", 1)
    assert "phiên bản 9" in done.stderr.decode()


@pytest.mark.parametrize("command", [(), ("list",), ("show",), ("export",)])
@pytest.mark.parametrize("language", LANGUAGES)
def test_help_is_whole_in_both_languages(command, language):
    done = smtplab("--lang", language, "capture", *command, "--help")
    assert (done.returncode, done.stderr) == (0, b"")
    assert "⟦" not in done.stdout.decode()


def test_of_two_languages_the_last_one_is_spoken():
    done = smtplab("--lang", "vi", "capture", "show", "nowhere", "--lang", "en")
    assert done.returncode == 2
    assert "nowhere can't be read" in done.stderr.decode()


@pytest.mark.parametrize(
    "command", [("list",), ("show", SMALL), ("show", SMALL, "--json"), ("export", SMALL, "--to", "text")]
)
def test_a_full_disk_is_one_line(command):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "smtplab", "capture", *command], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, len(done.stderr.splitlines())) == (75, 1)


def test_completion_knows_the_names_of_captures():
    env = {"_SMTPLAB_COMPLETE": "bash_complete", "COMP_WORDS": "smtplab capture show refu", "COMP_CWORD": "3"}
    assert f"plain,{SMALL}" in smtplab(env=env).stdout.decode()
