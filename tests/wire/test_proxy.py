from __future__ import annotations

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtplab.wire.flaw import Flaw
from smtplab.wire.proxy import V1_OCTETS_MAX, V2_OCTETS_MAX, Proxied, parse_proxy
from smtplab.wire.xclient import XCLIENT_NAMES, format_attributes, parse_attributes

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
FIRST = b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 25\r\n"


def second(source: str, target: str, ports: tuple[int, int], *, command: int = 0x21, more: bytes = b"") -> bytes:
    addresses = [ipaddress.ip_address(one) for one in (source, target)]
    body = b"".join(one.packed for one in addresses) + struct.pack("!HH", *ports) + more
    family = 0x11 if addresses[0].version == 4 else 0x21
    return SIGNATURE + struct.pack("!BBH", command, family, len(body)) + body


@pytest.mark.parametrize(
    ("header", "proxied"),
    [
        (FIRST, Proxied(("192.0.2.1", 56324), ("192.0.2.2", 25))),
        (b"PROXY TCP6 2001:DB8::1 ::1 1 65535\r\n", Proxied(("2001:db8::1", 1), ("::1", 65535))),
        (b"PROXY UNKNOWN\r\n", Proxied(None)),
        (b"PROXY UNKNOWN ffff:f...f:ffff whatever 0 0\r\n", Proxied(None)),
        (second("192.0.2.1", "192.0.2.2", (1, 25)), Proxied(("192.0.2.1", 1), ("192.0.2.2", 25))),
        (second("2001:db8::1", "::1", (1, 2), more=b"\x20\0\5abcde"), Proxied(("2001:db8::1", 1), ("::1", 2))),
        (second("192.0.2.1", "192.0.2.2", (1, 25), command=0x20), Proxied(None)),
        (SIGNATURE + b"\x21\x00\0\0", Proxied(None)),
        (SIGNATURE + b"\x21\x31\0\x02xx", Proxied(None)),
    ],
)
def test_a_header_is_read_whole_whatever_follows_it(header: bytes, proxied: Proxied) -> None:
    assert parse_proxy(header + b"EHLO x\r\n") == (proxied, len(header))
    assert [parse_proxy(header[:end]) for end in range(len(header))] == [None] * len(header)


@pytest.mark.parametrize(
    "header",
    [
        b"EHLO x.example\r\n",
        b"\x16\x03\x01\x02\x00",
        b"proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
        b"PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 ::1 ::1 1 2\r\n",
        b"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n",
        b"PROXY \r\n",
        b"PROXY UNKNOWN" + b"x" * V1_OCTETS_MAX,
        SIGNATURE + b"\x11\x11\0\x0c" + bytes(12),
        SIGNATURE + b"\x22\x11\0\x0c" + bytes(12),
        SIGNATURE + b"\x21\x11\0\x0b" + bytes(11),
        SIGNATURE + b"\x21\x21\0\x0c" + bytes(12),
        SIGNATURE + b"\x21\x11\xff\xff",
    ],
)
def test_what_is_no_header_is_a_flaw(header: bytes) -> None:
    assert isinstance(parse_proxy(header), Flaw)


@given(st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21"]), st.binary(max_size=300))
def test_whatever_comes_is_read_within_its_bounds(start: bytes, rest: bytes) -> None:
    found = parse_proxy(start + rest)
    if isinstance(found, tuple):
        assert found[1] <= len(start + rest)
    elif found is None:
        assert len(start + rest) < V2_OCTETS_MAX


@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        ("ADDR=192.0.2.1 name=x.example", {"ADDR": "192.0.2.1", "NAME": "x.example"}),
        ("ADDR=IPV6:2001:DB8::1", {"ADDR": "2001:db8::1"}),
        ("NAME=[UNAVAILABLE] HELO=[tempunavail]", {"NAME": None, "HELO": None}),
        ("LOGIN=a+2Bb@c.example", {"LOGIN": "a+b@c.example"}),
        ("PROTO=esmtp PORT=25", {"PROTO": "ESMTP", "PORT": "25"}),
        ("", None),
        ("ADDR", None),
        ("NAME= ADDR=192.0.2.1", {"NAME": None, "ADDR": "192.0.2.1"}),
        ("ADDR=x.example", None),
        ("ADDR=fe80::1%1", None),
        ("ADDR=192.0.2.1 ADDR=192.0.2.1", None),
        ("FROB=1", None),
        ("PORT=65536", None),
        ("PORT=x", None),
        ("PROTO=lmtp", None),
        ("NAME=a+0D+0Ab", None),
        ("NAME=" + "x" * 256, None),
    ],
)
def test_attributes_are_read_or_refused_as_a_whole(text: str, attributes: dict[str, str | None] | None) -> None:
    assert parse_attributes(text, XCLIENT_NAMES) == attributes
    if attributes is not None:
        assert parse_attributes(format_attributes(attributes), XCLIENT_NAMES) == attributes
