"""Rows and the records behind them."""

import pytest

from smtplab.events import StateChanged
from smtplab.journal import Record
from smtplab.ui.rows import Place, Rows


def records(count: int) -> list[Record]:
    return [Record(n + 1, 0, 0, 0, "n", "s", "dns", StateChanged("a", "b")) for n in range(count)]


HEIGHTS = [1, 0, 3, 1]


def rows() -> Rows:
    made = Rows(lambda record: HEIGHTS[record.seq - 1])
    made.extend(records(4))
    return made


def test_every_row_knows_its_record_and_line():
    assert [rows().place(row) for row in range(5)] == [Place(0, 0), Place(2, 0), Place(2, 1), Place(2, 2), Place(3, 0)]


def test_a_record_without_a_line_has_no_row():
    assert rows().rows_of(1) == range(1, 1)


def test_rows_are_counted_up_to_any_record():
    assert [rows().count(at) for at in range(6)] == [0, 1, 1, 4, 5, 5]


def test_known_records_are_not_asked_again():
    asked: list[int] = []
    made = Rows(lambda record: asked.append(record.seq) or 1)
    all_records = records(4)
    made.extend(all_records[:2])
    made.extend(all_records)
    assert asked == [1, 2, 3, 4]


def test_a_row_that_is_not_there_is_an_error():
    with pytest.raises(IndexError):
        rows().place(5)
