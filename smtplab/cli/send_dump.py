"""What `smtplab send --dump` prints: what came of the options, section by section, by the names of swaks' sections."""

from __future__ import annotations

import sys

import msgspec

from smtplab.cli.send_sections import ALL, SECTIONS
from smtplab.cli.send_ways import Dumping
from smtplab.lab.bad_input import BadInput
from smtplab.lab.request import SendRequest
from smtplab.lab.sending import Sending, prepare_sending


def dumped(request: SendRequest, sending: Sending, dumping: Dumping) -> tuple[SendRequest, Sending] | None:
    """Prints what is to be printed; what is to be sent then, or None where nothing is. Raises BadInput."""
    shared = request.shared
    if dumping.as_body is not None and shared.content is None and shared.body is None:
        text = shown(request, sending, sections_of(dumping.as_body, but="DATA"))
        request = msgspec.structs.replace(request, shared=msgspec.structs.replace(shared, body=text))
        sending = prepare_sending(request)
    if dumping.options is not None:
        sys.stdout.write(shown(request, sending, sections_of(dumping.options)))
    elif dumping.mail:
        sys.stdout.buffer.write(sending.envelope.content)
    else:
        return request, sending
    return None


def sections_of(written: str, but: str = "") -> tuple[str, ...]:
    """All that are named, but for one. Raises BadInput for a section that there is not."""
    names = tuple(one.strip().upper() for one in written.split(","))
    for name in names:
        if name not in (*SECTIONS, ALL):
            raise BadInput("cli.not-one-of", option="--dump", value=name, choices=", ".join((*SECTIONS, ALL)))
    return tuple(name for name in (SECTIONS if ALL in names else names) if name != but)


def shown(request: SendRequest, sending: Sending, sections: tuple[str, ...]) -> str:
    """`name = value` in each section; passwords are masked."""
    blocks = []
    for section in SECTIONS:
        if section not in sections:
            continue
        if section == "DATA":
            content = sending.envelope.content.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
            blocks.append(f"DATA\n{content}")
            continue
        rows = _ROWS[section](request, sending)
        width = max((len(name) for name, _ in rows), default=0)
        lines = [section, *(f"  {name.ljust(width)} = {_shown(value)}" for name, value in rows)]
        blocks.append("\n".join(line.rstrip() for line in lines) + "\n")
    return "\n".join(blocks)


def _transport(request: SendRequest, sending: Sending) -> list[tuple[str, object]]:
    job, door = sending.jobs[0], request.door
    return [
        ("server", job.routing.server),
        ("socket", door.socket),
        ("pipe", door.program),
        ("copy-routing", door.copy_routing),
        ("domains", [one.domain for one in sending.jobs] if job.routing.server is None and not door.name else []),
        ("port", job.options.port or None),
        ("local-interface", job.options.source),
        ("local-port", door.local_port or None),
        ("family", job.routing.family),
    ]


def _protocol(request: SendRequest, sending: Sending) -> list[tuple[str, object]]:
    options = sending.jobs[0].options
    return [
        ("protocol", options.dialect),
        ("helo", options.helo),
        ("from", sending.envelope.sender),
        ("to", [str(who) for job in sending.jobs for who in job.envelope.recipients]),
        ("quit-after", options.quit_after if not options.drop else None),
        ("drop-after", options.quit_after if options.drop else None),
        ("drop-after-send", request.cut),
        ("timeout", request.shared.timeout_s),
        ("pipeline", bool(options.pipeline)),
        ("chunking", options.chunking),
        ("prdr", options.prdr),
    ]


def _xclient(request: SendRequest, sending: Sending) -> list[tuple[str, object]]:
    del sending
    found = request.xclient
    if found is None:
        return [("xclient", False)]
    commands = [f"XCLIENT {argument}" for argument in found.arguments]
    return [("needed", found.needed), ("before-starttls", found.before_tls), ("commands", commands)]


def _proxy(request: SendRequest, sending: Sending) -> list[tuple[str, object]]:
    del sending
    preface = request.preface
    text = preface.decode().rstrip() if preface.isascii() and preface.endswith(b"\r\n") else preface.hex(" ")
    return [("proxy", text if preface else False)]


def _tls(request: SendRequest, sending: Sending) -> list[tuple[str, object]]:
    options, tls = sending.jobs[0].options, request.tls
    return [
        ("tls", options.tls),
        ("strict", options.tls_strict),
        ("verify", tls.verify or options.tls == "verify"),
        ("ca-path", request.shared.tls_roots),
        ("verify-target", tls.verify_name),
        ("sni", tls.server_name),
        ("protocols", list(tls.wishes.versions)),
        ("cipher", tls.wishes.ciphers),
        ("cert", tls.wishes.certificate),
        ("key", tls.wishes.key),
        ("chain", tls.wishes.chain),
    ]


def _auth(request: SendRequest, sending: Sending) -> list[tuple[str, object]]:
    known = sending.jobs[0].options.credentials
    if known is None:
        return [("auth", False)]
    password = request.shared.auth_password if request.shared.show_secrets else "***"
    mechanisms = list(known.mechanisms)
    return [("needed", known.needed), ("mechanisms", mechanisms), ("user", known.user), ("password", password)]


_ROWS = {
    "TRANSPORT": _transport,
    "PROTOCOL": _protocol,
    "XCLIENT": _xclient,
    "PROXY": _proxy,
    "TLS": _tls,
    "AUTH": _auth,
}


def _shown(value: object) -> str:
    if value is None or value in ("", []):
        return ""
    return value if isinstance(value, str) else ", ".join(value) if isinstance(value, list) else _json(value)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
