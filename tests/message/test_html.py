"""HTML as mail has it: read as browsers read it, and in linear time."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtplab.message.html import EndTag, StartTag, Text, plain_text, tokens


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("a &amp; b<br/>c", [Text("a & b"), StartTag("br"), Text("c")]),
        ('<A HREF="x&amp;y" Title=\'t\' bare=1 alone>l</A >', [
            StartTag("a", (("href", "x&y"), ("title", "t"), ("bare", "1"), ("alone", ""))), Text("l"), EndTag("a"),
        ]),
        ("<p title='>'>x", [StartTag("p", (("title", ">"),)), Text("x")]),
        ("<p a=1 a=2>", [StartTag("p", (("a", "1"),))]),
        ("1 < 2 <3", [Text("1 "), Text("<"), Text(" 2 "), Text("<"), Text("3")]),
        ("<!-- <b> -->x<!doctype html><?php ?>y", [Text("x"), Text("y")]),
        ("<!--><b>x", [StartTag("b"), Text("x")]),
        ("<style>a<b></p>{}</STYLE >x", [StartTag("style", (), "a<b></p>{}"), Text("x")]),
        ("<script>'</scripty>'</script>x", [StartTag("script", (), "'</scripty>'"), Text("x")]),
        ("x<!-- never closed <b>", [Text("x")]),
        ("x<a href='never closed>y", [Text("x")]),
        ("x<style>never closed", [Text("x"), StartTag("style", (), "never closed")]),
        ("x</", [Text("x")]),
        ("", []),
    ],
)  # fmt: skip
def test_tags_and_texts_are_found_as_a_browser_finds_them(html, found):
    assert list(tokens(html)) == found


@given(st.text(alphabet="<>/!-='\"a style&;", max_size=200))
def test_whatever_is_sent_is_read_to_its_end(html):
    list(tokens(html))


@pytest.mark.parametrize("piece", ["<!--", "<a ", "<a b='", "<style>", "</", "<", "<a b=", "&#x", "<!", "a=\"'<"])
def test_a_hostile_megabyte_takes_linear_time(piece):
    start = time.process_time()
    list(tokens(piece * (1_000_000 // len(piece))))
    assert time.process_time() - start < 10


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<h1>One</h1><p>Two\n  three<br>four</p>", "One\nTwo three\nfour\n"),
        ("<ul><li>a</li><li>b <b>c</b></li></ul>", "- a\n- b c\n"),
        ("<a href='https://a.example/x'>see</a> it", "see <https://a.example/x> it\n"),
        ("<a href='https://a.example'>https://a.example</a>", "https://a.example\n"),
        ("<style>p{}</style><table><tr><td>1</td><td>2</td></tr></table><img alt='logo'>", "1 2\n[logo]\n"),
        ("<div><div><div>deep</div></div></div><br><br><br><br>end", "deep\n\nend\n"),
        ("", "\n"),
    ],
)
def test_html_reads_as_plain_text(html, text):
    assert plain_text(html) == text
