"""The inbox a page at a time, and the words of a message wherever they hide."""

from __future__ import annotations

import base64

from smtplab.lab.inbox_words import DECODED_OCTETS_MAX, PIECE, holds_all
from smtplab.view.folding import folded

HEAD = b"Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"


def test_a_word_is_found_across_the_end_of_what_is_looked_through_at_once():
    for place in range(PIECE - 6, PIECE + 2):
        assert holds_all(b"x" * place + "CHÀO".encode() + b"y" * 100, [folded("chào")])


def test_every_word_has_to_be_there_and_none_is_no_condition():
    assert holds_all(b"one two", ["one", "two"])
    assert not holds_all(b"one two", ["one", "three"])
    assert holds_all(b"", [])


def test_what_is_encoded_is_found_as_it_reads():
    content = HEAD + base64.encodebytes("Tiếng Việt\n".encode())
    assert holds_all(content, [folded("TIẾNG"), "subject"])
    assert not holds_all(content, [folded("tiếng anh")])


def test_a_very_large_message_is_looked_through_as_it_came_only():
    content = HEAD + base64.encodebytes(b"needle" + b"\n" * DECODED_OCTETS_MAX)
    assert not holds_all(content, ["needle"])
    assert holds_all(content, ["base64"])
