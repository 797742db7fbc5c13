"""`smtplab serve` behind mail servers that hand everything on to it: Postfix and Exim as clients."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from tests.peers.conftest import issue_certificate, program, wait_until
from tests.serve.served import Served

pytestmark = pytest.mark.peer

SECONDS_MAX = 60.0
Send = Callable[..., None]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("relayed")
    issue_certificate(authority, "mx.smtplab.net", home)
    certificate = ["--tls-cert", str(home / "cert.pem"), "--tls-key", str(home / "key.pem")]
    with Served(home, *certificate, "--hostname", "mx.smtplab.net", "--max-size", "200000") as served:
        yield served
        assert served.stop() == (0, b"", b"")


def ours() -> None:
    if os.geteuid() != 0:
        pytest.skip("mail servers can only be started by root")


@pytest.fixture(scope="module")
def postfix_sends(peer_folder: Path, served: Served) -> Iterator[Send]:
    """`send(content, recipient, *options of sendmail)`."""
    control, sendmail = program("postfix"), program("sendmail")
    ours()
    folder = peer_folder / "postfix-sender"
    config = folder / "conf"
    for part in (folder / "queue" / "pid", folder / "data", config):
        part.mkdir(parents=True)
    shutil.chown(folder / "data", "postfix")
    (config / "main.cf").write_text(_POSTFIX_MAIN.format(folder=folder, port=served.port))
    (config / "master.cf").write_text(_POSTFIX_MASTER)
    run = [control, "-c", str(config)]
    subprocess.run([*run, "start"], check=True, capture_output=True, timeout=SECONDS_MAX)

    def send(content: bytes, recipient: str, *options: str) -> None:
        command = [sendmail, "-C", str(config), "-i", "-f", "a@here.example", *options, "--", recipient]
        subprocess.run(command, input=content, check=True, capture_output=True, timeout=SECONDS_MAX)

    yield send
    subprocess.run([*run, "stop"], check=False, capture_output=True, timeout=SECONDS_MAX)


@pytest.fixture(scope="module")
def exim_sends(peer_folder: Path, served: Served) -> Send:
    """Likewise; each message is delivered before the program ends."""
    root = os.environ.get("SMTPLAB_EXIM_ROOT", "")
    exim = program("exim4", *([f"{root}/usr/sbin"] if root else []))
    ours()
    try:
        owner = pwd.getpwnam("Debian-exim")
    except KeyError:
        pytest.skip("the user Debian-exim is missing")
    folder = peer_folder / "exim-sender"
    for part in (folder / "spool", folder / "logs"):
        part.mkdir(parents=True)
        os.chown(part, owner.pw_uid, owner.pw_gid)
    config = folder / "exim.conf"
    config.write_text(_EXIM.format(folder=folder, port=served.port))

    def send(content: bytes, recipient: str, *options: str) -> None:
        command = [exim, "-C", str(config), "-odf", "-oi", "-f", "a@here.example", *options, "--", recipient]
        subprocess.run(command, input=content, check=True, capture_output=True, timeout=SECONDS_MAX)

    return send


@pytest.fixture(params=["postfix_sends", "exim_sends"])
def send(request: pytest.FixtureRequest) -> Send:
    return request.getfixturevalue(request.param)


def letter(subject: str, body: str = ".a dot first\n..two\nend\n") -> bytes:
    text = f"From: a@here.example\nTo: b@there.example\nSubject: {subject}\nDate: Mon, 23 Nov 2026 10:00:00 +0000\n"
    return f"{text}Message-ID: <{subject}@here.example>\n\n{body}".encode()


def arrived(served: Served, subject: str) -> tuple[dict[str, object], bytes]:
    def found() -> list[dict[str, object]]:
        return [row for row in served.inbox() if row["subject"] == subject]

    wait_until(lambda: bool(found()), f"{subject} in the inbox", SECONDS_MAX)
    (row,) = found()
    return row, served.smtplab("inbox", "raw", str(row["id"])).stdout


def test_a_relayed_message_arrives_inside_tls_octet_by_octet(request, served, send):
    subject = f"plain-{request.node.callspec.id}"
    send(letter(subject), "b@there.example")
    row, raw = arrived(served, subject)
    assert row["tls"] is not None
    assert row["recipients"] == ["b@there.example"]
    assert raw.endswith(b"\r\n\r\n.a dot first\r\n..two\r\nend\r\n")


def test_addresses_and_subjects_outside_ascii_are_relayed(request, served, send):
    subject = f"xin chào {request.node.callspec.id}"
    send(letter(subject), "sinh.viên@there.example")
    row, raw = arrived(served, subject)
    assert row["recipients"] == ["sinh.viên@there.example"]
    assert b"with UTF8SMTPS " in raw


def test_a_large_message_comes_whole(request, served, send):
    subject = f"large-{request.node.callspec.id}"
    body = "".join(f".{number} {'x' * 60}\n" for number in range(2000))
    send(letter(subject, body), "b@there.example")
    _, raw = arrived(served, subject)
    assert raw.endswith(body.replace("\n", "\r\n").encode())


def test_what_its_sender_wants_to_hear_of_is_told_with_the_message(served, postfix_sends):
    postfix_sends(letter("dsn"), "b@there.example", "-N", "failure", "-R", "hdrs")
    row, _ = arrived(served, "dsn")
    shown = served.smtplab("inbox", "show", str(row["id"]), "--json").stdout
    assert b"RET=HDRS" in shown
    assert b"NOTIFY=FAILURE" in shown


_POSTFIX_MAIN = """\
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = sender.here.example
myorigin = here.example
mydestination =
alias_maps =
relayhost = [127.0.0.1]:{port}
smtp_tls_security_level = may
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtputf8_autodetect_classes = all
maillog_file = {folder}/maillog
maillog_file_prefixes = {folder}
"""

_POSTFIX_MASTER = """\
pickup unix n - n 1 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

_EXIM = """\
exim_user = Debian-exim
exim_group = Debian-exim
spool_directory = {folder}/spool
log_file_path = {folder}/logs/%slog
primary_hostname = sender.here.example
qualify_domain = here.example
disable_ipv6 = true
keep_environment =
trusted_users = root
deliver_drop_privilege = true
smtputf8_advertise_hosts = *
begin routers
onward:
  driver = manualroute
  route_list = * 127.0.0.1::{port} byname
  self = send
  transport = onward
begin transports
onward:
  driver = smtp
  hosts_try_chunking = *
  hosts_pipe_connect = *
  dnssec_request_domains =
  tls_verify_hosts =
  tls_try_verify_hosts =
  helo_data = sender.here.example
begin retry
* * F,2h,15m
"""
