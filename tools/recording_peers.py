# ruff: noqa: INP001, S603, SLF001 - part of a script; it starts the programs that it names, with the tests' settings
"""The real programs that captures are recorded with, on addresses of 127.0.0.0/8, under names of `harbour.example`."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType

import trustme

ROOT = Path(__file__).resolve().parent.parent

SMTP_PORT, SUBMISSION_PORT, LMTP_PORT, DNS_PORT = 2525, 2587, 2424, 5300
POSTFIX, EXIM, DOVECOT, SINK, OWN = (f"127.0.0.{last}" for last in (10, 11, 12, 13, 14))

ZONE = f"""\
$ORIGIN harbour.example.
$TTL 300
@           SOA   ns hostmaster 1 3600 600 86400 300
@           NS    ns
@           MX    10 mx
ns          A     127.0.0.1
mx          A     {POSTFIX}
chunks      MX    10 exim
exim        A     {EXIM}
submission  A     {DOVECOT}
lmtp        A     {DOVECOT}
drop        MX    10 drops
drops       A     {SINK}
two         MX    10 silent
two         MX    20 mx
silent      A     127.0.0.19
own         A     {OWN}
"""


def _helpers() -> ModuleType:
    """What the tests start their peers with."""
    spec = importlib.util.spec_from_file_location("peers", ROOT / "tests" / "peers" / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


helpers = _helpers()


@contextmanager
def all_peers(folder: Path, authority: trustme.CA) -> Iterator[None]:
    """Everything listens inside the block; each program is ended by its own process id."""
    folder.chmod(0o755)
    with ExitStack() as stack:
        for start in (_bind, _postfix, _exim, _dovecot, _sink):
            own = folder / start.__name__.strip("_")
            own.mkdir()
            stack.callback(start(own, authority))
        yield


def _spawn(folder: Path, *command: str) -> Callable[[], None]:
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)

    def end() -> None:
        helpers.end_process(process.pid)
        process.wait()

    return end


def _wait(address: str, port: int) -> None:
    helpers.wait_until(lambda: helpers.listens(address, port), f"{address} port {port} listens")


def _bind(folder: Path, authority: trustme.CA) -> Callable[[], None]:
    del authority
    (folder / "zone").write_text(ZONE)
    (folder / "named.conf").write_text(
        f'options {{ directory "{folder}"; listen-on port {DNS_PORT} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};'
        f' recursion no; pid-file "{folder}/pid"; session-keyfile none; }};\ncontrols {{ }};\n'
        f'zone "harbour.example" {{ type primary; file "{folder}/zone"; }};\n'
    )
    end = _spawn(folder, helpers.program("named"), "-g", "-c", str(folder / "named.conf"))
    _wait("127.0.0.1", DNS_PORT)
    return end


def _postfix(folder: Path, authority: trustme.CA) -> Callable[[], None]:
    nobody = pwd.getpwnam("nobody")
    queue, config = folder / "queue", folder / "conf"
    for part in (queue / "pid", folder / "data", config, *(folder / "inbox" / name for name in ("new", "cur", "tmp"))):
        part.mkdir(parents=True)
    for part in (folder / "inbox", *(folder / "inbox").iterdir()):
        os.chown(part, nobody.pw_uid, nobody.pw_gid)
    shutil.chown(folder / "data", "postfix")
    helpers.issue_certificate(authority, "mx.harbour.example", folder)
    (config / "refused").write_text(
        "nobody@harbour.example 550 5.1.1 User unknown\n"
        "later@harbour.example 450 4.2.0 Greylisted, please come back in 5 minutes\n"
    )
    main = helpers._POSTFIX_MAIN.replace("real.net", "harbour.example")
    main = main.replace("domains = harbour.example", "domains = harbour.example, two.harbour.example")
    main = main.format(folder=folder, queue=queue, uid=nobody.pw_uid, gid=nobody.pw_gid)
    (config / "main.cf").write_text(main)
    (config / "master.cf").write_text(helpers._POSTFIX_MASTER.format(address=POSTFIX, port=SMTP_PORT))
    run = [helpers.program("postfix"), "-c", str(config)]
    subprocess.run([*run, "start"], check=True, capture_output=True)
    _wait(POSTFIX, SMTP_PORT)
    return lambda: subprocess.run([*run, "stop"], check=False, capture_output=True) and None


def _exim(folder: Path, authority: trustme.CA) -> Callable[[], None]:
    root = os.environ.get("SMTPLAB_EXIM_ROOT", "")
    daemon = helpers.program("exim4", *([f"{root}/usr/sbin"] if root else []))
    owner = pwd.getpwnam("Debian-exim")
    for part in (folder / "spool", folder / "logs", *(folder / "inbox" / name for name in ("new", "cur", "tmp"))):
        part.mkdir(parents=True)
    helpers.issue_certificate(authority, "exim.harbour.example", folder)
    config = helpers._EXIM.replace("mx.exim.net", "exim.harbour.example").replace("exim.net", "chunks.harbour.example")
    for part in (folder, *folder.rglob("*")):
        os.chown(part, owner.pw_uid, owner.pw_gid)
    # Its configuration must not be its own user's.
    (folder / "exim.conf").write_text(config.format(folder=folder))
    where = ("-oX", f"<; {EXIM}.{SMTP_PORT}", "-oP", str(folder / "pid"))
    end = _spawn(folder, daemon, "-C", str(folder / "exim.conf"), "-bdf", *where)
    _wait(EXIM, SMTP_PORT)
    return end


def _dovecot(folder: Path, authority: trustme.CA) -> Callable[[], None]:
    helpers.issue_certificate(authority, "submission.harbour.example", folder)
    for part in ("inbox", "home"):
        (folder / part).mkdir()
        shutil.chown(folder / part, "nobody")
    ports = {"lmtp": LMTP_PORT, "submission": SUBMISSION_PORT, "relay": POSTFIX, "relay_port": SMTP_PORT}
    (folder / "dovecot.conf").write_text(_DOVECOT.format(folder=folder, address=DOVECOT, **ports))
    end = _spawn(folder, helpers.program("dovecot"), "-F", "-c", str(folder / "dovecot.conf"))
    _wait(DOVECOT, LMTP_PORT)
    _wait(DOVECOT, SUBMISSION_PORT)
    return end


def _sink(folder: Path, authority: trustme.CA) -> Callable[[], None]:
    """Postfix's test server: it hangs up in answer to the final dot."""
    del authority
    command = (helpers.program("smtp-sink"), "-u", "nobody", "-h", "drops.harbour.example", "-q", ".")
    end = _spawn(folder, *command, f"{SINK}:{SMTP_PORT}", "10")
    _wait(SINK, SMTP_PORT)
    return end


_DOVECOT = """\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = lmtp submission
listen = {address}
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
auth_mechanisms = plain login cram-md5
mail_location = maildir:{folder}/inbox/%n
mail_uid = nobody
mail_gid = nogroup
first_valid_uid = 1
default_internal_user = dovecot
hostname = submission.harbour.example
passdb {{
  driver = static
  args = password=hoa-sen
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/home/%n allow_all_users=yes
}}
service lmtp {{
  inet_listener lmtp {{
    address = {address}
    port = {lmtp}
  }}
}}
submission_relay_host = {relay}
submission_relay_port = {relay_port}
service submission-login {{
  inet_listener submission {{
    address = {address}
    port = {submission}
  }}
}}
"""
