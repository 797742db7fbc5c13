"""Each extension that `smtplab send` speaks against a server of another's making that has it."""

import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trustme

from tests.peers.conftest import Mta, end_process, free_port, issue_certificate, listens, program, wait_until

pytestmark = pytest.mark.peer

DATA = r"From: lan@here.net\nSubject: hello\n\nOne line.\n.A dot.\n\nThe end"


def send(*options: str) -> tuple[int, list[str]]:
    command = [sys.executable, "-m", "smtplab", "send", "-f", "lan@here.net", "-h", "client.here.net", *options]
    environ = {**os.environ, "LC_ALL": "C.UTF-8", "SMTPLAB_LANG": "en", "HOME": "/nonexistent"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=40, check=False, env=environ)
    return done.returncode, (done.stdout + done.stderr).splitlines()


def to(server: Mta) -> tuple[str, ...]:
    return ("-s", f"{server.address}:{server.port}")


# Postfix


@pytest.fixture(scope="module")
def postfix_behind(peer_folder: Path, authority: trustme.CA, mail_port: int) -> Iterator[Mta]:
    """Postfix at 127.0.0.38 that takes XCLIENT and asks for a certificate; at 127.0.0.39 it wants a PROXY header."""
    control = program("postfix")
    if os.geteuid() != 0:
        pytest.skip("Postfix can only be started by root")
    folder = peer_folder / "postfix-behind"
    maildir, config = folder / "inbox", folder / "conf"
    for part in (folder / "queue" / "pid", folder / "data", config, *(maildir / one for one in ("new", "cur", "tmp"))):
        part.mkdir(parents=True)
    nobody = pwd.getpwnam("nobody")
    for part in (maildir, *maildir.iterdir()):
        os.chown(part, nobody.pw_uid, nobody.pw_gid)
    shutil.chown(folder / "data", "postfix")
    issue_certificate(authority, "mx.real.net", folder)
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    (config / "main.cf").write_text(
        textwrap.dedent(
            f"""\
            compatibility_level = 3.6
            queue_directory = {folder}/queue
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
            virtual_uid_maps = static:{nobody.pw_uid}
            virtual_gid_maps = static:{nobody.pw_gid}
            virtual_minimum_uid = 1
            smtpd_relay_restrictions = reject_unauth_destination
            smtpd_recipient_restrictions =
            smtpd_peername_lookup = no
            smtpd_authorized_xclient_hosts = 127.0.0.0/8
            smtpd_tls_security_level = may
            smtpd_tls_cert_file = {folder}/cert.pem
            smtpd_tls_key_file = {folder}/key.pem
            smtpd_tls_CAfile = {folder}/ca.pem
            smtpd_tls_ask_ccert = yes
            smtpd_tls_received_header = yes
            default_transport = error:nothing leaves this server
            maillog_file = {folder}/maillog
            maillog_file_prefixes = {folder}
            """
        )
    )
    services = "cleanup unix n - n - 0 cleanup\nqmgr unix n - n 300 1 qmgr\ntlsmgr unix - - n 1000? 1 tlsmgr\n"
    services += (
        "rewrite unix - - n - - trivial-rewrite\nbounce unix - - n - 0 bounce\nproxymap unix - - n - - proxymap\n"
    )
    services += "error unix - - n - - error\nvirtual unix - n n - - virtual\nanvil unix - - n - 1 anvil\n"
    services += "defer unix - - n - 0 bounce\ntrace unix - - n - 0 bounce\nflush unix n - n 1000? 0 flush\n"
    services += "postlog unix-dgram n - n - 1 postlogd\n"
    proxied = f"127.0.0.39:{mail_port} inet n - n - - smtpd\n  -o smtpd_upstream_proxy_protocol=haproxy\n"
    (config / "master.cf").write_text(f"127.0.0.38:{mail_port} inet n - n - - smtpd\n{proxied}{services}")
    run = [control, "-c", str(config)]
    subprocess.run([*run, "start"], check=True, capture_output=True)
    try:
        wait_until(lambda: listens("127.0.0.38", mail_port), "Postfix listens")
        yield Mta("127.0.0.38", mail_port, maildir)
    finally:
        subprocess.run([*run, "stop"], check=False, capture_output=True)


@pytest.mark.parametrize("order", [(), ("--xclient-before-starttls",)], ids=["after TLS", "before TLS"])
def test_postfix_takes_the_client_that_xclient_names(postfix_behind, order):
    known = len(postfix_behind.messages())
    options = ("--xclient-addr", "192.0.2.7", "--xclient-name", "other.example", "--xclient-helo", "helo.example")
    code, lines = send(*to(postfix_behind), "-t", "an@real.net", "-d", DATA, "-tls", *options, *order)
    assert code == 0, lines
    assert re.search(rb"Received: from \S+ \(other\.example \[192\.0\.2\.7\]\)", postfix_behind.wait_for_message(known))


@pytest.mark.parametrize("version", ["1", "2"])
def test_postfix_takes_the_client_that_a_proxy_header_names(postfix_behind, version):
    known = len(postfix_behind.messages())
    family = ("--proxy-version", version, "--proxy-family", "TCP4" if version == "1" else "AF_INET")
    ends = ("--proxy-source", "192.0.2.9", "--proxy-source-port", "4711")
    ends += ("--proxy-dest", "192.0.2.1", "--proxy-dest-port", "25")
    server = f"127.0.0.39:{postfix_behind.port}"
    code, lines = send("-s", server, "-t", "an@real.net", "-d", DATA, *family, *ends)
    assert code == 0, lines
    assert b"[192.0.2.9]" in postfix_behind.wait_for_message(known)


def test_postfix_sees_our_certificate(postfix_behind, authority, tmp_path):
    known = len(postfix_behind.messages())
    issue_certificate(authority, "client.here.net", tmp_path)
    own = ("--tls-cert", str(tmp_path / "cert.pem"), "--tls-key", str(tmp_path / "key.pem"))
    code, lines = send(*to(postfix_behind), "-t", "an@real.net", "-d", DATA, "-tls", *own)
    assert code == 0, lines
    # trustme's certificates have no common name; Postfix still says that one was presented and verified.
    assert re.search(rb"verified OK", postfix_behind.wait_for_message(known))


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--tls-verify-ca",), 0),
        (("--tls-verify-ca", "--tls-verify-host"), 75),
        (("--tls-verify", "--tls-verify-target", "mx.real.net"), 0),
        (("--tls-verify", "--tls-sni", "mx.real.net"), 0),
        (("--tls-verify", "--tls-sni", "other.real.net"), 75),
        (("--tls-verify-host", "--tls-verify-target", "mx.real.net"), 0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_of_a_certificate_is_verified_is_what_was_asked_for(postfix_behind, authority, tmp_path, options, code):
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    roots = ("--tls-ca-path", str(tmp_path))
    found, lines = send(*to(postfix_behind), "-t", "an@real.net", "-q", "mail", *roots, *options)
    assert found == code, lines


def test_postfix_takes_addresses_and_a_header_in_any_script(postfix):
    known = len(postfix.messages())
    code, lines = send(*to(postfix), "-t", "ấn@real.net", "--subject", "Chào Ấn", "--body", "Một dòng")
    assert code == 0, lines
    assert any("RCPT TO:<ấn@real.net>" in line for line in lines)
    assert any("SMTPUTF8" in line and "MAIL FROM" in line for line in lines)
    assert "To: ấn@real.net".encode() in postfix.wait_for_message(known)


def test_postfix_is_told_of_the_notices_that_are_wanted(postfix):
    options = ("--dsn-notify", "success,failure", "--dsn-return", "hdrs", "--dsn-envid", "my own", "--dsn-orcpt")
    code, lines = send(*to(postfix), "-t", "an@real.net", "-d", DATA, *options)
    assert code == 0, lines
    assert any("RET=HDRS ENVID=my+20own" in line for line in lines)
    assert any("NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;an@real.net" in line for line in lines)


# Exim


def test_exim_answers_each_recipient_after_the_content(exim):
    known = len(exim.messages())
    code, lines = send(*to(exim), "-t", "an@exim.net,picky@exim.net", "-d", DATA, "--prdr", "-tls")
    replies = [line[4:7] for line in lines if line.startswith(("<~ ", "<~*"))]
    assert replies[-5:] == ["353", "250", "550", "250", "221"], lines
    assert code == 1
    assert any("picky@exim.net: refused" in line for line in lines)
    assert any("an@exim.net: accepted" in line for line in lines)
    assert b"One line." in exim.wait_for_message(known)


def test_exim_takes_chunks_of_any_size(exim):
    known = len(exim.messages())
    code, lines = send(*to(exim), "-t", "an@exim.net", "-d", DATA, "--chunk-size", "33", "-tls")
    assert code == 0, lines
    assert sum("BDAT 33" in line for line in lines) > 1
    assert b"One line.\n.A dot.\n\nThe end\n" in exim.wait_for_message(known)


def test_exim_is_spoken_with_as_a_program(exim, peer_folder):
    """`-bh` has it answer as if to that address, over its standard input and output."""
    root = os.environ.get("SMTPLAB_EXIM_ROOT", "")
    daemon = program("exim4", *([f"{root}/usr/sbin"] if root else []))
    command = f"{daemon} -C {peer_folder}/exim/exim.conf -bh 192.0.2.7"
    code, lines = send("--pipe", command, "-t", "an@exim.net", "-q", "rcpt", "--tls", "none")
    assert code == 0, lines
    assert any("Hello client.here.net [192.0.2.7]" in line for line in lines)
    assert "=== Connection closed with child process." in lines


# Dovecot


class Dovecot:
    def __init__(self, lmtp: Path, submission: int, maildir: Path) -> None:
        self.lmtp, self.submission, self.maildir = lmtp, submission, maildir


@pytest.fixture(scope="module")
def dovecot(peer_folder: Path, authority: trustme.CA) -> Iterator[Dovecot]:
    """Dovecot's LMTP on a local socket, and its submission server with SCRAM, which relays to a sink."""
    daemon = program("dovecot")
    for library in ("lmtp", "submission"):
        if not Path("/usr/lib/dovecot", library).exists():
            pytest.skip(f"Dovecot's {library} server is not installed")
    if os.geteuid() != 0:
        pytest.skip("Dovecot is started by root here")
    folder = peer_folder / "dovecot"
    (folder / "mail").mkdir(parents=True)
    nobody = pwd.getpwnam("nobody")
    os.chown(folder / "mail", nobody.pw_uid, nobody.pw_gid)
    issue_certificate(authority, "mx.dove.net", folder)
    relay, port = start_sink(), free_port("127.0.0.1")
    config = folder / "dovecot.conf"
    config.write_text(
        textwrap.dedent(
            f"""\
            base_dir = {folder}/run
            state_dir = {folder}/state
            log_path = {folder}/log
            protocols = lmtp submission
            hostname = mx.dove.net
            mail_location = maildir:{folder}/mail/%u
            first_valid_uid = 1
            ssl = yes
            ssl_cert = <{folder}/cert.pem
            ssl_key = <{folder}/key.pem
            auth_mechanisms = plain login scram-sha-1 scram-sha-256
            disable_plaintext_auth = no
            passdb {{
              driver = static
              args = password=secret
            }}
            userdb {{
              driver = static
              args = uid={nobody.pw_uid} gid={nobody.pw_gid} home={folder}/mail/%u
            }}
            service lmtp {{
              unix_listener {folder}/lmtp {{
                mode = 0666
              }}
            }}
            service submission-login {{
              inet_listener submission {{
                address = 127.0.0.1
                port = {port}
              }}
              inet_listener submissions {{
                port = 0
              }}
            }}
            submission_relay_host = 127.0.0.1
            submission_relay_port = {relay.getsockname()[1]}
            submission_relay_trusted = no
            """
        )
    )
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen([daemon, "-F", "-c", str(config)], stdout=output, stderr=output)
    try:
        wait_until(lambda: listens("127.0.0.1", port), "Dovecot listens")
        yield Dovecot(folder / "lmtp", port, folder / "mail")
    finally:
        end_process(process.pid)
        process.wait()
        relay.close()


def start_sink() -> socket.socket:
    """Takes everything that Dovecot relays."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection, connection.makefile("rwb") as stream, suppress(OSError):
            stream.write(b"220 sink\r\n")
            stream.flush()
            while line := stream.readline():
                verb = line[:4].upper()
                if verb == b"DATA":
                    stream.write(b"354 go\r\n")
                    stream.flush()
                    while stream.readline() not in (b".\r\n", b""):
                        pass
                stream.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
                stream.flush()

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener


def test_dovecots_lmtp_answers_each_recipient(dovecot):
    people = "an@dove.net,bao@dove.net"
    code, lines = send("--socket", str(dovecot.lmtp), "--protocol", "lmtp", "-t", people, "-d", DATA)
    assert code == 0, lines
    assert sum(line.startswith("<~  250") and "Saved" in line for line in lines) == 2
    found = [path.read_bytes() for who in ("an", "bao") for path in (dovecot.maildir / f"{who}@dove.net/new").glob("*")]
    assert len(found) == 2
    assert all(b"One line.\n.A dot.\n" in message for message in found)


def test_dovecots_lmtp_takes_chunks(dovecot):
    options = ("--protocol", "lmtp", "--chunk-size", "50")
    code, lines = send("--socket", str(dovecot.lmtp), *options, "-t", "chi@dove.net", "-d", DATA)
    assert code == 0, lines
    assert any(" ~> BDAT 50" in line for line in lines)
    assert len([*(dovecot.maildir / "chi@dove.net/new").glob("*")]) == 1


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"])
def test_dovecot_is_logged_in_to_and_the_exchange_is_shown_decoded(dovecot, mechanism):
    server = ("-s", f"127.0.0.1:{dovecot.submission}", "-tls")
    login = ("-a", mechanism, "-au", "lan", "-ap", "secret")
    code, lines = send(*server, *login, "-t", "an@dove.net", "-d", DATA)
    assert code == 0, lines
    decoded = [line.partition("decoded: ")[2] for line in lines if "decoded: " in line]
    assert decoded
    assert "secret" not in "\n".join(lines)
    if mechanism.startswith("SCRAM"):
        assert decoded[0].startswith(("n,,n=lan,r=", "y,,n=lan,r="))
        assert re.fullmatch(r"r=\S+,s=\S+,i=\d+", decoded[1])
        assert decoded[2].endswith(",p=***")


def test_a_wrong_password_is_the_end_with_dovecot(dovecot):
    server = ("-s", f"127.0.0.1:{dovecot.submission}", "-tls")
    code, lines = send(*server, "-au", "lan", "-ap", "wrong", "-a", "SCRAM-SHA-256,SCRAM-SHA-1", "-t", "an@dove.net")
    assert code == 1, lines
    assert sum(line.startswith(" ~> AUTH") for line in lines) == 2


# nodemailer's smtp-server

SERVER = """
const { SMTPServer } = require("smtp-server");
const server = new SMTPServer({
  authMethods: ["XOAUTH2"], allowInsecureAuth: true, disabledCommands: ["STARTTLS"],
  onAuth(auth, session, callback) {
    if (auth.accessToken !== "good-token") return callback(null, {
      data: { status: "401", schemes: "bearer mac", scope: "my_smtp_access_scope_name" } });
    callback(null, { user: auth.username });
  },
  onData(stream, session, callback) { stream.resume(); stream.on("end", callback); },
});
server.listen(Number(process.argv[2]), "127.0.0.1");
"""


@pytest.fixture(scope="module")
def node(peer_folder: Path) -> Iterator[int]:
    """The port of nodemailer's server, which lies where SMTPLAB_NODE_MODULES says."""
    interpreter = program("node")
    modules = os.environ.get("SMTPLAB_NODE_MODULES", "")
    if not Path(modules, "smtp-server").is_dir():
        pytest.skip("nodemailer's smtp-server is not installed (SMTPLAB_NODE_MODULES)")
    script, port = peer_folder / "server.js", free_port("127.0.0.1")
    script.write_text(SERVER)
    environ = {**os.environ, "NODE_PATH": modules}
    process = subprocess.Popen([interpreter, str(script), str(port)], env=environ)
    try:
        wait_until(lambda: listens("127.0.0.1", port), "nodemailer's server listens")
        yield port
    finally:
        end_process(process.pid)
        process.wait()


def test_a_token_is_taken_by_nodemailer_and_never_shown(node):
    login = ("-a", "XOAUTH2", "-au", "lan@here.net", "-ap", "good-token")
    code, lines = send("-s", f"127.0.0.1:{node}", *login, "-t", "an@real.net", "-d", DATA)
    assert code == 0, lines
    assert any("decoded: user=lan@here.net auth=Bearer ***" in line for line in lines)
    assert "good-token" not in "\n".join(lines)


def test_why_a_token_is_refused_by_nodemailer_is_shown_decoded(node):
    login = ("-a", "XOAUTH2", "-au", "lan@here.net", "-ap", "old-token")
    code, lines = send("-s", f"127.0.0.1:{node}", *login, "-t", "an@real.net", "-d", DATA)
    assert code == 1, lines
    told = next(line for line in lines if "decoded: {" in line)
    assert json.loads(told.partition("decoded: ")[2])["status"] == "401"


# smtplab's own server, for what no other has here


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[[], int]]:
    command = [sys.executable, "-m", "smtplab", "serve", "--listen", "127.0.0.1:0", "--json", "--home", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    port = json.loads(process.stdout.readline())["port"]
    yield lambda: port
    end_process(process.pid)
    process.wait()
    process.stdout.close()


def test_a_binary_message_arrives_octet_by_octet(served, tmp_path):
    message = tmp_path / "binary.eml"
    content = b"Subject: x\r\nContent-Transfer-Encoding: binary\r\n\r\n\x00\xff bare \n and \r\r\n"
    message.write_bytes(content)
    options = ("-d", f"@{message}", "--binary", "-ndf", "--priority", "4", "-tls")
    code, lines = send("-s", f"127.0.0.1:{served()}", "-t", "an@real.net", *options)
    if code and any("MT-PRIORITY" in line or "BINARYMIME" in line for line in lines):
        pytest.skip("smtplab serve offers neither here")
    assert code == 0, lines
    inbox = [sys.executable, "-m", "smtplab", "inbox", "--home", str(tmp_path)]
    listed = json.loads(subprocess.run([*inbox, "list", "--json"], capture_output=True, check=True).stdout)
    raw = subprocess.run([*inbox, "raw", listed[0]["id"]], capture_output=True, check=True).stdout
    assert raw.endswith(content)
