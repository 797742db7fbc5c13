"""What the page was asked for, as values; nothing is opened here."""

from __future__ import annotations

from pathlib import Path

import msgspec

from smtplab.view.texts import Language
from smtplab.web.access import Access


class PageRequest(msgspec.Struct, frozen=True, kw_only=True):
    home: Path
    access: Access = Access()
    language: Language = "en"
    """For a browser that names none of ours."""
    release_to: str | None = None
    """`HOST:PORT`: the server that a release names first."""
