"""A certificate authority that never left this process, and both kinds of network."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from smtplab.net.memory import MemoryNetwork
from smtplab.net.pipe import Link
from smtplab.net.ports import Dialer, Listener, ServerTls
from smtplab.net.server_tls import server_tls_from_pem
from smtplab.net.tcp import TcpDialer, TcpListener

DAY = 86400
NOW = time.time()


class Authority:
    """Issues what a test asks for: a server's chain and key in PEM form."""

    def __init__(self, name: str = "Test Root") -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.root = self._sign(self.name, self.key.public_key(), NOW - 99 * DAY, NOW + 99 * DAY, authority=True)
        self.root_pem = self.root.public_bytes(serialization.Encoding.PEM)

    def issue(
        self, *names: str, starts: float = NOW - DAY, ends: float = NOW + DAY, subject: str = "mx"
    ) -> tuple[bytes, bytes]:
        key = ec.generate_private_key(ec.SECP256R1())
        who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
        certificate = self._sign(who, key.public_key(), starts, ends, names=names)
        return certificate.public_bytes(serialization.Encoding.PEM), pem_of(key)

    def serve(self, *names: str, starts: float = NOW - DAY, ends: float = NOW + DAY) -> ServerTls:
        return server_tls_from_pem(*self.issue(*names, starts=starts, ends=ends))

    def _sign(
        self,
        subject: x509.Name,
        public: ec.EllipticCurvePublicKey,
        starts: float,
        ends: float,
        names: tuple[str, ...] = (),
        *,
        authority: bool = False,
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(dt.datetime.fromtimestamp(starts, dt.UTC))
            .not_valid_after(dt.datetime.fromtimestamp(ends, dt.UTC))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )
        if authority:
            usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        else:
            san = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
            builder = builder.add_extension(san, critical=False).add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
            )
        return builder.sign(self.key, hashes.SHA256())


def pem_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def self_signed(*names: str) -> tuple[bytes, bytes]:
    maker = Authority("mx")
    certificate = maker._sign(maker.name, maker.key.public_key(), NOW - DAY, NOW + DAY, names)
    return certificate.public_bytes(serialization.Encoding.PEM), pem_of(maker.key)


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(params=["memory", "memory-with-latency", "tcp", "tcp6"])
def network(request: pytest.FixtureRequest) -> Callable[[], tuple[Dialer, Listener, str]]:
    """A dialer, a listener and the address to listen on."""

    def make() -> tuple[Dialer, Listener, str]:
        if request.param == "tcp":
            return TcpDialer(), TcpListener(), "127.0.0.1"
        if request.param == "tcp6":
            return TcpDialer(), TcpListener(), "::1"
        link = Link(latency_s=0.002) if request.param == "memory-with-latency" else Link()
        memory = MemoryNetwork(lambda source, target: link)
        return memory.dialer("10.0.0.1"), memory.listener(), "10.0.0.2"

    return make
