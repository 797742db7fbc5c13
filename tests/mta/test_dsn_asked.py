"""What a sender asks about notices: taken in by the server and kept with the message (RFC 3461)."""

from __future__ import annotations

import pytest

from smtplab.events import Dequeued
from smtplab.mta.envelope import Asked, make_envelope, with_parameters
from smtplab.mta.rules import Rules


def converse(kit, *commands, extensions=("DSN", "SMTPUTF8")):
    """The code of each reply, the greeting's and EHLO's apart, and what arrived."""
    pieces = [f"{line}\r\n" for line in ("EHLO c.example", *commands, "DATA", "Subject: x\r\n\r\nbody\r\n.", "QUIT")]
    said = []

    async def play(bench):
        await bench.serve("10.1.0.1", Rules(hostname="mx.example", extensions=extensions))
        stream = await bench.net.dialer.dial("10.1.0.1", 25)
        said.append(await stream.read())
        for piece in pieces:
            await stream.write(piece.encode())
            said.append(await stream.read())
        await stream.close()

    bench = kit.on_bench(play)
    return [reply[:3] for reply in said[2:]], bench.arrivals


def test_the_parameters_travel_with_the_message(kit):
    _, (arrival,) = converse(
        kit,
        "MAIL FROM:<a@x.example> RET=full ENVID=QQ+2B1",
        "RCPT TO:<b@y.example> NOTIFY=success,DELAY ORCPT=rfc822;c@z.example",
        "RCPT TO:<d@y.example> NOTIFY=NEVER",
        "RCPT TO:<e@y.example>",
    )
    envelope = arrival.envelope
    assert (envelope.ret, envelope.envid) == ("FULL", "QQ+2B1")
    assert [envelope.asked_for(who) for who in envelope.recipients] == [
        Asked(("SUCCESS", "DELAY"), "rfc822;c@z.example"),
        Asked(("NEVER",)),
        Asked(),
    ]


def test_one_message_does_not_inherit_what_was_asked_for_another(kit):
    _, (arrival,) = converse(
        kit,
        "MAIL FROM:<a@x.example> RET=FULL ENVID=1",
        "RCPT TO:<b@y.example> NOTIFY=NEVER",
        "RSET",
        "MAIL FROM:<a@x.example>",
        "RCPT TO:<b@y.example>",
    )
    assert (arrival.envelope.ret, arrival.envelope.envid, arrival.envelope.asked) == ("", "", {})


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("MAIL FROM:<a@x.example> RET=SOME", b"501"),
        ("MAIL FROM:<a@x.example> ENVID=a+b", b"501"),
        ("MAIL FROM:<a@x.example> ENVID", b"501"),
        ("MAIL FROM:<a@x.example> RET=HDRS", b"250"),
    ],
)
def test_a_value_against_the_standard_is_refused(kit, command, code):
    codes, _ = converse(kit, command)
    assert codes[0] == code


def test_a_server_that_does_not_offer_dsn_refuses_its_parameters(kit):
    codes, _ = converse(kit, "MAIL FROM:<a@x.example> RET=FULL", extensions=("SIZE",))
    assert codes[0] == b"555"


def test_a_notice_asks_for_tls_as_far_as_that_can_be_had(kit):
    demand = {"REQUIRETLS": None}
    message = with_parameters(make_envelope(kit.box("a@x.example"), [kit.box("b@y.example")], b"x"), demand, {}, 0.0)
    assert (message.mail_parameters, message.tls_wished) == (demand, False)
    notice = with_parameters(make_envelope(None, [kit.box("a@x.example")], b"x"), demand, {}, 0.0)
    assert (notice.mail_parameters, notice.tls_wished) == ({}, True)


@pytest.mark.parametrize(("offered", "asked"), [("REQUIRETLS", " REQUIRETLS"), ("HELP", "")])
def test_no_notice_is_lost_for_want_of_requiretls(kit, office, offered, asked):
    async def prepare(bench):
        bench.mx("d.example", (10, "mx.d.example", "10.1.0.1"))
        await bench.play("10.1.0.1", peer)

    peer = kit.good_peer(extensions=offered)
    notice = office.arrival("b@d.example", sender=None, tls_wished=True)
    bench, _ = office.run(notice, prepare=prepare)
    assert [event.reason for event in bench.told(Dequeued)] == ["relayed"]
    assert f"MAIL FROM:<>{asked}" in peer.heard
