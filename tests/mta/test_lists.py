"""Mailing lists: a copy for each member, bounces that name the member, and no circles."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtplab.events import Bounced, BounceSent, Judged
from smtplab.message.header import fields_of, find_all
from smtplab.message.report import parse_report
from smtplab.mta.envelope import Asked, make_envelope
from smtplab.mta.lists import MailingList, bounce_address, distribute, read_bounce_address
from smtplab.mta.local import Directory
from smtplab.wire.address import Mailbox, format_mailbox, parse_mailbox


def at(text):
    local, _, domain = text.rpartition("@")
    return Mailbox(local, domain)


ANNA, BINH, CHI, OWNER = map(at, ("anna@here.example", "binh@here.example", "chi@gone.example", "owner@here.example"))
LIST = MailingList(at("lab@here.example"), (ANNA, BINH, CHI), OWNER)
USERS = frozenset({"anna@here.example", "binh@here.example", "owner@here.example"})


def directory(*lists):
    return Directory(domains=frozenset({"here.example"}), users=USERS, lists=lists or (LIST,))


def test_each_member_gets_a_copy_whose_return_path_names_him(office):
    bench, boxes = office.run(office.arrival("lab@here.example"), directory=directory())
    for member in ("anna", "binh"):
        (stored,) = boxes.messages(f"{member}@here.example")
        fields = fields_of(stored.content)
        assert find_all(fields, "Return-Path") == (f"<lab-bounces+{member}=here.example@here.example>",)
        assert find_all(fields, "Delivered-To") == (f"{member}@here.example", "lab@here.example")
        assert find_all(fields, "List-Id") == ("<lab.here.example>",)
    assert bench.told(Judged)[0] == Judged(
        "list", "distributed", "lab@here.example -> anna@here.example, binh@here.example, chi@gone.example"
    )


def test_a_bounce_names_the_member_to_the_owner_and_never_reaches_the_list(office):
    bench, boxes = office.run(office.arrival("lab@here.example"), directory=directory())
    assert [event.recipient for event in bench.told(Bounced)] == ["chi@gone.example"]
    assert [event.recipient for event in bench.told(BounceSent)] == ["lab-bounces+chi=gone.example@here.example"]
    assert Judged("list-bounce", "failed", "chi@gone.example") in bench.told(Judged)
    (stored,) = boxes.messages("owner@here.example")
    assert parse_report(stored.content).status.recipients[0].final_recipient.text == "chi@gone.example"
    assert len(boxes.messages("anna@here.example")) == 1


def test_a_demand_for_tls_holds_for_each_copy_too():
    envelope = make_envelope(at("d@d.example"), [LIST.address], b"Subject: x\r\n\r\n")
    envelope = msgspec.structs.replace(envelope, mail_parameters={"REQUIRETLS": None})
    assert all(copy.requires_tls for copy in distribute(LIST, envelope))


def test_a_notice_sent_to_the_list_itself_goes_to_its_owner(office):
    bench, boxes = office.run(office.arrival("lab@here.example", sender=None), directory=directory())
    assert bench.told(Judged) == [Judged("list", "to-owner", "lab@here.example -> owner@here.example")]
    assert len(boxes.messages("owner@here.example")) == 1
    assert boxes.messages("anna@here.example") == ()


def test_the_owner_has_an_address_of_his_own(office):
    _, boxes = office.run(office.arrival("Lab-Owner@here.example"), directory=directory())
    assert len(boxes.messages("owner@here.example")) == 1


def test_lists_that_are_members_of_each_other_stop(office):
    other = MailingList(at("club@here.example"), (at("lab@here.example"), BINH), OWNER)
    circle = MailingList(LIST.address, (at("club@here.example"), ANNA), OWNER)
    bench, boxes = office.run(office.arrival("lab@here.example"), directory=directory(circle, other))
    assert len(boxes.messages("anna@here.example")) == len(boxes.messages("binh@here.example")) == 1
    assert [(event.recipient, event.status) for event in bench.told(Bounced)] == [("lab@here.example", "5.4.6")]
    assert len(boxes.messages("owner@here.example")) == 1


def test_to_its_sender_a_message_is_delivered_when_the_list_has_it(office):
    arrival = office.arrival(
        "lab@here.example", sender="binh@here.example", asked={"lab@here.example": Asked(("SUCCESS",))}
    )
    _, boxes = office.run(arrival, directory=directory(MailingList(LIST.address, (ANNA,), OWNER)))
    (stored,) = boxes.messages("binh@here.example")
    (person,) = parse_report(stored.content).status.recipients
    assert (person.final_recipient.text, person.action) == ("lab@here.example", "delivered")


def test_a_list_id_that_is_there_stays_the_only_one(office):
    content = b"List-Id: <up.example>\r\nSubject: x\r\n\r\nbody\r\n"
    _, boxes = office.run(office.arrival("lab@here.example", content=content), directory=directory())
    (stored,) = boxes.messages("anna@here.example")
    assert find_all(fields_of(stored.content), "List-Id") == ("<up.example>",)


@given(st.sampled_from([ANNA, CHI, at("a=b+c@x.example"), at('"odd one"@x.example'), Mailbox("odd one", "x.example")]))
def test_a_return_path_is_an_address_and_names_its_member_again(member):
    own = MailingList(LIST.address, (ANNA, member), OWNER)
    written = format_mailbox(bounce_address(own, member))
    read = parse_mailbox(written.upper())
    assert isinstance(read, Mailbox)
    found = read_bounce_address(own, read)
    assert found is not None
    assert found.member == member


def test_a_member_too_long_for_a_local_part_is_left_out_of_it():
    long = at("x" * 60 + "@long.example")
    assert bounce_address(LIST, long) == at("lab-bounces@here.example")


@pytest.mark.parametrize(
    ("recipient", "known", "member"),
    [
        ("lab-bounces@here.example", True, None),
        ("lab-bounces+stranger=x.example@here.example", True, None),
        ("LAB-bounces+Anna=Here.Example@here.example", True, ANNA),
        ("lab-bouncesx@here.example", False, None),
        ("lab-bounces+anna=here.example@elsewhere.example", False, None),
        ("lab@here.example", False, None),
    ],
)
def test_only_members_are_named_by_a_return_path(recipient, known, member):
    found = read_bounce_address(LIST, at(recipient))
    assert (found is not None) is known
    assert found is None or found.member == member
