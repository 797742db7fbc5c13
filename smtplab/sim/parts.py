"""What the parts of a world's file are made of: names, addresses and times, each within its bounds."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from smtplab.flaws import ONE_LINE
from smtplab.mta.behaviour.parts import Address, Part, Seconds

__all__ = [
    "Address",
    "Domain",
    "MailAddress",
    "Milliseconds",
    "Name",
    "OneLine",
    "Part",
    "Pause",
    "Probability",
    "Seconds",
]

Name = Annotated[str, Meta(pattern=r"^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\Z", max_length=253)]
"""A host's or domain's name as RFC 1035 bounds it, lower case, without the final dot."""
Domain = Annotated[str, Meta(pattern=r"^\w([\w.-]*\w)?\Z", max_length=253)]
"""A mail domain; U-labels are allowed (RFC 6531 3.3)."""
Milliseconds = Annotated[float, Meta(ge=0, le=60_000)]
"""A minute each way is more than any network takes: RFC 5321's time-outs are minutes."""
Probability = Annotated[float, Meta(ge=0, le=1)]
MailAddress = Annotated[str, Meta(max_length=254)]
"""What it must look like `consistency` says, by the grammar of RFC 5321."""
OneLine = Annotated[str, Meta(pattern=ONE_LINE, max_length=400)]
"""Without control characters; of a reply's line, which has 512 octets (RFC 5321 4.5.3.1.5), a name and a code leave
as much."""
Pause = Annotated[float, Meta(ge=1, le=31_622_400)]
"""Seconds: a queue that tried again at once would never come to rest."""
