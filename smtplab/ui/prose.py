"""Markdown as blocks of styled text, each with what stands before its lines; how wide the page is it does not know."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token
from textual.content import Content
from textual.style import Style

_RFC: Final = re.compile(r"RFC\s(?P<number>\d{3,5})(?P<section>\s\d+(?:\.\d+)*)?")
_DOCUMENTS: Final = "https://www.rfc-editor.org/rfc/rfc"
_TERM: Final = "italic $accent"
_CODE: Final = "$secondary"
_STYLES: Final = {"em": _TERM, "strong": "bold", "s": "strike"}
_INDENT: Final = "  "
_COLUMN_GAP: Final = "  "


class Block(NamedTuple):
    """A paragraph, an item, a line of code."""

    text: Content
    first: str = ""
    """Before its first line."""
    rest: str = ""
    """Before the others."""
    after_gap: bool = True
    """An empty line stands before it, where it is not the first."""
    wraps: bool = True


def blocks(markdown: str) -> list[Block]:
    """A lesson's running text: paragraphs, lists, tables, code, quotations."""
    return list(_Reader(_parser().parse(markdown)).read())


def spans(markdown: str) -> Content:
    """One line of it, such as an answer's."""
    tokens = _parser().parseInline(markdown)
    return _inline(tokens[0]) if tokens else Content()


def laid_out(page: Sequence[Block], width: int) -> Content:
    """All of it in lines of at most so many cells."""
    lines: list[Content] = []
    for number, block in enumerate(page):
        if number and block.after_gap:
            lines.append(Content())
        room = max(width - max(len(block.first), len(block.rest)), 10)
        wrapped = block.text.wrap(room) if block.wraps else [block.text]
        for place, line in enumerate(wrapped or [Content()]):
            lines.append(Content.assemble(block.rest if place else block.first, line))
    return Content("\n").join(lines)


@functools.cache
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table")


class _Reader:
    """Goes through the parser's tokens once."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._lists: list[int | None] = []
        """The number of the item at hand in each list around, None where it has bullets."""
        self._mark = ""
        self._quoted = 0
        self._tight = False
        self._opens_list = False

    def read(self) -> Iterator[Block]:
        place = 0
        while place < len(self._tokens):
            token = self._tokens[place]
            match token.type:
                case "inline":
                    yield self._block(_inline(token), heading=self._tokens[place - 1].type == "heading_open")
                case "fence" | "code_block":
                    for number, line in enumerate(token.content.rstrip("\n").split("\n")):
                        yield Block(Content.styled(line, _CODE), _INDENT, _INDENT, number == 0, wraps=False)
                case "table_open":
                    end = next(at for at in range(place, len(self._tokens)) if self._tokens[at].type == "table_close")
                    yield from _table(self._tokens[place:end])
                    place = end
                case _:
                    self._follow(token)
            place += 1

    def _follow(self, token: Token) -> None:
        match token.type:
            case "bullet_list_open":
                self._opens_list = not self._lists
                self._lists.append(None)
            case "ordered_list_open":
                self._opens_list = not self._lists
                self._lists.append(int(token.attrGet("start") or 1) - 1)
            case "bullet_list_close" | "ordered_list_close":
                self._lists.pop()
            case "list_item_open":
                number = self._lists[-1]
                self._lists[-1] = None if number is None else number + 1
                self._mark = "• " if number is None else f"{number + 1}. "
            case "paragraph_open":
                self._tight = token.hidden
            case "blockquote_open":
                self._quoted += 1
            case "blockquote_close":
                self._quoted -= 1
            case _:
                pass

    def _block(self, text: Content, *, heading: bool) -> Block:
        if heading:
            return Block(text.stylize("bold $primary"))
        around = "│ " * self._quoted + _INDENT * max(len(self._lists) - 1, 0)
        if not self._lists:
            return Block(text, around, around)
        number = self._lists[-1]
        inner = " " * len("• " if number is None else f"{number}. ")
        first, self._mark = self._mark or inner, ""
        # Only the first item of a tight list stands apart from what comes before it.
        gap, self._opens_list = self._opens_list or not self._tight, False
        return Block(text, around + first, around + inner, gap)


def _inline(token: Token) -> Content:
    """With the styles of its spans; a citation is a way to the document."""
    parts: list[Content] = []
    styles: list[str] = []
    for child in token.children or ():
        match child.type:
            case "text":
                parts.append(_cited(Content.styled(child.content, " ".join(styles))))
            case "code_inline":
                parts.append(Content.styled(child.content, _CODE))
            case "softbreak":
                parts.append(Content(" "))
            case "hardbreak":
                parts.append(Content("\n"))
            case "link_open":
                styles.append("underline $primary")
            case _ if child.nesting == 1:
                styles.append(_STYLES.get(child.tag, ""))
            case _ if child.nesting == -1 and styles:
                styles.pop()
            case _:
                parts.append(Content(child.content))
    return Content.assemble(*parts)


def _cited(text: Content) -> Content:
    for found in _RFC.finditer(text.plain):
        section = (found["section"] or "").strip()
        page = f"{_DOCUMENTS}{found['number']}" + (f"#section-{section}" if section else "")
        text = text.stylize("$quiet", found.start(), found.end()).stylize(Style(link=page), found.start(), found.end())
    return text


def _table(tokens: Sequence[Token]) -> Iterator[Block]:
    """Each column as wide as its widest cell; a lesson's tables are small."""
    rows: list[list[Content]] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            rows[-1].append(_inline(token))
    widths = [max(row[column].cell_length for row in rows) for column in range(len(rows[0]))] if rows else []
    for number, row in enumerate(rows):
        cells = [cell.pad_right(width - cell.cell_length) for cell, width in zip(row, widths, strict=True)]
        line = Content(_COLUMN_GAP).join(cells)
        yield Block(line.stylize("bold") if number == 0 else line, after_gap=number == 0, wraps=False)
