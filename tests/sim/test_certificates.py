from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from smtplab.net.ports import ClientTls, TlsFacts
from smtplab.net.tls import TlsLayer
from smtplab.sim.certificates import Authority

START = datetime(2026, 11, 23, 1, tzinfo=UTC)
NAMES = ("mx1.neu.example",)


class NoTrust:
    def judge(self, chain_der: tuple[bytes, ...], server_name: str) -> tuple[str | None, str]:
        return None, "unknown-issuer"


def verify(certificate: x509.Certificate, authority: Authority, moment: datetime, name: str = NAMES[0]) -> None:
    policy = PolicyBuilder().store(Store([authority.root])).time(moment)
    policy.build_server_verifier(x509.DNSName(name)).verify(certificate, [])


def test_the_same_seed_gives_the_same_certificates():
    first, second = Authority(7, START), Authority(7, START)
    assert first.root == second.root
    assert first.issue(*_host()) == second.issue(*_host())
    assert first.issue(*_host()).public_bytes(Encoding.DER) == second.issue(*_host()).public_bytes(Encoding.DER)


def test_another_seed_or_another_host_gives_another_key_and_serial_number():
    authority = Authority(7, START)
    own = authority.issue(*_host())
    for other in (Authority(8, START).issue(*_host()), authority.issue("relay", ("relay.neu.example",))):
        assert other.serial_number != own.serial_number
        assert other.public_key() != own.public_key()


def test_a_certificate_holds_for_its_name_and_its_dates_at_the_clock_of_the_world():
    authority = Authority(7, START)
    certificate = authority.issue(*_host())
    verify(certificate, authority, START)
    with pytest.raises(VerificationError):
        verify(certificate, authority, START, "mx2.neu.example")
    with pytest.raises(VerificationError):
        verify(certificate, authority, START + timedelta(days=61))
    with pytest.raises(VerificationError):
        verify(certificate, authority, START - timedelta(days=31))


def test_a_host_s_name_may_be_longer_than_a_common_name():
    name = f"mail.{'faculty-of-information-technology.' * 2}example"
    authority = Authority(7, START)
    verify(authority.issue(name, (name,)), authority, START, name)
    assert authority.wrong_server_tls(name, "self-signed")


def test_a_certificate_of_another_world_is_not_trusted():
    with pytest.raises(VerificationError):
        verify(Authority(8, START).issue(*_host()), Authority(7, START), START)


def test_a_certificate_can_be_issued_that_has_expired():
    authority = Authority(7, START)
    certificate = authority.issue(
        *_host(), not_before=START - timedelta(days=90), not_after=START - timedelta(seconds=1)
    )
    with pytest.raises(VerificationError, match="valid"):
        verify(certificate, authority, START)


def test_a_host_speaks_real_tls_with_its_certificate():
    authority = Authority(7, START)
    server = TlsLayer.server(authority.server_tls(*_host()))
    client = TlsLayer.client(ClientTls(NAMES[0], NoTrust()))
    for _ in range(3):
        server.feed(client.outgoing())
        client.feed(server.outgoing())
    facts = client.facts()
    assert isinstance(facts, TlsFacts)
    assert (facts.version, facts.chain[0].names) == ("TLSv1.3", NAMES)
    assert client.chain_der() == (authority.issue(*_host()).public_bytes(Encoding.DER),)


def test_the_context_of_a_host_is_made_once():
    authority = Authority(7, START)
    assert authority.server_tls(*_host()) is authority.server_tls(*_host())


def _host() -> tuple[str, tuple[str, ...]]:
    return NAMES[0], NAMES
