"""Judges a certificate chain as presented, after the handshake and at a clock of our own; it opens no connection."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from collections.abc import Callable
from typing import Literal

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from smtplab.net.certificate import load_certificate, subject_names


class Verdict(msgspec.Struct, frozen=True):
    problem: str
    """As in `events.TlsEstablished.problem`; empty where the certificate is verified."""
    detail: str = ""


class PkixTrust:
    """`Trust` by PKIX (RFC 5280) and the server's name (RFC 9525).

    `now` gives seconds since the epoch. `roots_pem`: the trust anchors; None for the system's, read when first needed.
    `parts`: what is looked at; `name`: whose certificate it shall be, in place of the server that was called.
    """

    def __init__(
        self,
        now: Callable[[], float],
        roots_pem: bytes | None = None,
        *,
        parts: Literal["all", "issuer", "name"] = "all",
        name: str = "",
    ) -> None:
        self._now = now
        self._roots_pem = roots_pem
        self._parts = parts
        self._name = name
        self._roots: dict[bytes, x509.Certificate] | None = None

    def judge(self, chain_der: tuple[bytes, ...], server_name: str) -> tuple[str | None, str]:
        """`("pkix", "")` or `(None, problem)`."""
        verdict = self.verdict(chain_der, server_name)
        return (None, verdict.problem) if verdict.problem else ("pkix", "")

    def verdict(self, chain_der: tuple[bytes, ...], server_name: str) -> Verdict:
        """The first thing wrong, in the order in which a person would mend it: dates, name, then who signed it."""
        try:
            chain = [load_certificate(der) for der in chain_der]
            if not chain:
                return Verdict("bad-chain", "no certificate was presented")
            server_name = self._name or server_name
            if self._parts == "name":
                return _wrong_name(chain[0], server_name) or Verdict("")
            if self._parts == "issuer":
                # Whoever it is for: the path is looked for under a name that it bears.
                server_name = next(iter(subject_names(chain[0])), server_name).replace("*.", "any.")
            return (
                self._wrong_dates(chain[0])
                or _wrong_name(chain[0], server_name)
                or self._wrong_issuer(chain, server_name.rstrip("."))
                or Verdict("")
            )
        except ValueError as error:
            return Verdict("bad-chain", f"a certificate can't be read: {error}")

    def _wrong_dates(self, certificate: x509.Certificate) -> Verdict | None:
        now = self._moment()
        if now > certificate.not_valid_after_utc:
            return Verdict("expired", f"{certificate.subject.rfc4514_string()}: {certificate.not_valid_after_utc}")
        if now < certificate.not_valid_before_utc:
            return Verdict(
                "not-yet-valid", f"{certificate.subject.rfc4514_string()}: {certificate.not_valid_before_utc}"
            )
        return None

    def _wrong_issuer(self, chain: list[x509.Certificate], server_name: str) -> Verdict | None:
        leaf = chain[0]
        roots = self._load_roots()
        if _fingerprint(leaf) in roots:
            return None  # An anchor itself: trusted as it stands (RFC 5280 6.1).
        if _issued(leaf, leaf):
            return Verdict("self-signed")
        refusal = self._refusal_of_path(chain, server_name, list(roots.values()))
        if refusal is None:
            return None
        path = _path_upwards(chain)
        for certificate in path[1:]:
            if (wrong := self._wrong_dates(certificate)) is not None:
                return wrong
        if not any(_fingerprint(path[-1]) in roots or _issued(path[-1], root) for root in roots.values()):
            return Verdict("unknown-issuer", path[-1].issuer.rfc4514_string())
        return Verdict("bad-chain", refusal)

    def _refusal_of_path(
        self, chain: list[x509.Certificate], server_name: str, roots: list[x509.Certificate]
    ) -> str | None:
        """cryptography's own words where it finds no path to a root."""
        if not roots:
            return "there are no trust anchors"
        verifier = (
            verification.PolicyBuilder()
            .store(verification.Store(roots))
            .time(self._moment())
            .extension_policies(ca_policy=_issuers(), ee_policy=_servers())
            .build_server_verifier(_subject(server_name))
        )
        try:
            verifier.verify(chain[0], chain[1:])
        except verification.VerificationError as error:
            return str(error)
        return None

    def _moment(self) -> dt.datetime:
        return dt.datetime.fromtimestamp(self._now(), dt.UTC)

    def _load_roots(self) -> dict[bytes, x509.Certificate]:
        if self._roots is None:
            ders = _system_roots() if self._roots_pem is None else _ders_of(self._roots_pem)
            self._roots = {}
            for der in ders:
                try:
                    root = load_certificate(der)
                except ValueError:
                    continue  # One unreadable anchor of a system's many must not cost the others.
                self._roots[_fingerprint(root)] = root
        return self._roots


def pem_of(der: bytes) -> str:
    """One certificate as text, with a final line end."""
    return ssl.DER_cert_to_PEM_cert(der)


def name_matches(pattern: str, server_name: str) -> bool:
    """RFC 9525 6.3: case does not matter, `*` stands for the whole left-most label only; addresses match exactly."""
    pattern, server_name = pattern.lower().rstrip("."), server_name.lower().rstrip(".")
    if pattern.startswith("*.") and not _is_address(server_name):
        _, _, parent = server_name.partition(".")
        return "." in parent and parent == pattern[2:]
    return pattern == server_name


def _wrong_name(leaf: x509.Certificate, server_name: str) -> Verdict | None:
    names = subject_names(leaf)
    asked = str(ipaddress.ip_address(server_name)) if _is_address(server_name) else server_name
    if any(name_matches(name, asked) for name in names):
        return None
    return Verdict("name-mismatch", " ".join(names))


def _path_upwards(chain: list[x509.Certificate]) -> list[x509.Certificate]:
    """The server's own certificate and who signed whom above it, of those presented; in any order, as servers do."""
    path, others = [chain[0]], chain[1:]
    while issuer := next((other for other in others if _issued(path[-1], other)), None):
        others.remove(issuer)
        path.append(issuer)
    return path


def _issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    if certificate.issuer != issuer.subject:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _subject(server_name: str) -> x509.DNSName | x509.IPAddress:
    if _is_address(server_name):
        return x509.IPAddress(ipaddress.ip_address(server_name))
    return x509.DNSName(server_name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _fingerprint(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


# The browsers' profile, which is the library's default, refuses certificates of private authorities over forms that
# RFC 5280 leaves open, such as a critical subjectAltName. What keeps a path safe stands here.


def _issuers() -> verification.ExtensionPolicy:
    """RFC 5280 4.2.1.9 and 4.2.1.3: an issuer says that it is one, and its key may sign certificates."""
    any_form = verification.Criticality.AGNOSTIC
    return (
        verification.ExtensionPolicy.permit_all()
        .require_present(x509.BasicConstraints, any_form, _says_that_it_issues)
        .may_be_present(x509.KeyUsage, any_form, _may_sign_certificates)
    )


def _servers() -> verification.ExtensionPolicy:
    """RFC 6125 6.4 wants a subjectAltName; RFC 5280 4.2.1.12: where purposes are listed, ours must be among them."""
    any_form = verification.Criticality.AGNOSTIC
    return (
        verification.ExtensionPolicy.permit_all()
        .require_present(x509.SubjectAlternativeName, any_form, None)
        .may_be_present(x509.ExtendedKeyUsage, any_form, _is_for_servers)
    )


def _says_that_it_issues(
    _policy: verification.Policy, _certificate: x509.Certificate, found: x509.BasicConstraints
) -> None:
    if not found.ca:
        raise ValueError("an issuer is no certificate authority")


def _may_sign_certificates(
    _policy: verification.Policy, _certificate: x509.Certificate, found: x509.KeyUsage | None
) -> None:
    if found is not None and not found.key_cert_sign:
        raise ValueError("an issuer's key may not sign certificates")


def _is_for_servers(
    _policy: verification.Policy, _certificate: x509.Certificate, found: x509.ExtendedKeyUsage | None
) -> None:
    purposes = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)
    if found is not None and not any(purpose in purposes for purpose in found):
        raise ValueError("the certificate is not for servers")


def _system_roots() -> list[bytes]:
    """By way of OpenSSL, which knows where each system keeps them, Windows included."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    return context.get_ca_certs(binary_form=True)


def _ders_of(pem: bytes) -> list[bytes]:
    end = b"-----END CERTIFICATE-----"
    blocks = (
        block[block.find(b"-----BEGIN") :] + end for block in pem.split(end) if b"-----BEGIN CERTIFICATE" in block
    )
    return [ssl.PEM_cert_to_DER_cert(block.decode("ascii", "replace")) for block in blocks]
