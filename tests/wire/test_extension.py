"""What a server announces, and the registries of keywords and codes."""

from __future__ import annotations

import re

from smtplab.wire.codes import ENHANCED_CODES, ENHANCED_SUBJECTS, REPLY_CODES, SEVERITIES, find_enhanced
from smtplab.wire.extension import KEYWORDS, parse_extensions


def test_keywords_are_kept_in_order_known_or_not() -> None:
    offered = parse_extensions(["pipelining", "SIZE 10485760", "", "X-NEW a  B"])
    assert offered.lines() == ("PIPELINING", "SIZE 10485760", "X-NEW a B")
    assert "PIPELINING" in offered
    assert "X-NEW" not in KEYWORDS
    assert parse_extensions(offered.lines()) == offered


def test_size_zero_or_none_is_no_limit() -> None:
    sizes = [parse_extensions([line]).size_octets_max for line in ("SIZE 10", "SIZE 0", "SIZE", "SIZE x", "HELP")]
    assert sizes == [10, None, None, None, None]
    assert parse_extensions(["SIZE " + "9" * 5000]).size_octets_max is None


def test_both_ways_of_announcing_auth_are_read() -> None:
    offered = parse_extensions(["AUTH=LOGIN PLAIN", "AUTH plain CRAM-MD5"])
    assert offered.auth_mechanisms == ("PLAIN", "CRAM-MD5", "LOGIN")
    assert offered.lines() == ("AUTH=LOGIN PLAIN", "AUTH plain CRAM-MD5")
    assert "AUTH" in parse_extensions(["AUTH=LOGIN"])
    assert "AUTH" not in parse_extensions(["HELP"])


def test_limits_that_are_no_numbers_are_left_out() -> None:
    offered = parse_extensions(["LIMITS MAILMAX=5 rcptmax=100 RCPTDOMAINMAX=x OTHER=1 MAILMAX=0"])
    assert offered.limits == {"MAILMAX": 5, "RCPTMAX": 100}


def test_the_registries_hold_together() -> None:
    assert all(str(code)[0] in SEVERITIES for code in REPLY_CODES)
    assert all(code.partition(".")[0] in ENHANCED_SUBJECTS for code in ENHANCED_CODES)
    for registry in (REPLY_CODES, ENHANCED_CODES):
        ids = [entry.id for entry in registry.values()]
        assert len(ids) == len(set(ids))
        assert all(re.fullmatch(r"[a-z0-9-]+", each) for each in ids)
    known = find_enhanced("5.7.1")
    assert known is not None
    assert known.id == "not-authorised"
    assert find_enhanced("5.9.9") is None
    assert find_enhanced("3.7.1") is None
    assert find_enhanced("nonsense") is None
