"""The extensions a server announces in its answer to EHLO or LHLO (RFC 5321 4.1.1.1), kept in order, known or not."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from types import MappingProxyType

import msgspec

_OLD_AUTH = "AUTH="
"""How drafts before RFC 2554 wrote it; some servers announce both ways, so it is kept as a keyword of its own."""

# size-value = 1*20DIGIT                                                              ; RFC 1870 3
_SIZE = re.compile(r"[0-9]{1,20}")
# limit-value of MAILMAX, RCPTMAX and RCPTDOMAINMAX = %x31-39 0*5DIGIT                ; RFC 9422 4
_LIMIT = re.compile(r"(?i:(MAILMAX|RCPTMAX|RCPTDOMAINMAX))=([1-9][0-9]{0,5})")

KEYWORDS = MappingProxyType(
    {
        "8BITMIME": "RFC 6152",
        "ATRN": "RFC 2645",
        "AUTH": "RFC 4954",
        "AUTH=": "",
        "BINARYMIME": "RFC 3030",
        "BURL": "RFC 4468",
        "CHECKPOINT": "RFC 1845",
        "CHUNKING": "RFC 3030",
        "CONNEG": "RFC 4141",
        "CONPERM": "RFC 4141",
        "DELIVERBY": "RFC 2852",
        "DSN": "RFC 3461",
        "ENHANCEDSTATUSCODES": "RFC 2034",
        "ETRN": "RFC 1985",
        "EXPN": "RFC 5321",
        "FUTURERELEASE": "RFC 4865",
        "HELP": "RFC 5321",
        "LIMITS": "RFC 9422",
        "MT-PRIORITY": "RFC 6710",
        "MTRK": "RFC 3885",
        "NO-SOLICITING": "RFC 3865",
        "ONEX": "",
        "PIPECONNECT": "",
        "PIPELINING": "RFC 2920",
        "PRDR": "",
        "REQUIRETLS": "RFC 8689",
        "RRVS": "RFC 7293",
        "SAML": "RFC 821",
        "SEND": "RFC 821",
        "SIZE": "RFC 1870",
        "SMTPUTF8": "RFC 6531",
        "SOML": "RFC 821",
        "STARTTLS": "RFC 3207",
        "SUBMITTER": "RFC 4405",
        "TURN": "RFC 821",
        "UTF8SMTP": "RFC 5336",
        "VERB": "",
        "VRFY": "RFC 5321",
        "XCLIENT": "",
        "XFORWARD": "",
    }
)
"""Keywords that are known and the document of each; empty where no RFC has it."""


class Extensions(msgspec.Struct, frozen=True):
    """Keyword in capitals to its parameters as announced. Unknown keywords are kept like any other."""

    offered: dict[str, tuple[str, ...]] = {}

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.offered or (keyword == "AUTH" and _OLD_AUTH in self.offered)

    def lines(self) -> tuple[str, ...]:
        """One text per keyword, `SIZE 10485760`."""
        return tuple(_format(keyword, parameters) for keyword, parameters in self.offered.items())

    @property
    def size_octets_max(self) -> int | None:
        """SIZE's limit; None where none is announced (absent, without a value, or 0: RFC 1870 4)."""
        parameters = self.offered.get("SIZE")
        return _read_size(parameters[0]) if parameters else None

    @property
    def auth_mechanisms(self) -> tuple[str, ...]:
        """In capitals and in the order announced, of `AUTH` and of the old `AUTH=`."""
        named = (*self.offered.get("AUTH", ()), *self.offered.get(_OLD_AUTH, ()))
        return tuple(dict.fromkeys(name.upper() for name in named))

    @property
    def limits(self) -> dict[str, int]:
        """LIMITS (RFC 9422): MAILMAX, RCPTMAX, RCPTDOMAINMAX where given; a value that is no number is left out."""
        if "LIMITS" not in self.offered:
            return {}
        found = (_LIMIT.fullmatch(parameter) for parameter in self.offered.get("LIMITS", ()))
        return {limit[1].upper(): int(limit[2]) for limit in found if limit}


def parse_extensions(lines: Iterable[str]) -> Extensions:
    """From the reply's lines after the first. A keyword that comes twice has the parameters of both."""
    return _parse(tuple(lines))


@functools.lru_cache(maxsize=256)
def announced_lines(lines: tuple[str, ...]) -> tuple[str, ...]:
    """`parse_extensions(lines).lines()`: as they are understood."""
    return parse_extensions(lines).lines()


# A server announces the same to everybody, so both ends of most sessions have read it before.
@functools.lru_cache(maxsize=256)
def _parse(lines: tuple[str, ...]) -> Extensions:
    offered: dict[str, tuple[str, ...]] = {}
    for line in lines:
        words = line.split()
        if not words:
            continue
        keyword, parameters = words[0].upper(), tuple(words[1:])
        if keyword.startswith(_OLD_AUTH):
            first = words[0][len(_OLD_AUTH) :]
            keyword, parameters = _OLD_AUTH, (*((first,) if first else ()), *parameters)
        offered[keyword] = tuple(dict.fromkeys((*offered.get(keyword, ()), *parameters)))
    return Extensions(offered)


@functools.lru_cache(maxsize=256)
def _read_size(value: str) -> int | None:
    return (int(value) or None) if _SIZE.fullmatch(value) else None


def _format(keyword: str, parameters: tuple[str, ...]) -> str:
    return keyword + " ".join(parameters) if keyword == _OLD_AUTH else " ".join((keyword, *parameters))
