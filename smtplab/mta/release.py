"""What a gate lets out in place of the line that it held; who holds the gate is not known here."""

from __future__ import annotations

from typing import Literal

import msgspec


class Release(msgspec.Struct, frozen=True):
    """What a gate lets out."""

    by: Literal["sent", "edited", "replaced", "skipped"]
    data: bytes = b""
    """Edited or replaced: the bytes that leave instead, with their line end."""
