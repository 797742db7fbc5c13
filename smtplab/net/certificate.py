"""What a certificate says of itself; nothing here believes it."""

from __future__ import annotations

import functools
import hashlib
import warnings

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from smtplab.events import CertificateSeen


def certificate_seen(der: bytes) -> CertificateSeen:
    """The facts of a DER certificate (RFC 5280). One that can't be read still has its fingerprint."""
    sha256 = hashlib.sha256(der).hexdigest()
    try:
        certificate = load_certificate(der)
        return CertificateSeen(
            subject=certificate.subject.rfc4514_string(),
            issuer=certificate.issuer.rfc4514_string(),
            names=subject_names(certificate),
            not_after=certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
            sha256=sha256,
        )
    except ValueError:
        return CertificateSeen(subject="", issuer="", names=(), not_after="", sha256=sha256)


# Asked at every handshake, of the same few.
@functools.lru_cache(maxsize=64)
def end_point(der: bytes) -> bytes:
    """RFC 5929 4.1: the certificate's hash by the function of its own signature, but by none weaker than SHA-256. Empty
    where its signature has no such function, as Ed25519's."""
    try:
        algorithm = load_certificate(der).signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):
        return b""
    if algorithm is None:
        return b""
    return hashlib.new("sha256" if algorithm.name in ("md5", "sha1") else algorithm.name, der).digest()


def load_certificate(der: bytes) -> x509.Certificate:
    """Raises ValueError where it can't be read. Old faults that cryptography only warns of, such as a negative serial
    number, are the certificate's and not for our standard error.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return x509.load_der_x509_certificate(der)


def subject_names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The dNSName and iPAddress entries of subjectAltName (RFC 5280 4.2.1.6), in their order; empty where it has none.

    Raises ValueError where the extensions can't be read.
    """
    try:
        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(str(name.value) for name in san if isinstance(name, x509.DNSName | x509.IPAddress))


def server_names(der: bytes) -> tuple[str, ...]:
    """For which hosts a certificate was made, in lower case: its dNSNames, else its common name; empty where it can't
    be read."""
    try:
        certificate = load_certificate(der)
        names = _alternatives(certificate, x509.DNSName) or _common_names(certificate)
    except ValueError:
        return ()
    return tuple(name.lower() for name in names)


def holders(der: bytes) -> tuple[str, ...]:
    """Whom a client's certificate names: mail addresses, then common names, then hosts."""
    try:
        certificate = load_certificate(der)
        found = (
            *_alternatives(certificate, x509.RFC822Name),
            *_common_names(certificate),
            *_alternatives(certificate, x509.DNSName),
        )
    except ValueError:
        return ()
    return tuple(dict.fromkeys(found))


def _alternatives(certificate: x509.Certificate, kind: type[x509.DNSName | x509.RFC822Name]) -> list[str]:
    try:
        san = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [name.value for name in san if isinstance(name, kind)]


def _common_names(certificate: x509.Certificate) -> list[str]:
    return [str(one.value) for one in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
