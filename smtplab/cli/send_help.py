"""The help of `smtplab send`, its many options under headings; what they do it does not know."""

from __future__ import annotations

from collections.abc import Iterable

import click

from smtplab.cli.wording import help_row
from smtplab.view.texts import Texts

SECTIONS: dict[str, tuple[str, ...]] = {
    "whom": ("to", "sender", "cc", "bcc", "force_getpwuid"),
    "message": (
        "data", "subject", "body", "headers", "add_headers", "html", "inline", "attachments", "attach_type",
        "attach_name", "attach_body", "line_endings", "mend", "no_fix_up", "no_strip_from",
    ),
    "where": (
        "server", "port", "protocol", "helo", "source", "local_port", "family", "socket", "pipe", "copy_routing", "dns",
        "resolve", "timeout_s", "sim", "seed",
    ),
    "tls": (
        "tls", "tls_implicit", "tls_strict", "tls_versions", "tls_ciphers", "tls_verify", "tls_verify_ca",
        "tls_verify_host", "tls_verify_name", "tls_roots", "tls_cert", "tls_key", "tls_chain", "tls_sni", "peer_cert",
        "peer_chain",
    ),
    "auth": ("auth", "auth_optional", "auth_strict", "auth_user", "auth_password", "auth_map", "show_secrets"),
    "asked": (
        "notify", "ret", "envid", "orcpt", "require_tls", "deliver_by", "hold_for", "hold_until", "priority", "prdr",
        "pipeline", "chunking", "chunk_octets", "binary", "mail_parameters", "rcpt_parameters",
    ),
    "stages": ("quit_after", "drop_after", "drop_after_send"),
    "many": ("count", "merge", "messages", "concurrency", "rate", "queue", "resume"),
    "proxied": (),
    "output": (),
}  # fmt: skip
"""Headings and what stands under each; PROXY and XCLIENT by their names, and the rest in the last."""

_PROXIED = ("proxy", "xclient")


def write_sections(
    options: Iterable[click.Option], ctx: click.Context, formatter: click.HelpFormatter, texts: Texts
) -> None:
    """Each option once."""
    placed = {name: section for section, names in SECTIONS.items() for name in names}
    rows: dict[str, list[tuple[str, str]]] = {section: [] for section in SECTIONS}
    order = {name: number for names in SECTIONS.values() for number, name in enumerate(names)}
    for option in sorted(options, key=lambda one: order.get(one.name or "", len(order))):
        record = help_row(option, ctx, texts)
        if record is None:
            continue
        name = option.name or ""
        rows[placed.get(name, "proxied" if name.startswith(_PROXIED) else "output")].append(record)
    for section, records in rows.items():
        if records:
            with formatter.section(texts(f"send.section.{section}")):
                formatter.write_dl(records)
