"""`smtplab serve` against clients that others wrote: swaks, curl, msmtp, s-nail, git, nodemailer, Perl and Python."""

import json
import os
import smtplib
import ssl
import subprocess
import sys
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
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


MSMTP = ["plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256", "xoauth2", "oauthbearer"]


@pytest.mark.parametrize(("protocol", "starttls"), [("submission", "on"), ("smtps", "off")])
@pytest.mark.parametrize("mechanism", MSMTP)
def test_msmtp_with_each_mechanism(served, protocol, starttls, mechanism):
    options = ["--host=127.0.0.1", f"--port={served.ports[protocol]}", "--from=a@here.example", "--file=/dev/null"]
    secure = ["--tls=on", f"--tls-starttls={starttls}", "--tls-certcheck=off"]
    login = [f"--auth={mechanism}", "--user=student", "--passwordeval=echo secret"]
    letter = LETTER.format(client=f"msmtp by {mechanism}")
    run(program("msmtp"), *options, *secure, *login, "--", "student@hust.example", stdin=letter)
    row, raw = newest(served)
    assert row["subject"] == f"from msmtp by {mechanism}"
    assert raw.endswith(b"\r\n\r\n.a dot first\r\n..two\r\nend\r\n")


@pytest.mark.parametrize("mechanism", MSMTP)
def test_msmtp_with_a_wrong_password_is_refused(served, mechanism):
    options = ["--host=127.0.0.1", f"--port={served.ports['submission']}", "--from=a@here.example", "--file=/dev/null"]
    secure = ["--tls=on", "--tls-certcheck=off", f"--auth={mechanism}", "--user=student", "--passwordeval=echo wrong"]
    command = [program("msmtp"), *options, *secure, "--", "student@hust.example"]
    done = subprocess.run(command, input=b"x", capture_output=True, timeout=SECONDS_MAX, check=False)
    assert done.returncode == 77, done.stderr  # EX_NOPERM


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


def test_git_send_email(served, tmp_path: Path):
    program("git-send-email", "/usr/lib/git-core")
    patch = tmp_path / "one.patch"
    patch.write_text(
        "From 0123456789012345678901234567890123456789 Mon Sep 17 00:00:00 2001\nFrom: A <a@here.example>\n"
        "Date: Mon, 23 Nov 2026 10:00:00 +0000\nSubject: [PATCH] from git\n\n.a dot first\n---\n"
    )
    server = ["--smtp-server=127.0.0.1", f"--smtp-server-port={served.port}", "--smtp-domain=here.example"]
    people = ["--from=a@here.example", "--to=student@hust.example", "--suppress-cc=all", "--quiet"]
    who = ["-c", "user.name=A", "-c", "user.email=a@here.example", "-c", "sendemail.confirm=never"]
    who += ["-c", "sendemail.smtpsslcertpath="]  # the certificate is nobody's
    for options in ([], ["--smtp-encryption=tls"]):
        login = ["--smtp-user=student", "--smtp-pass=secret"] if options else []
        command = [program("git"), *who, "send-email", *server, *people, *options, *login, str(patch)]
        run(*command, env={"HOME": str(tmp_path), "GIT_CEILING_DIRECTORIES": str(tmp_path.parent)})
        row, raw = newest(served)
        assert row["subject"] == "[PATCH] from git"
        assert (row["tls"] is not None) is bool(options)
        assert b"\r\n.a dot first\r\n" in raw


NODEMAILER = "/usr/share/nodejs/nodemailer"
_SEND = """
const mailer = require(process.argv[1]);
const place = {host: '127.0.0.1', name: 'here.example', tls: {rejectUnauthorized: false}};
const options = {...place, ...JSON.parse(process.argv[2])};
mailer.createTransport(options).sendMail({
  from: 'a@here.example', to: 'student@hust.example', subject: 'from nodemailer', text: '.a dot first\\nend\\n',
}).then((sent) => console.log(sent.response), (error) => { console.error(error.message); process.exit(1); });
"""


@pytest.mark.parametrize(
    ("protocol", "options"),
    [
        ("smtp", {"ignoreTLS": True}),
        ("smtp", {"requireTLS": True}),
        ("smtps", {"secure": True}),
        ("smtp", {"ignoreTLS": True, "auth": {"user": "student", "pass": "secret"}}),
        ("submission", {"auth": {"user": "student", "pass": "secret"}}),
        ("submission", {"authMethod": "CRAM-MD5", "auth": {"user": "student", "pass": "secret"}}),
        ("submission", {"auth": {"type": "OAuth2", "user": "student", "accessToken": "secret"}}),
    ],
)
def test_nodemailer(served, protocol, options):
    if not Path(NODEMAILER).exists():
        pytest.skip("nodemailer is not installed")
    options = json.dumps({**options, "port": served.ports[protocol]})
    run(program("node"), "-e", _SEND, NODEMAILER, options)
    row, raw = newest(served)
    assert row["subject"] == "from nodemailer"
    assert b"\r\n.a dot first\r\nend\r\n" in raw


@pytest.mark.parametrize("secure", [False, True])
def test_the_net_smtp_of_perl(served, secure):
    program("perl")
    secured = "$s->starttls(SSL_verify_mode => 0) or die 'tls'; $s->auth('student', 'secret') or die 'auth';"
    code = f"""
    use Net::SMTP; my $s = Net::SMTP->new('127.0.0.1', Port => {served.port}, Hello => 'here.example') or die 'connect';
    {secured if secure else ""}
    $s->mail('a@here.example') or die 'mail'; $s->to('student@hust.example') or die 'rcpt';
    $s->data("Subject: from perl\\n\\n.a dot first\\nend\\n") or die 'data'; $s->quit or die 'quit';
    """
    run(program("perl"), "-e", code)
    row, raw = newest(served)
    assert (row["subject"], row["tls"] is not None) == ("from perl", secure)
    assert raw.endswith(b"\r\n.a dot first\r\nend\r\n")


# The libraries of Python


def unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def letter(client: str, text: str = ".a dot first\nend\n") -> EmailMessage:
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = "a@here.example", "student@hust.example", f"from {client}"
    message.set_content(text)
    return message


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_smtplib_logs_in_by_each_mechanism(served, mechanism):
    with smtplib.SMTP("127.0.0.1", served.port, "here.example", timeout=SECONDS_MAX) as client:
        client.ehlo()
        client.user, client.password = "student", "secret"
        authenticate = getattr(client, "auth_" + mechanism.lower().replace("-", "_"))
        assert client.auth(mechanism, authenticate)[0] == 235
        client.send_message(letter("smtplib"))
    assert newest(served)[0]["subject"] == "from smtplib"


def test_smtplib_says_what_its_own_tests_say(served):
    """The dialogues of CPython's test_smtplib, with the answers that they count on."""
    with smtplib.SMTP("127.0.0.1", served.port, "here.example", timeout=SECONDS_MAX) as client:
        assert client.helo()[0] == 250
        assert client.ehlo()[0] == 250
        assert client.has_extn("size")
        assert client.noop()[0] == 250
        assert client.rset()[0] == 250
        assert client.vrfy("student")[0] == 252
        assert client.expn("staff")[0] == 502
        assert b"EHLO" in client.help()
        assert client.docmd("FROB")[0] == 500
        with pytest.raises(smtplib.SMTPAuthenticationError) as wrong:
            client.login("student", "wrong")
        assert wrong.value.smtp_code == 535
        assert client.login("student", "secret")[0] == 235
        client.sendmail("a@here.example", ["student@hust.example", "b@hust.example"], "Subject: two\n\n.dot\n")
        refused = client.sendmail("a@here.example", ["bad@@address", "student@hust.example"], "Subject: one\n\nx\n")
        assert refused["bad@@address"][0] == 501
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail("a@here.example", ["bad@@address"], "x")
        with pytest.raises(smtplib.SMTPSenderRefused) as large:
            client.sendmail("a@here.example", "student@hust.example", "x" * 10_485_761)
        assert large.value.smtp_code == 552
        message = letter("smtplib")
        message.replace_header("To", "sinh.viên@hust.example")
        client.send_message(message)
        assert client.quit()[0] == 221
    row, raw = newest(served)
    assert row["recipients"] == ["sinh.viên@hust.example"]
    assert b"with UTF8SMTPA " in raw


def test_smtplib_inside_tls_and_by_lmtp(served):
    with smtplib.SMTP("127.0.0.1", served.port, "here.example", timeout=SECONDS_MAX) as client:
        client.starttls(context=unverified())
        client.send_message(letter("smtplib by STARTTLS"))
    assert newest(served)[0]["tls"] is not None
    options = {"context": unverified(), "timeout": SECONDS_MAX}
    with smtplib.SMTP_SSL("127.0.0.1", served.ports["smtps"], "here.example", **options) as client:
        client.send_message(letter("smtplib by TLS"))
    assert newest(served)[0]["subject"] == "from smtplib by TLS"
    with smtplib.LMTP("127.0.0.1", served.ports["lmtp"], "here.example", timeout=SECONDS_MAX) as client:
        client.send_message(letter("smtplib by LMTP"))
    assert newest(served)[0]["subject"] == "from smtplib by LMTP"


_AIOSMTPLIB = """
import aiosmtplib, asyncio, json, sys
text = 'From: a@here.example\\nTo: student@hust.example\\nSubject: from aiosmtplib\\n\\n.a dot first\\nend\\n'
people = {'sender': 'a@here.example', 'recipients': ['student@hust.example']}
asyncio.run(aiosmtplib.send(text, **people, hostname='127.0.0.1', **json.loads(sys.argv[1])))
"""


@pytest.mark.parametrize(
    ("protocol", "options"),
    [
        ("smtp", {"start_tls": False}),
        ("smtp", {"start_tls": True}),
        ("smtps", {"use_tls": True}),
        ("submission", {"start_tls": True, "username": "student", "password": "secret"}),
    ],
)
def test_aiosmtplib(served, protocol, options):
    place = {"port": served.ports[protocol], "local_hostname": "here.example", "validate_certs": False}
    run(sys.executable, "-c", _AIOSMTPLIB, json.dumps({**place, **options}))
    row, raw = newest(served)
    assert row["subject"] == "from aiosmtplib"
    assert raw.endswith(b"\r\n.a dot first\r\nend\r\n")
