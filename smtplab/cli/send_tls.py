"""What `smtplab send` lets a person say of TLS beside the policy: versions, ciphers, names, certificates."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Literal

import click

from smtplab.cli.words import Takes, any_word
from smtplab.lab.bad_input import BadInput, NotWritten
from smtplab.lab.request import TlsAsked
from smtplab.net.own_tls import TlsWishes
from smtplab.view.texts import Texts

STANDARD_OUTPUT = "-"

OPTIONAL: dict[str, Takes] = {"peer_cert": any_word, "peer_chain": any_word}


def tls_options(texts: Texts) -> list[click.Parameter]:
    """swaks' own, under its names."""

    def option(*names: str, dest: str, **how: Any) -> click.Option:
        return click.Option([*names, dest], help=texts(f"cli.help.{dest}"), **how)

    out = {"is_flag": False, "flag_value": STANDARD_OUTPUT, "metavar": "[FILE]"}
    return [
        option("--tls-optional-strict", "-tlsos", dest="tls_strict", is_flag=True),
        option("--tls-protocol", "-tlsp", dest="tls_versions", metavar="VERSION[,VERSION]"),
        option("--tls-cipher", dest="tls_ciphers", metavar="CIPHERS"),
        option("--tls-verify", dest="tls_verify", is_flag=True),
        option("--tls-verify-ca", dest="tls_verify_ca", is_flag=True),
        option("--tls-verify-host", dest="tls_verify_host", is_flag=True),
        option("--tls-verify-target", "--tls-target", dest="tls_verify_name", metavar="HOST"),
        option("--tls-cert", dest="tls_cert", metavar="FILE"),
        option("--tls-key", dest="tls_key", metavar="FILE"),
        option("--tls-chain", dest="tls_chain", metavar="FILE"),
        option("--tls-sni", dest="tls_sni", metavar="NAME"),
        option("--tls-get-peer-cert", dest="peer_cert", **out),
        option("--tls-get-peer-chain", dest="peer_chain", **out),
    ]


class PeerFiles:
    """Where the server's certificates are to be written."""

    def __init__(self, values: dict[str, Any]) -> None:
        """Takes their values out of a command's values."""
        self._cert = values.pop("peer_cert")
        self._chain = values.pop("peer_chain")

    @property
    def wanted(self) -> bool:
        return bool(self._cert or self._chain)

    def write(self, chain_der: tuple[bytes, ...]) -> None:
        """Those that the server presented, its own first. Raises BadInput."""
        if not self.wanted:
            return
        from smtplab.net.trust import pem_of  # noqa: PLC0415 (it reads certificates, which takes a while to import)

        pems = [pem_of(der) for der in chain_der]
        for target, content in ((self._cert, "".join(pems[:1])), (self._chain, "".join(pems))):
            if target == STANDARD_OUTPUT:
                sys.stdout.write(content)
            elif target and pems:
                _write(target, content)


def tls_from(values: dict[str, Any], *, keep_chain: bool) -> TlsAsked:
    """Takes the values of `tls_options` out of a command's values, and sets the policy that they imply.

    Raises BadInput where one needs another.
    """
    certificate, key = values.pop("tls_cert") or "", values.pop("tls_key") or ""
    if bool(certificate) != bool(key):
        named = ("--tls-cert", "--tls-key") if certificate else ("--tls-key", "--tls-cert")
        raise BadInput("cli.needs", option=named[0], other=named[1])
    versions = values.pop("tls_versions")
    wishes = TlsWishes(
        versions=tuple(one.strip() for one in versions.split(",")) if versions else (),
        ciphers=values.pop("tls_ciphers") or "",
        certificate=certificate,
        key=key,
        chain=values.pop("tls_chain") or "",
    )
    verify = _verify(values)
    strict = values.pop("tls_strict")
    if strict:
        values["tls_optional"] = True
    said = any(values[key] for key in ("tls", "tls_required", "tls_optional", "tls_implicit"))
    if verify and not said:
        # swaks verifies where there is TLS; where nothing was said, whoever wants a certificate verified wants TLS.
        values["tls"] = "require"
    return TlsAsked(
        wishes=wishes,
        server_name=values.pop("tls_sni") or "",
        verify=verify,
        verify_name=values.pop("tls_verify_name") or "",
        strict=strict,
        said=said,
        keep_chain=keep_chain,
    )


def _verify(values: dict[str, Any]) -> Literal["", "all", "issuer", "name"]:
    whole, issuer, name = (values.pop(key) for key in ("tls_verify", "tls_verify_ca", "tls_verify_host"))
    if whole or (issuer and name):
        return "all"
    return "issuer" if issuer else "name" if name else ""


def _write(path: str, content: str) -> None:
    try:
        Path(path).write_text(content, encoding="ascii")
    except (OSError, ValueError) as trouble:
        raise NotWritten(path, trouble) from trouble
