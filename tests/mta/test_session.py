"""One session: extensions used as announced, TLS by its policy, AUTH, and the gate."""

from __future__ import annotations

import pytest

from smtplab.events import (
    CommandSent,
    GateHeld,
    GateReleased,
    Judged,
    MessageSent,
    RuleBroken,
    TlsFailed,
)
from smtplab.mta.options import Credentials
from smtplab.mta.release import Release
from smtplab.smtp.sasl import Secret

ADDRESS = "10.1.0.1"


def sent_to(kit, *peers, recipients=("b@d.example",), **options):
    got = []

    async def play(bench):
        bench.mx("d.example", (10, "mx1.d", ADDRESS))
        await bench.play(ADDRESS, *peers)
        got.append(await bench.send(*recipients, **options))

    bench = kit.on_bench(play)
    return got[0], bench


def test_helo_follows_where_ehlo_is_refused(kit):
    peer = kit.Peer("220 a", "500 what", "250 a", "250 ok", "250 ok", "354 go")
    delivery, _ = sent_to(kit, peer)
    assert delivery.judgement.result == "accepted"
    assert peer.heard[:3] == ["EHLO us.example", "HELO us.example", "MAIL FROM:<a@here.example>"]


def test_what_is_announced_is_used(kit):
    peer = kit.good_peer(extensions="SIZE 1000,8BITMIME,SMTPUTF8")
    content = "Subject: chào\r\n\r\nđây\r\n".encode()
    delivery, _ = sent_to(kit, peer, content=content)
    assert delivery.judgement.result == "accepted"
    assert peer.heard[1] == f"MAIL FROM:<a@here.example> SIZE={len(content)} BODY=8BITMIME SMTPUTF8"


@pytest.mark.parametrize(
    ("extensions", "content", "reason", "status"),
    [
        ("SIZE 10", b"Subject: much too long\r\n\r\n", "too-large", "5.3.4"),
        ("8BITMIME", "Subject: chào\r\n\r\n".encode(), "smtputf8-not-offered", "5.6.7"),
    ],
)
def test_what_the_announcements_rule_out_is_not_even_asked(kit, extensions, content, reason, status):
    peer = kit.good_peer(extensions=extensions)
    delivery, _ = sent_to(kit, peer, content=content)
    judgement = delivery.judgement
    assert (judgement.result, judgement.reason, judgement.status) == ("refused", reason, status)
    assert peer.heard == ["EHLO us.example", "QUIT"]


def test_eight_bits_go_out_where_8bitmime_is_missing_and_the_broken_rule_is_told(kit):
    delivery, bench = sent_to(kit, kit.good_peer(), content=b"Subject: x\r\n\r\n\xc3\xa0\r\n")
    assert delivery.judgement.result == "accepted"
    assert "8bitmime-not-announced" in [event.rule for event in bench.told(RuleBroken)]


def test_pipelining_sends_the_whole_envelope_in_one_write(kit):
    peer = kit.Peer("220 a", "250-a\n250 PIPELINING", "250 ok", "250 ok", "550 no", "250 ok", "354 go")
    delivery, bench = sent_to(kit, peer, recipients=("x@d.example", "y@d.example", "z@d.example"))
    assert [one.judgement.result for one in delivery.outcomes] == ["accepted", "refused", "accepted"]
    # EHLO; MAIL and three RCPT; DATA; the content; QUIT.
    assert peer.writes == 5
    assert bench.told(RuleBroken) == []


def test_pipelining_can_be_forbidden(kit):
    peer = kit.good_peer(extensions="PIPELINING")
    sent_to(kit, peer, pipeline=False)
    assert peer.writes == 6


def test_a_421_in_the_middle_of_a_pipelined_group_ends_it_for_all_that_follow(kit):
    peer = kit.Peer("220 a", "250-a\n250 PIPELINING", "250 ok", "250 ok", "421 4.3.2 stopping")
    delivery, _ = sent_to(kit, peer, recipients=("x@d.example", "y@d.example", "z@d.example"))
    assert [one.judgement.result for one in delivery.outcomes] == ["deferred"] * 3


def test_chunking_sends_the_content_with_bdat_as_it_is(kit):
    class Chunks(kit.Peer):
        def received(self, data):
            head, _, rest = data.partition(b"\r\n")
            if head.startswith(b"BDAT"):
                self.heard.append(head.decode())
                self.content += rest
                self.wire.write(b"250 2.0.0 taken\r\n")
            else:
                super().received(data)

    peer = Chunks("220 a", "250-a\n250 CHUNKING", "250 ok", "250 ok")
    delivery, bench = sent_to(kit, peer, chunking=True)
    assert delivery.judgement.result == "accepted"
    assert peer.content == kit.CONTENT
    assert peer.heard[-2:] == [f"BDAT {len(kit.CONTENT)} LAST", "QUIT"]
    assert bench.told(MessageSent) == [MessageSent(len(kit.CONTENT), "BDAT")]


def test_lmtp_has_a_fate_for_each_recipient(kit):
    peer = kit.Peer(
        "220 a", "250 a", "250 ok", "250 ok", "250 ok", "354 go", content_reply="250 2.0.0 in\r\n452 4.2.2 full"
    )
    delivery, _ = sent_to(kit, peer, recipients=("x@d.example", "y@d.example"), dialect="lmtp")
    fates = [(one.judgement.result, one.judgement.code) for one in delivery.outcomes]
    assert fates == [("accepted", 250), ("deferred", 452)]
    assert peer.heard[0] == "LHLO us.example"


@pytest.mark.parametrize(("policy", "result"), [("may", "accepted"), ("require", "deferred"), ("verify", "deferred")])
def test_starttls_that_is_not_offered_matters_only_where_it_is_required(kit, policy, result):
    peer = kit.good_peer()
    delivery, _ = sent_to(kit, peer, tls=policy)
    assert delivery.judgement.result == result
    if policy != "may":
        assert (delivery.judgement.reason, delivery.judgement.status) == ("starttls-not-offered", "4.7.4")
        assert peer.heard == ["EHLO us.example", "QUIT"]


def test_a_refused_starttls_is_no_harm_where_tls_is_only_welcome(kit):
    peer = kit.Peer("220 a", "250-a\n250 STARTTLS", "454 4.7.0 not now", "250 ok", "250 ok", "354 go")
    delivery, _ = sent_to(kit, peer, tls="may")
    assert delivery.judgement.result == "accepted"


def test_a_failed_handshake_is_followed_by_a_session_in_clear_where_tls_is_only_welcome(kit):
    class Garbled(kit.Peer):
        def received(self, data):
            if data.startswith(b"\x16"):
                self.wire.write(b"what is this supposed to be?\r\n")
                self.wire.close()
            else:
                super().received(data)

    first = Garbled("220 a", "250-a\n250 STARTTLS", "220 go")
    second = kit.good_peer(extensions="STARTTLS")
    delivery, bench = sent_to(kit, first, second, tls="may")
    assert delivery.judgement.result == "accepted"
    assert "STARTTLS" not in second.heard
    reasons = [event.reason for event in bench.told(TlsFailed)]
    assert bench.told(Judged) == [Judged("tls", "in-clear-instead", reasons[0])]
    delivery, _ = sent_to(kit, Garbled("220 a", "250-a\n250 STARTTLS", "220 go"), tls="require")
    assert (delivery.judgement.result, delivery.judgement.stage) == ("deferred", "tls")


def test_auth_refused_is_for_good(kit):
    peer = kit.Peer("220 a", "250-a\n250 AUTH CRAM-MD5", "334 PDFAYT4=", "535 5.7.8 no")
    delivery, bench = sent_to(kit, peer, credentials=Credentials("u", Secret("geheim")))
    assert (delivery.judgement.result, delivery.judgement.stage) == ("refused", "auth")
    assert "geheim" not in str(bench.records())
    lines = [event.line for event in bench.told(CommandSent)]
    assert lines == ["EHLO us.example", "AUTH CRAM-MD5", "***", "QUIT"]


def test_a_password_does_not_go_out_in_clear_unless_its_mechanism_was_asked_for(kit):
    peer = kit.good_peer(extensions="AUTH PLAIN LOGIN")
    delivery, _ = sent_to(kit, peer, credentials=Credentials("u", Secret("p")))
    assert delivery.judgement.reason == "auth-mechanism-not-offered"
    assert peer.heard == ["EHLO us.example", "QUIT"]


def test_a_server_that_challenges_without_end_is_left(kit):
    peer = kit.Peer("220 a", "250-a\n250 AUTH CRAM-MD5", *["334 PDFAYT4="] * 50)
    delivery, _ = sent_to(kit, peer, credentials=Credentials("u", Secret("p")))
    assert (delivery.judgement.result, delivery.judgement.stage) == ("deferred", "auth")


def test_the_gate_may_let_pass_edit_replace_and_skip(kit):
    words = {
        "EHLO": Release("sent"),
        "MAIL": Release("edited", b"MAIL FROM:<>\r\n"),
        "RCPT": Release("sent"),
        "DATA": Release("replaced", b"NOOP\r\n"),
        "RSET": Release("skipped"),
        "QUIT": Release("skipped"),
    }

    async def gate(line):
        return words[line.split()[0]]

    peer = kit.Peer("220 a", "250 a", "250 ok", "250 ok", "250 did nothing")
    delivery, bench = sent_to(kit, peer, gate=gate)
    assert peer.heard == ["EHLO us.example", "MAIL FROM:<>", "RCPT TO:<b@d.example>", "NOOP"]
    assert delivery.judgement.result == "deferred"
    held = [event.line for event in bench.told(GateHeld)]
    released = [(event.line, event.by) for event in bench.told(GateReleased)]
    assert held[1] == "MAIL FROM:<a@here.example>"
    assert released[1] == ("MAIL FROM:<>", "edited")
    assert [by for _, by in released] == ["sent", "edited", "sent", "replaced", "skipped", "skipped"]


def test_raw_bytes_from_the_gate_leave_as_they_are(kit):
    async def gate(line):
        return Release("edited", b"EHLO a\0b\r\nNOOP\r\n") if line.startswith("EHLO") else Release("sent")

    peer = kit.Peer("220 a", "250 a", "250 noop", "250 ok", "250 ok", "354 go")
    delivery, _ = sent_to(kit, peer, gate=gate)
    assert peer.heard[:3] == ["EHLO a\0b", "NOOP", "MAIL FROM:<a@here.example>"]
    assert delivery.judgement.result == "accepted"


def test_a_skipped_data_leaves_the_message_unsent(kit):
    async def gate(line):
        return Release("skipped") if line == "DATA" else Release("sent")

    peer = kit.Peer("220 a", "250 a", "250 ok", "250 ok", "250 reset")
    delivery, bench = sent_to(kit, peer, gate=gate)
    assert (delivery.judgement.result, delivery.judgement.reason) == ("stopped", "skipped")
    assert bench.told(MessageSent) == []


def test_an_unasked_421_is_the_answer_to_whatever_comes_next(kit):
    class Leaving(kit.Peer):
        def _say(self):
            super()._say()
            if len(self.heard) == 1:
                self.wire.write(b"421 4.3.2 going down\r\n")
                self.wire.close()

    delivery, _ = sent_to(kit, Leaving("220 a", "250 a"))
    assert delivery.judgement.result == "deferred"


def test_replies_that_nobody_asked_for_never_answer_the_next_command(kit):
    peer = kit.Peer("220 a\n250 stray\n250 and another", "250 a", "550 5.1.1 no", "250 ok", "250 ok")
    delivery, bench = sent_to(kit, peer)
    assert [event.rule for event in bench.told(RuleBroken)][:2] == ["unsolicited-reply", "unsolicited-reply"]
    assert (delivery.judgement.result, delivery.judgement.code) == ("refused", 550)


def test_a_421_right_behind_a_reply_is_what_ended_the_session(kit):
    peer = kit.Peer("220 a", "250 a\n421 4.3.2 going down")
    delivery, _ = sent_to(kit, peer)
    assert (delivery.judgement.result, delivery.judgement.code) == ("deferred", 421)
