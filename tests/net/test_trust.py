"""How a chain is judged, without a handshake."""

from __future__ import annotations

import datetime as dt
import ssl
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from smtplab.net.certificate import certificate_seen
from smtplab.net.trust import PkixTrust, name_matches
from tests.net.conftest import NOW, Authority, self_signed


def der(pem: bytes) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pem.decode())


def test_an_unknown_issuer_is_told_apart_from_a_self_signed_certificate(authority: Authority) -> None:
    trust = PkixTrust(lambda: NOW, authority.root_pem)
    stranger, _ = Authority("Somebody Else").issue("mx.hust.example")
    own, _ = self_signed("mx.hust.example")
    assert trust.judge((der(stranger),), "mx.hust.example") == (None, "unknown-issuer")
    assert trust.judge((der(own),), "mx.hust.example") == (None, "self-signed")


def test_an_issuer_of_the_same_name_with_another_key_is_unknown(authority: Authority) -> None:
    impostor, _ = Authority("Test Root").issue("mx.hust.example")
    trust = PkixTrust(lambda: NOW, authority.root_pem)
    assert trust.judge((der(impostor),), "mx.hust.example") == (None, "unknown-issuer")


def test_a_self_signed_certificate_that_is_itself_an_anchor_is_trusted() -> None:
    own, _ = self_signed("mx.hust.example")
    assert PkixTrust(lambda: NOW, own).judge((der(own),), "mx.hust.example") == ("pkix", "")


def test_dates_come_before_names_and_names_before_issuers(authority: Authority) -> None:
    trust = PkixTrust(lambda: NOW, authority.root_pem)
    old, _ = Authority("Somebody Else").issue("mx.neu.example", starts=NOW - 900, ends=NOW - 60)
    wrong, _ = Authority("Somebody Else").issue("mx.neu.example")
    assert trust.judge((der(old),), "mx.hust.example") == (None, "expired")
    assert trust.judge((der(wrong),), "mx.hust.example") == (None, "name-mismatch")


def test_a_root_that_is_out_of_date_shows_as_that(authority: Authority) -> None:
    leaf, _ = authority.issue("mx.hust.example", starts=NOW - 86400, ends=NOW + 999 * 86400)
    trust = PkixTrust(lambda: NOW + 500 * 86400, authority.root_pem)
    chain = (der(leaf), der(authority.root_pem))
    assert trust.judge(chain, "mx.hust.example") == (None, "expired")


def test_nothing_presented_and_rubbish_are_bad_chains(authority: Authority) -> None:
    trust = PkixTrust(lambda: NOW, authority.root_pem)
    assert trust.judge((), "mx.hust.example") == (None, "bad-chain")
    assert trust.judge((b"rubbish",), "mx.hust.example") == (None, "bad-chain")
    assert certificate_seen(b"rubbish").subject == ""
    assert len(certificate_seen(b"rubbish").sha256) == 64


def test_the_systems_anchors_know_nothing_of_ours(authority: Authority) -> None:
    leaf, _ = authority.issue("mx.hust.example")
    assert PkixTrust(lambda: NOW).judge((der(leaf),), "mx.hust.example") == (None, "unknown-issuer")


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("mx.hust.example", "MX.hust.example.", True),
        ("*.hust.example", "mx.hust.example", True),
        ("*.hust.example", "a.mx.hust.example", False),
        ("*.hust.example", "hust.example", False),
        ("*.example", "hust.example", False),
        ("m*.hust.example", "mx.hust.example", False),
        ("*.0.2.1", "192.0.2.1", False),
        ("192.0.2.1", "192.0.2.1", True),
    ],
)
def test_a_wildcard_stands_for_one_whole_label(pattern: str, name: str, matches: bool) -> None:
    assert name_matches(pattern, name) is matches


@pytest.mark.parametrize("name", ["", "..", "bücher.example", "x" * 300, "mx_1.hust.example"])
def test_no_server_name_makes_the_judge_raise(authority: Authority, name: str) -> None:
    leaf, _ = authority.issue(name if name == "mx_1.hust.example" else "mx.hust.example")
    assert PkixTrust(lambda: NOW, authority.root_pem).judge((der(leaf),), name)[0] is None


TODAY = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)


def signed(
    name: str, key: ec.EllipticCurvePrivateKey, by: ec.EllipticCurvePrivateKey, **parts: Any
) -> x509.Certificate:
    """A certificate of a private authority: its forms are not the browsers', RFC 5280 allows them."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, parts["issuer"])]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(TODAY - dt.timedelta(days=1))
        .not_valid_after(TODAY + dt.timedelta(days=9000))
        .add_extension(x509.BasicConstraints(parts.get("ca", False), None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True)
    )
    if "purpose" in parts:
        builder = builder.add_extension(x509.ExtendedKeyUsage([parts["purpose"]]), critical=False)
    return builder.sign(by, hashes.SHA256())


def verdict_of(leaf: x509.Certificate, *above: x509.Certificate, root: x509.Certificate) -> tuple[str | None, str]:
    trust = PkixTrust(TODAY.timestamp, root.public_bytes(serialization.Encoding.PEM))
    chain = tuple(one.public_bytes(serialization.Encoding.DER) for one in (leaf, *above))
    return trust.judge(chain, "mx.hust.example")


def test_a_private_authoritys_certificate_holds_though_browsers_would_not_take_its_form() -> None:
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = signed("root", root_key, root_key, issuer="root", ca=True)
    leaf = signed("mx.hust.example", key, root_key, issuer="root")
    assert verdict_of(leaf, root=root) == ("pkix", "")


def test_a_servers_certificate_can_not_issue_another_ones() -> None:
    root_key, thief_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    root = signed("root", root_key, root_key, issuer="root", ca=True)
    thief = signed("thief.example", thief_key, root_key, issuer="root")
    leaf = signed("mx.hust.example", key, thief_key, issuer="thief.example")
    assert verdict_of(leaf, thief, root=root)[0] is None


def test_a_certificate_for_another_purpose_does_not_verify_a_server() -> None:
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = signed("root", root_key, root_key, issuer="root", ca=True)
    leaf = signed("mx.hust.example", key, root_key, issuer="root", purpose=ExtendedKeyUsageOID.CODE_SIGNING)
    assert verdict_of(leaf, root=root) == (None, "bad-chain")
