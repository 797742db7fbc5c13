"""`smtplab serve` against clients that others wrote: swaks in each mode of TLS and AUTH, curl, msmtp, s-nail."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.conftest import program
from tests.serve.served import Served

pytestmark = pytest.mark.peer

LETTER = "From: a@here.example\nTo: student@hust.example\nSubject: from {client}\n\n.a dot first\n..two\nend\n"
SECONDS_MAX = 30


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    places = [word for name in ("listen", "submission", "smtps", "lmtp") for word in (f"--{name}", "127.0.0.1:0")]
    with Served(tmp_path_factory.mktemp("serve"), *places, "--user", "student:secret") as served:
        yield served
        assert served.stop() == (0, b"", b"")


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    places = ["--listen", "127.0.0.1:0", "--smtps", "127.0.0.1:0"]
    with Served(tmp_path_factory.mktemp("proxied"), *places, "--proxy-protocol") as served:
        yield served
        assert served.stop() == (0, b"", b"")


def run(*command: str, stdin: str = "", env: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command,
        input=stdin.encode(),
        capture_output=True,
        timeout=SECONDS_MAX,
        check=False,
        env={**os.environ, **(env or {})},
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode("utf-8", "replace")


def newest(served: Served) -> tuple[dict[str, object], bytes]:
    """The message that came last, and its stored bytes."""
    row = served.inbox()[-1]
    return row, served.smtplab("inbox", "raw", str(row["id"])).stdout


@pytest.mark.parametrize(
    ("protocol", "options", "secure"),
    [
        ("smtp", [], False),
        ("smtp", ["--tls"], True),
        ("smtp", ["--tls-optional"], True),
        ("smtps", ["--tls-on-connect"], True),
        ("smtp", ["--auth", "PLAIN"], False),
        ("smtp", ["--auth", "LOGIN"], False),
        ("smtp", ["--auth", "CRAM-MD5"], False),
        ("smtp", ["--tls", "--auth", "PLAIN"], True),
        ("submission", ["--tls", "--auth", "LOGIN"], True),
        ("submission", ["--tls", "--auth", "CRAM-MD5"], True),
        ("smtps", ["--tls-on-connect", "--auth", "PLAIN"], True),
        ("smtp", ["--pipeline"], False),
        ("lmtp", ["--protocol", "LMTP"], False),
        ("smtp", ["--protocol", "SMTP"], False),
    ],
)
def test_swaks_in_each_mode(served, protocol, options, secure):
    login = ["--auth-user", "student", "--auth-password", "secret"] if "--auth" in options else []
    data = LETTER.format(client="swaks")
    server = ["--server", "127.0.0.1", "--port", str(served.ports[protocol])]
    people = ["--from", "a@here.example", "--to", "student@hust.example"]
    run(program("swaks"), *server, *people, "--data", data, *options, *login)
    row, raw = newest(served)
    assert row["subject"] == "from swaks"
    assert (row["tls"] is not None) is secure
    # swaks ends a body with an empty line of its own.
    assert raw.endswith(data.replace("\n", "\r\n").encode() + b"\r\n")


def test_swaks_with_a_wrong_password_is_refused(served):
    server = ["--server", "127.0.0.1", "--port", str(served.port), "--auth", "PLAIN"]
    login = ["--auth-user", "student", "--auth-password", "wrong", "--to", "student@hust.example"]
    done = subprocess.run([program("swaks"), *server, *login], capture_output=True, timeout=SECONDS_MAX, check=False)
    assert done.returncode == 28, done.stdout


PEOPLE = ["--from", "a@here.example", "--to", "student@hust.example"]


def test_swaks_says_whom_it_speaks_for(served):
    told = ["--xclient-addr", "192.0.2.9", "--xclient-name", "far.example", "--xclient-helo", "helo.example"]
    for delimiter in ([], ["--xclient-delim"]):
        options = [*told[:2], *delimiter, *told[2:]]
        data = ["--data", LETTER.format(client="swaks by XCLIENT")]
        run(program("swaks"), "--server", "127.0.0.1", "--port", str(served.port), *PEOPLE, *data, *options)
        assert newest(served)[0]["client"] == "192.0.2.9"


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(("protocol", "options"), [("smtp", []), ("smtps", ["--tls-on-connect"])])
def test_swaks_comes_as_a_proxy(proxied, version, protocol, options):
    header = ["--proxy-version", version, "--proxy-family", "TCP4" if version == "1" else "AF_INET"]
    header += ["--proxy-protocol", "STREAM", "--proxy-command", "PROXY"] if version == "2" else []
    header += ["--proxy-source", "192.0.2.7", "--proxy-source-port", "40000"]
    header += ["--proxy-dest", "192.0.2.1", "--proxy-dest-port", "25"]
    server = ["--server", "127.0.0.1", "--port", str(proxied.ports[protocol])]
    run(program("swaks"), *server, *PEOPLE, *header, *options, "--data", LETTER.format(client="swaks by PROXY"))
    row, _ = newest(proxied)
    assert (row["client"], row["subject"]) == ("192.0.2.7", "from swaks by PROXY")


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_curl(served, scheme, tmp_path: Path):
    letter = tmp_path / "letter"
    letter.write_bytes(LETTER.format(client="curl").replace("\n", "\r\n").encode())
    people = ["--mail-from", "a@here.example", "--mail-rcpt", "student@hust.example"]
    login = ["--user", "student:secret", "--ssl-reqd", "--insecure"]
    run(program("curl"), "-s", f"{scheme}://127.0.0.1:{served.ports[scheme]}", *people, *login, "-T", str(letter))
    row, raw = newest(served)
    assert row["subject"] == "from curl"
    assert raw.endswith(letter.read_bytes())


def test_msmtp(served):
    options = ["--host=127.0.0.1", f"--port={served.ports['submission']}", "--from=a@here.example", "--file=/dev/null"]
    secure = ["--tls=on", "--tls-starttls=on", "--tls-certcheck=off"]
    login = ["--auth=plain", "--user=student", "--passwordeval=echo secret"]
    letter = LETTER.format(client="msmtp")
    run(program("msmtp"), *options, *secure, *login, "--", "student@hust.example", stdin=letter)
    row, raw = newest(served)
    assert row["subject"] == "from msmtp"
    assert raw.endswith(b"\r\n\r\n.a dot first\r\n..two\r\nend\r\n")


def test_s_nail(served, tmp_path: Path):
    settings = {
        "v15-compat": "yes",
        "mta": f"smtp://student:secret@127.0.0.1:{served.port}",
        "smtp-config": "-all,plain",
        "smtp-auth": "plain",
        "from": "a@here.example",
    }
    options = [f"-S{name}={value}" for name, value in settings.items()]
    nail = [program("s-nail"), "-:/", "-Ssendwait", *options, "-s", "from s-nail"]
    run(*nail, "student@hust.example", stdin=".a dot first\nend\n", env={"HOME": str(tmp_path)})
    row, raw = newest(served)
    assert row["subject"] == "from s-nail"
    assert raw.endswith(b"\r\n.a dot first\r\nend\r\n")
