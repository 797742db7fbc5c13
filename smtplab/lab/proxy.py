"""The PROXY protocol's header, as a load balancer says it before the dialogue (HAProxy's proxy-protocol.txt)."""

from __future__ import annotations

import ipaddress
import struct

import msgspec

from smtplab.lab.bad_input import BadInput

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
"""Of version 2 (2.2)."""

_VERSION_1 = ("TCP4", "TCP6", "UNKNOWN")
_FAMILIES = {"AF_UNSPEC": 0x00, "AF_INET": 0x10, "AF_INET6": 0x20, "AF_UNIX": 0x30}
_PROTOCOLS = {"UNSPEC": 0, "STREAM": 1, "DGRAM": 2}
_COMMANDS = {"LOCAL": 0x20, "PROXY": 0x21}
_UNIX_OCTETS = 108
"""Of each path, filled up with NUL (2.2)."""


class Proxied(msgspec.Struct, frozen=True, kw_only=True):
    """Texts as a person gave them; empty for what was not said."""

    family: str
    source: str
    source_port: str
    dest: str
    dest_port: str
    protocol: str = ""
    command: str = ""


def proxy_header(version: int, said: Proxied | None = None, *, raw: str | None = None) -> bytes:
    """`raw` stands as it is behind what begins every header. Raises BadInput for what a header can't hold."""
    if raw is not None:
        octets = raw.encode("utf-8", "surrogateescape")
        return SIGNATURE + octets if version == 2 else b"PROXY " + octets + b"\r\n"
    assert said is not None
    return _version_2(said) if version == 2 else _version_1(said)


def _version_1(said: Proxied) -> bytes:
    family = _known(said.family.upper(), _VERSION_1, "--proxy-family")
    # Whether the rest fits the family is the server's to judge, as in swaks; only the line has to stay a line.
    words = (family, said.source, said.dest, said.source_port, said.dest_port)
    for word, option in zip(words[1:], ("source", "dest", "source-port", "dest-port"), strict=True):
        if not word.isascii() or not word.isprintable() or " " in word:
            raise BadInput("cli.not-one-line", option=f"--proxy-{option}")
    return f"PROXY {' '.join(words)}\r\n".encode()


def _version_2(said: Proxied) -> bytes:
    command = _COMMANDS[_known((said.command or "PROXY").upper(), tuple(_COMMANDS), "--proxy-command")]
    if command == _COMMANDS["LOCAL"]:
        return SIGNATURE + bytes((command, 0, 0, 0))
    family = _known(said.family.upper(), tuple(_FAMILIES), "--proxy-family")
    protocol = _known((said.protocol or "STREAM").upper(), tuple(_PROTOCOLS), "--proxy-protocol")
    if family == "AF_UNIX":
        block = b"".join(path.encode()[:_UNIX_OCTETS].ljust(_UNIX_OCTETS, b"\0") for path in (said.source, said.dest))
    elif family == "AF_UNSPEC":
        block = b""
    else:
        block = _packed(said.source, "--proxy-source") + _packed(said.dest, "--proxy-dest")
        block += struct.pack("!HH", *(_port(port) for port in (said.source_port, said.dest_port)))
    return (
        SIGNATURE + bytes((command, _FAMILIES[family] | _PROTOCOLS[protocol])) + struct.pack("!H", len(block)) + block
    )


def _known(value: str, choices: tuple[str, ...], option: str) -> str:
    if value not in choices:
        raise BadInput("cli.not-one-of", option=option, value=value, choices=", ".join(choices))
    return value


def _packed(address: str, option: str) -> bytes:
    try:
        return ipaddress.ip_address(address).packed
    except ValueError as trouble:
        raise BadInput("cli.not-an-ip", option=option, value=address) from trouble


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:6]) < 65536):
        raise BadInput("cli.not-a-port", option="--proxy-source-port, --proxy-dest-port", value=text)
    return int(text)
