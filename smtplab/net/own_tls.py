"""What a person wishes of a TLS client, as values; what OpenSSL makes of them is `own_context`'s."""

from __future__ import annotations

import msgspec


class TlsWishes(msgspec.Struct, frozen=True, kw_only=True):
    versions: tuple[str, ...] = ()
    """All of `own_context.VERSIONS` that are allowed, or, each with `no_` before it, that are not."""
    ciphers: str = ""
    """In OpenSSL's form; of TLS 1.2 and earlier, as there."""
    certificate: str = ""
    """PEM files, the certificate's with its chain."""
    key: str = ""
    chain: str = ""
    """More certificates to send after our own."""
