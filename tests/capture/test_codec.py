"""Records to JSON lines and back: every event, key for key."""

import json
import types
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtplab import events as ev
from smtplab.capture.codec import Damaged, Header, RecordEncoder, decode_header, decode_record, encode_header
from smtplab.journal import Record, Stage

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
ENVELOPE = ["seq", "time", "elapsed", "hop", "node", "span", "stage", "event"]


def values(kind: object) -> st.SearchStrategy[object]:
    """What a field of this msgspec type may hold."""
    match kind:
        case msgspec.inspect.StrType():
            return TEXT
        case msgspec.inspect.IntType():
            return st.integers(-(2**53), 2**53)
        case msgspec.inspect.FloatType():
            return st.floats(allow_nan=False, allow_infinity=False)
        case msgspec.inspect.BoolType():
            return st.booleans()
        case msgspec.inspect.BytesType():
            return st.binary(max_size=40)
        case msgspec.inspect.NoneType():
            return st.none()
        case msgspec.inspect.LiteralType(values=allowed):
            return st.sampled_from(allowed)
        case msgspec.inspect.UnionType(types=members):
            return st.one_of(*(values(member) for member in members))
        case msgspec.inspect.VarTupleType(item_type=item):
            return st.lists(values(item), max_size=3).map(tuple)
        case msgspec.inspect.StructType(cls=struct, fields=fields):
            return st.builds(struct, **{field.name: values(field.type) for field in fields})
    raise TypeError(f"no values for {kind}")


def events() -> st.SearchStrategy[ev.Event]:
    return st.one_of(*(values(msgspec.inspect.type_info(kind)) for kind in get_args(ev.Event)))


def records() -> st.SearchStrategy[Record]:
    # Up to the year 9999, which is where ISO 8601 as we write it ends.
    return st.builds(
        Record,
        seq=st.integers(1, 2**53),
        time_us=st.integers(0, 253_402_300_799_999_999),
        elapsed_us=st.integers(0, 10 * 365 * 86_400 * 1_000_000),
        hop=st.integers(0, 100),
        node=TEXT,
        span=TEXT,
        stage=st.sampled_from(get_args(Stage)),
        event=events(),
    )


RECORD = Record(7, 1_795_395_600_020_000, 20_000, 1, "relay.hust.example", "deliver/1", "dns", ev.Queued("1"))


@settings(max_examples=600, deadline=None)
@given(st.lists(records(), max_size=3))
def test_every_record_comes_back_as_it_was(journey):
    encoder = RecordEncoder()
    assert [decode_record(encoder.encode(record)) for record in journey] == journey


@settings(max_examples=200, deadline=None)
@given(records())
def test_a_line_is_json_with_the_envelope_first_and_one_line(record):
    line = RecordEncoder().encode(record)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert list(json.loads(line))[:8] == ENVELOPE


@pytest.mark.parametrize("kind", get_args(ev.Event), ids=lambda kind: kind.__name__)
def test_no_event_has_a_key_of_the_envelope(kind):
    assert not {field.name for field in msgspec.structs.fields(kind)} & set(ENVELOPE)


def test_a_line_is_what_the_contract_shows():
    event = ev.DnsAnswered(
        "neu.example", "MX", "10.0.0.53", "NOERROR", ("10 mx1.neu.example.",), 3600, authentic=False, ms=1.2
    )
    record = Record(
        7, 1_795_395_600_020_000, 20_000, 1, "relay.hust.example", "deliver/1/mx1.neu.example", "dns", event
    )
    assert RecordEncoder().encode(record).decode() == (
        '{"seq":7,"time":"2026-11-23T01:00:00.020000Z","elapsed":0.02,"hop":1,"node":"relay.hust.example",'
        '"span":"deliver/1/mx1.neu.example","stage":"dns","event":"dns_answered","name":"neu.example","rrtype":"MX",'
        '"server":"10.0.0.53","rcode":"NOERROR","records":["10 mx1.neu.example."],"ttl":3600,'
        '"authentic":false,"ms":1.2}\n'
    )


@pytest.mark.parametrize(
    ("elapsed_us", "written"),
    [
        (0, "0.0"),
        (1, "0.000001"),
        (90, "0.00009"),
        (100, "0.0001"),
        (1_500_000, "1.5"),
        (432_000_000_001, "432000.000001"),
    ],
)
def test_elapsed_is_seconds_without_an_exponent(elapsed_us, written):
    line = RecordEncoder().encode(msgspec.structs.replace(RECORD, elapsed_us=elapsed_us))
    assert f'"elapsed":{written},' in line.decode()


def test_the_encoder_keeps_no_more_places_than_its_bound_and_stays_right():
    encoder = RecordEncoder()
    for number in range(5000):
        record = msgspec.structs.replace(RECORD, span=f"deliver/{number}")
        assert decode_record(encoder.encode(record)) == record


def test_a_header_is_read_back_and_may_hold_more_than_we_know():
    assert decode_header(encode_header()) == msgspec.json.decode(encode_header(), type=Header)
    assert encode_header().startswith(b'{"format":"smtplab-capture","version":1,')
    more = decode_header(b'{"format":"smtplab-capture","version":2,"overlay":[]}')
    assert more is not None
    assert more.version == 2
    assert decode_header(b'{"format":"something-else","version":1}') is None


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff\xfe\x00",
        b"[1,2]",
        b'{"seq":1}',
        b"{" * 100_000,
        b'{"a":' * 100_000,
        RecordEncoder().encode(RECORD)[:-9],
        RecordEncoder().encode(RECORD).replace(b'"queued"', b'"quacked"'),
        RecordEncoder().encode(RECORD).replace(b"2026-11-23", b"2026-13-23"),
        RecordEncoder().encode(RECORD).replace(b"0000Z", b"0000"),
        RecordEncoder().encode(RECORD).replace(b'"elapsed":0.02', b'"elapsed":1e308'),
        RecordEncoder().encode(RECORD).replace(b'"seq":7', b'"seq":"7"'),
    ],
    ids=range(12),
)
def test_a_damaged_line_is_a_value_with_its_number(line):
    found = decode_record(line, 42)
    assert isinstance(found, Damaged)
    assert found.line == 42
    assert found.detail


@given(st.binary(max_size=200))
def test_no_bytes_whatever_raise(line):
    assert isinstance(decode_record(line), Damaged | Record)
    assert isinstance(decode_header(line), Header | types.NoneType)
