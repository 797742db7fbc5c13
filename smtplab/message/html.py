"""The tags and texts of HTML as mail has it, in linear time whatever is sent; what of it may be shown is not said."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import msgspec

ATTRIBUTES_MAX = 100
"""Of one tag: no honest one has more than twenty."""

# After the tokenizer of HTML (WHATWG 13.2.5), as far as mail needs it.
_NAME = re.compile(r"</?([A-Za-z][^\s/>]*)")
_SPACE = re.compile(r"[\s/]*")
_ATTRIBUTE = re.compile(r"([^\s/>][^\s/>=]*)")
_EQUALS = re.compile(r"\s*=\s*")
_BARE = re.compile(r"[^\s>]*")

RAW = frozenset({"style", "script", "xmp", "iframe", "noembed", "noframes", "textarea", "title", "plaintext"})
"""What stands in these is text up to their own end tag, whatever it looks like."""
_RAW_END = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in RAW}


class Text(msgspec.Struct, frozen=True):
    text: str
    """With its character references replaced."""


class StartTag(msgspec.Struct, frozen=True):
    name: str
    """In lower case."""
    attributes: tuple[tuple[str, str], ...] = ()
    """Names in lower case, each once; values with their references replaced."""
    raw: str = ""
    """What stands in an element of `RAW`, up to its end tag, which is not told."""


class EndTag(msgspec.Struct, frozen=True):
    name: str


Token = Text | StartTag | EndTag


def tokens(html: str) -> Iterator[Token]:
    """In their order. Comments, declarations and what is broken off at the end are left out."""
    at = 0
    while at < len(html):
        start = html.find("<", at)
        if start < 0:
            start = len(html)
        if start > at:
            yield Text(unescape(html[at:start]))
        if start == len(html):
            return
        token, at = _tag(html, start)
        if token is not None:
            yield token


def plain_text(html: str) -> str:
    """As it reads, without its looks: a line for each block, links with where they lead."""
    made = _Lines()
    for token in tokens(html):
        match token:
            case Text(text=text):
                made.add(text)
            case StartTag(name=name):
                made.begin(name, dict(token.attributes))
            case EndTag(name=name):
                made.end(name)
    return made.text()


_BLOCKS = frozenset(
    {"p", "div", "tr", "table", "ul", "ol", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "hr"}
)
_CELLS = frozenset({"td", "th"})


class _Lines:
    def __init__(self) -> None:
        self._lines = [""]
        self._link = ""

    def add(self, text: str) -> None:
        words = " ".join(text.split())
        if not words:
            return
        gap = " " if self._lines[-1] and not self._lines[-1].endswith(" ") and text[:1].isspace() else ""
        self._lines[-1] += gap + words + (" " if text[-1:].isspace() else "")

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        if name == "br":
            self._lines.append("")
        elif name in _BLOCKS:
            self._break()
        elif name == "li":
            self._break()
            self._lines[-1] = "- "
        elif name in _CELLS and self._lines[-1]:
            self._lines[-1] += " "
        elif name == "img" and attributes.get("alt", "").strip():
            self.add(f"[{attributes['alt']}]")
        elif name == "a":
            href = attributes.get("href", "").strip()
            self._link = href if href.lower().startswith(("http://", "https://")) else ""

    def end(self, name: str) -> None:
        if name in _BLOCKS or name == "li":
            self._break()
        elif name == "a" and self._link:
            if self._link not in self._lines[-1]:
                self._lines[-1] = f"{self._lines[-1].rstrip()} <{self._link}>"
            self._link = ""

    def text(self) -> str:
        lines = "\n".join(line.rstrip() for line in self._lines)
        return _GAPS.sub("\n\n", lines).strip("\n") + "\n"

    def _break(self) -> None:
        """A line of its own begins."""
        if self._lines[-1].strip():
            self._lines.append("")


_GAPS = re.compile(r"\n{3,}")


def _tag(html: str, at: int) -> tuple[Token | None, int]:
    """What begins with `<`, and where it ends."""
    named = _NAME.match(html, at)
    if named is None:
        return _no_tag(html, at)
    name = named[1].lower()
    if html[at + 1] == "/":
        return EndTag(name), _after(html, ">", named.end())
    attributes, end = _attributes(html, named.end())
    if end < 0:
        return None, len(html)
    if name not in RAW:
        return StartTag(name, attributes), end
    closing = _RAW_END[name].search(html, end)
    if closing is None:
        return StartTag(name, attributes, html[end:]), len(html)
    return StartTag(name, attributes, html[end : closing.start()]), _after(html, ">", closing.end())


def _no_tag(html: str, at: int) -> tuple[Token | None, int]:
    if html.startswith("<!--", at):
        if html.startswith((">", "->"), at + 4):
            return None, _after(html, ">", at + 4)
        return None, _after(html, "-->", at + 4)
    if html.startswith(("<!", "<?", "</"), at):
        return None, _after(html, ">", at + 2)
    return Text("<"), at + 1


def _after(html: str, mark: str, at: int) -> int:
    """Behind the mark, or at the end where it does not come."""
    found = html.find(mark, at)
    return len(html) if found < 0 else found + len(mark)


def _attributes(html: str, at: int) -> tuple[tuple[tuple[str, str], ...], int]:
    """And where the tag ends; -1 where it does not."""
    found: dict[str, str] = {}
    while True:
        at = _end_of(_SPACE, html, at)
        if at >= len(html):
            return (), -1
        if html[at] == ">":
            return tuple(found.items()), at + 1
        name_end = _end_of(_ATTRIBUTE, html, at)
        name = html[at:name_end].lower()
        equals = _EQUALS.match(html, name_end)
        value, at = ("", name_end) if equals is None else _value(html, equals.end())
        if at < 0:
            return (), -1
        if len(found) < ATTRIBUTES_MAX:
            found.setdefault(name, unescape(value))


def _value(html: str, at: int) -> tuple[str, int]:
    if html[at : at + 1] in ('"', "'"):
        end = html.find(html[at], at + 1)
        return ("", -1) if end < 0 else (html[at + 1 : end], end + 1)
    end = _end_of(_BARE, html, at)
    return html[at:end], end


def _end_of(pattern: re.Pattern[str], html: str, at: int) -> int:
    """Each of these matches anywhere, be it nothing."""
    found = pattern.match(html, at)
    return at if found is None else found.end()
