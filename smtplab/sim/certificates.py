"""The certificates of a world: an authority and a certificate per host, all drawn from the seed, the same in every run.

Keys are P-256 with deterministic signatures (RFC 6979), for the verifiers of the Web PKI accept no Ed25519. OpenSSL
verifies nothing in our handshakes, so a certificate's dates are the world's own and are judged at the world's clock.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from smtplab.net.ports import ServerTls
from smtplab.net.self_signed import COMMON_NAME_MAX
from smtplab.net.server_tls import server_tls_from_pem
from smtplab.sim import chance

WrongHow = Literal["expired", "wrong-name", "self-signed"]

AUTHORITY_LIFE = timedelta(days=3650)
HOST_LIFE = timedelta(days=90)
"""As the free authorities of today give it."""
HOST_AGE = timedelta(days=30)
"""How old a host's certificate is when the world's clock starts."""

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""SEC 2, 2.4.2: a private key lies between 1 and one less."""


class Authority:
    """Signs for the hosts of one world; `start` is the world's first moment."""

    def __init__(self, seed: int, start: datetime) -> None:
        self._seed = seed
        self._start = start
        self._key = _key(seed, "authority")
        self._subject = _common_name("Simulated Internet Root")
        self._made: dict[str, ServerTls] = {}
        self.root = self._make_root()

    def issue(
        self,
        host: str,
        names: tuple[str, ...],
        *,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
    ) -> x509.Certificate:
        """A certificate for the DNS names `names`, by default of 90 days, 30 of which have passed at the start."""
        first = not_before or (self._start - HOST_AGE if not_after is None else not_after - HOST_LIFE)
        last = not_after or first + HOST_LIFE
        return (
            self._builder(_common_name(names[0]), _key(self._seed, host), f"serial/{host}", (first, last))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(self._key, hashes.SHA256(), ecdsa_deterministic=True)
        )

    def server_tls(self, host: str, names: tuple[str, ...]) -> ServerTls:
        """A server's side of TLS for `host`, made when first asked for and once only: it costs more than a session."""
        if host not in self._made:
            certificate = self.issue(host, names).public_bytes(Encoding.PEM)
            key = _key(self._seed, host).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            self._made[host] = server_tls_from_pem(certificate, key)
        return self._made[host]

    def wrong_server_tls(self, host: str, how: WrongHow) -> ServerTls:
        """The same with a certificate that ended a day before the world's start, of another name, or of its own."""
        label = f"{host} {how}"
        if label not in self._made:
            if how == "expired":
                wrong = self.issue(host, (host,), not_after=self._start - timedelta(days=1))
            elif how == "wrong-name":
                wrong = self.issue(host, (f"localhost.{host}",))
            else:
                wrong = self._self_signed(host)
            key = _key(self._seed, host).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            self._made[label] = server_tls_from_pem(wrong.public_bytes(Encoding.PEM), key)
        return self._made[label]

    def _self_signed(self, host: str) -> x509.Certificate:
        key, name = _key(self._seed, host), _common_name(host)
        serial = int.from_bytes(chance.octets(self._seed, host, "serial/self-signed")[:16]) >> 1 | 1
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(serial)
            .not_valid_before(self._start - HOST_AGE)
            .not_valid_after(self._start - HOST_AGE + HOST_LIFE)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .sign(key, hashes.SHA256(), ecdsa_deterministic=True)
        )

    def _make_root(self) -> x509.Certificate:
        dates = (self._start - AUTHORITY_LIFE / 2, self._start + AUTHORITY_LIFE / 2)
        return (
            self._builder(self._subject, self._key, "serial/authority", dates)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(self._key, hashes.SHA256(), ecdsa_deterministic=True)
        )

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, purpose: str, dates: tuple[datetime, datetime]
    ) -> x509.CertificateBuilder:
        serial = int.from_bytes(chance.octets(self._seed, "authority", purpose)[:16]) >> 1 | 1
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._subject)
            .public_key(key.public_key())
            .serial_number(serial)
            .not_valid_before(dates[0])
            .not_valid_after(dates[1])
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(authority, critical=False)
        )


def _key(seed: int, owner: str) -> ec.EllipticCurvePrivateKey:
    number = int.from_bytes(chance.octets(seed, owner, "private key"))
    return ec.derive_private_key(number % (_P256_ORDER - 1) + 1, ec.SECP256R1())


def _common_name(name: str) -> x509.Name:
    """A host's whole name, which may be longer, stands among the alternative ones."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:COMMON_NAME_MAX])])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
