"""HTML as text that a person can read: no script, no picture, nothing fetched; links stand below, to be seen.

A stranger wrote it: every tag is looked at once, whatever is left open, and nothing here raises.
"""

from __future__ import annotations

import html
import re
from typing import Final, Literal, NamedTuple

CHARACTERS_MAX: Final = 524_288
"""Read of one part: a newsletter has 100,000; at some 10 MB/s nobody waits for it."""
LINES_MAX: Final = 20_000
TAG_CHARACTERS_MAX: Final = 4096
"""Of a tag that is read for its attributes."""
LINKS_MAX: Final = 500
LINE_CHARACTERS_MAX: Final = 8192
"""Longer ones are broken: each word that is added copies the line."""

Style = Literal["", "strong", "quiet", "client"]


class Written(NamedTuple):
    """One line; it may be longer than a screen is wide."""

    text: str
    style: Style = ""
    lead: int = 0
    """So many characters at its beginning are a name, as of a header field."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SILENT: Final = frozenset({"script", "style", "head", "title", "template", "noscript", "object", "svg", "math"})
"""What lies between such a tag and its end is not for reading."""
_BLOCKS: Final = _words(
    "address article aside blockquote body center dd div dl dt fieldset figcaption figure footer form "
    "header html li main nav ol p pre section table tbody td tfoot th thead tr ul"
)
_APART: Final = _words("p h1 h2 h3 h4 h5 h6 blockquote pre table ul ol dl figure")
"""An empty line stands before and after them."""
_HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_ATTRIBUTE: Final = re.compile(r"""([a-zA-Z-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")
_NAME: Final = re.compile(r"/?([a-zA-Z][a-zA-Z0-9]*)")
_BLANKS: Final = re.compile(r"[ \t\r\n\f]+")
_HIDDEN: Final = re.compile(r"(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_VOID: Final = _words("area base br col embed hr img input link meta source track wbr")


def html_text(source: str) -> list[Written]:
    """Its lines, those of the links last."""
    reader = _Reader()
    source = source[:CHARACTERS_MAX]
    lower = source.lower()
    at = 0
    while at < len(source) and len(reader.lines) < LINES_MAX:
        start = source.find("<", at)
        if start < 0:
            reader.text(source[at:])
            break
        reader.text(source[at:start])
        at = _tag(source, lower, start, reader)
    return reader.whole()


def _tag(source: str, lower: str, start: int, reader: _Reader) -> int:
    """Take in what begins with `<`; where to read on."""
    if source.startswith("<!--", start):
        return _behind(lower, "-->", start)
    end = source.find(">", start)
    name = _NAME.match(source, start + 1)
    if end < 0:
        reader.text(source[start:])
        return len(source)
    if name is None:
        if source[start + 1 : start + 2] in ("!", "?", "/"):
            return end + 1
        reader.text("<")
        return start + 1
    tag = name[1].lower()
    if source[start + 1] == "/":
        reader.end(tag)
        return end + 1
    if tag in _SILENT:
        found = -1 if tag in reader.never_closed else lower.find(f"</{tag}", end)
        if found >= 0:
            return _behind(lower, ">", found)
        # Looked for once: what is not closed here is not closed further on. Where a head is open, the body still shows.
        reader.never_closed.add(tag)
        return end + 1 if tag in ("head", "noscript") else len(source)
    inner = source[name.end() : min(end, name.end() + TAG_CHARACTERS_MAX)]
    reader.begin(tag, {one[1].lower(): one[2] or one[3] or one[4] or "" for one in _ATTRIBUTE.finditer(inner)})
    return end + 1


def _behind(text: str, wanted: str, start: int) -> int:
    found = text.find(wanted, start)
    return len(text) if found < 0 else found + len(wanted)


class _Reader:
    """Gathers words into lines; what is open is known only as far as it changes how they look."""

    def __init__(self) -> None:
        self.lines: list[Written] = []
        self.never_closed: set[str] = set()
        self._words = ""
        self._style: Style = ""
        self._quotes = 0
        self._pre = 0
        self._lists: list[int | None] = []
        """The number of the next item; None where they are not numbered."""
        self._links: list[str] = []
        self._href: list[str] = []
        self._hidden: tuple[str, int] | None = None
        """The tag that hides what is in it, and how deep we are in tags of that name."""

    def text(self, raw: str) -> None:
        if not raw or self._hidden is not None:
            return
        said = html.unescape(raw)
        if len(self._words) > LINE_CHARACTERS_MAX:
            self._break()
        if self._pre:
            first, *more = said.replace("\r\n", "\n").split("\n")
            self._words += first
            for line in more:
                self._break()
                self._words += line
            return
        said = _BLANKS.sub(" ", said)
        self._words += said.lstrip(" ") if not self._words or self._words.endswith(" ") else said

    def begin(self, tag: str, attributes: dict[str, str]) -> None:
        if self._hidden is not None:
            name, depth = self._hidden
            self._hidden = (name, depth + (tag == name))
            return
        if tag not in _VOID and ("hidden" in attributes or _HIDDEN.search(attributes.get("style", ""))):
            self._hidden = (tag, 1)
            return
        self._begin_block(tag)
        match tag:
            case "br":
                self._break()
            case "hr":
                self._flush()
                self.lines.append(Written("─" * 24, "quiet"))
            case "img":
                if alt := attributes.get("alt", "").strip():
                    self.text(f" [{alt}] ")
            case "a":
                self._href.append(html.unescape(attributes.get("href", "")).strip())
            case "td" | "th":
                self._words += "  " if self._words.strip() else ""
            case "li":
                self._words = self._bullet()
            case _:
                pass

    def end(self, tag: str) -> None:
        if self._hidden is not None:
            name, depth = self._hidden
            depth -= tag == name
            self._hidden = (name, depth) if depth else None
            return
        if tag == "a" and self._href:
            self._cite(self._href.pop())
        elif tag in ("ul", "ol") and self._lists:
            self._flush()
            self._lists.pop()
        if tag in _HEADINGS:
            self._flush()
            self._style = ""
        if tag not in ("td", "th") and (tag in _BLOCKS or tag in _APART):
            self._flush()
        if tag == "pre":
            self._pre = max(self._pre - 1, 0)
        if tag == "blockquote":
            self._quotes = max(self._quotes - 1, 0)
        if tag in _APART:
            self._gap()

    def whole(self) -> list[Written]:
        self._flush()
        while self.lines and not self.lines[-1].text.strip():
            self.lines.pop()
        if self._links:
            self.lines.append(Written(""))
            self.lines += [Written(f"[{number}] {url}", "client") for number, url in enumerate(self._links, 1)]
        return self.lines

    def _begin_block(self, tag: str) -> None:
        if tag not in ("td", "th") and (tag in _BLOCKS or tag in _APART):
            self._flush()
        if tag in _APART and not (tag in ("ul", "ol") and self._lists):
            self._gap()
        if tag in _HEADINGS:
            self._style = "strong"
        elif tag == "blockquote":
            self._quotes += 1
        elif tag == "pre":
            self._pre += 1
        elif tag in ("ul", "ol"):
            self._lists.append(1 if tag == "ol" else None)

    def _bullet(self) -> str:
        indent = "  " * max(len(self._lists) - 1, 0)
        if not self._lists or self._lists[-1] is None:
            return f"{indent}• "
        number = self._lists[-1]
        self._lists[-1] = number + 1
        return f"{indent}{number}. "

    def _cite(self, url: str) -> None:
        """A number in place of the address, so that the text stays readable; the address itself is never hidden."""
        if not url or url.startswith("#") or url == self._words.strip():
            return
        if url not in self._links:
            if len(self._links) >= LINKS_MAX:
                return
            self._links.append(url)
        self._words = f"{self._words.rstrip(' ')} [{self._links.index(url) + 1}]"

    def _break(self) -> None:
        """To the next line, whether or not there is something on this one."""
        text = self._words if self._pre else self._words.rstrip(" ")
        quote = "> " * min(self._quotes, 8)
        self.lines.append(Written(f"{quote}{text}", self._style or ("quiet" if quote else "")))
        self._words = ""

    def _flush(self) -> None:
        if self._words.strip():
            self._break()
        self._words = ""

    def _gap(self) -> None:
        if self.lines and self.lines[-1].text.strip():
            self.lines.append(Written(""))
