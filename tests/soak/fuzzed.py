"""A receiver over no wire at all, for a fuzzer: any octets in, and everything that must hold whatever they were."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from smtplab import events as ev
from smtplab.journal import Journal
from smtplab.mta.accounts import MemoryAccounts
from smtplab.mta.arrival import Arrival
from smtplab.mta.receive import Receiver
from smtplab.mta.rules import BASIC_EXTENSIONS, Rules
from smtplab.net.live import live_net
from smtplab.net.ports import Endpoint, Net, ServerTls, TlsFacts
from smtplab.net.self_signed import self_signed_tls
from smtplab.smtp.sasl import MECHANISMS, Secret
from smtplab.smtp.server import Limits
from smtplab.wire.framing import bare_line_ends
from smtplab.wire.reply import Reply, ReplyReader, make_reply

MESSAGE_OCTETS_MAX = 5000
REPLY_OCTETS_MAX = 512
"""RFC 5321 4.5.3.1.5, of one line."""

TOKENS: tuple[bytes, ...] = (
    b"EHLO x.example\r\n",
    b"HELO x.example\r\n",
    b"LHLO x.example\r\n",
    b"EHLO [IPv6:::1]\r\n",
    b"MAIL FROM:<a@b.example>\r\n",
    b"MAIL FROM:<> SIZE=10 BODY=8BITMIME\r\n",
    b"MAIL FROM:<a@b.example> BODY=BINARYMIME\r\n",
    b"MAIL FROM:<\xc3\xa9@b.example> SMTPUTF8\r\n",
    b"MAIL FROM:<a@b.example> RET=HDRS ENVID=x AUTH=<> MT-PRIORITY=3 BY=60;R\r\n",
    b"MAIL FROM:",
    b"RCPT TO:<c@d.example>\r\n",
    b"RCPT TO:<@e.example:c@d.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;c@d.example\r\n",
    b"RCPT TO:<Postmaster>\r\n",
    b'RCPT TO:<"q \\" q"@d.example>\r\n',
    b"DATA\r\n",
    b"Subject: x\r\n\r\ntext\r\n",
    b"..\r\n",
    b".x\r\n",
    b".\r\n",
    b"\r\n.\r\n",
    b"\n.\n",
    b"\n.\r\n",
    b"\r.\r\n",
    b"\r\n.\n",
    b"\r\n.\r",
    b"BDAT 3\r\n",
    b"BDAT 5 LAST\r\n",
    b"BDAT 0 LAST\r\n",
    b"BDAT 6000\r\n",
    b"BDAT 99999999999999999999\r\n",
    b"a\r\nb",
    b"RSET\r\n",
    b"NOOP\r\n",
    b"NOOP x\r\n",
    b"VRFY a\r\n",
    b"EXPN a\r\n",
    b"HELP\r\n",
    b"ETRN d.example\r\n",
    b"QUIT\r\n",
    b"STARTTLS\r\n",
    b"AUTH PLAIN AHUAcA==\r\n",
    b"AUTH PLAIN\r\n",
    b"AUTH LOGIN\r\n",
    b"AUTH CRAM-MD5\r\n",
    b"AUTH SCRAM-SHA-256 biwsbj11LHI9YWJj\r\n",
    b"AUTH SCRAM-SHA-1-PLUS cD10bHMtc2VydmVyLWVuZC1wb2ludCwsbj11LHI9YWJj\r\n",
    b"AUTH XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIHABAQ==\r\n",
    b"AUTH OAUTHBEARER bixhPXUsAWF1dGg9QmVhcmVyIHgBAQ==\r\n",
    b"AUTH EXTERNAL =\r\n",
    b"AHUAcA==\r\n",
    b"dQ==\r\n",
    b"cA==\r\n",
    b"AQ==\r\n",
    b"*\r\n",
    b"XCLIENT ADDR=192.0.2.1 LOGIN=u\r\n",
    b"XFORWARD NAME=x\r\n",
    b"POST / HTTP/1.1\r\n",
    b"\r\n",
    b"\r",
    b"\n",
    b"\0",
    b"\xff",
    b" ",
    b"<",
    b">",
    b"=",
    b"+",
    b"x" * 70,
    b"y" * 2100,
    b"Received: x\r\n" * 101,
)
"""What a fuzzer puts together; alone, most octets never get past the first letter."""


class Wire:
    """A `net.ports.Wire` whose handshakes succeed at once."""

    local = Endpoint("127.0.0.1", 25)
    peer = Endpoint("127.0.0.1", 40000)
    full = False
    unsent_octets = 0

    def __init__(self) -> None:
        self.said = b""
        self.closed = False
        self.paused = False
        self.shaking = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.said += data

    def start_tls(self, tls: ServerTls) -> None:
        del tls
        self.shaking = True

    def unread(self, data: bytes) -> None:
        raise AssertionError(data)

    def close(self) -> None:
        self.closed = True

    abort = close

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False


class Outcome:
    """What came of one conversation."""

    def __init__(self) -> None:
        self.said = b""
        self.events: list[ev.Event] = []
        self.taken: list[Arrival] = []


RULES = Rules(
    hostname="mx.x.example",
    extensions=(*BASIC_EXTENSIONS, "BINARYMIME", "DELIVERBY", "MT-PRIORITY", "REQUIRETLS", "XCLIENT", "XFORWARD"),
    tls=self_signed_tls("mx.x.example", 1e9),
    accounts=MemoryAccounts({"u": Secret("p")}),
    mechanisms=MECHANISMS,
    clear_auth=True,
    asks_certificates=True,
    speaks_for_others=True,
    limits=Limits(message_octets=MESSAGE_OCTETS_MAX, recipients=5),
    header_octets_max=4000,
)
LMTP = Rules(hostname="mx.x.example", dialect="lmtp", extensions=RULES.extensions, limits=RULES.limits)


def converse(pieces: Sequence[bytes], rules: Rules = RULES, net: Net | None = None) -> Outcome:
    """Call it on a running loop, where nothing waits."""
    outcome, wire = Outcome(), Wire()

    def take(arrival: Arrival) -> Reply | tuple[Reply, ...]:
        outcome.taken.append(arrival)
        return make_reply(250, "Taken", enhanced="2.0.0")

    journal = Journal(lambda: 0.0, lambda record: outcome.events.append(record.event), keep=False)
    scope = journal.scope(node="mx", hop=0, span="", stage="connect")
    receiver = Receiver(rules, net or live_net(), scope, take)
    receiver.connected(wire)
    for piece in pieces:
        if wire.closed:
            break
        receiver.received(piece)
        assert not wire.paused, "a decision that should be made at once waits"
        if wire.shaking and not wire.closed:
            wire.shaking = False
            facts = TlsFacts("TLSv1.3", "x", end_point=b"end-point", client_names=("u",))
            receiver.secured(facts)
    receiver.ended(None)
    outcome.said = wire.said
    return outcome


def check(data: bytes, rules: Rules = RULES, net: Net | None = None, step: int = 1) -> Outcome:
    """Raises AssertionError where something does not hold, also said again in pieces of `step` octets; 0 for once."""
    whole = converse([data], rules, net)
    _check_replies(whole.said)
    _check_messages(whole, data, rules)
    assert isinstance(whole.events[-1], ev.Disconnected)
    assert not any(isinstance(event, ev.RuleBroken) and event.by == "us" for event in whole.events)
    if step and not any(isinstance(event, ev.RuleBroken) and event.rule in _THROWN_AWAY for event in whole.events):
        split = converse([data[start : start + step] for start in range(0, len(data), step)], rules, net)
        if rules.mechanisms != MECHANISMS or not _random(whole.said):
            assert split.said == whole.said
        assert [one.envelope for one in split.taken] == [one.envelope for one in whole.taken]
    return whole


_THROWN_AWAY = ("plaintext-after-starttls", "pipelined-after-auth")
"""With it, what a client says depends on what came in one piece: that is the point of throwing it away."""


def _random(said: bytes) -> bool:
    """Challenges hold random numbers."""
    return b"334 " in said


def _check_replies(said: bytes) -> None:
    assert all(len(line) + 2 <= REPLY_OCTETS_MAX for line in said.split(b"\r\n"))
    reader = ReplyReader()
    reader.receive(said)
    first = True
    while (found := reader.next_reply()) is not None:
        reply, flaws = found
        assert flaws == ()
        assert reply.code is not None
        assert reply.code == 220 if first else 200 <= reply.code < 600
        first = False
    assert reader.pending == b""


def _check_messages(outcome: Outcome, data: bytes, rules: Rules) -> None:
    for arrival in outcome.taken:
        content = arrival.envelope.content
        assert arrival.envelope.recipients
        assert len(arrival.envelope.recipients) <= rules.limits.recipients
        assert len(content) <= rules.limits.message_octets
        assert content in data.replace(b"\r\n.", b"\r\n") or b"BDAT" in data.upper()
        assert bare_line_ends(content) == (0, 0) or b"BINARYMIME" in data.upper()
    received = sum(isinstance(event, ev.MessageReceived) for event in outcome.events)
    assert len(outcome.taken) <= received


async def check_all(inputs: Sequence[bytes], rules: Rules = RULES) -> None:
    net = live_net()
    for data in inputs:
        check(data, rules, net)


def check_one(data: bytes, rules: Rules = RULES) -> None:
    asyncio.run(check_all([data], rules))
