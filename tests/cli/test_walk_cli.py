"""The command line as a person and a script meet it: a real process each time."""

import json
import os
import subprocess
import sys

import pytest

from smtplab import __version__
from smtplab.capture.file import read


def smtplab(
    *arguments: str, env: dict[str, str] | None = None, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    plain = {"LC_ALL": "C.UTF-8", "SMTPLAB_LANG": "", **(env or {})}
    return subprocess.run(
        [sys.executable, "-m", "smtplab", *arguments],
        capture_output=True,
        timeout=60,
        check=False,
        input=stdin,
        env={**os.environ, **plain},
    )


def records(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, object]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_simulated_walk_prints_one_record_a_line_and_no_header():
    done = smtplab("walk", "student@hust.example", "--json")
    found = records(done)
    assert (done.returncode, done.stderr) == (0, b"")
    assert [record["seq"] for record in found] == list(range(1, len(found) + 1))
    assert found[0]["event"] == "journey_started"
    assert (found[0]["mode"], found[0]["world"]) == ("sim", "campus")
    assert (found[-1]["event"], found[-1]["result"]) == ("journey_ended", "delivered")


def test_the_same_seed_gives_the_same_bytes_whatever_the_hash_seed():
    walks = [
        smtplab("walk", "student@hust.example", "--json", "--seed", "7", env={"PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2")
    ]
    assert walks[0] == walks[1]


def test_a_capture_holds_a_header_and_what_was_printed(tmp_path):
    path = tmp_path / "walk.jsonl"
    done = smtplab("walk", "student@hust.example", "--json", "--capture", str(path))
    header, *lines = path.read_bytes().splitlines(keepends=True)
    assert json.loads(header)["format"] == "smtplab-capture"
    assert b"".join(lines) == done.stdout
    assert len(read(path).records) == len(lines)


def test_what_a_person_writes_is_what_the_simulation_carries(tmp_path):
    message = b"Subject: mine\n\n.a dot\nthe end"
    (tmp_path / "message").write_bytes(message)
    from_file = smtplab("walk", "student@hust.example", "--json", "--data", f"@{tmp_path / 'message'}")
    from_stdin = smtplab("walk", "student@hust.example", "--json", "-d", "-", stdin=message)
    from_text = smtplab("walk", "--to", "student@hust.example", "--json", "-d", r"Subject: mine\n\n.a dot\nthe end")
    sent = [record for record in records(from_file) if record["event"] == "message_sent"]
    assert sent[0]["octets"] == len(message.replace(b"\n", b"\r\n")) + 2
    assert from_file.stdout == from_stdin.stdout == from_text.stdout


@pytest.mark.parametrize("language", ["en", "vi"])
def test_the_plain_walk_names_every_stage_and_ends_with_a_summary(language):
    done = smtplab("walk", "student@hust.example", "--plain", "--lang", language)
    text = done.stdout.decode()
    assert (done.returncode, done.stderr) == (0, b"")
    assert "MAIL FROM:" in text
    assert {"en": "Outcome", "vi": "Kết quả"}[language] in text
    assert "⟦" not in text
    assert "\x1b" not in text


def test_a_recipient_who_is_not_there_is_a_permanent_failure():
    assert smtplab("walk", "nobody-at-all@hust.example", "--json").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["walk", "no-address"], "no-address"),
        (["walk", "a@b@c..d"], "a@b@c..d"),
        (["walk", ""], "no recipient"),
        (["walk"], "no recipient"),
        (["walk", "a@b.net", "--to", "c@d.net"], "--to"),
        (["walk", "a@b.net", "--tls", "sometimes"], "sometimes"),
        (["walk", "a@b.net", "--tls", "dane"], "not built"),
        (["walk", "a@b.net", "--tls", "mta-sts"], "not built"),
        (["walk", "a@b.net", "-tls", "-tlsc"], "--tls implicit"),
        (["walk", "a@b.net", "--port", "0"], '"0"'),
        (["walk", "a@b.net", "--port", "٢٥"], "--port"),
        (["walk", "a@b.net", "--dns", "dns.google"], "dns.google"),
        (["walk", "a@b.net", "--server", "a b"], "a b"),
        (["walk", "a@b.net", "--server", "mx:99999"], "mx:99999"),
        (["walk", "a@b.net", "--resolve", "mx=1.2.3.4"], "mx=1.2.3.4"),
        (["walk", "a@b.net", "--source", "here"], "here"),
        (["walk", "a@b.net", "--family", "5"], '"5"'),
        (["walk", "a@b.net", "-4", "-6"], "--family"),
        (["walk", "a@b.net", "--timeout", "-1"], "-1"),
        (["walk", "a@b.net", "--data", "/"], "/"),
        (["walk", "a@b.net", "--data", "-", "--subject", "x"], "--subject"),
        (["walk", "a@b.net", "--header", "no colon"], "no colon"),
        (["walk", "a@b.net", "--attach", "/does/not/exist"], "/does/not/exist"),
        (["walk", "a@b.net", "--auth-password", "x"], "--auth-user"),
        (["walk", "a@b.net", "-au", "lan"], "SMTPLAB_AUTH_PASSWORD"),
        (["walk", "a@b.net", "-au", "lan", "-ap", "@/does/not/exist"], "/does/not/exist"),
        (["walk", "a@b.net", "--quit-after", "lunch"], "lunch"),
        (["walk", "a@b.net", "--helo", "two words"], "two words"),
        (["walk", "a@b.net", "--sim", "nowhere"], "nowhere"),
        (["walk", "a@b.net", "--sim", "/does/not/exist.toml"], "/does/not/exist.toml"),
        (["walk", "student@hust.example", "--from", "stranger@hust.example"], "stranger@hust.example"),
        (["walk", "student@hust.example", "--seed", "one"], "one"),
        (["walk", "student@hust.example", "--json", "--plain"], "--json"),
        (["walk", "student@hust.example", "--capture", "/does/not/exist/x"], "/does/not/exist/x"),
        (["walk", "a@b.net", "--lang", "fr"], "fr"),
        (["walk", "a@b.net", "--sned"], "--send"),
        (["walk", "a@b.net", "c@d.net"], "c@d.net"),
        (["wlak"], "wlak"),
        (["completion", "tcsh"], "tcsh"),
        (["completion"], "SHELL"),
        ([], "terminal"),
    ],
)
def test_bad_input_is_one_line_that_names_it(arguments, named):
    done = smtplab(*arguments)
    lines = done.stderr.decode().splitlines()
    assert (done.returncode, done.stdout, len(lines)) == (2, b"", 1)
    assert named in lines[0]


def test_bad_input_is_told_in_the_persons_language():
    said = smtplab("walk", "--lang", "vi", "no-address").stderr.decode()
    assert "không phải là địa chỉ" in said
    assert smtplab("walk", "no-address", env={"SMTPLAB_LANG": "vi"}).stderr.decode() == said


@pytest.mark.parametrize("command", [[], ["walk"], ["completion"]])
@pytest.mark.parametrize("language", ["en", "vi"])
def test_help_is_whole_in_both_languages(command, language):
    done = smtplab(*command, "--lang", language, "--help") if command else smtplab("--lang", language, "--help")
    assert done.returncode == 0
    assert "⟦" not in done.stdout.decode()
    assert {"en": "Usage:", "vi": "Cách dùng:"}[language] in done.stdout.decode()


def test_what_is_not_built_is_not_in_the_help():
    text = smtplab("--help").stdout.decode() + smtplab("walk", "--help").stdout.decode()
    assert not [word for word in ("survey", "dane", "mta-sts", "dkim") if word in text]


def test_a_bare_tls_takes_no_recipient_for_its_value():
    done = smtplab("walk", "--tls", "a@b.net", "--quit-after", "lunch")
    assert b"lunch" in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_completion(shell):
    done = smtplab("completion", shell)
    assert done.returncode == 0
    assert b"_SMTPLAB_COMPLETE" in done.stdout


def test_completion_knows_commands_options_and_words():
    def completed(words: str, place: int) -> str:
        env = {"_SMTPLAB_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(place)}
        return smtplab(env=env).stdout.decode()

    assert "walk" in completed("smtplab wa", 1)
    assert "--capture" in completed("smtplab walk --cap", 2)
    assert "verify" in completed("smtplab walk --tls ver", 3)


def test_a_reader_that_goes_away_is_met_with_silence():
    process = subprocess.Popen(
        [sys.executable, "-m", "smtplab", "walk", "student@hust.example", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), errors) == (0, b"")


def test_the_version_is_told():
    assert smtplab("--version").stdout.decode() == f"smtplab {__version__}\n"
