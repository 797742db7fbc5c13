"""TLS sessions of our own around plain bytes that were recorded, with their secrets; no real session's key is kept."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from smtplab.net.ports import ClientTls, ServerTls
from smtplab.net.server_tls import server_tls_from_pem
from smtplab.net.tls import TlsLayer, client_context

FLIGHTS_MAX = 8
"""A handshake of TLS 1.2 has four, one of TLS 1.3 three (RFC 5246 7.3, RFC 8446 2)."""


class TlsRebuilder:
    """Opens sessions between two ends in memory and keeps their secrets until the block ends."""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        self._key_log = Path(self._folder.name, "keys")
        self._server = _server()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, trouble: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.cleanup()

    def session(self, server_name: str, version: str) -> RebuiltTls:
        """A session of TLS 1.2 or, for any other version, 1.3; it asks for the name where SNI can carry it."""
        context = _client(version)
        context.keylog_filename = str(self._key_log)
        return RebuiltTls(TlsLayer.client(ClientTls(server_name, _NoTrust(), context)), TlsLayer.server(self._server))

    def secrets(self) -> bytes:
        """The key log (NSS's format) of every session so far."""
        return self._key_log.read_bytes() if self._key_log.exists() else b""


class RebuiltTls:
    """One session: its handshake's flights, then either side's plain bytes as TLS records."""

    def __init__(self, client: TlsLayer, server: TlsLayer) -> None:
        self._client = client
        self._server = server

    def handshake(self) -> Iterator[tuple[bool, bytes]]:
        """Each flight and whether the client sends it."""
        for number in range(FLIGHTS_MAX):
            by_client = number % 2 == 0
            sender, reader = (self._client, self._server) if by_client else (self._server, self._client)
            flight = sender.outgoing()
            if not flight:
                return
            reader.feed(flight)
            yield by_client, flight

    def protect(self, plain: bytes, *, by_client: bool) -> bytes:
        """The records that carry these bytes."""
        sender = self._client if by_client else self._server
        sender.write(plain)
        return sender.outgoing()


class _NoTrust:
    def judge(self, chain_der: tuple[bytes, ...], server_name: str) -> tuple[str | None, str]:
        del chain_der, server_name
        return None, "self-signed"


def _client(version: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = client_context().verify_mode
    wanted = ssl.TLSVersion.TLSv1_2 if version == "TLSv1.2" else ssl.TLSVersion.TLSv1_3
    context.minimum_version = context.maximum_version = wanted
    return context


def _server() -> ServerTls:
    """With a certificate that nobody is to believe."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "made by smtplab for this export")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2000, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2099, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return server_tls_from_pem(certificate.public_bytes(Encoding.PEM), pem)
