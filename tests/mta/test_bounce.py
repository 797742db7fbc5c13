"""Notices: who is told of what, what stands in them, and what other programs make of them."""

from __future__ import annotations

import asyncio
import email
import email.policy
import itertools
import random

import msgspec
import pytest
from flufl.bounce import scan_message
from hypothesis import given
from hypothesis import strategies as st

from smtplab.events import BounceSent, Dequeued, Judged
from smtplab.message.dsn import format_status
from smtplab.message.report import parse_report
from smtplab.mta.bounce import Fate, Notice, NoticeWriter, decision_of, is_wanted, success_of
from smtplab.mta.envelope import Asked, make_envelope
from smtplab.mta.mailbox import Mailboxes
from smtplab.mta.outcome import Judgement, RecipientOutcome
from smtplab.mta.store.memory import MemoryStore
from smtplab.mta.wording import PLAIN_TEXTS, PlainWords
from smtplab.wire.address import Mailbox
from smtplab.wire.xtext import encode_xtext
from tests.mta.queue.queues import at_work, open_queue

NOON = 1795435200.0
ANNA = Mailbox("anna", "here.example")
BINH = Mailbox("binh", "d.example")
CONTENT = b"From: anna@here.example\r\nSubject: hello\r\n\r\nThe body.\r\n"
REFUSED = Fate(BINH, "5.1.1", "550 5.1.1 no such user", "mx1.d.example")


class Vietnamese:
    """Stands for a catalogue: each text is its id, in letters that are not ASCII."""

    language = "vi"

    def __call__(self, text_id, /, **arguments):
        return f"<thư {text_id} {arguments}>"

    def has(self, text_id):
        return text_id == "reason.nxdomain"


def notice(*fates, asked=None, content=CONTENT, sender=ANNA, **changes):
    envelope = make_envelope(sender, [fate.recipient for fate in fates], content)
    envelope = msgspec.structs.replace(envelope, asked=asked or {}, **changes)
    return Notice("us.example", "4F2A", envelope, fates, NOON - 3600, NOON, NOON + 432000)


def writer(*words):
    return NoticeWriter(random.Random(7), words or (PlainWords(),))


def read(envelope):
    """As Python's email package reads it: the message, its words, the groups of the status, what is returned."""
    message = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert not any(part.defects for part in message.walk())
    words, status, returned = message.iter_parts()
    return message, words.get_content().replace("\r\n", "\n"), status.get_payload(), returned


def test_a_failure_is_told_from_the_null_path_with_all_that_is_known():
    envelope = writer().failed(notice(REFUSED))
    assert (envelope.reverse_path, envelope.recipients) == (None, (ANNA,))
    message, words, (about, person), returned = read(envelope)
    assert message["Auto-Submitted"] == "auto-replied"
    assert message["Subject"] == "Undelivered mail returned to sender"
    assert "mx1.d.example answered: 550 5.1.1 no such user" in words
    assert "Refused for good; no further attempt is made." in words
    assert about["Reporting-MTA"] == "dns; us.example"
    assert about["Arrival-Date"] == "Mon, 23 Nov 2026 11:00:00 +0000"
    assert dict(person.items()) == {
        "Final-Recipient": "rfc822; binh@d.example",
        "Action": "failed",
        "Status": "5.1.1",
        "Remote-MTA": "dns; mx1.d.example",
        "Diagnostic-Code": "smtp; 550 5.1.1 no such user",
        "Last-Attempt-Date": "Mon, 23 Nov 2026 12:00:00 +0000",
    }
    assert returned.get_content_type() == "text/rfc822-headers"
    assert "Subject: hello" in returned.get_content()
    assert "The body." not in returned.get_content()


def test_another_bounce_parser_finds_the_address_and_whether_it_is_for_good():
    failed = email.message_from_bytes(writer(PlainWords(), Vietnamese()).failed(notice(REFUSED)).content)
    assert scan_message(failed) == {b"binh@d.example"}
    delayed = writer().delayed(notice(msgspec.structs.replace(REFUSED, status="4.4.1")))
    assert scan_message(email.message_from_bytes(delayed.content)) == set()


@pytest.mark.parametrize(
    ("ret", "kind", "utf8"), [("HDRS", "text/rfc822-headers", False), ("FULL", "message/global", True)]
)
def test_about_ascii_addresses_any_parser_reads_though_the_message_is_internationalised(ret, kind, utf8):
    content = "From: anna@here.example\r\nSubject: chào\r\n\r\n".encode()
    envelope = writer().failed(notice(REFUSED, content=content, smtputf8=True, ret=ret))
    assert scan_message(email.message_from_bytes(envelope.content)) == {b"binh@d.example"}
    _, _, _, returned = read(envelope)
    # Its whole can't return in ASCII, its header can: no server on the way back need know SMTPUTF8.
    assert (returned.get_content_type(), envelope.smtputf8, not envelope.content.isascii()) == (kind, utf8, utf8)
    assert "chào".encode() in parse_report(envelope.content).returned


def test_both_languages_stand_in_one_notice_and_the_first_gives_the_subject():
    envelope = writer(Vietnamese(), PlainWords()).failed(notice(REFUSED))
    message, words, _, _ = read(envelope)
    assert message["Subject"] == "<thư notice.subject.failed {}>"
    assert words.index("<thư notice.opening {'host': 'us.example'}>") < words.index(
        "This is the mail server us.example."
    )
    assert envelope.content.isascii()
    assert next(message.iter_parts())["Content-Language"] == "vi, en"


def test_a_reason_of_our_own_has_its_text_where_there_is_one():
    _, words, _, _ = read(writer(Vietnamese()).failed(notice(Fate(BINH, "5.1.2", "nxdomain mx.d.example"))))
    assert "<thư notice.reason {'reason': '<thư reason.nxdomain {}> (mx.d.example)'}>" in words
    _, words, _, _ = read(writer(Vietnamese()).failed(notice(Fate(BINH, "5.1.1", "no-such-user"))))
    assert "<thư notice.reason {'reason': 'no-such-user'}>" in words


def test_a_delay_says_until_when_it_will_be_tried():
    envelope = writer().delayed(notice(msgspec.structs.replace(REFUSED, status="4.4.1", diagnostic="timed-out")))
    _, words, (_, person), _ = read(envelope)
    assert person["Action"] == "delayed"
    assert person["Will-Retry-Until"] == "Sat, 28 Nov 2026 12:00:00 +0000"
    assert "tried again until Sat, 28 Nov 2026 12:00:00 +0000" in words


def test_the_null_sender_is_told_nothing():
    told = writer()
    for write in (told.failed, told.delayed, told.succeeded):
        assert write(notice(REFUSED, sender=None)) is None


WANTED = {
    (): {"failed", "delayed"},
    ("NEVER",): set(),
    ("FAILURE",): {"failed"},
    ("DELAY",): {"delayed"},
    ("SUCCESS",): {"delivered", "relayed", "expanded"},
    ("SUCCESS", "FAILURE", "DELAY"): {"failed", "delayed", "delivered", "relayed", "expanded"},
}


@pytest.mark.parametrize(
    ("notify", "action"), itertools.product(WANTED, ("failed", "delayed", "delivered", "relayed", "expanded"))
)
def test_the_sender_hears_of_what_he_asked_for_and_no_more(notify, action):
    assert is_wanted(action, Asked(notify)) is (action in WANTED[notify])


def test_one_notice_leaves_out_the_recipients_that_nobody_asked_about():
    quiet = Fate(Mailbox("quiet", "d.example"), "5.1.1", "550 no")
    envelope = writer().failed(notice(REFUSED, quiet, asked={"quiet@d.example": Asked(("NEVER",))}))
    assert [one.final_recipient.text for one in parse_report(envelope.content).status.recipients] == ["binh@d.example"]
    assert writer().failed(notice(quiet, asked={"quiet@d.example": Asked(("SUCCESS",))})) is None


def test_what_the_sender_named_comes_back_decoded():
    asked = {"binh@d.example": Asked((), "rfc822;b+2Btag@old.example")}
    report = parse_report(writer().failed(notice(REFUSED, asked=asked, envid="QQ+2B1")).content)
    assert report.status.message.envid == "QQ+1"
    (person,) = report.status.recipients
    assert (person.original_recipient.kind, person.original_recipient.text) == ("rfc822", "b+tag@old.example")


@pytest.mark.parametrize(("ret", "whole"), [("FULL", True), ("HDRS", False), ("", False)])
def test_the_whole_message_returns_only_on_request(ret, whole):
    report = parse_report(writer().failed(notice(REFUSED, ret=ret)).content)
    assert report.whole is whole
    assert report.returned == (CONTENT if whole else CONTENT.partition(b"\r\n\r\n")[0] + b"\r\n")


def test_news_of_a_delay_never_returns_the_whole_message():
    assert parse_report(writer().delayed(notice(REFUSED, ret="FULL")).content).whole is False


def test_a_huge_message_returns_as_its_header():
    report = parse_report(writer().failed(notice(REFUSED, ret="FULL", content=CONTENT + b"x" * 1_100_000)).content)
    assert (report.whole, len(report.returned)) == (False, 41)


def test_a_huge_header_is_cut_at_a_line():
    content = b"".join(b"X-%05d: %s\r\n" % (number, b"y" * 60) for number in range(2000)) + b"\r\n"
    returned = parse_report(writer().failed(notice(REFUSED, content=content)).content).returned
    assert 60_000 < len(returned) <= 65_538
    assert content.startswith(returned)


def test_what_is_one_endless_line_is_cut_within_it():
    returned = parse_report(writer().failed(notice(REFUSED, content=b"x" * 1_000_000)).content).returned
    assert returned == b"x" * 65_536 + b"\r\n"


def test_a_notice_that_holds_eight_bits_says_so_itself():
    envelope = writer().failed(notice(REFUSED, ret="FULL", content=CONTENT + "thư\r\n".encode()))
    message, _, _, returned = read(envelope)
    assert message["Content-Transfer-Encoding"] == "8bit"
    assert returned["Content-Transfer-Encoding"] == "8bit"
    message, *_ = read(writer().failed(notice(REFUSED)))
    assert "Content-Transfer-Encoding" not in message


@pytest.mark.parametrize(
    ("host", "named"),
    [("192.0.2.1", "[192.0.2.1]"), ("2001:db8::1", "[IPv6:2001:db8::1]"), ("mx1.d.example", "mx1.d.example")],
)
def test_a_server_without_a_name_is_told_as_a_literal(host, named):
    _, _, (_, person), _ = read(writer().failed(notice(msgspec.structs.replace(REFUSED, remote=host))))
    assert person["Remote-MTA"] == f"dns; {named}"


def test_what_demanded_tls_comes_back_as_its_header_and_wishes_for_tls_too():
    demand = {"mail_parameters": {"REQUIRETLS": None}}
    envelope = writer().failed(notice(REFUSED, ret="FULL", **demand))
    assert parse_report(envelope.content).whole is False
    assert (envelope.tls_wished, envelope.mail_parameters) == (True, {})
    assert not writer().failed(notice(REFUSED)).tls_wished


def test_internationalised_mail_is_answered_in_its_own_kind():
    people = Fate(Mailbox("thư", "ví-dụ.example"), "5.1.1", "550 không có", "mx1.d.example")
    envelope = writer().failed(notice(people, smtputf8=True))
    assert envelope.smtputf8
    assert "Final-Recipient: utf-8; thư@ví-dụ.example".encode() in envelope.content
    assert b"message/global-headers" in envelope.content
    plain = writer().failed(notice(people, smtputf8=False))
    assert plain.content.isascii()
    assert parse_report(plain.content).status.recipients[0].final_recipient.text == "thư@ví-dụ.example"


def test_a_diagnostic_cannot_break_out_of_its_line():
    evil = msgspec.structs.replace(REFUSED, diagnostic="550 no\r\n\r\nFinal-Recipient: rfc822; victim@d.example")
    report = parse_report(writer().failed(notice(evil)).content)
    assert len(report.status.recipients) == 1


@given(
    st.text(),
    st.text(st.characters(codec="utf-8", exclude_characters="\x00")),
    st.lists(st.sampled_from(["b@d.example", "thư@ví-dụ.example", "odd one@x.example"]), min_size=1, max_size=3),
    st.booleans(),
    st.sampled_from(["", "FULL"]),
    st.binary(),
)
def test_whatever_was_said_the_notice_is_well_formed(diagnostic, status, people, smtputf8, ret, content):
    fates = [Fate(Mailbox(*who.split("@")), "5.0.0", diagnostic, "mx.example") for who in people]
    envelope = writer(Vietnamese(), PlainWords()).failed(
        notice(*fates, smtputf8=smtputf8, ret=ret, content=b"X: 1\r\n" + content, envid=encode_xtext(status[:20]))
    )
    report = parse_report(envelope.content)
    assert [one.final_recipient.text.strip('"').replace('"', "") for one in report.status.recipients] == people
    assert report.whole is (ret == "FULL")
    assert envelope.body == ("7bit" if envelope.content.isascii() else "8bit")
    header, _, _ = envelope.content.partition(b"\r\n\r\n")
    status_part = format_status(report.status, utf8=smtputf8)
    assert max(map(len, [*header.split(b"\r\n"), *status_part.split(b"\r\n")])) <= 998
    email.message_from_bytes(envelope.content, policy=email.policy.default).as_bytes()


@pytest.mark.parametrize(
    ("fate", "decision"),
    [
        (REFUSED, "refused"),
        (Fate(BINH, "4.4.7", "timed-out"), "expired"),
        (Fate(BINH, "5.4.6", "loop"), "loop"),
        (Fate(BINH, "5.1.2", "nxdomain"), "no-route"),
        (Fate(BINH, "5.1.10", "null-mx"), "no-route"),
        (Fate(BINH, "5.1.1", "no-such-user"), "undeliverable"),
        (Fate(BINH, "2.0.0", "250 ok", "mx1.d.example", "relayed"), "relayed"),
    ],
)
def test_each_end_has_a_line_that_says_what_was_decided(fate, decision):
    assert decision_of(fate) == decision
    assert f"notice.decided.{decision}" in PLAIN_TEXTS


def success(reason, result="accepted", *, notifies=False, notify=("SUCCESS",)):
    outcome = RecipientOutcome(BINH, Judgement(result, "data", 250, "2.0.0", reason, "ok", "mx"), notifies=notifies)
    envelope = make_envelope(ANNA, [BINH], CONTENT)
    fate = success_of(outcome, msgspec.structs.replace(envelope, asked={str(BINH): Asked(notify)}))
    return fate and fate.action


def test_a_success_is_told_by_whoever_is_the_last_to_know():
    assert success("reply") == "relayed"
    assert success("reply", notifies=True) is None
    assert success("delivered", "delivered") == "delivered"
    assert success("expanded") == "expanded"
    assert success("forwarded") is None
    assert success("reply", notify=("FAILURE",)) is None
    assert success("reply", "refused") is None


def test_a_notice_asks_for_no_notice_about_itself():
    assert writer().failed(notice(REFUSED)).asked == {"anna@here.example": Asked(("NEVER",))}


# Through the queue


def test_a_relay_to_a_host_without_dsn_is_told_and_one_with_dsn_is_not(kit, office):
    async def prepare(bench):
        bench.mx("old.example", (10, "mx.old", "10.1.0.1"))
        bench.mx("new.example", (10, "mx.new", "10.1.0.2"))
        await bench.play("10.1.0.1", kit.good_peer())
        await bench.play("10.1.0.2", new)

    new = kit.good_peer(extensions="DSN")
    asked = {f"b@{name}.example": Asked(("SUCCESS",), f"rfc822;b@{name}.example") for name in ("old", "new")}
    arrival = office.arrival("b@old.example", "b@new.example", asked=asked, envid="E1", ret="HDRS")
    bench, boxes = office.run(arrival, prepare=prepare)
    (stored,) = boxes.messages("a@here.example")
    (person,) = parse_report(stored.content).status.recipients
    assert (person.final_recipient.text, person.action) == ("b@old.example", "relayed")
    assert new.heard[1:3] == [
        "MAIL FROM:<a@here.example> RET=HDRS ENVID=E1",
        "RCPT TO:<b@new.example> NOTIFY=SUCCESS ORCPT=rfc822;b@new.example",
    ]
    assert [event.reason for event in bench.told(Dequeued)] == ["relayed", "delivered"]
    assert bench.told(BounceSent) == []


def test_a_delivery_is_told_on_request(office):
    arrival = office.arrival("b@here.example", asked={"b@here.example": Asked(("SUCCESS",))})
    _, boxes = office.run(arrival)
    (stored,) = boxes.messages("a@here.example")
    assert parse_report(stored.content).status.recipients[0].action == "delivered"


def test_after_four_hours_the_sender_is_told_once_that_it_takes_longer(office):
    async def prepare(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))

    bench, boxes = office.run(office.arrival("b@d.example"), prepare=prepare)
    delayed, failed = (parse_report(stored.content) for stored in boxes.messages("a@here.example"))
    start = bench.records()[0].time_us / 1e6
    (person,) = delayed.status.recipients
    assert (person.action, person.will_retry_until) == ("delayed", start + 432000)
    assert 14400 <= person.last_attempt - start < 14400 + 4000
    assert failed.status.recipients[0].status == "4.4.7"
    assert len(bench.told(BounceSent)) == 1
    assert [one for one in bench.told(Judged) if one.check == "notice"] == [
        Judged("notice", "delayed", "a@here.example")
    ]


def test_who_wants_to_hear_nothing_hears_nothing(office):
    arrival = office.arrival("b@nowhere.example", asked={"b@nowhere.example": Asked(("NEVER",))})
    bench, boxes = office.run(arrival)
    assert boxes.messages("a@here.example") == ()
    assert bench.told(BounceSent) == []


def test_what_a_sender_wants_to_hear_outlives_a_crash_between_two_recipients(kit, office):
    """One has the message; another's server is silent when the process ends. The next one knows whom to tell what."""
    boxes, asked = Mailboxes(), {f"{who}.example": Asked(("SUCCESS",)) for who in ("b@here", "c@d")}

    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", "10.1.0.1"))
        await bench.play("10.1.0.1", kit.Peer("220 a", mute=True), kit.good_peer())
        store = MemoryStore()
        first, second = (
            open_queue(bench, store, local_domains=frozenset({"here.example"}), mailboxes=boxes) for _ in range(2)
        )
        running = asyncio.create_task(first.run())
        await first.accept(office.arrival("b@here.example", "c@d.example", asked=asked))
        await asyncio.sleep(10)
        running.cancel()
        await asyncio.wait({running})
        assert boxes.messages("a@here.example") == ()
        async with at_work(second):
            await second.drain()

    kit.on_bench(play)
    assert len(boxes.messages("b@here.example")) == 1
    (stored,) = boxes.messages("a@here.example")
    told = {one.final_recipient.text: one.action for one in parse_report(stored.content).status.recipients}
    assert told == {"b@here.example": "delivered", "c@d.example": "relayed"}
