"""What the tables of worlds and of behaviour files are made of."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

Address = Annotated[str, Meta(max_length=45)]
Seconds = Annotated[float, Meta(ge=0, le=31_622_400)]
"""A leap year: longer than any queue, memory or wait in the mail."""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A table of the file; a key that nobody knows is a mistake."""
