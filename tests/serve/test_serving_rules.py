"""What a server answers strangers, whatever it was asked to do."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from smtplab.lab.reception import rules_for
from smtplab.lab.serve_request import ServeRequest
from smtplab.mta.rules import Caller, answer, offered
from smtplab.net.self_signed import self_signed_tls
from smtplab.wire.address import Mailbox
from smtplab.wire.command import Rcpt

TLS = self_signed_tls("mx.hust.example", 1e9)
STRANGER = "192.0.2.1"
ELSEWHERE = Rcpt(Mailbox("a", "elsewhere.example"))
WAYS_OUT = ({"relay_to": ("smtp.example", 25)}, {"deliver": True})


@pytest.mark.parametrize("protocol", ["smtp", "submission", "smtps", "lmtp"])
def test_where_there_is_a_way_out_it_is_not_for_strangers(protocol):
    for way, domains in itertools.product(WAYS_OUT, ((), ("hust.example",))):
        request = ServeRequest(home=Path(), domains=domains, users=(("u", "p"),), trust=("198.51.100.0/24",), **way)
        rules = rules_for(request, protocol, "mx", TLS, near=False)
        assert answer(rules, Caller(STRANGER), ELSEWHERE).code == 550
        assert answer(rules, Caller(STRANGER, user="u"), ELSEWHERE).code == 250
        for address in ("127.0.0.1", "::1", "198.51.100.7"):
            assert answer(rules, Caller(address), ELSEWHERE).code == 250


def test_passwords_are_asked_for_in_clear_on_loopback_only():
    request = ServeRequest(home=Path(), users=(("u", "p"),))
    near, far = (rules_for(request, "smtp", "mx", TLS, near=one) for one in (True, False))
    assert "AUTH PLAIN LOGIN CRAM-MD5" in offered(near, Caller("127.0.0.1"))
    assert not any(line.startswith("AUTH") for line in offered(far, Caller(STRANGER)))
    assert "AUTH PLAIN LOGIN CRAM-MD5" in offered(far, Caller(STRANGER, secure=True))
