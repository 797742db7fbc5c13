"""xtext and the values of DSN's parameters, there and back, from anybody."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtplab.wire.xtext import (
    OriginalRecipient,
    decode_utf8_address,
    decode_xtext,
    encode_utf8_address,
    encode_xtext,
    format_orcpt,
    is_good_dsn_value,
    is_xtext,
    parse_notify,
    parse_orcpt,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT)
def test_xtext_gives_back_what_it_was_made_of(text):
    written = encode_xtext(text)
    assert is_xtext(written)
    assert decode_xtext(written) == text


@given(TEXT)
def test_an_address_in_utf8_form_is_ascii_and_gives_itself_back(text):
    written = encode_utf8_address(text)
    assert written.isascii()
    assert decode_utf8_address(written) == text


@given(st.text())
def test_no_value_of_a_parameter_raises(text):
    decode_xtext(text)
    decode_utf8_address(text)
    parse_notify(text)
    parse_orcpt(text)


def test_plus_and_equals_are_written_as_octets():
    assert encode_xtext("user+tag=x@hust.example") == "user+2Btag+3Dx@hust.example"
    assert format_orcpt("user+tag@hust.example") == "rfc822;user+2Btag@hust.example"


def test_an_original_recipient_in_vietnamese_comes_back_as_it_was():
    written = format_orcpt("thư@ví-dụ.example")
    assert written == "utf-8;th\\x{1B0}@v\\x{ED}-d\\x{1EE5}.example"
    assert parse_orcpt(written) == OriginalRecipient("utf-8", "thư@ví-dụ.example")
    assert parse_orcpt("utf-8;thư@ví-dụ.example") == OriginalRecipient("utf-8", "thư@ví-dụ.example")


def test_an_escape_beyond_unicode_stays_as_it_stands():
    assert decode_utf8_address("\\x{110000}\\x{D800}") == "\\x{110000}\\x{D800}"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("NEVER", ("NEVER",)),
        ("success,Failure", ("SUCCESS", "FAILURE")),
        ("NEVER,SUCCESS", None),
        ("SUCCESS,SUCCESS", None),
        ("", None),
        ("ALWAYS", None),
    ],
)
def test_notify_is_never_or_a_list_of_the_others(value, words):
    assert parse_notify(value) == words


@pytest.mark.parametrize(
    ("name", "value", "good"),
    [
        ("RET", "hdrs", True),
        ("RET", "BODY", False),
        ("RET", None, False),
        ("ENVID", "QQ314159", True),
        ("ENVID", "a=b", False),
        ("ENVID", "x" * 101, False),
        ("NOTIFY", "DELAY", True),
        ("ORCPT", "rfc822;b@hust.example", True),
        ("ORCPT", "b@hust.example", False),
        ("ORCPT", "rfc822;" + "x" * 500, False),
    ],
)
def test_values_are_held_to_the_standard(name, value, good):
    assert is_good_dsn_value(name, value) is good
