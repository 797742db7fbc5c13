"""A stranger's HTML made over: what is left of it, what is counted, and that nothing active ever is."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtplab.message.html import StartTag, tokens
from smtplab.message.parts import parts_of_message
from smtplab.web.frame import frame_answer, frame_of, picture_kind
from smtplab.web.harmless import ATTRIBUTES, TAGS, make_harmless
from tests.web.letters import HANDSOME, png, wicked

PICTURE = "data:image/png;base64,AAAA"


def made(html: str, *, remote: bool = False):
    return make_harmless(html, {"logo": PICTURE}.get, remote=remote)


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("<p onclick='x()' class=a>A &lt;b&gt;</p>", '<p class="a">A &lt;b&gt;</p>'),
        ("<script>x()</script>after", "after"),
        ("<svg><script>x()</script><a href='x'>no</a></svg>after", "after"),
        ("<object data=x><p>within</p></object>after", "after"),
        ("<iframe src=x>within</iframe><form action=x>kept<input name=a></form>", "kept"),
        ("<a href='javascript:x()'>j</a>", "<a>j</a>"),
        ("<a href=' java\nscript:x()'>j</a>", "<a>j</a>"),
        ("<a href='data:text/html,x'>j</a>", "<a>j</a>"),
        ("<a href='#part'>p</a>", '<a href="#part">p</a>'),
        (
            "<a href='//a.example/?a=1&amp;b' target=_top>l</a>",
            '<a href="https://a.example/?a=1&amp;b" target="_blank" rel="noopener noreferrer nofollow">l</a>',
        ),
        ("<img src='cid:logo' alt=l>", f'<img src="{PICTURE}" alt="l">'),
        (
            "<img src='cid:missing'><img src='javascript:x()'><img src='data:image/svg+xml;base64,AA'>",
            "<img><img><img>",
        ),
        ("<p style='background:url(javascript:x)'>s</p>", '<p style="background:none">s</p>'),
        ("<p aria-x\"onload='x' aria-label=l>s</p>", '<p aria-label="l">s</p>'),
        ("<base href=//evil><meta http-equiv=refresh content=0><link rel=preconnect href=//evil>t", "t"),
        ("<textarea><p>within</textarea>after", "after"),
    ],
)
def test_only_what_is_harmless_is_left(html, left):
    found = made(html)
    assert (found.body, found.remote) == (left, 0)


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("<img src='http://a.example/p.png'>", '<img src="http://a.example/p.png">'),
        ("<img src=//a.example/p>", '<img src="https://a.example/p">'),
        ("<table background='HTTPS://a.example/b'>", '<table background="HTTPS://a.example/b">'),
        (
            "<p style=\"background:url('http://a.example/b')\">",
            '<p style="background:url(&quot;http://a.example/b&quot;)">',
        ),
    ],
)
def test_what_would_be_fetched_is_counted_left_out_and_let_in_when_asked_for(html, left):
    assert made(html).remote == 1
    assert "a.example" not in made(html).body
    assert made(html, remote=True).body == left


def test_styles_are_kept_without_what_they_import_and_can_not_end_early():
    found = made("<style>@import 'http://a.example/x'; p{color:red} b{content:'</STYLE >'}</style><p>x</p>")
    assert (found.styles, found.body, found.remote) == (" p{color:red} b{content:'", "'}<p>x</p>", 1)
    assert "<" not in made("<style>a<b</style>").styles


def test_what_is_asked_of_the_body_stands_on_the_frame_s():
    assert made("<html lang=vi><body bgcolor='#fff' onload=x>t</body>").attributes == ' lang="vi" bgcolor="#fff"'


@given(st.text(alphabet="<>/=\"' asvgtyleimgcdoknurl():#;-&x", max_size=300))
def test_nothing_active_is_left_of_anything(html):
    found = made(html, remote=True)
    for token in tokens(found.body):
        if isinstance(token, StartTag):
            assert token.name in TAGS
            assert {name for name, _ in token.attributes} <= ATTRIBUTES | {
                "style",
                "src",
                "href",
                "target",
                "rel",
                "background",
            }
    assert "</style" not in found.styles.lower()


@pytest.mark.parametrize(
    "piece", ["<svg>", "<p style='url( ", "<style>url(   ", "<img src=cid:logo>", "<b><i>", "url("]
)
def test_hostile_repetition_takes_linear_time(piece):
    start = time.process_time()
    made(piece * (300_000 // len(piece)))
    made("<style>" + piece * (300_000 // len(piece)) + "</style>")
    assert time.process_time() - start < 20


def test_the_frame_shows_the_message_s_own_pictures_and_nothing_that_is_none():
    frame = frame_of(parts_of_message(HANDSOME), remote=False)
    assert 'src="data:image/png;base64,' in frame.document
    assert frame.remote == 0
    assert picture_kind(png(1, 2, 3)) == "image/png"
    assert picture_kind(b"<svg/>") is None


def test_the_frame_s_policy_runs_nothing_and_fetches_nothing_unasked():
    for remote in (False, True):
        frame = frame_of(parts_of_message(wicked("http://a.example")), remote=remote)
        policy = frame_answer(frame, remote=remote).headers["content-security-policy"]
        assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none';")
        assert "script-src" not in policy
        assert "allow-scripts" not in policy
        assert "allow-same-origin" not in policy
        assert (" http: https:" in policy) == remote
        assert not re.search(r"<(script|svg|form|base|link|object|iframe)\b", frame.document)
