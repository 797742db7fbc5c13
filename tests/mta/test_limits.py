"""An envelope is parted where a server says that it takes no more at once (RFC 9422)."""

from types import SimpleNamespace

import pytest

from smtplab.mta.limits import batches, spent
from smtplab.wire.address import Mailbox
from smtplab.wire.extension import parse_extensions


def session(*limits: str, transactions: int = 0):
    extensions = parse_extensions([" ".join(("LIMITS", *limits))] if limits else ["SIZE"])
    return SimpleNamespace(
        talk=SimpleNamespace(client=SimpleNamespace(extensions=extensions)), transactions=transactions
    )


PEOPLE = tuple(Mailbox(name, domain) for name, domain in (("a", "x"), ("b", "y"), ("c", "x"), ("d", "z"), ("e", "z")))


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ((), ["abcde"]),
        (("RCPTMAX=2",), ["ab", "cd", "e"]),
        (("RCPTMAX=9",), ["abcde"]),
        (("RCPTMAX=0",), ["abcde"]),
        (("RCPTDOMAINMAX=1",), ["a", "b", "c", "de"]),
        (("RCPTDOMAINMAX=2",), ["abc", "de"]),
        (("RCPTMAX=2", "RCPTDOMAINMAX=2"), ["ab", "cd", "e"]),
    ],
    ids=str,
)
def test_recipients_keep_their_order(limits, expected):
    found = batches(session(*limits), PEOPLE)
    assert ["".join(who.local for who in batch) for batch in found] == expected


def test_a_session_is_spent_at_its_limit():
    assert not spent(session(transactions=99))
    assert not spent(session("MAILMAX=3", transactions=2))
    assert spent(session("MAILMAX=3", transactions=3))
