"""Journeys as packets: what the export writes is read back as IP, TCP and DNS, without any program's help."""

import importlib.util
import struct
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import dns.message
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtplab import events as ev
from smtplab.capture.packets import ACK, FIN, RST, SYN
from smtplab.capture.pcap import export
from smtplab.capture.spoken import content_stand_in, spoken
from smtplab.journal import Journal, Record
from smtplab.sim.library import load_world
from smtplab.sim.run import Journey, run


def neighbour(name: str):
    """A test module beside this one; tests are no package."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


blocks = neighbour("test_pcapng").blocks
any_event = neighbour("test_codec").events


class Seen(NamedTuple):
    time_us: int
    source: str
    target: str
    protocol: int
    payload: bytes
    comments: list[str]

    @property
    def ports(self) -> tuple[int, int]:
        return struct.unpack("!HH", self.payload[:4])

    @property
    def flags(self) -> int:
        return self.payload[13]

    @property
    def sequence(self) -> int:
        return struct.unpack("!I", self.payload[4:8])[0]

    @property
    def acknowledged(self) -> int:
        return struct.unpack("!I", self.payload[8:12])[0]

    @property
    def data(self) -> bytes:
        return self.payload[(self.payload[12] >> 4) * 4 :] if self.protocol == 6 else self.payload[8:]


def packets(file: bytes) -> list[Seen]:
    """Only of IPv4."""
    found = []
    for kind, body in blocks(file):
        if kind != 6:
            continue
        _, high, low, length, _ = struct.unpack("<IIIII", body[:20])
        data, rest = body[20 : 20 + length], body[20 + length + -length % 4 :]
        comments = []
        while rest[:2] == b"\1\0":
            (size,) = struct.unpack("<H", rest[2:4])
            comments.append(rest[4 : 4 + size].decode())
            rest = rest[4 + size + -size % 4 :]
        assert folded(data[:20]) == 0xFFFF
        assert folded(data[12:20] + struct.pack("!BBH", 0, data[9], length - 20) + data[20:]) == 0xFFFF
        source, target = (".".join(map(str, data[start : start + 4])) for start in (12, 16))
        found.append(Seen(high << 32 | low, source, target, data[9], data[20:], comments))
    return found


def folded(data: bytes) -> int:
    """RFC 1071: all ones where the checksum within is right."""
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def silent(record: Record) -> str:
    return ""


class Story:
    """Records of one node, a millisecond apart."""

    def __init__(self, *events: ev.Event, node="client.test", span="deliver/1/mx.test") -> None:
        self._now = 1_795_395_600.0
        self.journal = Journal(self._tick)
        self.tell(*events, node=node, span=span)

    def _tick(self) -> float:
        self._now += 0.001
        return self._now

    def tell(self, *events: ev.Event, node: str, span: str, hop: int = 0) -> None:
        scope = self.journal.scope(node=node, hop=hop, span=span)
        for event in events:
            scope(event)

    def packets(self, explain=silent) -> list[Seen]:
        return packets(export(self.journal.records, explain))


CALL = (ev.ConnectStarted("mx.test", "10.0.0.25", 2525), ev.Connected("mx.test", "10.0.0.25", 2525, 1.0))
GREETING = ev.ReplyReceived(220, None, ("mx.test ready",), 1.0)
HELLO = ev.CommandSent("EHLO", "EHLO client.test")
OFFER = ev.ReplyReceived(250, None, ("mx.test", "STARTTLS"), 1.0, "EHLO")
LEAVE = ev.Disconnected("us", clean=True)


def dialogue(seen: list[Seen]) -> list[tuple[bool, bytes]]:
    """Whether the client said it, and what."""
    return [(packet.ports[0] > 1024, packet.data) for packet in seen if packet.protocol == 6 and packet.data]


def test_a_connection_is_a_handshake_lines_and_two_fins():
    seen = Story(*CALL, GREETING, HELLO, OFFER, LEAVE).packets()
    assert [packet.flags & (SYN | ACK | FIN) for packet in seen if not packet.data] == [
        SYN,
        SYN | ACK,
        ACK,
        FIN | ACK,
        FIN | ACK,
        ACK,
    ]
    assert dialogue(seen) == [
        (False, b"220 mx.test ready\r\n"),
        (True, b"EHLO client.test\r\n"),
        (False, b"250-mx.test\r\n250 STARTTLS\r\n"),
    ]


def test_every_octet_has_its_number_and_is_acknowledged():
    long = ev.MessageSent(400_000, "DATA")
    seen = Story(*CALL, GREETING, long, LEAVE).packets()
    expected: dict[tuple[int, int], int] = {}
    for packet in seen:
        assert packet.sequence == expected.get(packet.ports, packet.sequence)
        expected[packet.ports] = packet.sequence + len(packet.data) + bool(packet.flags & (SYN | FIN))
        if packet.flags & ACK:
            assert packet.acknowledged == expected[packet.ports[::-1]]
            assert expected[packet.ports] - packet.sequence <= 65535
    assert len(seen[-1].data) == 0


def test_the_times_are_the_records():
    story = Story(*CALL, GREETING)
    assert [packet.time_us for packet in story.packets() if packet.flags != ACK] == [
        record.time_us for record in story.journal.records
    ]


def test_a_clock_that_is_set_back_does_not_turn_a_connection_round():
    records = [
        Record(number, 10**9 - number, number, 0, "c", "s", "connect", event)
        for number, event in enumerate((*CALL, GREETING, HELLO, LEAVE))
    ]
    times = [packet.time_us for packet in packets(export(records, silent))]
    assert times == sorted(times)
    assert packets(export(records, silent))[0].flags == SYN


@pytest.mark.parametrize(
    ("reason", "flags"), [("refused", [SYN, RST | ACK]), ("timed-out", [SYN]), ("source-unavailable", [])]
)
def test_a_call_that_fails_leaves_the_packets_that_it_left(reason, flags):
    failed = ev.ConnectFailed("mx.test", "10.0.0.25", 25, 1.0, reason)
    assert [packet.flags for packet in Story(CALL[0], failed).packets()] == flags


@pytest.mark.parametrize(
    ("end", "by_client", "flags"),
    [
        (ev.Disconnected("us", clean=True), True, FIN | ACK),
        (ev.Disconnected("them", clean=False, reason="closed"), False, FIN | ACK),
        (ev.Disconnected("network", clean=False, reason="reset"), False, RST | ACK),
    ],
)
def test_who_ended_it_sends_the_fin_or_the_reset(end, by_client, flags):
    seen = Story(*CALL, GREETING, end).packets()
    first = next(packet for packet in seen if packet.flags & (FIN | RST))
    assert (first.ports[0] > 1024, first.flags) == (by_client, flags)


@pytest.mark.parametrize(("port", "shown"), [(25, 25), (2525, 25), (587, 587), (2587, 587), (40123, 25)])
def test_a_labs_port_becomes_the_one_that_it_stands_for_and_is_told(port, shown):
    start = ev.ConnectStarted("mx.test", "10.0.0.25", port)
    first = Story(start, CALL[1]).packets()[0]
    assert first.ports[1] == shown
    assert first.comments == ([] if port == shown else [f"tcp.port == {port}"])


def test_tls_from_the_first_byte_is_told_on_port_465():
    seen = Story(*CALL, ev.TlsStarted("mx.test"), ev.TlsEstablished("TLSv1.3", "x", None, None), GREETING).packets()
    assert seen[0].ports[1] == 465
    assert dialogue(seen)[0][1].startswith(b"\x16\x03")


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3", "unheard of"])
def test_behind_tls_nothing_is_in_clear_and_the_secrets_come_before_the_packets(version):
    tls = (ev.TlsStarted("mx.test"), ev.TlsEstablished(version, "x", None, None))
    story = Story(*CALL, GREETING, *tls, ev.CommandSent("MAIL", "MAIL FROM:<lan@client.test>"), LEAVE)
    file = export(story.journal.records, silent)
    kinds = [kind for kind, _ in blocks(file)]
    assert kinds.index(0x0A) < kinds.index(6)
    assert b"CLIENT" in dict(blocks(file))[0x0A]
    assert b"lan@client.test" not in file


def test_what_stands_in_for_a_content_has_its_length_and_its_end():
    for octets in range(600):
        said = content_stand_in(octets)
        assert (len(said), said[-3:]) == (octets + 3, b".\r\n")
        assert all(len(line) <= 78 for line in said.split(b"\r\n"))
        assert octets < 2 or said[:-3].endswith(b"\r\n")
    assert len(content_stand_in(10**15)) < 10**6
    assert spoken(ev.CommandSent("BDAT", "BDAT 86 LAST")).startswith(b"BDAT 86 LAST\r\nComments: ")
    assert len(spoken(ev.CommandSent("BDAT", "BDAT 86 LAST"))) == 14 + 86


def test_bytes_that_were_recorded_are_taken_as_they_are_and_the_lines_explain_them():
    events = (*CALL, ev.BytesReceived(b"220 mx\r\n"), GREETING, HELLO, ev.BytesSent(b"EHLO client.test\n"), LEAVE)
    seen = Story(*events).packets(lambda record: type(record.event).__name__)
    assert dialogue(seen) == [(False, b"220 mx\r\n"), (True, b"EHLO client.test\n")]
    assert [packet.comments for packet in seen if packet.data] == [
        ["ReplyReceived"],
        ["CommandSent"],
    ]


def test_each_record_is_explained_once_in_their_order():
    story, asked = Story(*CALL, GREETING, HELLO, LEAVE), []
    story.packets(lambda record: asked.append(record.seq) or "")
    assert asked == [1, 2, 3, 4, 5]


def test_a_dialogue_that_both_ends_tell_is_written_once():
    story = Story(*CALL)
    story.tell(ev.ReplySent(220, None, ("mx.test ready",), 1.0), node="mx.test", span="receive/1/10.0.0.9")
    story.tell(GREETING, LEAVE, node="client.test", span="deliver/1/mx.test")
    story.tell(ev.Disconnected("them", clean=True), node="mx.test", span="receive/1/10.0.0.9")
    seen = story.packets()
    assert dialogue(seen) == [(False, b"220 mx.test ready\r\n")]
    assert {packet.source for packet in seen} == {"10.0.0.9", "10.0.0.25"}


def test_two_nodes_that_call_in_one_hop_are_both_heard():
    story = Story(*CALL, GREETING, LEAVE)
    story.tell(*CALL, GREETING, LEAVE, node="other.test", span="bounce/1/mx.test")
    assert dialogue(story.packets()) == [(False, b"220 mx.test ready\r\n")] * 2


def test_a_fact_outside_of_any_connection_makes_none():
    broken = ev.RuleBroken("mx-is-cname", "them", "mx.test", "RFC 2181 10.3")
    seen = Story(broken, *CALL, GREETING, LEAVE, broken).packets()
    assert [packet.flags for packet in seen].count(SYN) == 1
    assert Story(broken).packets() == []


def test_a_second_call_knows_nothing_of_the_first_ones_tls():
    tls = (ev.TlsStarted("mx.test"), ev.TlsEstablished("TLSv1.3", "x", None, None))
    seen = Story(*CALL, GREETING, *tls, LEAVE, *CALL, GREETING, *tls, HELLO, LEAVE).packets()
    in_clear = [packet.data for packet in seen if packet.protocol == 6 and packet.data.startswith(b"220")]
    assert in_clear == [b"220 mx.test ready\r\n"] * 2
    assert [packet.flags for packet in seen].count(SYN) == 2


def test_a_servers_own_view_alone_is_a_dialogue_too():
    said = (ev.ReplySent(220, None, ("ready",), 1.0), ev.CommandReceived("QUIT", "QUIT"))
    seen = Story(*said, node="mx.test", span="receive/1/10.0.0.9").packets()
    assert dialogue(seen) == [(False, b"220 ready\r\n"), (True, b"QUIT\r\n")]
    assert seen[0].source == "10.0.0.9"


def test_a_question_and_its_answer_are_dns_packets():
    answered = ev.DnsAnswered(
        "www.test", "A", "10.0.0.53:5353", "NOERROR", ("CNAME host.test.", "10.0.0.1"), 300, authentic=True, ms=1.0
    )
    seen = Story(ev.DnsQueried("www.test", "A", "10.0.0.53:5353"), answered).packets()
    assert [packet.ports[number] for number, packet in ((1, seen[0]), (0, seen[1]))] == [53, 53]
    query, response = (dns.message.from_wire(packet.data) for packet in seen)
    assert (query.id, str(query.question[0])) == (response.id, "www.test. IN A")
    assert [str(rrset) for rrset in response.answer] == [
        "www.test. 300 IN CNAME host.test.",
        "host.test. 300 IN A 10.0.0.1",
    ]


def test_what_no_server_was_asked_is_on_no_wire():
    pinned = ev.DnsAnswered("mx.test", "A", "pinned", "NOERROR", ("10.0.0.1",), None, authentic=False, ms=0.0)
    cached = ev.DnsAnswered("b.test", "A", "10.0.0.53", "NOERROR", (), None, authentic=False, ms=0.0, cached=True)
    assert Story(ev.DnsQueried("mx.test", "A", "pinned"), pinned, cached).packets() == []


def test_a_worlds_hosts_are_named_beside_their_own_addresses():
    records: list[Record] = []
    run(load_world("campus"), Journey("student@hust.example"), records.append)
    file = export(records, silent)
    known = next(body for kind, body in blocks(file) if kind == 4)
    assert bytes([10, 1, 0, 26]) + b"mx1.hust.example\0" in known
    assert bytes([10, 2, 0, 101]) + b"laptop.neu.example\0" in known
    assert all(one.time_us <= other.time_us for one, other in pairwise(packets(file)))


@st.composite
def journals(draw) -> list[Record]:
    """Records of few places, so that they meet in one connection."""
    seeds = draw(st.lists(st.tuples(any_event(), st.sampled_from([0, 1]), st.sampled_from(_PLACES)), max_size=12))
    return [
        Record(number, draw(st.integers(0, 2**62)), number, hop, node, span, "connect", event)
        for number, (event, hop, (node, span)) in enumerate(seeds)
    ]


_PLACES = [("a.test", "deliver/1/mx.test"), ("mx.test", "receive/1/10.0.0.9"), ("", "receive/1/2001:db8::9")]


@settings(max_examples=150, deadline=None)
@given(journals())
def test_any_journal_is_exported_without_raising(records):
    assert blocks(export(records, silent))


_WORDS = [
    *CALL,
    ev.ConnectFailed("mx.test", "::1", 25, 1.0, "refused"),
    GREETING,
    HELLO,
    OFFER,
    LEAVE,
    ev.ReplySent(250, None, (), 0.0),
    ev.CommandReceived("BDAT", "BDAT 999999999999999999 LAST"),
    ev.MessageSent(-5, "DATA"),
    ev.MessageReceived(70_000, "DATA"),
    ev.BytesSent(b""),
    ev.BytesReceived(b"250 ok\r\n"),
    ev.TlsStarted("."),
    ev.TlsEstablished("TLSv1.2", "", None, None),
    ev.TlsFailed("closed"),
    ev.Disconnected("network", clean=False, reason="reset"),
    ev.DnsQueried("a..b", "MX", "127.0.0.1"),
    ev.DnsQueried("a.test", "MX", "[::1]:5353"),
    ev.DnsAnswered("a.test", "MX", "[::1]:5353", "WRONG", ("10 mx.test.",), 2**40, authentic=False, ms=0.0),
    ev.DnsAnswered("a.test", "MX", "[::1]:5353", "NOERROR", ("CNAME ..", "x" * 70_000), 1, authentic=False, ms=0.0),
]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(_WORDS), st.sampled_from(_PLACES)), max_size=25))
def test_any_order_of_plausible_facts_is_exported_without_raising(told):
    story = Story()
    for event, (node, span) in told:
        story.tell(event, node=node, span=span)
    assert blocks(export(story.journal.records, silent))
