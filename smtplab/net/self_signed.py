"""A certificate that a server makes for itself where it was given none: it encrypts, and proves nothing."""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from smtplab.net.ports import ServerTls
from smtplab.net.server_tls import server_tls_from_pem

LIFE = dt.timedelta(days=365)
CLOCK_ERROR = dt.timedelta(days=1)
"""Of a client's clock."""
COMMON_NAME_MAX = 64
"""RFC 5280 A.1: ub-common-name."""


WrongHow = Literal["expired", "wrong-name", "self-signed"]


def self_signed_tls(
    hostname: str, now: float, wrong: WrongHow = "self-signed", *, client_ca: str | None = None
) -> ServerTls:
    """For the host's name and for loopback; `now` in seconds since the epoch. `wrong` has something else wrong with it
    too: it ended a day ago, or is of another host."""
    if wrong == "wrong-name":
        hostname = f"elsewhere.{hostname.strip('[]').replace(':', '-')}"
    if wrong == "expired":
        now -= (LIFE + CLOCK_ERROR).total_seconds()
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostname[:COMMON_NAME_MAX])])
    start = dt.datetime.fromtimestamp(now, dt.UTC)
    loopback = [x509.IPAddress(ipaddress.ip_address(one)) for one in ("127.0.0.1", "::1")]
    names = [x509.DNSName(name) for name in dict.fromkeys((hostname, "localhost")) if not name.startswith("[")]
    alternatives = [*names, *loopback] if wrong != "wrong-name" else [x509.DNSName(hostname)]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - CLOCK_ERROR)
        .not_valid_after(start + LIFE)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return server_tls_from_pem(certificate.public_bytes(Encoding.PEM), pem, client_ca=client_ca)
