"""What the options of `smtplab session` come to."""

from __future__ import annotations

from typing import NamedTuple

from smtplab.cli.common import State
from smtplab.lab.request import WalkRequest
from smtplab.lab.seat import Way


class Asked(NamedTuple):
    request: WalkRequest
    way: Way
    state: State
    as_json: bool
    plain: bool
    capture: str | None
