"""Our POP3 server, spoken to byte by byte: locks, marks, who is let in, and how a session may end."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from smtplab.capture.codec import RecordEncoder, decode_record
from smtplab.events import (
    Authenticated,
    Disconnected,
    MailCollected,
    ReplySent,
    RuleBroken,
    StateChanged,
    TlsEstablished,
    TlsFailed,
)
from smtplab.mta.accounts import MemoryAccounts
from smtplab.mta.mailbox import Letter, Mailboxes
from smtplab.mta.mailbox_port import Listed, MemoryMailboxes, NotLocked
from smtplab.mta.maildrop.collect import CollectOptions, collect
from smtplab.mta.maildrop.rules import MaildropRules
from smtplab.mta.maildrop.server import MaildropServer
from smtplab.mta.scan import top
from smtplab.mta.session import Place
from smtplab.net.pipe import Link
from smtplab.net.ports import ClientTls, Lost
from smtplab.net.trust import PkixTrust
from smtplab.pop3.response import LONG_OCTETS
from smtplab.sim.certificates import Authority
from smtplab.smtp.sasl import Secret
from smtplab.wire.address import Mailbox

ADDRESS = "10.1.0.9"
START = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
READER = "reader@neu.example"
FIRST = b"Subject: one\r\n\r\nOne line.\r\n.dotted\r\n"
SECOND = b"Subject: two\r\n\r\na\r\nb\r\nno end of line"


class Post:
    """A POP3 server with two messages in its reader's mailbox, and the bytes of its clients."""

    def __init__(self, bench, mailboxes=None, tls=None, stls=None, **rules):
        self.bench = bench
        self.mail = Mailboxes()
        for queue_id, content in (("A", FIRST), ("B", SECOND)):
            self.mail.add(Letter(queue_id, Mailbox("reader", "neu.example"), "reader@neu.example", content))
        self.mailboxes = mailboxes or MemoryMailboxes(self.mail)
        users = {READER: Secret("se same"), "other@neu.example": Secret("x")}
        self.rules = MaildropRules(
            **{"hostname": "pop.d", "accounts": MemoryAccounts(users), "clear_login": True, "tls": stls} | rules
        )
        self.tls = tls

    async def open(self):
        scope = self.bench.journal.scope(node="pop.d", hop=3, span="collect")
        await self.bench.network.listener().listen(
            ADDRESS, 110, lambda: MaildropServer(self.rules, self.mailboxes, self.bench.net, scope), tls=self.tls
        )
        return self

    async def dial(self):
        return Caller(await self.bench.network.dialer("10.0.0.9").dial(ADDRESS, 110))

    async def enter(self):
        """A client that is let in."""
        caller = await self.dial()
        await caller.line()
        assert await caller.ask(f"USER {READER}") == "+OK Password?"
        assert (await caller.ask("PASS se same")).startswith("+OK 2 messages")
        return caller

    def kept(self):
        return [stored.content for stored in self.mail.messages(READER)]


class Caller:
    def __init__(self, stream):
        self.stream = stream
        self.data = b""

    async def line(self):
        while b"\r\n" not in self.data:
            more = await self.stream.read()
            if isinstance(more, Lost) or not more:
                return f"gone {self.data!r}"
            self.data += more
        line, _, self.data = self.data.partition(b"\r\n")
        return line.decode()

    async def say(self, *lines):
        await self.stream.write("".join(f"{line}\r\n" for line in lines).encode())

    async def ask(self, line):
        await self.say(line)
        return await self.line()

    async def lines(self, line):
        """The answer of several lines, dots as on the wire."""
        found = [await self.ask(line)]
        while found[-1] != "." and not found[-1].startswith(("-ERR", "gone")):
            found.append(await self.line())
        return found


def serve(kit, play, **options):
    """A play on a bench with its post office, which is given back."""
    posts = []

    async def with_post(bench):
        posts.append(await Post(bench, **options).open())
        await play(posts[0])

    kit.on_bench(with_post)
    return posts[0]


def test_a_session_goes_by_numbers_and_removes_at_quit_and_not_before(kit):
    async def play(post):
        caller = await post.enter()
        assert await caller.ask("STAT") == f"+OK 2 {len(FIRST) + len(SECOND) + 2}"
        assert (await caller.lines("LIST"))[1:] == [f"1 {len(FIRST)}", f"2 {len(SECOND) + 2}", "."]
        assert (await caller.lines("UIDL"))[1:] == ["1 A.1", "2 B.2", "."]
        assert (await caller.lines("RETR 1"))[1:] == ["Subject: one", "", "One line.", "..dotted", "."]
        assert (await caller.lines("TOP 2 1"))[1:] == ["Subject: two", "", "a", "."]
        assert (await caller.ask("DELE 1")).startswith("+OK")
        refused = [await caller.ask(line) for line in ("DELE 1", "RETR 1", "LIST 1", "UIDL 1", "RETR 0", "RETR 3")]
        assert refused == ["-ERR No such message"] * 6
        assert (await caller.lines("LIST"))[1:] == [f"2 {len(SECOND) + 2}", "."]
        assert await caller.ask("LIST 2") == f"+OK 2 {len(SECOND) + 2}"
        assert post.kept() == [FIRST, SECOND]
        assert await caller.ask("QUIT") == "+OK Bye"
        assert post.kept() == [SECOND]
        assert await caller.line() == "gone b''"

    post = serve(kit, play)
    journal = post.bench.journal.records
    assert {(record.stage, record.hop) for record in journal} == {("collect", 3)}
    assert post.bench.told(MailCollected) == [MailCollected("pop3", READER, len(FIRST))]
    assert post.bench.told(Authenticated) == [Authenticated("USER", READER)]
    moves = [event.new for event in post.bench.told(StateChanged)]
    assert moves == ["authorization", "named", "transaction", "update", "closed"]
    assert post.bench.told(Disconnected) == [Disconnected("us", clean=True)]
    assert post.bench.told(RuleBroken) == []
    assert "se same" not in repr(journal)


def test_rset_takes_every_mark_away(kit):
    async def play(post):
        caller = await post.enter()
        await caller.ask("DELE 1")
        await caller.ask("DELE 2")
        assert (await caller.ask("RSET")).startswith("+OK 2 messages")
        assert await caller.ask("QUIT") == "+OK Bye"

    assert serve(kit, play).kept() == [FIRST, SECOND]


def test_a_maildrop_is_locked_for_one_session_at_a_time(kit):
    async def play(post):
        first = await post.enter()
        second = await post.dial()
        await second.line()
        await second.ask(f"USER {READER}")
        assert (await second.ask("PASS se same")).startswith("-ERR [IN-USE]")
        await first.ask("QUIT")
        await second.ask(f"USER {READER}")
        assert (await second.ask("PASS se same")).startswith("+OK")

    serve(kit, play)


def test_what_is_delivered_meanwhile_does_not_show_and_keeps_its_own_id(kit):
    async def play(post):
        caller = await post.enter()
        post.mail.add(Letter("C", Mailbox("reader", "neu.example"), "reader@neu.example", b"Subject: three\r\n\r\n"))
        assert (await caller.ask("STAT")).startswith("+OK 2 ")
        await caller.ask("DELE 1")
        await caller.ask("QUIT")
        again = await post.dial()
        await again.line()
        await again.ask(f"USER {READER}")
        await again.ask("PASS se same")
        assert (await again.lines("UIDL"))[1:] == ["1 B.2", "2 C.3", "."]

    serve(kit, play)


def test_a_connection_that_is_lost_removes_nothing_and_frees_the_lock(kit):
    async def play(post):
        caller = await post.enter()
        await caller.ask("DELE 1")
        await caller.stream.close()
        await asyncio.sleep(1)
        await post.enter()

    post = serve(kit, play)
    assert post.kept() == [FIRST, SECOND]
    assert [event.rule for event in post.bench.told(RuleBroken)][:1] == ["closed-without-quit"]
    assert post.bench.told(Disconnected)[0] == Disconnected("them", clean=False, reason="closed")


def test_a_client_that_half_closes_still_hears_every_answer(kit):
    async def play(post):
        caller = await post.dial()
        await caller.say(f"USER {READER}", "PASS se same", "RETR 1", "DELE 1", "QUIT")
        caller.stream._transport.write_eof()
        heard = [await caller.line() for _ in range(12)]
        assert heard[-2:] == ["+OK Bye", "gone b''"]
        assert heard[4:9] == ["Subject: one", "", "One line.", "..dotted", "."]

    assert serve(kit, play).kept() == [SECOND]


def test_commands_in_one_go_are_answered_in_one_go_as_far_as_they_need_no_thought(kit):
    async def play(post):
        caller = await post.enter()
        await caller.say("STAT", "LIST 1", "UIDL 1", "NOOP")
        assert (await caller.stream.read()).count(b"+OK") == 4

    serve(kit, play)


def test_a_wrong_password_is_told_late_and_the_third_ends_the_session(kit):
    async def play(post):
        caller = await post.dial()
        await caller.line()
        began = post.bench.clock.monotonic()
        plain = base64.b64encode(f"\0{READER}\0wrong".encode()).decode()
        for line in (f"AUTH PLAIN {plain}", "AUTH PLAIN AG5vYm9keQB4"):
            assert await caller.ask(line) == "-ERR [AUTH] Credentials not accepted"
        await caller.ask("USER nobody")
        assert await caller.ask("PASS sesame") == "-ERR [AUTH] Credentials not accepted"
        assert post.bench.clock.monotonic() - began == pytest.approx(6.0)
        assert await caller.line() == "gone b''"

    post = serve(kit, play)
    assert post.bench.told(Disconnected) == [Disconnected("us", clean=False, reason="too-many-errors")]


@pytest.mark.parametrize("challenged", [False, True])
def test_auth_plain_lets_in_with_and_without_a_challenge(kit, challenged):
    async def play(post):
        caller = await post.dial()
        await caller.line()
        plain = base64.b64encode(f"\0{READER}\0se same".encode()).decode()
        if challenged:
            await caller.say("AUTH PLAIN")
            assert await caller.line() == "+ "
            assert (await caller.ask(plain)).startswith("+OK 2 messages")
        else:
            assert (await caller.ask(f"AUTH PLAIN {plain}")).startswith("+OK 2 messages")

    assert serve(kit, play).bench.told(Authenticated) == [Authenticated("PLAIN", READER)]


def test_an_exchange_can_be_cancelled_and_other_mechanisms_are_refused(kit):
    async def play(post):
        caller = await post.dial()
        await caller.line()
        await caller.ask("AUTH PLAIN")
        answers = [await caller.ask("*"), await caller.ask("AUTH CRAM-MD5")]
        await caller.ask("AUTH PLAIN")
        answers += [await caller.ask("no base64"), await caller.ask("AUTH PLAIN AAAA")]
        assert [answer[:5] for answer in answers] == ["-ERR "] * 4

    serve(kit, play)


def test_a_client_that_is_silent_for_ten_minutes_is_left_without_a_word(kit):
    async def play(post):
        caller = await post.enter()
        await caller.ask("DELE 1")
        await asyncio.sleep(590)
        await caller.ask("NOOP")
        began = post.bench.clock.monotonic()
        assert await caller.line() == "gone b''"
        assert post.bench.clock.monotonic() - began == pytest.approx(600, abs=2)

    post = serve(kit, play)
    assert post.kept() == [FIRST, SECOND]
    assert post.bench.told(Disconnected) == [Disconnected("us", clean=False, reason="timed-out")]


def test_a_client_that_talks_nonsense_is_left_after_twenty_refusals(kit):
    async def play(post):
        caller = await post.dial()
        await caller.say(*["EHLO you"] * 30)
        heard = [await caller.line() for _ in range(22)]
        assert [line[:4] for line in heard] == ["+OK ", *["-ERR"] * 20, "gone"]

    serve(kit, play)


def tls_of(authority):
    return authority.server_tls("pop.d", ("pop.d",))


def trust_of(post, authority):
    return ClientTls("pop.d", PkixTrust(post.bench.clock.now, authority.root.public_bytes(Encoding.PEM)))


def test_stls_begins_anew_and_only_then_a_password_may_come(kit):
    authority = Authority(1, START)

    async def play(post):
        caller = await post.dial()
        await caller.line()
        before = await caller.lines("CAPA")
        assert "STLS" in before
        assert not {"USER", "SASL PLAIN"} & set(before)
        assert await caller.ask(f"USER {READER}") == "-ERR Not offered here"
        assert (await caller.ask("STLS")).startswith("+OK")
        facts = await caller.stream.start_tls(trust_of(post, authority))
        assert facts.verified_by == "pkix"
        after = await caller.lines("CAPA")
        assert "STLS" not in after
        assert {"USER", "SASL PLAIN"} <= set(after)
        await caller.ask(f"USER {READER}")
        assert (await caller.ask("PASS se same")).startswith("+OK 2")
        assert await caller.ask("QUIT") == "+OK Bye"

    post = serve(kit, play, stls=tls_of(authority), clear_login=False)
    assert len(post.bench.told(TlsEstablished)) == 1
    assert post.bench.told(Disconnected) == [Disconnected("us", clean=True)]


def test_what_is_said_in_clear_behind_stls_is_never_run(kit):
    authority = Authority(1, START)

    async def play(post):
        caller = await post.dial()
        await caller.line()
        await caller.say("STLS", f"USER {READER}", "PASS se same", "DELE 1", "QUIT")
        assert await caller.line() == "+OK Begin TLS"
        await caller.stream.start_tls(trust_of(post, authority))
        assert await caller.ask("STAT") == "-ERR Not in this state"

    post = serve(kit, play, stls=tls_of(authority))
    assert "plaintext-after-starttls" in [event.rule for event in post.bench.told(RuleBroken)]
    assert post.kept() == [FIRST, SECOND]


def test_a_handshake_that_fails_ends_the_session(kit):
    authority = Authority(1, START)

    async def play(post):
        caller = await post.dial()
        await caller.line()
        assert (await caller.ask("STLS")).startswith("+OK")
        await caller.say("CAPA")
        await asyncio.sleep(100)

    post = serve(kit, play, stls=tls_of(authority))
    assert len(post.bench.told(TlsFailed)) == 1
    assert len(post.bench.told(Disconnected)) == 1


def test_where_tls_is_implicit_the_greeting_waits_for_it(kit):
    authority = Authority(1, START)

    async def play(post):
        caller = await post.dial()
        await caller.stream.start_tls(trust_of(post, authority))
        assert await caller.line() == "+OK pop.d POP3"
        assert "STLS" not in await caller.lines("CAPA")

    serve(kit, play, tls=tls_of(authority), implicit_tls=True)


class Broken:
    """Mailboxes whose disk has failed: what can't be locked, read or removed."""

    def __init__(self, lockable):
        self.lockable = lockable
        self.name = READER
        self.letters = (Listed("a", 10), Listed("b", 10))
        self.released = 0

    async def lock(self, user):
        return self if self.lockable else NotLocked("SYS/TEMP")

    async def read(self, uid):
        return None

    async def remove(self, uids):
        return False

    def release(self):
        self.released += 1


def test_a_mailbox_that_can_not_be_opened_is_a_temporary_matter(kit):
    async def play(post):
        caller = await post.dial()
        await caller.line()
        await caller.ask(f"USER {READER}")
        assert (await caller.ask("PASS se same")).startswith("-ERR [SYS/TEMP]")
        assert (await caller.ask("STAT")).startswith("-ERR")

    serve(kit, play, mailboxes=Broken(lockable=False))


def test_what_can_not_be_read_or_removed_is_said_and_the_lock_goes_all_the_same(kit):
    mailboxes = Broken(lockable=True)

    async def play(post):
        caller = await post.enter()
        assert (await caller.ask("RETR 1")).startswith("-ERR [SYS/TEMP]")
        await caller.ask("DELE 1")
        assert (await caller.ask("QUIT")).startswith("-ERR [SYS/TEMP]")
        assert mailboxes.released
        assert await caller.line() == "gone b''"

    post = serve(kit, play, mailboxes=mailboxes)
    assert post.bench.told(MailCollected) == []
    assert post.bench.told(Disconnected) == [Disconnected("us", clean=True)]


def test_the_records_of_a_message_hold_its_status_line_and_those_of_a_listing_all_of_it(kit):
    async def play(post):
        caller = await post.enter()
        await caller.lines("LIST")
        await caller.lines("RETR 1")
        await caller.ask("QUIT")

    told = serve(kit, play).bench.told(ReplySent)
    lines = {event.verb: event.lines for event in told}
    assert lines["RETR"] == (f"+OK {len(FIRST)} octets",)
    assert lines["LIST"][1:] == (f"1 {len(FIRST)}", f"2 {len(SECOND) + 2}")
    assert {(event.code, event.enhanced) for event in told} == {(None, None)}


@pytest.mark.parametrize(
    ("content", "lines", "expected"),
    [
        (b"A: b\r\n\r\none\r\ntwo\r\n", 0, b"A: b\r\n\r\n"),
        (b"A: b\r\n\r\none\r\ntwo\r\n", 1, b"A: b\r\n\r\none\r\n"),
        (b"A: b\r\n\r\none\r\ntwo\r\n", 99, b"A: b\r\n\r\none\r\ntwo\r\n"),
        (b"A: b\r\n\r\none\r\ntwo", 2, b"A: b\r\n\r\none\r\ntwo"),
        (b"A: b\r\n", 5, b"A: b\r\n"),
        (b"", 5, b""),
    ],
)
def test_top_is_the_header_and_so_many_lines(content, lines, expected):
    assert top(content, lines) == expected


def test_a_client_that_takes_nothing_is_not_sent_for_ever_and_idles_in_the_end(kit):
    async def play(post):
        big = b"Subject: big\r\n\r\n" + b"x" * 1_000_000 + b"\r\n"
        post.mail.add(Letter("C", Mailbox("reader", "neu.example"), "reader@neu.example", big))
        caller = await post.dial()
        await caller.say(f"USER {READER}", "PASS se same", *["RETR 3"] * 20)
        await asyncio.sleep(700)

    post = serve(kit, play)
    # The client's own end and the wire hold some of the first one; the others wait, and the idle client is left.
    assert post.bench.told(MailCollected) == []
    assert [event.reason for event in post.bench.told(Disconnected)] == ["timed-out"]


def test_a_client_that_reads_late_gets_all_it_asked_for(kit):
    async def play(post):
        big = b"x" * 300_000 + b"\r\n"
        post.mail.add(Letter("C", Mailbox("reader", "neu.example"), "reader@neu.example", big))
        caller = await post.dial()
        await caller.say(f"USER {READER}", "PASS se same", *["RETR 3"] * 5, "QUIT")
        await asyncio.sleep(400)
        octets = 0
        while data := await caller.stream.read():
            octets += len(data)
        assert octets > 5 * len(big)

    post = serve(kit, play)
    assert len(post.bench.told(MailCollected)) == 5
    assert post.bench.told(Disconnected) == [Disconnected("us", clean=True)]


def test_a_collection_in_a_world_gives_the_same_records_every_time(kit):
    authority = Authority(1, START)

    async def play(post):
        options = CollectOptions(
            user=READER,
            password=Secret("se same"),
            tls="verify",
            trust=PkixTrust(post.bench.clock.now, authority.root.public_bytes(Encoding.PEM)),
        )
        scope = post.bench.journal.scope(node="reader.d", hop=3, span="collect")
        post.bench.links[ADDRESS] = Link(latency_s=0.02)
        result = await collect(Place("pop.d", ADDRESS, 110), options, post.bench.net, scope)
        assert [message.content for message in result.messages] == [FIRST, SECOND + b"\r\n"]
        assert result.removed

    first, second = (serve(kit, play, stls=tls_of(authority)) for _ in range(2))
    assert first.bench.records() == second.bench.records()
    assert first.kept() == []
    encoder = RecordEncoder()
    assert [decode_record(encoder.encode(record)) for record in first.bench.records()] == first.bench.records()


def test_a_long_message_leaves_in_pieces_and_what_is_asked_behind_it_is_answered_after_it(kit):
    long = b"Subject: long\r\n\r\n" + b".dotted\r\nline\r\n" * 60_000 + b"bare\nend"
    said = []

    async def play(bench):
        post = await Post(bench).open()
        post.mail.add(Letter("C", Mailbox("reader", "neu.example"), READER, long))
        caller = await post.dial()
        await caller.line()
        await caller.say(f"USER {READER}", "PASS se same", "RETR 3", "NOOP", "QUIT")
        said.append([await caller.line() for _ in range(3)])
        content = []
        while (line := await caller.line()) != ".":
            content.append(line)
        said.append(content)
        said.append([await caller.line() for _ in range(2)])

    bench = kit.on_bench(play)
    assert len(long) > 2 * LONG_OCTETS
    assert "\r\n".join(said[1]) == long.replace(b"\r\n.", b"\r\n..").decode()
    assert [line[:3] for line in said[2]] == ["+OK", "+OK"]
    told = [record.event for record in bench.journal.records]
    assert MailCollected("pop3", READER, len(long)) in told
    flaws = [event for event in told if isinstance(event, RuleBroken)]
    assert [(event.rule, event.by) for event in flaws] == [("bare-lf", "us")]


def test_a_server_that_leaves_lets_a_long_message_come_to_its_end(kit):
    long = b"x" * 78 + b"\r\n"
    ends = []

    async def play(bench):
        servers = []
        post = Post(bench)
        post.mail.add(Letter("C", Mailbox("reader", "neu.example"), READER, long * 10_000))
        scope = bench.journal.scope(node="pop.d", hop=3, span="collect")

        def make():
            servers.append(MaildropServer(post.rules, post.mailboxes, bench.net, scope))
            return servers[-1]

        await bench.network.listener().listen(ADDRESS, 110, make)
        caller = await post.dial()
        await caller.line()
        await caller.say(f"USER {READER}", "PASS se same", "RETR 3")
        for _ in range(4):
            await caller.line()
        servers[0].shut_down()
        lines = 0
        while (line := await caller.line()) == "x" * 78:
            lines += 1
        ends.extend([lines, line, await caller.line()])

    bench = kit.on_bench(play)
    assert ends == [9999, ".", "gone b''"]
    assert bench.told(Disconnected) == [Disconnected("us", clean=False, reason="shut-down")]


def test_whoever_asks_much_at_once_is_answered_in_turns_and_others_between(kit):
    async def play(bench):
        post = await Post(bench, MemoryMailboxes(Mailboxes())).open()
        much, little = await post.dial(), await post.dial()
        for caller, name in ((much, READER), (little, "other@neu.example")):
            await caller.line()
            await caller.ask(f"USER {name}")
            await caller.ask("PASS se same" if name == READER else "PASS x")
        async with asyncio.TaskGroup() as group:
            await much.say(*["NOOP"] * 3000, "QUIT")
            await little.say("STAT")
            asked = group.create_task(little.line())
            assert [await much.line() for _ in range(3001)] == ["+OK"] * 3000 + ["+OK Bye"]
        assert asked.result() == "+OK 0 0"

    bench = kit.on_bench(play)
    verbs = [event.verb for event in bench.told(ReplySent)]
    assert verbs.index("NOOP") < verbs.index("STAT") < len(verbs) - 1 - verbs[::-1].index("NOOP")
