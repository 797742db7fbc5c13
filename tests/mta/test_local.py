"""Final delivery: mailboxes, tags, aliases, forwarding, catch-alls, and the loops that they make."""

from __future__ import annotations

import pytest

from smtplab.events import Bounced, Delivered, Dequeued, Judged, Queued
from smtplab.message.header import fields_of
from smtplab.message.report import parse_report
from smtplab.mta.envelope import Asked
from smtplab.mta.local import Directory, IntoMailbox, Nobody, Onward, look_up, recipient_hook
from smtplab.mta.mailbox import Unstored
from smtplab.mta.rules import Caller
from smtplab.mta.store.memory import MemoryStore
from smtplab.mta.store.port import Put, Remove, Update
from smtplab.wire.address import Mailbox
from smtplab.wire.command import Mail, Rcpt


def at(text):
    local, _, domain = text.rpartition("@")
    return Mailbox(local, domain)


HERE = frozenset({"here.example"})
ANNA, BINH, AWAY = at("anna@here.example"), at("binh@here.example"), at("binh@d.example")
PEOPLE = frozenset({"anna@here.example", "binh@here.example", "a+b@here.example"})


def directory(**changes):
    return Directory(**{"domains": HERE, "users": PEOPLE} | changes)


@pytest.mark.parametrize(
    ("address", "destination"),
    [
        ("anna@here.example", IntoMailbox("anna@here.example")),
        ("ANNA@Here.Example", IntoMailbox("anna@here.example")),
        ("anna+news@here.example", IntoMailbox("anna@here.example")),
        ("anna+a+b@here.example", IntoMailbox("anna@here.example")),
        ("a+b@here.example", IntoMailbox("a+b@here.example")),
        ("nobody@here.example", Nobody()),
        ("+anna@here.example", Nobody()),
        ("postmaster@here.example", IntoMailbox("postmaster@here.example")),
        ("Postmaster", IntoMailbox("postmaster")),
        ("info@here.example", Onward((ANNA, AWAY))),
        ("info+tag@here.example", Onward((ANNA, AWAY))),
    ],
)
def test_an_address_is_looked_up_whole_then_without_its_tag(address, destination):
    known = directory(aliases={"info@here.example": (ANNA, AWAY)})
    assert look_up(known, at(address) if "@" in address else Mailbox(address, "")) == destination


def test_a_catch_all_gets_what_is_for_nobody():
    known = directory(catch_all={"here.example": ANNA})
    assert look_up(known, at("nobody@here.example")) == Onward((ANNA,))
    assert look_up(known, BINH) == IntoMailbox("binh@here.example")


def test_where_nobody_is_named_everybody_has_a_mailbox():
    assert look_up(directory(users=None), at("x+y@here.example")) == IntoMailbox("x@here.example")
    assert look_up(directory(users=None, separator=""), at("x+y@here.example")) == IntoMailbox("x+y@here.example")


def test_the_door_refuses_what_nobody_would_get():
    answer = recipient_hook(directory())
    caller = Caller("10.0.0.9")
    assert answer(Rcpt(at("nobody@here.example")), caller).code == 550
    assert answer(Rcpt(ANNA), caller) is None
    assert answer(Rcpt(AWAY), caller) is None
    assert answer(Mail(None), caller) is None


def test_an_alias_keeps_the_return_path_and_reaches_each_of_its_addresses(kit, office):
    peer = kit.good_peer()

    async def prepare(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        await bench.play("10.1.0.1", peer)

    known = directory(aliases={"info@here.example": (ANNA, AWAY)})
    bench, boxes = office.run(office.arrival("info@here.example"), prepare=prepare, directory=known)
    (stored,) = boxes.messages("anna@here.example")
    assert [(field.name, field.value) for field in fields_of(stored.content)][:3] == [
        ("Return-Path", "<a@here.example>"),
        ("Delivered-To", "anna@here.example"),
        ("Delivered-To", "info@here.example"),
    ]
    assert peer.heard[1:3] == ["MAIL FROM:<a@here.example>", "RCPT TO:<binh@d.example>"]
    assert bench.told(Judged) == [
        Judged("alias", "forwarded", "info@here.example -> anna@here.example, binh@d.example")
    ]
    assert len(bench.told(Queued)) == len(bench.told(Dequeued)) == 2


def test_a_forwarding_passes_on_what_was_asked_and_who_was_meant(kit, office):
    peer = kit.good_peer(extensions="DSN")

    async def prepare(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        await bench.play("10.1.0.1", peer)

    asked = {"binh@here.example": Asked(("SUCCESS", "FAILURE"))}
    arrival = office.arrival("binh@here.example", asked=asked, envid="E7")
    bench, _ = office.run(arrival, prepare=prepare, directory=directory(aliases={"binh@here.example": (AWAY,)}))
    assert peer.heard[1:3] == [
        "MAIL FROM:<a@here.example> ENVID=E7",
        "RCPT TO:<binh@d.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;binh@here.example",
    ]
    assert [event.reason for event in bench.told(Dequeued)] == ["relayed", "relayed"]


def test_an_alias_for_several_is_told_as_expanded_and_success_is_not_asked_of_each(office):
    known = directory(aliases={"info@here.example": (ANNA, BINH)})
    arrival = office.arrival(
        "info@here.example", sender="binh@here.example", asked={"info@here.example": Asked(("SUCCESS",))}
    )
    _, boxes = office.run(arrival, directory=known)
    notices = [report for one in boxes.messages("binh@here.example") if (report := parse_report(one.content))]
    (report,) = notices
    assert [(one.final_recipient.text, one.action) for one in report.status.recipients] == [
        ("info@here.example", "expanded")
    ]


def test_aliases_that_point_at_each_other_end_in_a_notice(office):
    known = directory(aliases={"x@here.example": (at("y@here.example"),), "y@here.example": (at("x@here.example"),)})
    bench, boxes = office.run(office.arrival("x@here.example", sender="anna@here.example"), directory=known)
    assert [(event.recipient, event.status) for event in bench.told(Bounced)] == [("x@here.example", "5.4.6")]
    assert len(boxes.messages("anna@here.example")) == 1


def test_a_message_that_comes_back_to_where_it_was_is_a_loop(office):
    content = b"Received: from elsewhere\r\ndelivered-to: ANNA@here.example\r\nSubject: x\r\n\r\nbody\r\n"
    arrival = office.arrival("anna@here.example", sender="binh@here.example", content=content)
    bench, boxes = office.run(arrival, directory=directory())
    assert [event.status for event in bench.told(Bounced)] == ["5.4.6"]
    assert boxes.messages("anna@here.example") == ()


def test_delivered_to_in_the_body_is_no_loop(office):
    content = b"Subject: x\r\n\r\nDelivered-To: anna@here.example\r\n"
    bench, _ = office.run(office.arrival("anna@here.example", content=content), directory=directory())
    assert len(bench.told(Delivered)) == 1


def test_mail_for_nobody_comes_back(office):
    bench, _ = office.run(office.arrival("nobody@here.example", sender="anna@here.example"), directory=directory())
    (bounced,) = bench.told(Bounced)
    assert (bounced.status, bounced.diagnostic) == ("5.1.1", "no-such-user")


class _Noting(MemoryStore):
    """Keeps what it was asked in one breath."""

    def __init__(self):
        super().__init__()
        self.breaths = []

    async def apply(self, changes):
        self.breaths.append([type(change) for change in changes])
        return await super().apply(changes)


def test_what_goes_on_is_stored_in_the_same_breath_that_lets_the_first_message_go(office):
    store = _Noting()
    known = directory(aliases={"info@here.example": (ANNA, BINH)})
    office.run(office.arrival("info@here.example"), store=store, directory=known)
    assert [breath for breath in store.breaths if breath != [Update]] == [[Put], [Remove, Put], [Remove]]


def test_one_recipient_goes_on_while_another_waits(kit, office):
    async def prepare(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        await bench.play("10.1.0.1", kit.Peer("220 a", "250 a", "250 ok", "450 4.2.0 later"), kit.good_peer())

    known = directory(aliases={"info@here.example": (ANNA,)})
    bench, boxes = office.run(office.arrival("binh@d.example", "info@here.example"), prepare=prepare, directory=known)
    assert len(boxes.messages("anna@here.example")) == 1
    assert [event.reason for event in bench.told(Dequeued)] == ["delivered", "relayed"]


class _Shelf:
    """A store whose disk is full for its first deliveries."""

    def __init__(self, *troubles):
        self.troubles = list(troubles)
        self.letters = []

    async def deliver(self, letter, emit):
        if self.troubles:
            return self.troubles.pop(0)
        self.letters.append(letter)
        emit(Delivered(letter.queue_id, str(letter.recipient), letter.mailbox))
        return None


def test_a_mailbox_that_is_full_now_is_tried_again(office):
    shelf = _Shelf(Unstored("4.3.1", "disk-full"), Unstored("4.3.1", "disk-full"))
    bench, _ = office.run(office.arrival("anna+x@here.example"), directory=directory(), mailboxes=shelf)
    assert [(str(one.recipient), one.mailbox) for one in shelf.letters] == [
        ("anna+x@here.example", "anna@here.example")
    ]
    assert bench.told(Bounced) == []


def test_a_mailbox_that_is_closed_for_good_bounces(office):
    shelf = _Shelf(Unstored("5.2.1", "mailbox-unusable"))
    bench, _ = office.run(office.arrival("anna@here.example", sender=None), directory=directory(), mailboxes=shelf)
    assert [event.status for event in bench.told(Bounced)] == ["5.2.1"]
