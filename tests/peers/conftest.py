"""Real mail programs and a real name server on loopback, each started and ended by its own process id.

A program that is missing skips the tests that need it, with the reason; where CI is set, that skip is a failure
(see `tests/conftest.py`). Every server listens on addresses of 127.0.0.0/8 and on high ports only.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

START_S_MAX = 15.0
"""How long a peer may take until it listens; Postfix on a busy machine needs a second or two."""


def program(name: str, *elsewhere: str) -> str:
    """The full path of a program, or a skip that says which one is missing."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin", "/usr/local/sbin", *elsewhere])
    found = shutil.which(name, path=path)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def free_port(*addresses: str) -> int:
    """A port that is free on all of these addresses."""
    for _ in range(50):
        with socket.socket() as first:
            first.bind((addresses[0], 0))
            port: int = first.getsockname()[1]
        try:
            for address in addresses[1:]:
                with socket.socket() as other:
                    other.bind((address, port))
        except OSError:
            continue
        return port
    raise RuntimeError("no port is free on all of " + ", ".join(addresses))


def wait_until(condition: Callable[[], bool], what: str, seconds: float = START_S_MAX) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} within {seconds:g} s")
        time.sleep(0.05)


def listens(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), 0.5).close()
    except OSError:
        return False
    return True


def end_process(pid: int) -> None:
    """TERM, a moment to comply, then KILL; only ever that one process."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.kill(pid, sign)
        except ProcessLookupError:
            return
        end = time.monotonic() + 3
        while time.monotonic() < end:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.05)


@dataclass
class NameServer:
    """BIND, authoritative for the zones that were given to it."""

    port: int

    @property
    def option(self) -> str:
        """As `--dns` takes it."""
        return f"127.0.0.1:{self.port}"


@dataclass
class Mta:
    """A mail server that delivers every local part of its domains into one Maildir."""

    address: str
    port: int
    maildir: Path

    def wait_for_message(self, known: int = 0) -> bytes:
        """The bytes of the newest message once more than `known` have come."""
        wait_until(lambda: len(self.messages()) > known, "a message in the maildir")
        return max(self.messages(), key=lambda path: path.stat().st_mtime_ns).read_bytes()

    def messages(self) -> list[Path]:
        return [path for folder in ("new", "cur") for path in (self.maildir / folder).glob("*") if path.is_file()]


@pytest.fixture(scope="session")
def peer_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder that the peers' own users can enter, which pytest's private one is not."""
    folder = Path(os.environ.get("TMPDIR", "/tmp")) / f"smtplab-test-{os.getpid()}"
    folder.mkdir(mode=0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def mail_port() -> int:
    """One port that is free on every address the peers and the toy servers use, as `--port` holds for every hop."""
    return free_port(*(f"127.0.0.{last}" for last in range(10, 40)))


@pytest.fixture(scope="session")
def bind(peer_folder: Path) -> Iterator[Callable[[dict[str, str]], NameServer]]:
    """Starts BIND with zones: name to the records after `$ORIGIN`, `$TTL`, SOA and NS."""
    named = program("named")
    started: list[subprocess.Popen[bytes]] = []

    def start(zones: dict[str, str]) -> NameServer:
        folder = peer_folder / f"bind{len(started)}"
        folder.mkdir()
        port = free_port("127.0.0.1")
        for name, records in zones.items():
            head = f"$ORIGIN {name}.\n$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 300\n@ NS ns\nns A 127.0.0.1\n"
            (folder / f"{name}.zone").write_text(head + textwrap.dedent(records))
        listed = "\n".join(f'zone "{name}" {{ type primary; file "{folder}/{name}.zone"; }};' for name in zones)
        (folder / "named.conf").write_text(
            f'options {{ directory "{folder}"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};'
            f' recursion no; pid-file "{folder}/named.pid"; session-keyfile none; }};\ncontrols {{ }};\n{listed}\n'
        )
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen([named, "-g", "-c", str(folder / "named.conf")], stdout=log, stderr=log)
        started.append(process)
        wait_until(lambda: b"running" in (folder / "log").read_bytes(), "BIND runs")
        return NameServer(port)

    yield start
    for process in started:
        end_process(process.pid)
        process.wait()


@pytest.fixture(scope="session")
def postfix(peer_folder: Path, authority: trustme.CA, mail_port: int) -> Iterator[Mta]:
    """Postfix at 127.0.0.10, final for real.net, STARTTLS with a certificate for mx.real.net; refuses `nobody@`."""
    control = program("postfix")
    if os.geteuid() != 0:
        pytest.skip("Postfix can only be started by root")
    folder = peer_folder / "postfix"
    queue, maildir, config = folder / "queue", folder / "inbox", folder / "conf"
    for part in (queue / "pid", folder / "data", config, *(maildir / name for name in ("new", "cur", "tmp"))):
        part.mkdir(parents=True)
    nobody = pwd.getpwnam("nobody")
    for part in (maildir, *maildir.iterdir()):
        os.chown(part, nobody.pw_uid, nobody.pw_gid)
    shutil.chown(folder / "data", "postfix")
    issue_certificate(authority, "mx.real.net", folder)
    (config / "refused").write_text(
        "nobody@real.net 550 5.1.1 <nobody@real.net>: Recipient address rejected: User unknown\n"
        "later@real.net 450 4.2.1 <later@real.net>: Recipient address rejected: Greylisted, try again later\n"
    )
    (config / "main.cf").write_text(
        _POSTFIX_MAIN.format(folder=folder, queue=queue, uid=nobody.pw_uid, gid=nobody.pw_gid)
    )
    (config / "master.cf").write_text(_POSTFIX_MASTER.format(address="127.0.0.10", port=mail_port))
    run = [control, "-c", str(config)]
    subprocess.run([*run, "start"], check=True, capture_output=True)
    wait_until(lambda: listens("127.0.0.10", mail_port), "Postfix listens")
    yield Mta("127.0.0.10", mail_port, maildir)
    subprocess.run([*run, "stop"], check=False, capture_output=True)


@pytest.fixture(scope="session")
def exim(peer_folder: Path, authority: trustme.CA, mail_port: int) -> Iterator[Mta]:
    """Exim at 127.0.0.11, final for exim.net, with PRDR, CHUNKING and STARTTLS for mx.exim.net."""
    root = os.environ.get("SMTPLAB_EXIM_ROOT", "")
    daemon = program("exim4", *([f"{root}/usr/sbin"] if root else []))
    if os.geteuid() != 0:
        pytest.skip("Exim can only be started by root")
    try:
        owner = pwd.getpwnam("Debian-exim")
    except KeyError:
        pytest.skip("the user Debian-exim is missing")
    folder = peer_folder / "exim"
    maildir = folder / "inbox"
    for part in (folder / "spool", folder / "logs", *(maildir / name for name in ("new", "cur", "tmp"))):
        part.mkdir(parents=True)
    issue_certificate(authority, "mx.exim.net", folder)
    for part in (folder, *folder.rglob("*")):
        os.chown(part, owner.pw_uid, owner.pw_gid)
    config = folder / "exim.conf"
    config.write_text(_EXIM.format(folder=folder))
    command = [daemon, "-C", str(config), "-bdf", "-oX", f"<; 127.0.0.11.{mail_port}", "-oP", str(folder / "pid")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until(lambda: listens("127.0.0.11", mail_port), "Exim listens")
        yield Mta("127.0.0.11", mail_port, maildir)
    finally:
        end_process(process.pid)
        process.wait()


def issue_certificate(authority: trustme.CA, name: str, folder: Path) -> None:
    """cert.pem and key.pem for a name."""
    certificate = authority.issue_cert(name)
    (folder / "cert.pem").write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    (folder / "key.pem").write_bytes(certificate.private_key_pem.bytes())
    (folder / "key.pem").chmod(0o600)


_POSTFIX_MAIN = """\
compatibility_level = 3.6
queue_directory = {queue}
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = loopback-only
inet_protocols = ipv4
myhostname = mx.real.net
mydestination =
mynetworks =
alias_maps =
virtual_mailbox_domains = real.net
virtual_mailbox_base = {folder}
virtual_mailbox_maps = static:inbox/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access texthash:{folder}/conf/refused
smtpd_peername_lookup = no
smtpd_tls_security_level = may
smtpd_tls_cert_file = {folder}/cert.pem
smtpd_tls_key_file = {folder}/key.pem
default_transport = error:nothing leaves this server
maillog_file = {folder}/maillog
maillog_file_prefixes = {folder}
"""

_POSTFIX_MASTER = """\
{address}:{port} inet n - n - - smtpd
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
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""

_EXIM = """\
exim_user = Debian-exim
exim_group = Debian-exim
spool_directory = {folder}/spool
log_file_path = {folder}/logs/%slog
primary_hostname = mx.exim.net
domainlist local_domains = exim.net
disable_ipv6 = true
acl_smtp_rcpt = check_recipient
acl_smtp_data = accept
acl_smtp_data_prdr = check_content
tls_advertise_hosts = *
tls_certificate = {folder}/cert.pem
tls_privatekey = {folder}/key.pem
chunking_advertise_hosts = *
prdr_enable = true
host_lookup =
rfc1413_hosts =
keep_environment =
deliver_drop_privilege = true
begin acl
check_recipient:
  deny local_parts = nobody
       message = 5.1.1 no such person here
  accept domains = +local_domains
  deny message = relay not permitted
check_content:
  deny local_parts = picky
       message = 5.7.1 not this content
  accept
begin routers
here:
  driver = accept
  domains = +local_domains
  transport = inbox
begin transports
inbox:
  driver = appendfile
  maildir_format
  directory = {folder}/inbox
  user = Debian-exim
"""
