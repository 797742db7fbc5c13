"""What the parts of a world's file are made of: names, addresses and times, each within its bounds."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from smtplab.mta.behaviour.parts import Address, Part, Seconds

__all__ = ["Address", "Domain", "MailAddress", "Milliseconds", "Name", "Part", "Probability", "Seconds"]

Name = Annotated[str, Meta(pattern=r"^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$", max_length=253)]
"""A host's or domain's name as RFC 1035 bounds it, lower case, without the final dot."""
Domain = Annotated[str, Meta(pattern=r"^\w([\w.-]*\w)?$", max_length=253)]
"""A mail domain; U-labels are allowed (RFC 6531 3.3)."""
Milliseconds = Annotated[float, Meta(ge=0, le=60_000)]
"""A minute each way is more than any network takes: RFC 5321's time-outs are minutes."""
Probability = Annotated[float, Meta(ge=0, le=1)]
MailAddress = Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]
