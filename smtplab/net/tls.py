"""TLS as bytes in and bytes out, with no socket in sight; it encrypts and reports, and judges no certificate."""

from __future__ import annotations

import functools
import ipaddress
import re
import ssl
import tempfile
from pathlib import Path
from typing import Literal

from smtplab.net.certificate import certificate_seen, end_point
from smtplab.net.ports import ClientTls, ServerTls, TlsFacts, TlsTrouble

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)

State = Literal["handshaking", "open", "ended", "failed"]

PIECE_OCTETS = 65536
"""Read at a time from OpenSSL, whose records hold at most 16 KiB (RFC 8446 5.1): several fit, memory stays small."""

# OpenSSL's reason, as `ssl.SSLError.reason` spells it, that shows the peer's bytes to be no TLS at all.
_NOT_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"}
)
_NO_COMMON_VERSION = frozenset(
    {
        "UNSUPPORTED_PROTOCOL",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "UNSUPPORTED_SSL_VERSION",
        "NO_PROTOCOLS_AVAILABLE",
        "VERSION_TOO_LOW",
    }
)


class _Session(ssl.SSLObject):
    """An `SSLObject` that remembers which name a client asked for."""

    asked_name: str = ""


class ServerContext(ssl.SSLContext):
    """A context that knows which certificate it shows."""

    certificate: bytes = b""
    """In DER."""

    def load(self, certificate_file: str | Path, key_file: str | Path | None) -> None:
        """Raises OSError; ssl.SSLError is one."""
        self.load_cert_chain(certificate_file, key_file)
        self.certificate = _first_certificate(Path(certificate_file).read_text("ascii", "replace"))


class TlsLayer:
    """One end of a TLS session. After every call, `outgoing` holds what must be sent to the peer.

    States: `handshaking`, `open`, `ended` (the peer's close_notify came) and `failed` (`trouble` says why).
    """

    def __init__(self, context: ssl.SSLContext, *, server_side: bool, server_name: str = "") -> None:
        self.state: State = "handshaking"
        self.trouble: TlsTrouble | None = None
        self._from_peer = ssl.MemoryBIO()
        self._to_peer = ssl.MemoryBIO()
        self._server_name = server_name
        self._session = context.wrap_bio(
            self._from_peer, self._to_peer, server_side=server_side, server_hostname=server_name or None
        )
        if not server_side:
            self._shake()

    @classmethod
    def client(cls, tls: ClientTls) -> TlsLayer:
        """The end that speaks first. An address or a name that SNI can't carry goes without it (RFC 6066 3)."""
        context = tls.context or client_context()
        try:
            return cls(context, server_side=False, server_name=_server_name_for_sni(tls.server_name))
        except ValueError:
            return cls(context, server_side=False)

    @classmethod
    def server(cls, tls: ServerTls) -> TlsLayer:
        """The end that waits for a ClientHello."""
        return cls(tls.context, server_side=True)

    def feed(self, cipher: bytes) -> bytes:
        """Bytes from the peer; returns the plain ones that they complete."""
        if self.state in ("ended", "failed"):
            return b""
        self._from_peer.write(cipher)
        if self.state == "handshaking":
            self._shake()
        return self._read() if self.state == "open" else b""

    def feed_eof(self) -> None:
        """The peer's stream ended: in a handshake that is its failure, later only a missing close_notify."""
        if self.state == "handshaking":
            self._fail(TlsTrouble("closed", "the peer closed the connection in the handshake"))
        elif self.state == "open":
            self.state = "ended"

    def write(self, plain: bytes) -> None:
        """Encrypt; only for an open session."""
        view = memoryview(plain)
        while view:
            view = view[self._session.write(view) :]

    def close(self) -> None:
        """Say close_notify (RFC 8446 6.1), where there is a session to close."""
        if self.state not in ("open", "ended"):
            return
        try:
            self._session.unwrap()
        except ssl.SSLError:
            pass  # It asks for the peer's close_notify, for which nobody waits.

    def outgoing(self) -> bytes:
        """Takes what is to be sent."""
        return self._to_peer.read()

    def facts(self) -> TlsFacts:
        """What the handshake showed, unjudged."""
        cipher = self._session.cipher()
        asked = self._session.asked_name if isinstance(self._session, _Session) else ""
        chain = self.chain_der()
        own = self._session.context
        server = own.certificate if isinstance(own, ServerContext) else chain[0] if chain else b""
        return TlsFacts(
            version=self._session.version() or "",
            cipher=cipher[0] if cipher else "",
            chain=tuple(certificate_seen(der) for der in chain),
            server_name=self._server_name or asked,
            end_point=end_point(server) if server else b"",
        )

    def chain_der(self) -> tuple[bytes, ...]:
        """The certificates as the peer presented them, its own first; empty where it presented none."""
        public = getattr(self._session, "get_unverified_chain", None)
        if public is not None:
            return tuple(public())
        # Python 3.11 and 3.12 have the chain, but not under a public name.
        hidden = getattr(getattr(self._session, "_sslobj", None), "get_unverified_chain", None)
        if hidden is not None:
            return tuple(ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in hidden() or ())
        own = self._session.getpeercert(binary_form=True)
        return (own,) if own else ()

    def _shake(self) -> None:
        try:
            self._session.do_handshake()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLError as error:
            self._fail(_trouble_of(error))
        else:
            self.state = "open"

    def _read(self) -> bytes:
        pieces = []
        try:
            while piece := self._session.read(PIECE_OCTETS):
                pieces.append(piece)
            self.state = "ended"
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.state = "ended"
        except ssl.SSLError as error:
            self._fail(TlsTrouble("broken", _words_of(error)))
        return b"".join(pieces)

    def _fail(self, trouble: TlsTrouble) -> None:
        self.state = "failed"
        self.trouble = trouble


# Built when first needed and kept: a context is meant to be shared, and costs milliseconds.
@functools.cache
def client_context() -> ssl.SSLContext:
    """The default client's context. It verifies nothing: `Trust` judges afterwards, at our own clock."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # RFC 8996: earlier versions must not be used.
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def server_tls(certificate_file: str | Path, key_file: str | Path | None = None) -> ServerTls:
    """A server's side from PEM files, the chain with its own certificate first; the key may stand in the same file.

    Raises OSError where a file can't be read, ssl.SSLError where it holds no certificate and key that belong together.
    """
    context = ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.load(certificate_file, key_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # No session is ever resumed here, and a ticket that nobody reads turns an early close into a reset.
    context.num_tickets = 0
    context.sslobject_class = _Session
    context.sni_callback = _remember_name
    return ServerTls(context)


def reload_certificate(tls: ServerTls, certificate_file: str | Path, key_file: str | Path | None = None) -> bool:
    """For the handshakes to come. False, and nothing is changed, where the files can't be used."""
    try:
        server_tls(certificate_file, key_file)  # A context that was given half of a pair would serve nobody.
        assert isinstance(tls.context, ServerContext)
        tls.context.load(certificate_file, key_file)
    except OSError:
        return False
    return True


def server_tls_from_pem(certificate: bytes, key: bytes) -> ServerTls:
    """As `server_tls`, from memory. OpenSSL reads files only, so both stand for a moment in a folder of ours alone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pem")
        path.write_bytes(certificate.rstrip() + b"\n" + key)
        return server_tls(path)


def _first_certificate(pem: str) -> bytes:
    found = _PEM.search(pem)
    return ssl.PEM_cert_to_DER_cert(found[0]) if found else b""


def _remember_name(session: ssl.SSLObject | ssl.SSLSocket, name: str | None, context: ssl.SSLContext) -> None:
    del context
    if isinstance(session, _Session):
        session.asked_name = name or ""


def _server_name_for_sni(name: str) -> str:
    name = name.rstrip(".")
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name
    return ""


def _trouble_of(error: ssl.SSLError) -> TlsTrouble:
    reason = error.reason or ""
    if reason in _NOT_TLS:
        return TlsTrouble("not-tls", _words_of(error))
    if reason in _NO_COMMON_VERSION:
        return TlsTrouble("no-common-version", _words_of(error))
    return TlsTrouble("handshake-failed", _words_of(error))


def _words_of(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()
