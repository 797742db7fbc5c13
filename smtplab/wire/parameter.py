"""The values of MAIL's and RCPT's parameters, each extension's own: what they may be, and what they say."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal

import msgspec

from smtplab.wire.xtext import is_good_dsn_value, is_xtext

# size-value = 1*20DIGIT                                                              ; RFC 1870 3
_SIZE = re.compile(r"[0-9]{1,20}")
_BODY_TYPES = frozenset({"7BIT", "8BITMIME", "BINARYMIME"})  # RFC 6152 2, RFC 3030 3

# by-value  = by-time ";" by-mode [by-trace]                                          ; RFC 2852 4
# by-time   = ["-" / "+"] 1*9digit
_BY = re.compile(r"([+-]?[0-9]{1,9});([NRnr])([Tt]?)")

# future-release-integer   = %x31-39 *8DIGIT                                          ; RFC 4865 4
_HOLDFOR = re.compile(r"[1-9][0-9]{0,8}")
# future-release-date-time = date-time of RFC 3339 5.6                                ; RFC 4865, erratum 2040
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)

# priority-value = (["-"] NZDIGIT) / "0"                                              ; RFC 6710 3
_PRIORITY = re.compile(r"-?[1-9]|0")

_Predicate = Callable[[str | None], bool]


class DeliverBy(msgspec.Struct, frozen=True):
    """RFC 2852: what is not delivered by then is returned, or its sender is told."""

    seconds: int
    """From now; it may have passed where its sender only wants to be told."""
    mode: Literal["N", "R"]
    trace: bool = False


def parse_deliver_by(value: str) -> DeliverBy | None:
    """None for what is no such value, and for a message that is to be returned before it is sent (RFC 2852 4.1)."""
    found = _BY.fullmatch(value)
    if found is None:
        return None
    by = DeliverBy(int(found[1]), "R" if found[2] in "Rr" else "N", bool(found[3]))
    return None if by.mode == "R" and by.seconds <= 0 else by


def parse_hold_until(value: str) -> float | None:
    """RFC 3339's date and time as seconds since the epoch."""
    if not _DATE_TIME.fullmatch(value):
        return None
    try:
        return dt.datetime.fromisoformat(value.upper()).timestamp()
    except (ValueError, OverflowError):
        return None


def parse_priority(value: str) -> int | None:
    """-9 to 9, 0 for what has none."""
    return int(value) if _PRIORITY.fullmatch(value) else None


def _matches(pattern: re.Pattern[str]) -> _Predicate:
    return lambda value: value is not None and pattern.fullmatch(value) is not None


def _reads(parse: Callable[[str], object]) -> _Predicate:
    return lambda value: value is not None and parse(value) is not None


def _is_nothing(value: str | None) -> bool:
    return value is None


def _is_body(value: str | None) -> bool:
    return (value or "").upper() in _BODY_TYPES


def _is_identity(value: str | None) -> bool:
    """`AUTH=<>` or a mailbox in xtext (RFC 4954 5)."""
    return value is not None and (value == "<>" or (value not in ("<", ">") and is_xtext(value)))


def _of_dsn(name: str) -> _Predicate:
    return lambda value: is_good_dsn_value(name, value)


GOOD_VALUES: Mapping[str, _Predicate] = MappingProxyType(
    {
        "SIZE": _matches(_SIZE),
        "BODY": _is_body,
        "SMTPUTF8": _is_nothing,  # RFC 6531 3.4
        "REQUIRETLS": _is_nothing,  # RFC 8689 2
        "AUTH": _is_identity,
        "BY": _reads(parse_deliver_by),
        "HOLDFOR": _matches(_HOLDFOR),
        "HOLDUNTIL": _reads(parse_hold_until),
        "MT-PRIORITY": _reads(parse_priority),
        **{name: _of_dsn(name) for name in ("RET", "ENVID", "NOTIFY", "ORCPT")},
    }
)
"""Is it a value of this parameter?"""

OF_RCPT = frozenset({"NOTIFY", "ORCPT"})
"""All others that are known belong to MAIL."""
