"""Whether the text of a zone is a master file (RFC 1035 5) that a world can hold."""

from __future__ import annotations

import re

import dns.exception
import dns.name
import dns.zone

from smtplab.flaws import words
from smtplab.told import Told, tell

NAMES_MADE_MAX = 4096
"""By `$GENERATE` in one zone: sixteen networks of 256 addresses, read in about a second."""

_GENERATE = re.compile(r"^[ \t]*\$GENERATE[ \t]+(\d+)-(\d+)", re.IGNORECASE | re.MULTILINE)
_PLACED = re.compile(r"<string>:(?P<line>\d+): (?P<what>.+)", re.DOTALL)


def zone_flaw(origin: str, text: str) -> Told | None:
    """What keeps it from being read, with the line of the text; None where all is well."""
    if sum(int(last) - int(first) + 1 for first, last in _GENERATE.findall(text)) > NAMES_MADE_MAX:
        return tell("world.too-many-names", most=NAMES_MADE_MAX)
    try:
        dns.zone.from_text(text, dns.name.from_text(origin))
    except (dns.exception.DNSException, ValueError) as error:
        return _read(str(error))
    return None


def _read(said: str) -> Told:
    """What dnspython said, which names its own file in front."""
    placed = _PLACED.fullmatch(said)
    if placed is None:
        return tell("world.no-master-file", words=words(said))
    return tell("world.no-master-file.line", words=words(placed["what"]), line=int(placed["line"]))
