"""What a server answers strangers, whatever it was asked to do."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from smtplab.lab.reception import rules_for
from smtplab.lab.serve_request import Protocol, ServeRequest
from smtplab.mta.accounts import MemoryAccounts
from smtplab.mta.rules import Caller, Rules, answer, offered
from smtplab.net.ports import TlsFacts
from smtplab.net.self_signed import self_signed_tls
from smtplab.smtp.secret import Secret
from smtplab.wire.address import Mailbox
from smtplab.wire.command import Rcpt

TLS = self_signed_tls("mx.hust.example", 1e9)
STRANGER = "192.0.2.1"
ELSEWHERE = Rcpt(Mailbox("a", "elsewhere.example"))
WAYS_OUT = ({"relay_to": ("smtp.example", 25)}, {"deliver": True})


def rules_of(request: ServeRequest, protocol: Protocol, *, near: bool) -> Rules:
    accounts = MemoryAccounts({name: Secret(password) for name, password in request.users})
    house = SimpleNamespace(request=request, hostname="mx", tls=TLS, accounts=accounts)
    return rules_for(house, protocol, near=near)


@pytest.mark.parametrize("protocol", ["smtp", "submission", "smtps", "lmtp"])
def test_where_there_is_a_way_out_it_is_not_for_strangers(protocol):
    for way, domains in itertools.product(WAYS_OUT, ((), ("hust.example",))):
        request = ServeRequest(home=Path(), domains=domains, users=(("u", "p"),), trust=("198.51.100.0/24",), **way)
        rules = rules_of(request, protocol, near=False)
        assert answer(rules, Caller(STRANGER), ELSEWHERE, time.time).code == 550
        assert answer(rules, Caller(STRANGER, user="u"), ELSEWHERE, time.time).code == 250
        for address in ("127.0.0.1", "::1", "198.51.100.7"):
            assert answer(rules, Caller(address), ELSEWHERE, time.time).code == 250


def test_passwords_are_asked_for_in_clear_on_loopback_only():
    request = ServeRequest(home=Path(), users=(("u", "p"),))
    near, far = (rules_of(request, "smtp", near=one) for one in (True, False))
    assert "AUTH SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN XOAUTH2 OAUTHBEARER" in offered(
        near, Caller("127.0.0.1")
    )
    assert not any(line.startswith("AUTH") for line in offered(far, Caller(STRANGER)))
    secure = Caller(STRANGER, secure=True, tls_facts=TlsFacts("TLSv1.3", "", end_point=b"x"))
    [line] = [line for line in offered(far, secure) if line.startswith("AUTH")]
    assert line.startswith("AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 ")
    assert "EXTERNAL" not in line
