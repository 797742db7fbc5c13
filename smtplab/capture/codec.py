"""Records as JSON lines and back, key for key as the contract has them; it knows nothing of files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from smtplab import __version__
from smtplab.events import Event
from smtplab.journal import Record, Stage

FORMAT = "smtplab-capture"
VERSION = 1

_PLACES_MAX = 4096
"""Envelopes kept encoded. A journey stands in some dozen places (hop, node, span, stage); beyond, all are forgotten."""


class Header(msgspec.Struct, frozen=True):
    """The first line of a capture; keys that a later version adds are passed over."""

    format: str
    version: int
    generator: str = ""


class Damaged(msgspec.Struct, frozen=True):
    """A line that is no record: it costs only itself."""

    line: int
    """From 1, the header's included; 0 where the line stands in no file."""
    detail: str
    """The decoder's own words, with the path of the field."""


def encode_header() -> bytes:
    """One line, with its LF. It holds no date, so that equal journeys make equal files."""
    return msgspec.json.encode(Header(FORMAT, VERSION, f"smtplab {__version__}")) + b"\n"


class RecordEncoder:
    """Encodes records in a journal's order. The envelope is spliced in front of the event, which is encoded once."""

    def __init__(self) -> None:
        self._event_json = msgspec.json.Encoder()
        self._places: dict[tuple[int, str, str, str], bytes] = {}
        self._second = -1
        self._second_text = ""

    def encode(self, record: Record) -> bytes:
        """One line, with its LF."""
        second, microseconds = divmod(record.time_us, 1_000_000)
        if second != self._second:
            self._second = second
            self._second_text = (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S")
        stamp = (
            f'{{"seq":{record.seq},"time":"{self._second_text}.{microseconds:06d}Z",'
            f'"elapsed":{_seconds(record.elapsed_us)},'
        )
        place = (record.hop, record.node, record.span, record.stage)
        envelope = self._places.get(place) or self._remember(place)
        return b"%b%b%b\n" % (stamp.encode("ascii"), envelope, self._event_json.encode(record.event)[1:])

    def _remember(self, place: tuple[int, str, str, str]) -> bytes:
        if len(self._places) >= _PLACES_MAX:
            self._places.clear()
        encoded = msgspec.json.encode(_Place(*place))[1:-1] + b","
        self._places[place] = encoded
        return encoded


def decode_header(line: bytes) -> Header | None:
    """None where the line is no header of a capture; its version is for the caller to judge."""
    try:
        header = _HEADER_JSON.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return header if header.format == FORMAT else None


def decode_record(line: bytes, number: int = 0) -> Record | Damaged:
    """The record of one line, the same as was encoded."""
    try:
        envelope = _ENVELOPE_JSON.decode(line)
        event = _EVENT_JSON.decode(line)
        time_us = (datetime.fromisoformat(envelope.time) - _EPOCH) // _MICROSECOND
        elapsed_us = round(envelope.elapsed * 1_000_000)
    except (msgspec.DecodeError, ValueError, TypeError, OverflowError, RecursionError) as trouble:
        return Damaged(number, str(trouble))
    return Record(envelope.seq, time_us, elapsed_us, envelope.hop, envelope.node, envelope.span, envelope.stage, event)


class _Place(msgspec.Struct, frozen=True):
    hop: int
    node: str
    span: str
    stage: str


class _Envelope(msgspec.Struct, frozen=True, gc=False):
    seq: int
    time: str
    elapsed: float
    hop: int
    node: str
    span: str
    stage: Stage


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_HEADER_JSON = msgspec.json.Decoder(Header)
_ENVELOPE_JSON = msgspec.json.Decoder(_Envelope)
_EVENT_JSON: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def _seconds(microseconds: int) -> str:
    """Six decimals at most, and no exponent, which `repr` would give below a ten-thousandth."""
    if 0 < microseconds < 100:
        return f"{microseconds / 1_000_000:.6f}".rstrip("0")
    return repr(microseconds / 1_000_000)
