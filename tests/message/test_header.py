"""Headers: fields in order and unfolded, encoded words for people, and nothing that raises."""

from __future__ import annotations

import email.header

from hypothesis import given
from hypothesis import strategies as st

from smtplab.message.charset import decode_text
from smtplab.message.header import (
    HEADER_OCTETS_MAX,
    decode_words,
    encode_words,
    fields_of,
    find_all,
    find_first,
    header_octets,
    parse_fields,
    split_message,
)


def test_fields_keep_their_order_and_their_octets():
    header = b"Received: from a\r\n\tby b\r\nSubject:  hello\r\nreceived : from c\r\n"
    fields = parse_fields(header)
    assert [(field.name, field.value) for field in fields] == [
        ("Received", "from a\tby b"),
        ("Subject", "hello"),
        ("received", "from c"),
    ]
    assert b"".join(field.raw for field in fields) == header


def test_a_field_is_found_whatever_its_case():
    fields = fields_of(b"X-A: 1\r\nx-a: 2\r\n\r\nX-A: 3\r\n")
    assert find_all(fields, "x-A") == ("1", "2")
    assert find_first(fields, "subject") == ""


def test_a_line_that_is_no_field_is_kept():
    fields = fields_of(b"From somebody Mon Nov 23\r\nSubject: x\r\n\r\n")
    assert [(field.name, field.value) for field in fields] == [("", "From somebody Mon Nov 23"), ("Subject", "x")]


def test_the_header_ends_at_the_empty_line_whatever_its_line_ends():
    assert split_message(b"A: 1\r\n\r\nbody") == (b"A: 1\r\n", b"body")
    assert split_message(b"A: 1\n\nbody") == (b"A: 1\n", b"body")
    assert split_message(b"\r\nbody") == (b"", b"body")
    assert split_message(b"A: 1\r\n") == (b"A: 1\r\n", b"")


def test_an_empty_line_is_not_found_inside_a_line_end():
    assert split_message(b"A: 1\r\nB: 2\r\n\r\nx") == (b"A: 1\r\nB: 2\r\n", b"x")


@given(st.binary(max_size=400))
def test_any_bytes_have_fields_and_lose_none(content):
    header, body = split_message(content)
    assert len(header) + len(body) <= len(content)
    assert b"".join(field.raw for field in parse_fields(header)) == header


@given(st.text(max_size=200))
def test_no_text_makes_the_decoder_raise(text):
    decode_words(text)


@given(st.sampled_from(["utf-8", "unicode_escape", "idna", "rot13", "hex", "undefined", "x", "utf-16"]), st.binary())
def test_no_charset_makes_the_decoder_raise(charset, octets):
    decode_words(f"=?{charset}?Q?{''.join(f'={octet:02X}' for octet in octets)}?=")
    decode_words(f"=?{charset}?B?{octets.hex()}?=")


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1))
def test_what_is_encoded_is_read_back_by_us_and_by_python(text):
    written = encode_words(text)
    assert written.isascii()
    assert all(len(line) <= 76 for line in written.split("\r\n ")) or text.isascii()
    assert decode_words(written.replace("\r\n ", " ")) == text
    if not text.isascii():
        assert str(email.header.make_header(email.header.decode_header(written))) == text


def test_blanks_between_words_vanish_and_others_stay():
    assert decode_words("=?utf-8?Q?a?= =?utf-8?Q?b?= c =?utf-8?Q?d?=") == "ab c d"


def test_a_character_split_between_two_words_is_whole_again():
    assert decode_words("=?utf-8?B?4bs=?= =?utf-8?B?pw==?=") == "ủ"


def test_underscores_are_blanks_and_languages_are_dropped():
    assert decode_words("=?iso-8859-1*en?q?Keld_J=F8rn?=") == "Keld Jørn"


def test_a_word_of_an_unknown_charset_stays_as_it_is():
    assert decode_words("=?nothing?Q?a?=") == "=?nothing?Q?a?="


def test_a_lone_surrogate_that_utf_7_names_becomes_a_character_that_can_be_written():
    assert decode_words("=?utf-7?Q?a+2AA-b?=") == "a\ufffdb"
    assert decode_text(b"a+2AA-b", "utf-7") == "a\ufffdb"


def test_a_header_ends_at_the_empty_line_or_where_no_reader_goes_on():
    assert header_octets(b"Subject: a\r\n\r\nbody") == len(b"Subject: a")
    assert header_octets(b"Subject: a\r\n") == len(b"Subject: a\r\n")
    assert header_octets(b"x" * HEADER_OCTETS_MAX + b"\r\n\r\nSubject: a") == HEADER_OCTETS_MAX
