"""STARTTLS and TLS from the first byte between our own client and server, with real certificates."""

from __future__ import annotations

import datetime as dt

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from smtplab.events import CommandSent, Disconnected, ReplyReceived, ReplySent, TlsEstablished, TlsFailed
from smtplab.mta.accounts import MemoryAccounts
from smtplab.mta.options import Credentials
from smtplab.mta.rules import Rules
from smtplab.net.trust import PkixTrust
from smtplab.sim.certificates import Authority
from smtplab.smtp.sasl import Secret

ADDRESS = "10.1.0.1"
START = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)


def sent_over_tls(kit, policy, *, names=("mx1.d",), implicit=False, trusted=True, **options):
    got = []
    authority = Authority(1, START)
    tls = authority.server_tls(names[0], names)

    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", ADDRESS))
        rules = Rules(
            hostname="mx1.d",
            tls=None if implicit else tls,
            implicit_tls=implicit,
            accounts=MemoryAccounts({"u": Secret("p")}),
        )
        await bench.serve(ADDRESS, rules, tls=tls if implicit else None)
        trust = PkixTrust(bench.clock.now, authority.root.public_bytes(Encoding.PEM)) if trusted else None
        got.append(await bench.send("b@d.example", tls=policy, trust=trust, **options))

    bench = kit.on_bench(play)
    return got[0], bench


@pytest.mark.parametrize("policy", ["may", "require", "verify"])
def test_a_certificate_that_holds_satisfies_every_policy(kit, policy):
    delivery, bench = sent_over_tls(kit, policy)
    assert delivery.judgement.result == "accepted"
    assert [arrival.protocol for arrival in bench.arrivals] == ["ESMTPS"]
    seen = [record.event for record in bench.records() if record.node == "us.example"]
    assert [event.verified_by for event in seen if isinstance(event, TlsEstablished)] == ["pkix"]
    verbs = [event.verb for event in bench.told(CommandSent)]
    assert verbs == ["EHLO", "STARTTLS", "EHLO", "MAIL", "RCPT", "DATA", "QUIT"]


@pytest.mark.parametrize(("policy", "result"), [("may", "accepted"), ("require", "accepted"), ("verify", "deferred")])
def test_a_wrong_name_matters_only_where_it_is_verified(kit, policy, result):
    delivery, bench = sent_over_tls(kit, policy, names=("other.example",))
    judgement = delivery.judgement
    assert judgement.result == result
    if policy == "verify":
        assert (judgement.stage, judgement.reason, judgement.detail) == ("tls", "tls-not-verified", "name-mismatch")
        assert (judgement.status, bench.arrivals) == ("4.7.5", [])


def test_without_trust_nothing_is_verified(kit):
    delivery, _ = sent_over_tls(kit, "verify", trusted=False)
    assert delivery.judgement.reason == "tls-not-verified"


def test_implicit_tls_greets_after_the_handshake(kit):
    delivery, bench = sent_over_tls(kit, "implicit", implicit=True)
    assert delivery.judgement.result == "accepted"
    for node in ("us.example", "mx1.d"):
        kinds = [type(record.event) for record in bench.records() if record.node == node]
        first_reply = next(index for index, kind in enumerate(kinds) if kind in (ReplyReceived, ReplySent))
        assert kinds.index(TlsEstablished) < first_reply


def test_inside_tls_a_plain_password_may_be_used_and_is_never_told(kit):
    delivery, bench = sent_over_tls(kit, "require", credentials=Credentials("u", Secret("p"), "PLAIN"))
    assert delivery.judgement.result == "accepted"
    assert [arrival.protocol for arrival in bench.arrivals] == ["ESMTPSA"]
    assert [event.line for event in bench.told(CommandSent) if event.verb == "AUTH"] == ["AUTH PLAIN ***"]


def test_quit_after_tls_goes_exactly_so_far(kit):
    delivery, bench = sent_over_tls(kit, "require", quit_after="tls")
    assert delivery.judgement.result == "stopped"
    assert [event.verb for event in bench.told(CommandSent)] == ["EHLO", "STARTTLS", "EHLO", "QUIT"]


def test_a_server_without_tls_behind_an_implicit_port_fails_the_handshake(kit):
    got = []

    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", ADDRESS))
        await bench.play(ADDRESS, kit.good_peer())
        got.append(await bench.send("b@d.example", tls="implicit"))

    bench = kit.on_bench(play)
    assert (got[0].judgement.result, got[0].judgement.stage) == ("deferred", "tls")
    assert len(bench.told(TlsFailed)) == 1
    assert bench.told(Disconnected)[-1].by == "us"
