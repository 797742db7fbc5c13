"""Captures as files."""

import pytest

from smtplab import events as ev
from smtplab.capture.codec import Damaged, RecordEncoder, encode_header
from smtplab.capture.file import CaptureError, CaptureWriter, read, save
from smtplab.journal import Record

RECORDS = tuple(
    Record(number, number * 1000, number, 0, "here", "deliver/1", "queue", ev.Queued(str(number)))
    for number in range(1, 4)
)
ENCODER = RecordEncoder()
LINES = [ENCODER.encode(record) for record in RECORDS]


def test_what_is_saved_is_read_back(tmp_path):
    save(tmp_path / "walk.jsonl", RECORDS)
    capture = read(tmp_path / "walk.jsonl")
    assert (capture.records, capture.damaged) == (RECORDS, ())
    assert capture.header is not None


def test_each_record_is_in_the_file_before_the_next_is_told(tmp_path):
    path = tmp_path / "walk.jsonl"
    with CaptureWriter(path) as writer:
        assert path.read_bytes() == encode_header()
        for number, record in enumerate(RECORDS, 1):
            writer.write(record)
            assert read(path).records == RECORDS[:number]


@pytest.mark.parametrize("damaged", [0, 1, 2, 3])
def test_a_damaged_line_costs_only_itself(tmp_path, damaged):
    lines = [encode_header(), *LINES]
    lines[damaged] = lines[damaged][:10] + b"\xff\n"
    (tmp_path / "walk.jsonl").write_bytes(b"".join(lines))
    capture = read(tmp_path / "walk.jsonl")
    assert [fault.line for fault in capture.damaged] == [damaged + 1]
    assert capture.records == tuple(record for record in RECORDS if record.seq != damaged)


def test_a_capture_cut_off_in_the_middle_of_a_line_keeps_what_stood_before(tmp_path):
    (tmp_path / "walk.jsonl").write_bytes((encode_header() + b"".join(LINES))[:-20])
    capture = read(tmp_path / "walk.jsonl")
    assert capture.records == RECORDS[:2]
    assert isinstance(capture.damaged[0], Damaged)


def test_bare_records_are_a_capture_too_and_blank_lines_are_nothing(tmp_path):
    (tmp_path / "walk.jsonl").write_bytes(b"\n".join(LINES))
    capture = read(tmp_path / "walk.jsonl")
    assert (capture.header, capture.records, capture.damaged) == (None, RECORDS, ())


@pytest.mark.parametrize("content", [b"", b"\n\n", b"From: a@b.c\n\nHello\n", bytes(range(256)) * 100, b'{"a":1}\n'])
def test_a_file_that_is_no_capture_says_so(tmp_path, content):
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(CaptureError) as caught:
        read(tmp_path / "other")
    assert caught.value.reason == "not-a-capture"


def test_a_version_of_the_future_is_one_clear_error(tmp_path):
    (tmp_path / "walk.jsonl").write_bytes(encode_header().replace(b'"version":1', b'"version":9') + LINES[0])
    with pytest.raises(CaptureError) as caught:
        read(tmp_path / "walk.jsonl")
    assert (caught.value.reason, caught.value.version) == ("unknown-version", 9)
