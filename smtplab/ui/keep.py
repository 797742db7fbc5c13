"""Names the file in which a walk is kept, so that no two are the same and a person knows which is which."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Final

_NAME_LENGTH_MAX: Final = 60
"""File systems allow 255 octets; a list in 80 columns shows this many beside a date."""


def capture_path(folder: Path, subject: str, now: dt.datetime | None = None) -> Path:
    """`20261123-131500-student@hust.example.jsonl`; what a file system may not like becomes `_`."""
    now = now or dt.datetime.now().astimezone()
    name = re.sub(r"[^\w.@+-]", "_", subject)[:_NAME_LENGTH_MAX].strip(".") or "walk"
    stem = f"{now:%Y%m%d-%H%M%S}-{name.removesuffix('.jsonl')}"
    path = folder / f"{stem}.jsonl"
    number = 2
    while path.exists():
        path = folder / f"{stem}-{number}.jsonl"
        number += 1
    return path
