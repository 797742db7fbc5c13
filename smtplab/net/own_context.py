"""A TLS client's context as a person wishes it: versions, ciphers, a certificate of their own."""

from __future__ import annotations

import ssl

from smtplab.net.own_tls import TlsWishes

VERSIONS: dict[str, ssl.Options] = {
    "sslv2": ssl.OP_NO_SSLv2,
    "sslv3": ssl.OP_NO_SSLv3,
    "tlsv1": ssl.OP_NO_TLSv1,
    "tlsv1_1": ssl.OP_NO_TLSv1_1,
    "tlsv1_2": ssl.OP_NO_TLSv1_2,
    "tlsv1_3": ssl.OP_NO_TLSv1_3,
}
"""By swaks' names, with what forbids each. OpenSSL has no longer the first two."""


class UnusableTls(Exception):  # noqa: N818 - it says what a person gave, and becomes one line
    """`option` is the one that can't be followed; `reason` the system's words."""

    def __init__(self, option: str, value: str, reason: str) -> None:
        super().__init__(reason)
        self.option, self.value, self.reason = option, value, reason


def allowed_versions(names: tuple[str, ...]) -> tuple[str, ...]:
    """Raises UnusableTls for a name that is none, and where the two forms are mixed."""
    lower = tuple(name.lower() for name in names)
    refused = {name.removeprefix("no_") for name in lower if name.startswith("no_")}
    for name, bare in zip(names, (name.removeprefix("no_") for name in lower), strict=True):
        if bare not in VERSIONS or (refused and not name.lower().startswith("no_")):
            raise UnusableTls("--tls-protocol", ",".join(names), ", ".join(VERSIONS))
    if refused:
        return tuple(name for name in VERSIONS if name not in refused)
    return lower or tuple(VERSIONS)


def make_context(wishes: TlsWishes) -> ssl.SSLContext:
    """A client's context; it verifies nothing, as `tls.client_context`. Raises UnusableTls."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if wishes.versions:
        allowed = allowed_versions(wishes.versions)
        if not allowed:
            raise UnusableTls("--tls-protocol", ",".join(wishes.versions), ", ".join(VERSIONS))
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        for name, forbids in VERSIONS.items():
            if name not in allowed:
                context.options |= forbids
        if {"tlsv1", "tlsv1_1"} & set(allowed):
            # OpenSSL 3 speaks them at its lowest level only; whoever names them wants to see them spoken.
            context.set_ciphers("DEFAULT@SECLEVEL=0")
    if wishes.ciphers:
        try:
            context.set_ciphers(wishes.ciphers)
        except ssl.SSLError as trouble:
            raise UnusableTls("--tls-cipher", wishes.ciphers, trouble.reason or str(trouble)) from trouble
    if wishes.certificate:
        _load_certificate(context, wishes)
    return context


def _load_certificate(context: ssl.SSLContext, wishes: TlsWishes) -> None:
    import tempfile  # noqa: PLC0415 (only for a chain that stands in a file of its own)
    from pathlib import Path  # noqa: PLC0415

    files = (wishes.certificate, wishes.key, *((wishes.chain,) if wishes.chain else ()))
    for path in files:
        try:
            Path(path).open("rb").close()
        except OSError as trouble:
            raise UnusableTls("--tls-cert", path, trouble.strerror or str(trouble)) from trouble
    try:
        if not wishes.chain:
            context.load_cert_chain(wishes.certificate, wishes.key)
            return
        with tempfile.TemporaryDirectory() as folder:
            joined = Path(folder, "pem")
            joined.write_bytes(Path(wishes.certificate).read_bytes() + b"\n" + Path(wishes.chain).read_bytes())
            context.load_cert_chain(joined, wishes.key)
    except (OSError, ssl.SSLError) as trouble:
        reason = getattr(trouble, "reason", None) or str(trouble)
        raise UnusableTls("--tls-cert", wishes.certificate, str(reason).replace("_", " ").lower()) from trouble
