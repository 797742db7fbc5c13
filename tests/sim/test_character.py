import ssl

from msgspec.structs import replace

from smtplab.mta.rules import Caller
from smtplab.net.ports import ServerTls
from smtplab.net.trust import PkixTrust
from smtplab.sim.character import behaviour, routing, rules_by_port, sending_options, takes_mail
from smtplab.sim.library import load_world
from smtplab.wire.address import Mailbox
from smtplab.wire.command import Rcpt

CAMPUS = load_world("campus")
TLS = ServerTls(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))


def rules_of(name: str):
    return rules_by_port(CAMPUS, CAMPUS.host(name), TLS)


def test_programs_and_resolvers_take_no_mail():
    assert not takes_mail(CAMPUS.host("laptop.hust.example"))
    assert not takes_mail(CAMPUS.host("ns.vnet.example"))
    assert rules_of("ns.vnet.example") == {}


def test_a_host_of_a_quick_world_waits_as_much_less_but_never_too_little():
    host = CAMPUS.host("relay.hust.example")
    usual, quick, quicker = (sending_options(host, PkixTrust(lambda: 0.0), speed).timeouts for speed in (1, 20, 1000))
    assert (usual.greeting_s, quick.greeting_s, quicker.greeting_s) == (300, 15, 10)
    assert quicker.connect_s == 10


def test_a_submission_server_knows_those_whose_program_submits_to_it():
    rules = rules_of("submission.hust.example")
    assert {port: one.implicit_tls for port, one in rules.items()} == {587: False, 465: True}
    assert rules[587].submission
    known = rules[587].accounts
    assert known.secret("student@hust.example") is not None
    assert known.secret("lecturer@hust.example") is not None
    assert known.secret("student@neu.example") is None
    assert rules[587].local_domains == frozenset()


def test_a_relay_trusts_the_servers_of_its_own_house_and_nobody_else():
    rules = rules_of("relay.hust.example")[25]
    assert rules.trusted == ("10.1.0.10", "10.1.0.26")
    assert rules.local_domains == rules.relay_domains == frozenset()
    assert not rules.accounts.any


def test_an_mx_is_the_end_for_its_domain_and_a_backup_only_keeps():
    assert rules_of("mx1.hust.example")[25].local_domains == {"hust.example", "[10.1.0.26]"}
    backup = rules_of("mx2.vnet.example")[25]
    assert backup.local_domains == frozenset()
    assert backup.relay_domains == {"hust.example", "neu.example"}


def test_a_full_and_a_disabled_mailbox_are_told_to_rcpt_and_others_left_to_the_ordinary_rules():
    answer = rules_of("mx1.hust.example")[25].hooks["RCPT"]
    replies = {}
    for local in ("Student", "full", "suspended", "nobody"):
        reply = answer(Rcpt(Mailbox(local, "HUST.example")), Caller("10.2.0.25"))
        replies[local] = (reply.code, reply.enhanced) if reply else None
    assert replies == {"Student": None, "full": (452, "4.2.2"), "suspended": (550, "5.2.1"), "nobody": None}


def test_mail_goes_to_the_relay_of_the_house_else_to_the_mx():
    assert routing(CAMPUS.host("submission.neu.example")).server == "relay.neu.example"
    assert routing(CAMPUS.host("submission.neu.example")).source == "relay"
    assert routing(CAMPUS.host("relay.neu.example")).server is None
    assert "10.2.0.25" in routing(CAMPUS.host("relay.neu.example")).ourselves


def test_what_is_peculiar_to_a_manner_is_as_quick_as_the_world():
    host = CAMPUS.host("mx1.hust.example")
    host = replace(host, software=replace(host.software, manner="exchange", reply_ms=None))
    usual, quick = behaviour(host), behaviour(host, 50.0)
    assert (usual.refusal_s, quick.refusal_s) == (5.0, 0.1)
    assert quick.reply_ms == usual.reply_ms / 50
    assert rules_by_port(CAMPUS, host, TLS, 50.0)[25].reply_delay_s == quick.reply_ms / 1000
    # What the file says was divided when the world was moved to loopback.
    assert behaviour(replace(host, software=replace(host.software, reply_ms=3.0)), 50.0).reply_ms == 3.0
