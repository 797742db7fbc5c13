"""A line of text that a person types, kept in NFC whatever the keyboard or the clipboard sends."""

from __future__ import annotations

import unicodedata

from textual.widgets import Input


class LineInput(Input):
    """Vietnamese typed as letter and mark becomes one code point, so that editing goes by the letter."""

    def replace(self, text: str, start: int, end: int) -> None:
        start, end = sorted((max(0, start), min(len(self.value), end)))
        # A mark that is typed joins the letter before it, so the two are composed together.
        before = unicodedata.normalize("NFC", self.value[:start] + text)
        super().replace(before, 0, end)

    def validate_value(self, value: str) -> str:
        return unicodedata.normalize("NFC", value)
