from email import message_from_bytes
from email.header import decode_header, make_header

import msgspec
import pytest

from smtplab.sim.letter import compose, write
from smtplab.sim.library import load_world
from smtplab.sim.world import travellers

CAMPUS = load_world("campus")
LAN = next(user for user in CAMPUS.users if user.address == "student@hust.example")


def test_a_letter_is_a_whole_message_dated_by_the_clock_of_the_world():
    letter = message_from_bytes(compose(CAMPUS, 1, LAN, "student@neu.example"))
    assert letter["Date"] == "Mon, 23 Nov 2026 01:00:00 +0000"
    assert str(make_header(decode_header(letter["From"]))) == "Nguyễn Thị Lan <student@hust.example>"
    assert letter["To"] == "<student@neu.example>"
    assert letter.defects == []
    body = letter.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert "Chào bạn" in body.decode()


def test_a_message_of_a_journey_is_dated_when_it_is_written():
    trip = msgspec.structs.replace(CAMPUS.journeys[0], at_s=2 * 86400.0 + 60)
    letter = message_from_bytes(write(CAMPUS, 1, trip, travellers(CAMPUS, trip), 0))
    assert letter["Date"] == "Wed, 25 Nov 2026 01:01:00 +0000"


def test_every_line_of_a_letter_ends_in_cr_lf():
    letter = compose(CAMPUS, 1, LAN, "student@neu.example")
    assert letter.count(b"\n") == letter.count(b"\r\n") == letter.count(b"\r")
    assert letter.endswith(b"\r\n")
    assert not letter.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("other", [(2, "student@neu.example"), (1, "lecturer@neu.example")])
def test_the_message_id_is_drawn_from_the_seed_and_the_people(other: tuple[int, str]):
    own = message_from_bytes(compose(CAMPUS, 1, LAN, "student@neu.example"))["Message-ID"]
    again = message_from_bytes(compose(CAMPUS, 1, LAN, "student@neu.example"))["Message-ID"]
    assert own == again
    assert own != message_from_bytes(compose(CAMPUS, other[0], LAN, other[1]))["Message-ID"]
