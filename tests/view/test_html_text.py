"""HTML made readable: words, lists, quotes, links below; nothing hidden, nothing that runs or hangs."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtplab.view.html_text import html_text
from smtplab.view.letter import read_letter


def texts(source: str) -> list[str]:
    return [line.text for line in html_text(source)]


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("<p>One<p>Two", ["One", "", "Two"]),
        ("a<br>b", ["a", "b"]),
        ("<ul><li>a<li>b</ul>", ["• a", "• b"]),
        ("<ol><li>a</li><li>b</li></ol>", ["1. a", "2. b"]),
        ("<blockquote>said</blockquote>", ["> said"]),
        ("<pre>x  y\n z</pre>", ["x  y", " z"]),
        ("<tr><td>a</td><td>b</td></tr>", ["a  b"]),
        ("<img alt='A picture'>", ["[A picture]"]),
        ("1 &lt; 2 &amp; 3", ["1 < 2 & 3"]),
        ("1 < 2", ["1 < 2"]),
        ("<a href='https://x.example/?a=1&amp;b'>here</a>", ["here [1]", "", "[1] https://x.example/?a=1&b"]),
        ("<a href=u>a</a> <a href=u>b</a>", ["a [1] b [1]", "", "[1] u"]),
        ("<style>p{}</style><script>alert(1)</script>seen", ["seen"]),
        ("<!-- no -->yes", ["yes"]),
        ("<div style='display: none'>no <div>no</div></div>yes", ["yes"]),
        ("<script>never closed", []),
        ("open <", ["open <"]),
    ],
)
def test_html_reads_as(source: str, lines: list[str]):
    assert texts(source) == lines


@given(st.text(alphabet=st.sampled_from("<>/!-abp ='\"&;\n"), max_size=400))
def test_whatever_is_sent_is_read(source: str):
    html_text(source)


@pytest.mark.parametrize(
    "piece", ["<a", "<script>", "<head>", "< >", "<!--", "<p>", "<ul>", "<div hidden>", "&#60;", "<li>"]
)
def test_half_a_megabyte_of_anything_is_read_quickly(piece: str):
    source = piece * (500_000 // len(piece))
    before = time.thread_time()
    html_text(source)
    assert time.thread_time() - before < 5


@given(st.binary(max_size=600))
def test_any_bytes_make_a_letter(raw: bytes):
    letter = read_letter(raw)
    assert letter.raw == raw
