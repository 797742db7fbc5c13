"""The blocks of a pcapng file, read back by a small reader of our own."""

import struct
from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from smtplab.capture import pcapng


def blocks(file: bytes) -> list[tuple[int, bytes]]:
    """Kind and body of each; both lengths of a block must agree and be a multiple of four."""
    found = []
    while file:
        kind, length = struct.unpack("<II", file[:8])
        assert length % 4 == 0
        assert struct.unpack("<I", file[length - 4 : length]) == (length,)
        found.append((kind, file[8 : length - 4]))
        file = file[length:]
    return found


def test_a_section_begins_with_its_byte_order_and_version():
    ((kind, body),) = blocks(pcapng.section_header())
    assert kind == 0x0A0D0D0A
    assert struct.unpack("<IHH", body[:8]) == (0x1A2B3C4D, 1, 0)


def test_packets_begin_with_their_ip_header():
    assert blocks(pcapng.interface()) == [(1, struct.pack("<HHI", 101, 0, 0))]


def test_a_packets_time_is_split_into_two_halves_of_microseconds():
    ((kind, body),) = blocks(pcapng.packet(1_795_395_600_020_000, b"abcde"))
    _, high, low, captured, original = struct.unpack("<IIIII", body[:20])
    assert (kind, high << 32 | low, captured, original) == (6, 1_795_395_600_020_000, 5, 5)
    assert body[20:] == b"abcde\0\0\0"


def test_comments_are_options_of_a_packet_in_utf_8():
    ((_, body),) = blocks(pcapng.packet(0, b"abcd", ["Chào", ""]))
    assert body[24:] == struct.pack("<HH", 1, 5) + "Chào".encode() + b"\0\0\0" + struct.pack("<HHHH", 1, 0, 0, 0)


def test_a_comment_longer_than_an_option_is_cut_between_two_letters():
    ((_, body),) = blocks(pcapng.packet(0, b"", ["x" + "ế" * 40_000]))
    (length,) = struct.unpack("<H", body[22:24])
    assert body[24 : 24 + length].decode() == "x" + "ế" * ((0xFFFF - 1) // 3)


def test_names_stand_beside_their_addresses():
    known = {ip_address("10.0.0.1"): ["a.example", "b.example"], ip_address("2001:db8::1"): ["c.example"]}
    ((kind, body),) = blocks(pcapng.names(known))
    assert kind == 4
    assert body.startswith(struct.pack("<HH", 1, 24) + bytes([10, 0, 0, 1]) + b"a.example\0b.example\0")
    assert body.endswith(b"c.example\0\0\0" + bytes(4))


def test_secrets_are_marked_as_a_key_log():
    assert blocks(pcapng.tls_secrets(b"CLIENT_RANDOM")) == [
        (0x0A, struct.pack("<II", 0x544C534B, 13) + b"CLIENT_RANDOM\0\0\0")
    ]


@given(st.integers(-(2**70), 2**70), st.binary(max_size=20), st.lists(st.text(max_size=20), max_size=3))
def test_whatever_is_written_is_a_whole_block(time_us, data, comments):
    assert len(blocks(pcapng.packet(time_us, data, comments))) == 1
