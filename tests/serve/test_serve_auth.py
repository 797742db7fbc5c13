"""`smtplab serve` and who comes: mechanisms, stored users, certificates of both sides."""

from __future__ import annotations

import base64
import contextlib
import json
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from smtplab.net.certificate import end_point
from smtplab.smtp.sasl import start_client
from smtplab.smtp.scram import Binding
from smtplab.smtp.secret import Secret
from tests.serve.served import SECONDS_MAX, Dialogue, Served, smtplab

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the server's end is told by POSIX signals")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


def pair(authority: trustme.CA, folder: Path, name: str) -> tuple[str, str]:
    certificate = authority.issue_cert(name, common_name=name, key_type=trustme.KeyType.ECDSA)
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.cert_chain_pems[0].write_to_path(cert)
    certificate.private_key_pem.write_to_path(key)
    return str(cert), str(key)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, authority: trustme.CA) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("auth")
    authority.cert_pem.write_to_path(home / "ca.pem")
    options = []
    for name in ("mx1.hust.example", "*.neu.example"):
        cert, key = pair(authority, home, name)
        options += ["--tls-cert", cert, "--tls-key", key]
    set_password(home, "kept", "mật khẩu")
    options += ["--tls-client-ca", str(home / "ca.pem"), "--user", "told:secret"]
    with Served(home, *options) as served:
        yield served
        assert served.stop() == (0, b"", b"")


def set_password(home: Path, name: str, password: str) -> None:
    command = [sys.executable, "-m", "smtplab", "user", "set", name, "--home", str(home)]
    done = subprocess.run(command, input=password.encode(), capture_output=True, timeout=SECONDS_MAX, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@contextlib.contextmanager
def secured(
    served: Served, name: str = "mx1.hust.example", client: tuple[str, str] | None = None
) -> Iterator[Dialogue]:
    with Dialogue(served.port) as dialogue:
        dialogue.ehlo()
        assert dialogue.ask(b"STARTTLS\r\n") == 220
        context = ssl.create_default_context(cafile=str(served.home / "ca.pem"))
        if client is not None:
            context.load_cert_chain(*client)
        dialogue.upgrade(context, name)
        assert dialogue.ehlo() == 250
        yield dialogue


def log_in(dialogue: Dialogue, mechanism: str, user: str, password: str, binding: Binding | None = None) -> int:
    client = start_client(mechanism, user, Secret(password), lambda: "of-the-client", binding=binding)
    assert client is not None
    initial = b"" if client.initial is None else b" " + (base64.b64encode(client.initial) or b"=")
    code, text = dialogue.ask_text(b"AUTH " + mechanism.encode() + initial + b"\r\n")
    while code == 334:
        response = client.respond(base64.b64decode(text))
        assert isinstance(response, bytes)
        code, text = dialogue.ask_text(base64.b64encode(response) + b"\r\n")
    return code


MECHANISMS = ["SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"]


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_each_mechanism_takes_the_right_password_and_no_other(served, mechanism):
    with Dialogue(served.port) as client:
        client.ehlo()
        assert log_in(client, mechanism, "told", "wrong") == 535
        assert log_in(client, mechanism, "nobody", "secret") == 535
        assert log_in(client, mechanism, "told", "secret") == 235
        assert client.ask(b"AUTH PLAIN\r\n") == 503  # RFC 4954 4


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"])
def test_a_stored_user_logs_in_although_nobody_can_read_his_password(served, mechanism):
    with Dialogue(served.port) as client:
        client.ehlo()
        assert log_in(client, mechanism, "kept", "wrong") == 535
        assert log_in(client, mechanism, "kept", "mật khẩu") == 235


def test_an_exchange_bound_to_another_channel_is_refused(served):
    with secured(served) as client:
        right = end_point(client.certificate)
        for data, code in ((b"x" * 32, 535), (right, 235)):
            binding = Binding("tls-server-end-point", data)
            assert log_in(client, "SCRAM-SHA-256-PLUS", "told", "secret", binding) == code


def test_a_certificate_says_who_comes(served, authority):
    with secured(served, client=pair(authority, served.home, "student.hust.example")) as client:
        assert "EXTERNAL" in client.announced["AUTH"]
        assert log_in(client, "EXTERNAL", "root", "") == 535
        assert log_in(client, "EXTERNAL", "", "") == 235
    with secured(served) as client:
        assert "EXTERNAL" not in client.announced["AUTH"]
        assert client.ask(b"AUTH EXTERNAL =\r\n") == 504
    session = served.inbox("list", "--sessions")[-2]["id"]
    records = json.loads(served.smtplab("inbox", "show", session, "--json").stdout)["records"]
    (secured_by,) = [record for record in records if record["event"] == "tls_established"]
    assert (secured_by["verified_by"], secured_by["certificate"]["names"]) == ("pkix", ["student.hust.example"])
    (who,) = [record for record in records if record["event"] == "authenticated"]
    assert (who["mechanism"], who["user"]) == ("EXTERNAL", "student.hust.example")
    assert [record["decoded"] for record in records if "decoded" in record] == ["identity=root", "identity="]


def test_a_certificate_of_another_authority_ends_the_handshake(served):
    stranger = trustme.CA(key_type=trustme.KeyType.ECDSA)
    with (
        pytest.raises((ssl.SSLError, ConnectionError, AssertionError)),
        secured(served, client=pair(stranger, served.home, "stranger.example")) as client,
    ):
        assert client.ask(b"NOOP\r\n") == 250


def test_the_certificate_follows_the_name_that_a_client_asks_for(served):
    for name in ("mx1.hust.example", "mx.neu.example"):
        with secured(served, name):
            pass  # The client has verified the name.
    with pytest.raises(ssl.SSLCertVerificationError), secured(served, "other.example"):
        pass


def test_five_failures_end_the_session(served):
    with Dialogue(served.port) as client:
        client.ehlo()
        codes = [log_in(client, "PLAIN", "told", str(number)) for number in range(5)]
        assert codes == [535, 535, 535, 535, 421]
        assert client.reply() == 0


def test_users_and_certificates_are_read_again_at_sighup(tmp_path, authority):
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    cert, key = pair(authority, tmp_path, "mx1.hust.example")
    with Served(tmp_path, "--tls-cert", cert, "--tls-key", key) as served:
        with Dialogue(served.port) as client:
            client.ehlo()
            assert client.ask(b"AUTH PLAIN\r\n") == 502
        with secured(served) as client:
            before = client.certificate
        set_password(tmp_path, "kept", "mật khẩu")
        pair(authority, tmp_path, "mx1.hust.example")
        served.process.send_signal(signal.SIGHUP)
        until = time.monotonic() + SECONDS_MAX
        after = before
        while after == before and time.monotonic() < until:
            with secured(served) as client:
                after = client.certificate
        assert after != before
        with Dialogue(served.port) as client:
            client.ehlo()
            assert log_in(client, "PLAIN", "kept", "mật khẩu") == 235
        assert served.stop() == (0, b"", b"")


def test_user_commands_name_what_is_wrong(tmp_path):
    for arguments, said in (
        (("user", "delete", "nobody"), b"no user nobody"),
        (("user", "set"), b"NAME"),
    ):
        done = smtplab(tmp_path, *arguments)
        assert done.returncode == 2
        assert said in done.stderr
    set_password(tmp_path, "an", "x")
    assert smtplab(tmp_path, "user", "list", "--json").stdout == b'[{"name":"an"}]\n'
    assert smtplab(tmp_path, "user", "delete", "an").returncode == 0
    assert smtplab(tmp_path, "user", "list", "--json").stdout == b"[]\n"
