"""TLS as bytes in and bytes out, with no socket in sight; it encrypts and reports, and judges no certificate."""

from __future__ import annotations

import functools
import ipaddress
import ssl
from typing import Any, Literal

from smtplab.net.certificate import certificate_seen, end_point, holders
from smtplab.net.ports import ClientTls, ServerTls, TlsFacts, TlsTrouble
from smtplab.net.server_tls import ServerContext, ServerSession

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
        asked = self._session.asked_name if isinstance(self._session, ServerSession) else ""
        chain = self.chain_der()
        own = self._session.context
        server = own.certificate if isinstance(own, ServerContext) else chain[0] if chain else b""
        return TlsFacts(
            version=self._session.version() or "",
            cipher=cipher[0] if cipher else "",
            chain=tuple(certificate_seen(der) for der in chain),
            server_name=self._server_name or asked,
            # OpenSSL has judged a client's certificate already: one that does not hold ends the handshake.
            verified_by="pkix" if chain and self._session.server_side else None,
            end_point=end_point(server) if server else b"",
            client_names=holders(chain[0]) if chain and self._session.server_side else (),
        )

    def chain_der(self) -> tuple[bytes, ...]:
        """The certificates as the peer presented them, its own first; empty where it presented none."""
        own = self._session.getpeercert(binary_form=True)
        if own is None:
            return ()  # A chain of nobody has a None in it, over which Python's own `get_unverified_chain` falls.
        public = getattr(self._session, "get_unverified_chain", None)
        if public is not None:
            return tuple(public())
        # Python 3.11 and 3.12 have the chain, but not under a public name.
        hidden = getattr(getattr(self._session, "_sslobj", None), "get_unverified_chain", None)
        return tuple(_der(certificate) for certificate in hidden() or ()) if hidden is not None else (own,)

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


def _der(certificate: Any) -> bytes:
    """At a server the client's own comes as octets already."""
    return certificate if isinstance(certificate, bytes) else ssl.PEM_cert_to_DER_cert(certificate.public_bytes())


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
