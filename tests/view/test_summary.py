"""What an outcome means and what to do about it is said from the evidence, or honestly not at all."""

from __future__ import annotations

from typing import Any

import pytest

from smtplab import events as ev
from smtplab.view.guess import likely_domain
from smtplab.view.summary import Summary, summarise
from smtplab.view.texts import LANGUAGES, Texts


def summary(book: Any) -> Summary:
    for language in LANGUAGES:
        found = summarise(book.records, Texts(language))
        assert "⟦" not in " ".join((found.headline, *found.meaning, *found.advice))
    return summarise(book.records, Texts("en"))


def test_time_outs_everywhere_on_port_25_mean_that_the_network_blocks_it(book: Any) -> None:
    book.begin()
    for address in ("192.0.2.1", "192.0.2.2"):
        book.fail_to_connect(address, "timed-out")
    book.fail_to_connect("2001:db8::1", "unreachable")
    book.end("unreachable", detail="timed-out")
    found = summary(book)
    assert found.headline == "Out of reach: no mail server of neu.example could be reached."
    assert "your network probably blocks port 25" in found.meaning[0]
    assert "587" in found.advice[1]
    assert [(line.address, line.ok) for line in found.attempts] == [
        ("192.0.2.1", False),
        ("192.0.2.2", False),
        ("2001:db8::1", False),
    ]


def test_time_outs_on_another_port_blame_no_network(book: Any) -> None:
    book.begin()
    book.fail_to_connect("192.0.2.1", "timed-out", port=2525)
    book.end("unreachable", detail="timed-out")
    assert "port 2525" in summary(book).meaning[0]
    assert "your network" not in summary(book).meaning[0]


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("refused", "no mail server listens on port 25"),
        ("unreachable", "There is no way from here"),
        ("not-permitted", "This machine itself forbids"),
        ("source-unavailable", "The source address"),
        ("failed", "Each attempt failed"),
    ],
)
def test_each_way_not_to_connect_has_its_own_meaning(book: Any, reason: str, said: str) -> None:
    book.begin()
    book.fail_to_connect("192.0.2.1", reason)
    book.end("unreachable", detail=reason)
    assert said in summary(book).meaning[0]


def test_mixed_reasons_are_not_forced_into_one(book: Any) -> None:
    book.begin()
    book.fail_to_connect("192.0.2.1", "timed-out")
    book.fail_to_connect("192.0.2.2", "refused")
    book.end("unreachable", detail="refused")
    assert summary(book).meaning == ("Each attempt failed for a reason of its own; they are listed above.",)


@pytest.mark.parametrize(
    ("result", "detail", "said"),
    [
        ("refused", "nxdomain", "does not exist in DNS"),
        ("refused", "nxdomain mx9.neu.example", "names a mail server, mx9.neu.example"),
        ("refused", "null-mx", "null MX, RFC 7505"),
        ("refused", "nodata", "neither an MX record nor an address"),
        ("deferred", "servfail", "out of order"),
        ("deferred", "cname-loop", "round in a circle"),
        ("refused", "no-usable-host mx1.neu.example", "none of the hosts"),
        ("refused", "loop", "itself the best mail server"),
        ("refused", "bad-literal", "no IP address"),
    ],
)
def test_each_end_in_dns_has_its_own_meaning(book: Any, result: ev.Result, detail: str, said: str) -> None:
    book.begin()
    book.end(result, detail=detail)
    assert said in summary(book).meaning[0]


def test_a_mistyped_domain_is_guessed(book: Any) -> None:
    book.begin("lan@gmial.com")
    book.end("refused", detail="nxdomain")
    assert summary(book).advice == ("Check the spelling of gmial.com.", "Did you mean gmail.com?")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("gmial.com", "gmail.com"),
        ("gmai.com", "gmail.com"),
        ("gmaill.com", "gmail.com"),
        ("gnail.com", "gmail.com"),
        ("gmail.com", None),
        ("vnu.example", None),
        ("hust.exmaple", "hust.example"),
        ("hust.exampl", "hust.example"),
        ("", None),
    ],
)
def test_one_slip_of_the_keyboard_is_seen(typed: str, meant: str | None) -> None:
    assert likely_domain(typed) == meant


def test_a_dns_server_that_is_not_there_is_named(book: Any) -> None:
    book.begin()
    book(ev.DnsFailed("neu.example", "MX", "192.0.2.53", "timed-out"))
    book.end("deferred", detail="timed-out")
    found = summary(book)
    assert "192.0.2.53" in found.meaning[0]
    assert "--dns" in found.advice[0]


def test_an_unknown_user_is_told_with_the_servers_own_words(book: Any) -> None:
    book.begin()
    book.connect()
    book.ask("RCPT TO:<lan@neu.example>", 550, "5.1.1 No such user", enhanced="5.1.1")
    book.end("refused", 550, "5.1.1", "5.1.1 No such user")
    found = summary(book)
    assert found.meaning[0] == ("mx1.neu.example said: “5.1.1 No such user”. That is: there is no such mailbox.")
    assert "permanent" in found.meaning[1]
    assert "Check the spelling of lan@neu.example" in found.advice[0]
    assert found.attempts[0].outcome == "550 5.1.1: there is no such mailbox."


@pytest.mark.parametrize(
    ("code", "enhanced", "text", "advice"),
    [
        (451, "4.7.1", "4.7.1 Greylisted, please try again", "quarter of an hour"),
        (450, None, "Try later", "Try again later"),
        (550, "5.7.1", "5.7.1 blocked using zen.spamhaus.org", "SPF, DKIM and DMARC"),
        (554, "5.7.1", "5.7.1 Relay access denied", "its own domains only"),
        (452, "4.2.2", "4.2.2 Mailbox full", "make room"),
        (550, None, "go away", "the server's own words"),
    ],
)
def test_each_kind_of_refusal_has_its_own_advice(
    book: Any, code: int, enhanced: str | None, text: str, advice: str
) -> None:
    book.begin()
    book.connect()
    book.ask("RCPT TO:<lan@neu.example>", code, text, enhanced=enhanced)
    book.end("deferred" if code < 500 else "refused", code, enhanced, text)
    assert advice in summary(book).advice[0]


def test_a_wrong_password_is_told_as_that(book: Any) -> None:
    book.begin()
    book.connect(port=587)
    book.ask("AUTH PLAIN ***", 535, "5.7.8 Bad credentials", enhanced="5.7.8")
    book.end("refused", 535, "5.7.8", "5.7.8 Bad credentials")
    assert "did not accept the login (535)" in summary(book).meaning[0]


def test_encryption_that_is_demanded_and_not_offered_is_told_as_that(book: Any) -> None:
    book.begin()
    book.connect()
    book.end("deferred", detail="starttls-not-offered")
    assert "mx1.neu.example does not offer STARTTLS" in summary(book).meaning[0]


def test_an_expired_certificate_is_told_with_its_date(book: Any) -> None:
    book.begin()
    book.connect()
    seen = ev.CertificateSeen("CN=mx", "CN=ca", ("mx1.neu.example",), "2026-01-31T00:00:00Z", "ab")
    book(ev.TlsEstablished("TLSv1.3", "AES", seen, None, "expired"))
    book.end("deferred", detail="tls-not-verified expired")
    assert "ran out on 2026-01-31" in summary(book).meaning[0]


def test_the_refusal_that_decided_is_not_taken_from_the_bounce_that_followed(book: Any) -> None:
    book.begin()
    book.connect("mx1.far.example", hop=2)
    book.ask("RCPT TO:<lan@neu.example>", 550, "5.1.1 no", enhanced="5.1.1", hop=2)
    book.connect("mx1.home.example", hop=2)
    book.end("bounced", 550, "5.1.1", "550 5.1.1 no")
    assert summary(book).meaning[0].startswith("mx1.far.example said")


def test_a_lost_connection_decides_nothing(book: Any) -> None:
    book.begin()
    book.connect()
    book(ev.Disconnected("them", clean=False, reason="reset"))
    book.end("deferred", detail="reset")
    assert "Nothing was decided" in summary(book).meaning[0]


def test_a_walk_that_stopped_where_asked_says_that_the_server_was_willing(book: Any) -> None:
    book.begin()
    book.connect()
    book.ask("RCPT TO:<lan@neu.example>", 250)
    book.end("stopped", 250, None, "OK")
    found = summary(book)
    assert found.headline.endswith("mx1.neu.example would take mail for lan@neu.example.")
    assert [line.outcome for line in found.attempts] == ["would take it"]
    assert "--send" in found.advice[0]


@pytest.mark.parametrize("result", ["delivered", "accepted"])
def test_success_needs_no_advice(book: Any, result: ev.Result) -> None:
    book.begin()
    book.end(result, 250, "2.0.0", "OK")
    assert summary(book).advice == ()


def test_records_without_an_end_are_said_to_have_none(book: Any) -> None:
    book.begin()
    found = summary(book)
    assert (found.result, found.meaning) == (None, ())
    assert found.headline == "The records end before the journey does."


def test_a_walk_that_stopped_earlier_promises_nothing_of_the_recipient(book: Any) -> None:
    book.begin()
    book.connect()
    book.ask("EHLO laptop.example", 250)
    book.end("stopped", 250, None, "mx1")
    found = summary(book)
    assert found.headline == "Stopped where you asked: nothing was sent to lan@neu.example."
    assert [line.outcome for line in found.attempts] == ["connected"]


def lose(book: Any, stage: Any, reason: str, by: str = "us") -> None:
    book.stand_at(stage)
    book(ev.Disconnected(by, clean=False, reason=reason))


def test_a_host_that_does_not_greet_is_told_as_that_and_implicit_tls_thought_of(book: Any) -> None:
    book.begin()
    book.connect(port=465)
    lose(book, "connect", "timed-out")
    book.end("deferred", detail="timed-out")
    found = summary(book)
    assert "its greeting did not come in time" in found.meaning[0]
    assert "--tls implicit" in found.advice[0]


def test_a_silence_in_the_dialogue_is_no_lost_connection(book: Any) -> None:
    book.begin()
    book.connect()
    book.ask("", 220)
    lose(book, "envelope", "timed-out")
    book.end("deferred", detail="timed-out")
    assert summary(book).meaning[0].startswith("mx1.neu.example was silent for too long")


@pytest.mark.parametrize("reason", ["closed", "timed-out"])
def test_after_the_content_a_loss_leaves_open_whether_it_was_taken(book: Any, reason: str) -> None:
    book.begin()
    book.connect()
    book.ask("DATA", 354)
    book(ev.MessageSent(300, "DATA"))
    lose(book, "data", reason)
    book.end("deferred", detail=reason)
    found = summary(book)
    assert "may arrive twice" in found.meaning[0]
    assert "Nothing was decided" not in found.meaning[0]


def test_a_handshake_that_breaks_off_is_a_trouble_of_tls(book: Any) -> None:
    book.begin()
    book.connect()
    book.ask("STARTTLS", 220)
    book(ev.TlsStarted("mx1.neu.example"), ev.TlsFailed("closed"))
    lose(book, "tls", "closed", "them")
    book.end("deferred", detail="closed the peer closed the connection in the handshake")
    found = summary(book)
    assert found.meaning == ("The TLS handshake with mx1.neu.example failed: the other side closed the connection.",)
    assert "--tls may" in found.advice[0]


def test_another_service_on_the_port_is_told_as_that(book: Any) -> None:
    book.begin()
    book.connect()
    book(ev.ReplyReceived(None, None, ("SSH-2.0-OpenSSH_9.2p1",), 1.0, ""))
    book(ev.Disconnected("us", clean=False))
    book.end("deferred", detail="SSH-2.0-OpenSSH_9.2p1")
    found = summary(book)
    assert "is no SMTP: “SSH-2.0-OpenSSH_9.2p1”" in found.meaning[0]
    assert "whether the port is right" in found.advice[0]


@pytest.mark.parametrize("kind", ["refused", "broken"])
def test_a_walk_that_went_on_in_clear_does_not_say_that_all_worked(book: Any, kind: str) -> None:
    book.begin()
    book.connect()
    book.ask("STARTTLS", 454 if kind == "refused" else 220, "4.7.0 not now")
    if kind == "broken":
        book(ev.TlsStarted("mx1.neu.example"), ev.TlsFailed("closed"), ev.Disconnected("them", False, "closed"))
        book.connect()
    book.ask("MAIL FROM:<minh@hust.example>", 250)
    book.ask("RCPT TO:<lan@neu.example>", 250)
    book.end("stopped", 250, None, "OK")
    found = summary(book)
    assert "worked but the encryption" in found.meaning[0]
    assert "--tls require" in found.advice[0]
    assert found.attempts[-1].outcome == "would take it"


def test_an_ehlo_that_helo_replaced_is_not_what_became_of_the_address(book: Any) -> None:
    book.begin()
    book.connect()
    book.ask("EHLO laptop.example", 502, "5.5.1 unknown")
    book.ask("HELO laptop.example", 250)
    book.ask("RCPT TO:<lan@neu.example>", 250)
    book.end("stopped", 250, None, "OK")
    assert [(line.ok, line.outcome) for line in summary(book).attempts] == [(True, "would take it")]


def test_the_address_at_which_we_went_no_further_says_why(book: Any) -> None:
    book.begin()
    book.connect()
    book.ask("", 220)
    book.end("refused", detail="too-large 100")
    found = summary(book).attempts[0]
    assert (found.ok, found.outcome) == (False, "the message is larger than the server takes")


def test_a_dns_server_that_refuses_says_nothing_about_the_domain(book: Any) -> None:
    book.begin()
    book(ev.DnsAnswered("neu.example", "MX", "192.0.2.53", "REFUSED", (), None, False, 1.0))
    book.end("deferred", None, "4.4.3", "servfail neu.example")
    found = summary(book)
    assert found.meaning[0].startswith("The DNS server 192.0.2.53 refused to answer about neu.example")


def test_the_dns_that_is_out_of_order_is_that_of_the_name_which_was_asked_about(book: Any) -> None:
    book.begin()
    book.end("deferred", None, "4.4.3", "servfail mx.far.example")
    assert "DNS of mx.far.example is out of order" in summary(book).meaning[0]


@pytest.mark.parametrize(
    ("line", "code", "enhanced", "text", "advice"),
    [
        ("MAIL FROM:<a@b.example>", 530, "5.7.0", "5.7.0 Must issue a STARTTLS command first", "--tls require"),
        ("MAIL FROM:<a@b.example>", 530, "5.7.0", "5.7.0 Authentication required", "--auth-user"),
        ("", 421, "4.7.0", "4.7.0 try later, too many connections", "Try again later"),
        ("MAIL FROM:<a@b.example>", 451, "4.7.500", "4.7.500 Server busy", "Try again later"),
        ("AUTH PLAIN ***", 454, "4.7.0", "4.7.0 Temporary authentication failure", "Try again later"),
        ("AUTH PLAIN ***", 538, "5.7.11", "5.7.11 Encryption required", "--tls require"),
        ("AUTH PLAIN ***", 534, "5.7.9", "5.7.9 Application-specific password required", "app password"),
    ],
)
def test_what_is_asked_for_first_is_no_matter_of_reputation(
    book: Any, line: str, code: int, enhanced: str, text: str, advice: str
) -> None:
    book.begin()
    book.connect()
    book.ask(line, code, text, enhanced=enhanced)
    book.end("deferred" if code < 500 else "refused", code, enhanced, text)
    found = summary(book)
    assert advice in found.advice[0]
    assert "did not accept the login" not in found.meaning[0]


def test_a_connection_that_ends_without_a_greeting_was_not_lost_in_the_middle(book: Any) -> None:
    book.begin()
    book.connect()
    lose(book, "connect", "closed", "them")
    book.end("deferred", detail="closed")
    assert "ended it without a greeting" in summary(book).meaning[0]


def test_a_password_that_would_go_in_clear_is_told_as_the_reason(book: Any) -> None:
    book.begin()
    book.connect()
    book.ask("EHLO laptop.example", 250, "mx1.neu.example", "AUTH PLAIN LOGIN")
    book.end("refused", detail="auth-mechanism-not-offered PLAIN LOGIN")
    found = summary(book)
    assert "PLAIN and LOGIN, but the connection is not encrypted" in found.meaning[0]
    assert "--auth PLAIN" in found.advice[0]


def test_an_mx_that_will_not_relay_does_not_know_its_own_domain(book: Any) -> None:
    book.begin()
    book(ev.RouteFound("neu.example", "mx", (ev.HostFound("mx1.neu.example", 10, ("192.0.2.25",)),)))
    book.connect()
    book.ask("RCPT TO:<lan@neu.example>", 554, "5.7.1 Relay access denied", enhanced="5.7.1")
    book.end("refused", 554, "5.7.1", "5.7.1 Relay access denied")
    assert "does not know neu.example as its own" in summary(book).advice[0]


def test_a_mailbox_that_its_own_server_has_not_is_no_lost_connection(book: Any) -> None:
    book.begin(mode="sim")
    book.connect(port=587)
    book.ask("RCPT TO:<lan@neu.example>", 250)
    book(ev.MessageSent(300, "DATA"))
    book.ask(".", 250)
    book(ev.Bounced("A1", "lan@neu.example", "5.1.1", "no-such-user"))
    book.end("bounced", None, "5.1.1", "no-such-user")
    found = summary(book)
    assert found.meaning == ("The reason: there is no such mailbox here.",)
    assert found.advice[0].startswith("Check the spelling of lan@neu.example")
    assert [(line.ok, line.outcome) for line in found.attempts] == [(True, "took the message")]


def test_an_address_that_needs_smtputf8_says_so_beside_the_host_that_lacks_it(book: Any) -> None:
    book.begin(mode="sim")
    book.connect()
    book.ask("EHLO laptop.example", 250)
    book.end("bounced", None, "5.6.7", "smtputf8-not-offered")
    assert summary(book).attempts[0].outcome == "the address needs SMTPUTF8, which the server does not offer"


def test_endless_gibberish_is_told_by_its_beginning(book: Any) -> None:
    book.begin()
    book.connect()
    book(ev.ReplyReceived(None, None, ("z" * 65536,), 1.0, ""))
    lose(book, "greeting", "reply-too-long")
    book.end("deferred", detail="reply-too-long")
    found = summary(book)
    assert len(found.meaning[0]) < 400
    assert "zzz…”" in found.meaning[0]


def test_a_code_of_no_class_is_called_neither_temporary_nor_permanent(book: Any) -> None:
    book.begin()
    book.connect()
    book.ask("EHLO laptop.example", 999, "what")
    book.end("deferred", 999, None, "what")
    assert len(summary(book).meaning) == 1
