"""A stranger's HTML made over from a list of what is harmless; what it would fetch is counted and, unasked, left out.

The frame that shows it is the wall: a sandbox without scripts and without an origin, and a policy that fetches nothing.
This is the wall before that one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape

import msgspec

from smtplab.message.html import EndTag, StartTag, Text, tokens

TAGS = frozenset(
    """
    a abbr address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del details dfn
    div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark nav ol p pre q s
    samp section small span strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr
    """.split()  # noqa: SIM905 (as a list it would be a page)
)
ATTRIBUTES = frozenset(
    """
    abbr align alt bgcolor border cellpadding cellspacing class color cols colspan datetime dir face height hspace id
    lang name noshade nowrap role rowspan rules scope size span start summary title valign value vspace width
    """.split()  # noqa: SIM905
)
_DROPPED = frozenset({"svg", "math", "object", "applet", "audio", "video", "canvas", "select", "template", "frameset"})
"""With all that stands in them; their like in `RAW` go too."""
_WHOLE = frozenset({"html", "body"})
"""Their attributes go to the body of the frame."""

_ARIA = re.compile(r"aria-[a-z]{1,30}")
_LINK = re.compile(r"(?:https?://|mailto:|tel:)", re.IGNORECASE)
_REMOTE = re.compile(r"(?:https?:)?//", re.IGNORECASE)
_PICTURE_DATA = re.compile(r"data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*", re.IGNORECASE)
# Possessive, and no parenthesis within a bare one: a megabyte of either is passed once.
_CSS_URL = re.compile(r"url\(\s*+(?:\"([^\"]*)\"|'([^']*)'|([^()\s\"']*+))\s*+\)", re.IGNORECASE)
_CSS_IMPORT = re.compile(r"@import[^;]*(?:;|\Z)", re.IGNORECASE)

FindPicture = Callable[[str], str | None]
"""The picture of a Content-ID as a `data:` URL."""


class Harmless(msgspec.Struct, frozen=True):
    body: str
    attributes: str
    """Of the body, each with a blank before it."""
    styles: str
    remote: int
    """How many things it would fetch from elsewhere."""


def make_harmless(html: str, find_picture: FindPicture, *, remote: bool) -> Harmless:
    """With `remote` what it fetches stays in it: pictures, and what its styles name."""
    maker = _Maker(find_picture, remote)
    for token in tokens(html):
        match token:
            case Text(text=text):
                maker.text(text)
            case StartTag():
                maker.start(token)
            case EndTag(name=name):
                maker.end(name)
    return Harmless("".join(maker.out), maker.attributes, "\n".join(maker.styles), maker.remote)


class _Maker:
    def __init__(self, find_picture: FindPicture, allowed: bool) -> None:
        self.out: list[str] = []
        self.styles: list[str] = []
        self.attributes = ""
        self.remote = 0
        self._find_picture = find_picture
        self._allowed = allowed
        self._within: list[str] = []
        """The elements that are being dropped."""

    def text(self, text: str) -> None:
        if not self._within:
            self.out.append(escape(text, quote=False))

    def start(self, tag: StartTag) -> None:
        if self._within or tag.name in _DROPPED:
            # One within another of its own kind has an end of its own.
            if tag.name in _DROPPED and len(self._within) < 100:
                self._within.append(tag.name)
        elif tag.name == "style":
            self.styles.append(self._css(tag.raw))
        elif tag.name in _WHOLE:
            self.attributes += self._shown(tag)
        elif tag.name == "link":
            self.remote += "stylesheet" in dict(tag.attributes).get("rel", "").lower()
        elif tag.name in TAGS:
            self.out.append(f"<{tag.name}{self._shown(tag)}>")

    def end(self, name: str) -> None:
        if self._within:
            if name == self._within[-1]:
                self._within.pop()
        elif name in TAGS:
            self.out.append(f"</{name}>")

    def _shown(self, tag: StartTag) -> str:
        pairs = [pair for name, value in tag.attributes for pair in self._attribute(tag.name, name, value)]
        return "".join(f' {name}="{escape(value)}"' for name, value in pairs)

    def _attribute(self, tag: str, name: str, value: str) -> tuple[tuple[str, str], ...]:
        """Those that stand for it, none or several."""
        if name == "style":
            return (("style", self._css(value)),)
        if name == "background" or (name == "src" and tag == "img"):
            found = self._picture(value)
            return () if found is None else ((name, found),)
        if name == "srcset" and tag == "img":
            self.remote += 1
            return ()
        if name == "href" and tag == "a":
            return _link(value)
        if name in ATTRIBUTES or _ARIA.fullmatch(name):
            return ((name, value),)
        return ()

    def _picture(self, url: str) -> str | None:
        url = url.strip()
        if url[:4].lower() == "cid:":
            return self._find_picture(url[4:])
        if _PICTURE_DATA.fullmatch(url):
            return url
        if _REMOTE.match(url):
            self.remote += 1
            return f"https:{url}" if self._allowed and url.startswith("//") else url if self._allowed else None
        return None

    def _css(self, text: str) -> str:
        """Whatever this does not see, the frame's policy does: a style may be written in many ways."""
        bare = _CSS_IMPORT.sub(self._import, text)
        return _CSS_URL.sub(self._css_url, bare).replace("<", "\\3c ")

    def _import(self, _found: re.Match[str]) -> str:
        self.remote += 1
        return ""

    def _css_url(self, found: re.Match[str]) -> str:
        url = self._picture(next(filter(None, found.groups()), ""))
        return "none" if url is None else 'url("{}")'.format(re.sub(r'["\\\n<]', "", url))


def _link(url: str) -> tuple[tuple[str, str], ...]:
    url = url.strip()
    if url.startswith("#"):
        return (("href", url),)
    if url.startswith("//"):
        url = f"https:{url}"
    if not _LINK.match(url):
        return ()
    # In a page of its own, which learns neither who opened it nor from where.
    return (("href", url), ("target", "_blank"), ("rel", "noopener noreferrer nofollow"))
