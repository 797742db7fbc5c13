"""Every event has a line, an explanation and, where it needs one, a sentence, in both languages."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.view.explain import Explanation, explain
from smtplab.view.journey import Journey
from smtplab.view.ladder import rows
from smtplab.view.texts import LANGUAGES, Language, Texts
from smtplab.view.transcript import lines
from smtplab.view.words import Speaker, sentence, title

HOST = "mx1.neu.example"
EVIL = "\x1b]0;x\x07\u202e{0}⟧"


def last_sentence(records: list[Record], language: Language = "en") -> str | None:
    return sentence(records[-1], Journey.at(records, len(records)), Texts(language))


def last_explanation(records: list[Record], language: Language = "en") -> Explanation:
    return explain(records[-1], Journey.at(records, len(records)), Texts(language))


def everything_said(records: list[Record], language: Language) -> list[str]:
    texts, journey, said = Texts(language), Journey(), []
    for record in records:
        journey.advance(record)
        found = explain(record, journey, texts)
        said += [title(record, texts), found.title, *found.paragraphs, *found.refs]
        said += [part for fact in found.facts for part in fact]
        said += [line.text for line in lines(record, journey, texts)]
        said += [row.text for row in rows(record, journey, texts)]
        if (short := sentence(record, journey, texts)) is not None:
            said.append(short)
    return said


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_event_has_words_without_holes(book: Any, one_of_each: tuple[ev.Event, ...], language: Language) -> None:
    for event in one_of_each:
        book(event)
    for text in everything_said(book.records, language):
        assert "⟦" not in text
        assert text == unicodedata.normalize("NFC", text)
        assert text.strip()


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_that_a_peer_or_a_capture_says_steers_the_terminal(book: Any, language: Language) -> None:
    found = ev.CertificateSeen(EVIL, EVIL, (EVIL,), EVIL, EVIL)
    for event in (
        ev.JourneyStarted(EVIL, EVIL, "sim", EVIL, 1),
        ev.DnsAnswered(EVIL, "MX", EVIL, EVIL, (EVIL,), 1, True, 1.0),
        ev.DnsAnswered(EVIL, EVIL, EVIL, "NOERROR", (EVIL,), 1, True, 1.0),
        ev.DnsFailed(EVIL, EVIL, EVIL, EVIL),
        ev.RouteFound(EVIL, "mx", (ev.HostFound(EVIL, 1, (EVIL,)),)),
        ev.HostSkipped(EVIL, EVIL),
        ev.ConnectStarted(EVIL, EVIL, 25),
        ev.ConnectFailed(EVIL, EVIL, 25, 1.0, EVIL),
        ev.ReplyReceived(220, EVIL, (EVIL, EVIL), 1.0, ""),
        ev.ReplyReceived(None, None, (EVIL,), 1.0, "EHLO"),
        ev.CommandSent(EVIL, EVIL),
        ev.ReplyReceived(550, "5.7." + EVIL, (EVIL,), 1.0, EVIL),
        ev.ExtensionsLearned((EVIL, "SIZE " + EVIL, "AUTH " + EVIL)),
        ev.StateChanged("ready", EVIL),
        ev.RuleBroken(EVIL, "them", EVIL, EVIL),
        ev.TlsEstablished(EVIL, EVIL, found, None, "name-mismatch", (found,)),
        ev.TlsFailed(EVIL),
        ev.Bounced(EVIL, EVIL, EVIL, EVIL),
        ev.Deferred(EVIL, EVIL, EVIL, EVIL),
        ev.Judged(EVIL, EVIL, EVIL),
        ev.GateHeld(EVIL),
        ev.Disconnected("them", clean=False, reason=EVIL),
        ev.JourneyEnded("refused", 550, EVIL, EVIL),
    ):
        book(event)
    for text in everything_said(book.records, language):
        assert text.isprintable(), repr(text)


def test_the_mx_answer_is_put_in_order_with_its_reason(book: Any) -> None:
    records = ("20 mx2.neu.example.", "10 mx1.neu.example.")
    book(ev.DnsAnswered("neu.example", "MX", "192.0.2.53", "NOERROR", records, 300, False, 1.0))
    assert last_sentence(book.records) == (
        "2 hosts take mail for neu.example: mx1.neu.example (10), mx2.neu.example (20). "
        "The smallest preference comes first."
    )
    assert last_sentence(book.records, "vi") == (
        "Có 2 máy nhận thư cho neu.example: mx1.neu.example (10), mx2.neu.example (20). "
        "Máy có số ưu tiên nhỏ nhất được thử trước."
    )


@pytest.mark.parametrize(
    ("rcode", "records", "said"),
    [
        ("NOERROR", ("0 .",), "takes no mail"),
        ("NOERROR", (), "own address stands in"),
        ("NXDOMAIN", (), "does not exist"),
        ("SERVFAIL", (), "tried again later"),
    ],
)
def test_the_kinds_of_dns_answers_are_told_apart(book: Any, rcode: str, records: tuple[str, ...], said: str) -> None:
    book(ev.DnsAnswered("neu.example", "MX", "192.0.2.53", rcode, records, 300, False, 1.0))
    assert said in (last_sentence(book.records) or "")


@pytest.mark.parametrize("name", ["25.0.4.10.bl.example", f"{'0.' * 31}1.bl.example"])
def test_a_name_that_a_blocklist_does_not_have_is_no_slip_of_the_pen(book: Any, name: str) -> None:
    book(ev.DnsAnswered(name, "A", "192.0.2.53", "NXDOMAIN", (), 300, False, 1.0))
    assert "not on it" in (last_sentence(book.records) or "")


def test_a_refusal_says_who_refused_and_what_it_means(book: Any) -> None:
    book.connect()
    book.ask("RCPT TO:<lan@neu.example>", 550, "5.1.1 No such user", enhanced="5.1.1")
    assert last_sentence(book.records) == (
        "mx1.neu.example refuses for good (550): there is no such mailbox. Trying again unchanged will not help."
    )


def test_an_accepted_recipient_is_named(book: Any) -> None:
    book.connect()
    book.ask("RCPT TO:<lan@neu.example>", 250)
    assert "lan@neu.example" in (last_sentence(book.records) or "")


def test_inside_tls_only_the_new_extensions_are_told(book: Any) -> None:
    book.connect()
    book(ev.ExtensionsLearned(("PIPELINING", "STARTTLS")), ev.TlsEstablished("TLSv1.3", "AES", None, None))
    book(ev.ExtensionsLearned(("PIPELINING", "AUTH PLAIN")))
    said = last_sentence(book.records) or ""
    assert "login (PLAIN)" in said
    assert "several commands" not in said


def test_each_announced_keyword_is_explained_and_an_unknown_one_said_to_be_unknown(book: Any) -> None:
    book(ev.ExtensionsLearned(("SIZE 1000", "AUTH=PLAIN LOGIN", "X-OWN")))
    facts = dict(last_explanation(book.records).facts)
    assert "1,000 octets" in facts["SIZE 1000"]
    assert "PLAIN, LOGIN" in facts["AUTH=PLAIN LOGIN"]
    assert "don't know X-OWN" in facts["X-OWN"]


def test_a_reply_is_explained_by_code_enhanced_code_and_class_with_its_sections(book: Any) -> None:
    book.connect()
    book.ask("RCPT TO:<lan@neu.example>", 550, "5.1.1 No such user", enhanced="5.1.1")
    found = last_explanation(book.records)
    assert found.title == "The reply 550 to RCPT"
    assert "It answers: RCPT TO:<lan@neu.example>" in found.paragraphs
    assert "5.1.1: there is no such mailbox." in found.paragraphs
    assert found.refs == ("RFC 5321 4.1.1.3", "RFC 5321 4.2.1", "RFC 5321 4.2.3", "RFC 3463")
    assert found.raw == b"550 5.1.1 No such user\r\n"


def test_gmails_own_meaning_of_a_code_stands_before_the_registrys(book: Any) -> None:
    book.connect()
    gmail = "5.7.27 SPF did not pass. abc123 - gsmtp"
    book.ask("RCPT TO:<lan@gmail.com>", 550, gmail, enhanced="5.7.27")
    assert "this host is not in the sender's SPF record" in " ".join(last_explanation(book.records).paragraphs)
    book.ask("RCPT TO:<lan@neu.example>", 550, "5.7.27 Sender has null MX", enhanced="5.7.27")
    assert "null MX" in " ".join(last_explanation(book.records).paragraphs)


def test_a_code_that_no_rfc_lists_is_said_to_be_unlisted(book: Any) -> None:
    book.connect()
    book.ask("NOOP", 299)
    assert any("no RFC lists" in paragraph for paragraph in last_explanation(book.records).paragraphs)


def test_parameters_of_mail_are_explained_with_their_sections(book: Any) -> None:
    book(ev.CommandSent("MAIL", "MAIL FROM:<a@b.example> SIZE=10 BODY=8BITMIME X=1"))
    assert last_explanation(book.records).refs == ("RFC 5321 4.1.1.2", "RFC 1870 6", "RFC 6152 3")


def test_a_masked_secret_has_no_raw_bytes(book: Any) -> None:
    book.connect()
    book(ev.CommandSent("AUTH", "AUTH PLAIN ***"))
    found = last_explanation(book.records)
    assert found.raw is None
    assert any("not encrypted" in paragraph for paragraph in found.paragraphs)
    book(ev.CommandSent("AUTH", "***"))
    assert last_explanation(book.records).title == "A response in the login"


def test_a_rule_without_a_text_is_told_by_its_id(book: Any) -> None:
    book(ev.RuleBroken("something-new", "them", "", ""))
    assert "something-new" in title(book.records[-1], Texts("vi"))


def test_an_expired_certificate_is_told_with_its_date(book: Any) -> None:
    book.connect()
    seen = ev.CertificateSeen("CN=mx", "CN=ca", ("mx",), "2026-01-31T00:00:00Z", "ab")
    book(ev.TlsEstablished("TLSv1.2", "AES", seen, None, "expired"))
    assert "ran out on 2026-01-31" in (last_sentence(book.records) or "")


def test_a_sentence_is_said_once(book: Any) -> None:
    speaker, journey, said = Speaker(Texts("en")), Journey(), []
    for hop in (1, 2):
        book.connect(hop=hop)
        book.ask("", 220, hop=hop)
    for record in book.records:
        journey.advance(record)
        said.append(speaker(record, journey))
    assert [one for one in said if one] == ["The server greets us first; only now may the client speak."]


@pytest.mark.parametrize(
    ("enhanced", "said"), [("4.2.2", "short of room"), ("4.5.3", "so many recipients"), (None, "so many recipients")]
)
def test_a_452_to_rcpt_is_about_their_number_unless_its_status_says_otherwise(
    book: Any, enhanced: str | None, said: str
) -> None:
    book(ev.CommandSent("RCPT", "RCPT TO:<full@neu.example>"))
    book(ev.ReplyReceived(452, enhanced, ("No",), 1.0, "RCPT"))
    assert any(said in paragraph for paragraph in last_explanation(book.records).paragraphs)


def test_a_null_mx_beside_others_is_named_by_its_dot(book: Any) -> None:
    book(ev.DnsAnswered("neu.example", "MX", "192.0.2.53", "NOERROR", ("10 mx1.neu.example.", "0 ."), 60, False, 1.0))
    assert "neu.example: . (0), mx1.neu.example (10)" in (last_sentence(book.records) or "")
