"""PROXY headers octet by octet, as HAProxy's proxy-protocol.txt has them."""

import pytest

from smtplab.lab.bad_input import BadInput
from smtplab.lab.proxy import SIGNATURE, Proxied, proxy_header


def proxied(**parts: str) -> Proxied:
    known = {"family": "TCP4", "source": "192.0.2.1", "source_port": "4711", "dest": "192.0.2.2", "dest_port": "25"}
    return Proxied(**{**known, **parts})


@pytest.mark.parametrize(
    ("version", "said", "expected"),
    [
        (1, proxied(), b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 25\r\n"),
        (1, proxied(family="tcp6", source="::1", dest="::2"), b"PROXY TCP6 ::1 ::2 4711 25\r\n"),
        (
            2,
            proxied(family="AF_INET"),
            SIGNATURE + b"\x21\x11\x00\x0c" + bytes((192, 0, 2, 1, 192, 0, 2, 2)) + b"\x12\x67\x00\x19",
        ),
        (
            2,
            proxied(family="AF_INET6", source="::1", dest="::2", protocol="DGRAM"),
            SIGNATURE + b"\x21\x22\x00\x24" + bytes(15) + b"\x01" + bytes(15) + b"\x02" + b"\x12\x67\x00\x19",
        ),
        (2, proxied(family="AF_UNSPEC", protocol="UNSPEC"), SIGNATURE + b"\x21\x00\x00\x00"),
        (2, proxied(command="LOCAL", family=""), SIGNATURE + b"\x20\x00\x00\x00"),
        (
            2,
            proxied(family="AF_UNIX", source="/a", dest="/b"),
            SIGNATURE + b"\x21\x31\x00\xd8" + b"/a".ljust(108, b"\0") + b"/b".ljust(108, b"\0"),
        ),
    ],
)
def test_a_header_is_written(version, said, expected):
    assert proxy_header(version, said) == expected


def test_any_text_may_follow_the_beginning():
    assert proxy_header(1, raw="UNKNOWN x") == b"PROXY UNKNOWN x\r\n"
    assert proxy_header(2, raw="\x7f") == SIGNATURE + b"\x7f"


@pytest.mark.parametrize(
    ("version", "parts"),
    [
        (1, {"family": "AF_INET"}),
        (2, {"family": "TCP4"}),
        (1, {"source": "192.0.2.1 x"}),
        (1, {"dest": "a\r\nb"}),
        (2, {"family": "AF_INET", "source": "here"}),
        (2, {"family": "AF_INET", "dest_port": "x"}),
        (2, {"family": "AF_INET", "protocol": "TCP"}),
    ],
)
def test_what_a_header_can_not_hold_is_refused(version, parts):
    with pytest.raises(BadInput):
        proxy_header(version, proxied(**parts))
