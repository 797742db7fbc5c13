"""A server's certificates: read from files, chosen by the name that a client asks for, read again while it serves."""

from __future__ import annotations

import re
import ssl
import tempfile
from collections.abc import Sequence
from pathlib import Path

from smtplab.net.certificate import server_names
from smtplab.net.ports import ServerTls

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)

KeyPair = tuple[str | Path, str | Path | None]
"""A certificate's PEM file, the chain with its own certificate first, and its key's; None where that is the same."""


class ServerSession(ssl.SSLObject):
    """One that remembers which name a client asked for."""

    asked_name: str = ""


class ServerContext(ssl.SSLContext):
    """A context that knows which certificate it shows, and which others there are."""

    certificate: bytes = b""
    """In DER."""
    names: tuple[str, ...] = ()
    """In lower case; `*.hust.example` stands for one label (RFC 9525 6.3)."""
    others: tuple[ServerContext, ...] = ()

    def load(self, pair: KeyPair) -> None:
        """For the handshakes to come. Raises OSError; ssl.SSLError is one."""
        self.load_cert_chain(*pair)
        found = _PEM.search(Path(pair[0]).read_text("ascii", "replace"))
        self.certificate = ssl.PEM_cert_to_DER_cert(found[0]) if found else b""
        self.names = server_names(self.certificate)

    def for_name(self, name: str) -> ServerContext:
        """Itself where nobody has that name: a client that wants another certificate says so (RFC 6066 3)."""
        wanted = {name.lower().rstrip("."), "*." + name.lower().rstrip(".").partition(".")[2]}
        return next((one for one in (self, *self.others) if wanted & set(one.names)), self)


def server_tls(
    certificate_file: str | Path,
    key_file: str | Path | None = None,
    *,
    others: Sequence[KeyPair] = (),
    client_ca: str | Path | None = None,
) -> ServerTls:
    """A server's side from PEM files. `client_ca` asks clients for a certificate of that authority, and for none else.

    Raises OSError where a file can't be read, ssl.SSLError where it holds no certificate and key that belong together.
    """
    context = _context((certificate_file, key_file), client_ca)
    context.others = tuple(_context(pair, client_ca) for pair in others)
    return ServerTls(context)


def reload_certificate(
    tls: ServerTls,
    certificate_file: str | Path,
    key_file: str | Path | None = None,
    *,
    others: Sequence[KeyPair] = (),
    client_ca: str | Path | None = None,
) -> bool:
    """For the handshakes to come. False, and nothing is changed, where one of the files can't be used."""
    assert isinstance(tls.context, ServerContext)
    try:
        # A context that was given half of a pair would serve nobody.
        server_tls(certificate_file, key_file, others=others, client_ca=client_ca)
        for context, pair in zip(
            (tls.context, *tls.context.others), ((certificate_file, key_file), *others), strict=True
        ):
            context.load(pair)
            if client_ca is not None:
                context.load_verify_locations(client_ca)
    except OSError:
        return False
    return True


def server_tls_from_pem(certificate: bytes, key: bytes, *, client_ca: str | None = None) -> ServerTls:
    """As `server_tls`, from memory. OpenSSL reads files only, so both stand for a moment in a folder of ours alone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pem")
        path.write_bytes(certificate.rstrip() + b"\n" + key)
        return server_tls(path, client_ca=client_ca)


def check_authority(file: str | Path) -> None:
    """Raises OSError where it can't be read or holds no certificate."""
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(file)


def _context(pair: KeyPair, client_ca: str | Path | None) -> ServerContext:
    context = ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.load(pair)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # No session is ever resumed here, and a ticket that nobody reads turns an early close into a reset.
    context.num_tickets = 0
    context.sslobject_class = ServerSession
    context.sni_callback = _choose
    if client_ca is not None:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(client_ca)
    return context


def _choose(session: ssl.SSLObject | ssl.SSLSocket, name: str | None, context: ssl.SSLContext) -> None:
    if isinstance(session, ServerSession):
        session.asked_name = name or ""
    if name and isinstance(context, ServerContext) and context.others:
        session.context = context.for_name(name)
