"""The reader's client: against our own server over every network, and against servers that are odd or hostile."""

from __future__ import annotations

import asyncio
import datetime as dt
import poplib
import random
import re
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from smtplab.events import (
    Authenticated,
    CommandReceived,
    CommandSent,
    ConnectFailed,
    Disconnected,
    MailCollected,
    RuleBroken,
    TlsEstablished,
)
from smtplab.journal import Journal
from smtplab.mta.accounts import MemoryAccounts
from smtplab.mta.mailbox import Letter, Mailboxes
from smtplab.mta.mailbox_port import MailboxPort, Maildrop, MemoryMailboxes, NotLocked
from smtplab.mta.maildrop.collect import Collected, Collection, CollectOptions, CollectShortfall, collect
from smtplab.mta.maildrop.rules import MaildropRules
from smtplab.mta.maildrop.server import MaildropServer
from smtplab.mta.session import Place
from smtplab.mta.timeouts import shortened
from smtplab.net.clock import SystemClock
from smtplab.net.memory import MemoryNetwork
from smtplab.net.pipe import Link
from smtplab.net.ports import Dialer, Listener, Listening, Lost, Net, TlsFacts, TlsTrouble, Wire
from smtplab.net.tcp import TcpDialer, TcpListener
from smtplab.net.trust import PkixTrust
from smtplab.pop3.response import Response, err
from smtplab.sim.certificates import Authority
from smtplab.smtp.sasl import Secret
from smtplab.wire.address import Mailbox

READER = "reader@neu.example"
PASSWORD = "một hai ba"
LETTERS = (
    b"Subject: one\r\n\r\n.\r\n..\r\n.dotted\r\n",
    b"Subject: two\r\n\r\n" + bytes(range(1, 256)).replace(b"\r", b"").replace(b"\n", b"") * 300 + b"\r\n",
    b"\r\n.\r\n\r\n",
)
AUTHORITY = Authority(1, dt.datetime(2026, 11, 23, tzinfo=dt.UTC))


class World:
    """A POP3 server, three messages in its reader's mailbox, and the reader."""

    def __init__(self, dialer: Dialer, listener: Listener, address: str) -> None:
        seeds = random.Random(7)
        self.clock = SystemClock()
        self.net = Net(dialer, None, self.clock, lambda purpose: seeds, listener)  # type: ignore[arg-type]
        self.journal = Journal(self.clock.now)
        self.address = address
        self.mail = Mailboxes()
        for number, content in enumerate(LETTERS):
            self.mail.add(Letter(f"Q{number}", Mailbox("reader", "neu.example"), "reader@neu.example", content))
        self.mailboxes: MailboxPort = MemoryMailboxes(self.mail)
        self.port = 0
        self.listening: Listening | None = None

    async def serve(self, *, implicit: bool = False, names: tuple[str, ...] = ("pop.d",), **rules: Any) -> None:
        tls = AUTHORITY.server_tls(names[0], names) if names else None
        users = {READER: Secret(PASSWORD)}
        rules = {
            "hostname": "pop.d",
            "accounts": MemoryAccounts(users),
            "tls": tls,
            "failed_login_delay_s": 0.0,
        } | rules
        scope = self.journal.scope(node="pop.d", hop=3, span="collect")
        assert self.net.listener is not None
        self.listening = await self.net.listener.listen(
            self.address,
            0,
            lambda: MaildropServer(MaildropRules(**rules, implicit_tls=implicit), self.mailboxes, self.net, scope),
            tls=tls if implicit else None,
        )
        self.port = self.listening.endpoint.port

    async def collect(self, **options: Any) -> Collection:
        trust = PkixTrust(self.clock.now, AUTHORITY.root.public_bytes(Encoding.PEM))
        defaults = {"user": READER, "password": Secret(PASSWORD), "tls": "verify", "trust": trust}
        scope = self.journal.scope(node="reader.d", hop=3, span="collect")
        return await collect(
            Place("pop.d", self.address, self.port), CollectOptions(**defaults | options), self.net, scope
        )

    def told(self, *kinds: Any, node: str = "reader.d") -> list[Any]:
        return [
            record.event for record in self.journal.records if isinstance(record.event, kinds) and record.node == node
        ]

    def verbs(self) -> list[str]:
        return [event.verb for event in self.told(CommandSent)]

    def kept(self) -> tuple[bytes, ...]:
        return tuple(stored.content for stored in self.mail.messages(READER))


Play = Callable[[World], Awaitable[None]]


@pytest.fixture(params=["memory", "memory-with-latency", "tcp", "tcp6"])
def on_network(request: pytest.FixtureRequest) -> Callable[[Play], World]:
    return lambda play: run(play, request.param)


def run(play: Play, kind: str = "memory") -> World:
    worlds = []

    async def act() -> None:
        if kind.startswith("tcp"):
            world = World(TcpDialer(), TcpListener(), "::1" if kind == "tcp6" else "127.0.0.1")
        else:
            link = Link(latency_s=0.001) if kind == "memory-with-latency" else Link()
            memory = MemoryNetwork(lambda source, target: link)
            world = World(memory.dialer("10.0.0.1"), memory.listener(), "10.0.0.2")
        worlds.append(world)
        async with asyncio.timeout(20):
            try:
                await play(world)
            finally:
                if world.listening is not None:
                    await world.listening.close()

    asyncio.run(act())
    return worlds[0]


def test_the_reader_gets_every_octet_and_the_server_removes_what_was_taken(on_network: Callable[[Play], World]) -> None:
    async def play(world: World) -> None:
        await world.serve()
        first = await world.collect()
        assert first == Collection(tuple(map(Collected, ("Q0.1", "Q1.2", "Q2.3"), LETTERS)), removed=True)
        assert world.kept() == ()
        assert await world.collect() == Collection()

    world = on_network(play)
    assert world.told(MailCollected) == [MailCollected("pop3", READER, len(letter)) for letter in LETTERS]
    assert world.told(MailCollected, node="pop.d") == world.told(MailCollected)
    assert world.verbs()[:6] == ["CAPA", "STLS", "CAPA", "AUTH", "STAT", "LIST"]
    assert world.told(TlsEstablished)[0].verified_by == "pkix"
    assert world.told(Authenticated) == [Authenticated("PLAIN", READER)] * 2
    assert world.told(Disconnected) == [Disconnected("us", clean=True)] * 2
    assert {record.stage for record in world.journal.records} == {"collect"}
    assert world.told(RuleBroken) == world.told(RuleBroken, node="pop.d") == []
    assert PASSWORD not in repr(world.journal.records)


def test_what_is_kept_and_known_is_not_fetched_again() -> None:
    async def play(world: World) -> None:
        await world.serve()
        first = await world.collect(keep=True)
        assert (len(first.messages), first.removed) == (3, False)
        known = frozenset(message.uid for message in first.messages)
        world.mail.add(Letter("Q9", Mailbox("reader", "neu.example"), "reader@neu.example", b"Subject: new\r\n\r\n"))
        assert await world.collect(keep=True, known=known) == Collection((Collected("Q9.4", b"Subject: new\r\n\r\n"),))

    world = run(play)
    assert len(world.kept()) == 4
    assert "DELE" not in world.verbs()


@pytest.mark.parametrize(
    ("way", "sent", "mechanism"), [("USER", ["USER", "PASS"], "USER"), ("PLAIN", ["AUTH"], "PLAIN")]
)
def test_the_way_to_log_in_can_be_chosen(way: str, sent: list[str], mechanism: str) -> None:
    async def play(world: World) -> None:
        await world.serve(implicit=True)
        assert (await world.collect(tls="implicit", way=way)).setback is None

    world = run(play)
    assert world.verbs()[1 : 1 + len(sent)] == sent
    assert world.told(Authenticated, node="pop.d") == [Authenticated(mechanism, READER)]


def test_a_long_initial_response_waits_for_the_challenge() -> None:
    long = "x" * 250

    async def play(world: World) -> None:
        await world.serve(accounts=MemoryAccounts({READER: Secret(long)}))
        assert len((await world.collect(password=Secret(long))).messages) == 3

    assert [event.line for event in run(play).told(CommandSent) if event.verb == "AUTH"] == ["AUTH PLAIN", "***"]


def test_in_clear_the_password_stays_where_it_is_and_apop_goes() -> None:
    async def play(world: World) -> None:
        await world.serve(names=(), apop=True, clear_login=True)
        assert (await world.collect(tls="may", keep=True)).setback is None
        refused = await world.collect(tls="none", way="USER")
        assert refused.setback is not None
        assert refused.setback.cause == CollectShortfall("login-needs-tls", "USER")
        assert (await world.collect(tls="none", way="USER", clear_login=True)).removed

    world = run(play)
    assert world.verbs()[:2] == ["CAPA", "APOP"]
    assert [event.line for event in world.told(CommandSent) if event.verb in ("APOP", "PASS")] == [
        f"APOP {READER} ***",
        "PASS ***",
    ]


def test_a_server_that_offers_no_tls_gets_no_password() -> None:
    async def play(world: World) -> None:
        await world.serve(names=(), clear_login=True)
        for policy, reason in (("may", "login-needs-tls"), ("require", "starttls-not-offered")):
            result = await world.collect(tls=policy)
            assert result.setback is not None
            assert result.setback.cause == CollectShortfall(reason)  # type: ignore[arg-type]

    assert run(play).verbs() == ["CAPA", "QUIT"] * 2


def test_a_certificate_for_another_name_ends_it_where_it_is_verified() -> None:
    async def play(world: World) -> None:
        await world.serve(names=("other.d",))
        result = await world.collect()
        assert result.setback is not None
        assert result.setback.cause == CollectShortfall("tls-not-verified", "name-mismatch")
        assert len((await world.collect(tls="require")).messages) == 3

    run(play)


def test_a_wrong_password_is_the_servers_to_refuse() -> None:
    async def play(world: World) -> None:
        await world.serve()
        result = await world.collect(password=Secret("no"))
        assert result.setback is not None
        assert result.setback.step == "login"
        assert isinstance(result.setback.cause, Response)
        assert result.setback.cause.code == "AUTH"

    assert run(play).verbs()[-1] == "QUIT"


def test_a_message_that_is_too_long_stays() -> None:
    async def play(world: World) -> None:
        await world.serve()
        result = await world.collect(message_octets_max=1000)
        assert (len(result.messages), result.left, result.removed) == (2, 1, True)
        assert world.kept() == (LETTERS[1],)

    run(play)


def test_nobody_listening_is_a_setback_and_a_fact() -> None:
    async def play(world: World) -> None:
        world.port = 9
        result = await world.collect()
        assert result.setback is not None
        assert result.setback.step == "connect"
        assert isinstance(result.setback.cause, Lost)

    assert [event.reason for event in run(play).told(ConnectFailed)] == ["refused"]


def test_a_bug_behind_the_mailboxes_resets_the_connection_and_is_shown() -> None:
    shown: list[BaseException] = []

    class Buggy:
        async def lock(self, user: str) -> Maildrop | NotLocked:
            raise RuntimeError(user)

    async def play(world: World) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: shown.append(context["exception"]))
        world.mailboxes = Buggy()
        await world.serve()
        result = await world.collect()
        assert result.setback is not None
        assert isinstance(result.setback.cause, Lost)
        assert result.setback.cause.reason == "reset"

    world = run(play)
    assert [str(error) for error in shown] == [READER]
    assert world.told(Disconnected, node="pop.d") == [Disconnected("us", clean=False, reason="failed")]


# Servers that are odd, slow or hostile


class Script:
    """Answers by the verb; what is missing is `-ERR` or otherwise; None is silence, an empty text the end."""

    def __init__(
        self, answers: dict[str, str | None], greeting: str | None = "+OK old", otherwise: str | None = "-ERR"
    ) -> None:
        self.answers = {"QUIT": "+OK", "USER": "+OK", "PASS": "+OK"} | answers
        self.greeting = greeting
        self.otherwise = otherwise
        self.heard: list[str] = []

    def connected(self, wire: Wire) -> None:
        self.wire = wire
        self._say(self.greeting)

    def received(self, data: bytes) -> None:
        for line in data.decode("latin-1").split("\r\n")[:-1] or ["garbage"]:
            self.heard.append(line)
            self._say(self.answers.get(line, self.answers.get(line.partition(" ")[0], self.otherwise)))

    def _say(self, text: str | None) -> None:
        if text is None:
            return
        if text == "":
            self.wire.close()
            return
        self.wire.write(text.replace("\n", "\r\n").encode("latin-1") + b"\r\n")

    def secured(self, outcome: TlsFacts | TlsTrouble) -> None:
        raise AssertionError("a script speaks no TLS")

    def drained(self) -> None:
        pass

    def ended(self, lost: Lost | None) -> None:
        self.wire.close()


def against(script: Script, **options: Any) -> tuple[Collection, World]:
    results = []

    async def play(world: World) -> None:
        assert world.net.listener is not None
        world.listening = await world.net.listener.listen(world.address, 110, lambda: script)
        world.port = 110
        settings = {"tls": "none", "clear_login": True, "timeouts": shortened(0.05)} | options
        results.append(await world.collect(**settings))

    world = run(play)
    return results[0], world


ONE = {"STAT": "+OK 1 6", "LIST": "+OK\n1 6\n.", "RETR": "+OK\nHi\n\n.", "DELE": "+OK"}


def test_a_server_of_1996_without_capa_and_uidl_will_do() -> None:
    result, world = against(Script(ONE))
    assert result == Collection((Collected("", b"Hi\r\n\r\n"),), removed=True)
    assert world.verbs() == ["CAPA", "USER", "PASS", "STAT", "LIST", "UIDL", "RETR", "DELE", "QUIT"]


def test_a_greeting_that_refuses_ends_it() -> None:
    result, world = against(Script({}, "-ERR [SYS/TEMP] later"))
    assert result.setback is not None
    assert result.setback.cause == err("later", "SYS/TEMP")
    assert world.verbs() == []


@pytest.mark.parametrize(
    ("script", "step"),
    [
        (Script({}, None), "greeting"),
        (Script({"CAPA": None}), "greeting"),
        (Script({"PASS": None}), "login"),
        (Script(ONE | {"STAT": None}), "listing"),
        (Script(ONE | {"UIDL": "+OK\n1 a"}), "listing"),
        (Script(ONE | {"RETR": "+OK\nHi"}), "retrieving"),
        (Script(ONE | {"DELE": None}), "retrieving"),
        (Script(ONE | {"QUIT": None}), "quit"),
    ],
)
def test_silence_anywhere_ends_the_session_and_no_late_response_is_taken(script: Script, step: str) -> None:
    result, world = against(script)
    assert result.setback is not None
    assert (result.setback.step, result.setback.cause) == (step, Lost("timed-out"))
    assert not result.removed
    assert world.told(Disconnected)[-1].reason == "timed-out"


def test_what_was_collected_before_a_loss_is_here_and_is_not_said_to_be_removed() -> None:
    two = {"STAT": "+OK 2 12", "LIST": "+OK\n1 6\n2 6\n.", "RETR 2": ""}
    result, world = against(Script(ONE | two))
    assert (result.messages, result.removed) == ((Collected("", b"Hi\r\n\r\n"),), False)
    assert result.setback is not None
    assert result.setback.cause == Lost("closed")
    assert world.told(Disconnected)[-1] == Disconnected("them", clean=False, reason="closed")


def test_an_endless_message_is_cut_off_at_the_bound() -> None:
    result, _ = against(Script(ONE | {"RETR": "+OK\n" + "x" * 5000 + "\n."}), message_octets_max=1000)
    assert (result.messages, result.removed) == ((), False)
    assert result.setback is not None
    assert result.setback.cause == Lost("reply-too-long")


def test_a_message_that_is_refused_stays_and_the_others_come() -> None:
    two = {"STAT": "+OK 2 12", "LIST": "+OK\n1 6\n2 6\n.", "RETR 1": "-ERR gone"}
    result, _ = against(Script(ONE | two))
    assert (result.messages, result.left, result.removed) == ((Collected("", b"Hi\r\n\r\n"),), 1, True)


def test_a_listing_that_makes_no_sense_is_told_and_what_can_be_read_of_it_is_used() -> None:
    odd = {"STAT": "+OK many", "LIST": "+OK\nzero 6\n-1 6\n\xff\n1 huge\n1 6\n.", "UIDL": "+OK\n1\n."}
    result, world = against(Script(ONE | odd))
    assert len(result.messages) == 1
    assert [event.rule for event in world.told(RuleBroken)].count("bad-listing") == 4


STLS = {"CAPA": "+OK\nSTLS\nUSER\n."}


@pytest.mark.parametrize(
    ("answer", "policy", "cause"),
    [
        ("-ERR not now", "may", None),
        ("-ERR not now", "require", err("not now")),
        ("+OK\nno handshake", "may", TlsTrouble("not-tls")),
        ("", "require", Lost("closed")),
        (None, "may", Lost("timed-out")),
    ],
)
def test_a_server_that_offers_tls_and_does_not_do_it(answer: str | None, policy: str, cause: object) -> None:
    result, world = against(Script(ONE | STLS | {"STLS": answer}), tls=policy)
    if cause is None:
        assert len(result.messages) == 1
        return
    assert result.setback is not None
    assert result.setback.step == "tls"
    assert type(result.setback.cause) is type(cause)
    assert getattr(result.setback.cause, "reason", "") == getattr(cause, "reason", "")
    assert not {"USER", "PASS"} & set(world.verbs())


def test_a_handshake_that_never_ends_is_ended() -> None:
    result, world = against(Script({}, None, None), tls="implicit")
    assert result.setback is not None
    assert result.setback.cause == TlsTrouble("timed-out")
    assert world.verbs() == []
    assert world.told(Disconnected) == [Disconnected("us", clean=False, reason="timed-out")]


def test_an_address_that_never_answers_is_a_setback() -> None:
    results = []

    async def act() -> None:
        memory = MemoryNetwork(lambda source, target: Link(silent=True))
        world = World(memory.dialer("10.0.0.1"), memory.listener(), "10.0.0.2")
        results.append(await world.collect(timeouts=shortened(0.05)))

    asyncio.run(act())
    assert results[0].setback.step == "connect"
    assert results[0].setback.cause == Lost("timed-out")


def test_a_reader_who_is_called_away_leaves_no_connection_open() -> None:
    script = Script({"STAT": None})

    async def play(world: World) -> None:
        assert world.net.listener is not None
        world.listening = await world.net.listener.listen(world.address, 110, lambda: script)
        world.port = 110
        collecting = asyncio.create_task(world.collect(tls="none", clear_login=True))
        while "STAT" not in script.heard:
            await asyncio.sleep(0)
        collecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await collecting

    assert run(play).told(Disconnected) == [Disconnected("us", clean=False)]


def test_what_is_said_without_being_asked_answers_nothing() -> None:
    result, world = against(Script(ONE | {"STAT": "+OK 1 6\n+OK 99 99"}))
    assert (len(result.messages), result.removed) == (1, True)
    assert [event.rule for event in world.told(RuleBroken)] == ["unsolicited-reply"]


def test_a_removal_that_fails_is_no_removal() -> None:
    result, _ = against(Script(ONE | {"QUIT": "-ERR [SYS/TEMP] not all"}))
    assert not result.removed
    assert result.setback is not None
    assert result.setback.step == "quit"


# Other people's clients


def test_pythons_poplib_reads_and_removes() -> None:
    def read(port: int) -> list[Any]:
        box = poplib.POP3("127.0.0.1", port, timeout=5)
        found: list[Any] = [box.capa().get("UIDL")]
        box.user(READER)
        box.pass_("plain")
        found += [box.stat(), box.list()[1], box.uidl()[1], b"\r\n".join(box.retr(1)[1]), box.top(1, 0)[1]]
        box.dele(1)
        box.quit()
        return found

    async def play(world: World) -> None:
        await world.serve(names=(), clear_login=True, accounts=MemoryAccounts({READER: Secret("plain")}))
        found = await asyncio.to_thread(read, world.port)
        assert found[0] == []
        assert found[1] == (3, sum(map(len, LETTERS)))
        assert found[2] == [f"{number} {len(letter)}".encode() for number, letter in enumerate(LETTERS, 1)]
        assert found[3] == [b"1 Q0.1", b"2 Q1.2", b"3 Q2.3"]
        assert found[4] + b"\r\n" == LETTERS[0]
        assert found[5] == [b"Subject: one", b""]

    assert run(play, "tcp").kept() == LETTERS[1:]


def test_pythons_poplib_proves_itself_by_apop_and_is_told_when_it_is_wrong() -> None:
    def read(port: int) -> bytes:
        box = poplib.POP3("127.0.0.1", port, timeout=5)
        with pytest.raises(poplib.error_proto, match=re.escape("[AUTH]")):
            box.apop(READER, "wrong")
        answer = box.apop(READER, "plain")
        box.quit()
        return answer

    async def play(world: World) -> None:
        await world.serve(names=(), apop=True, accounts=MemoryAccounts({READER: Secret("plain")}))
        assert (await asyncio.to_thread(read, world.port)).startswith(b"+OK 3 messages")

    run(play, "tcp")


@pytest.mark.peer
@pytest.mark.parametrize(
    ("option", "rules", "verbs"),
    [
        ("--ssl-reqd", {}, ["CAPA", "STLS", "CAPA", "AUTH"]),
        ("--ssl-reqd", {"mechanisms": ()}, ["CAPA", "STLS", "CAPA", "USER", "PASS"]),
        ("--no-ssl", {"clear_login": True, "apop": True, "mechanisms": ()}, ["CAPA", "APOP"]),
        ("--no-ssl", {"clear_login": True}, ["CAPA", "AUTH"]),
    ],
    ids=["AUTH inside TLS", "USER inside TLS", "APOP", "AUTH in clear"],
)
def test_curl_collects_from_our_server(option: str, rules: dict[str, Any], verbs: list[str]) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    fixed = [curl, "--silent", "--show-error", "--insecure", "--max-time", "10", "--user", f"{READER}:plain", option]

    def ask(url: str, *more: str) -> bytes:
        done = subprocess.run([*fixed, *more, url], capture_output=True, check=False, timeout=15)
        assert done.returncode == 0, done.stderr
        return done.stdout

    async def play(world: World) -> None:
        await world.serve(accounts=MemoryAccounts({READER: Secret("plain")}), **rules)
        base = f"pop3://127.0.0.1:{world.port}/"
        listing = await asyncio.to_thread(ask, base)
        assert listing.split() == f"1 {len(LETTERS[0])} 2 {len(LETTERS[1])} 3 {len(LETTERS[2])}".encode().split()
        for number, letter in enumerate(LETTERS, 1):
            assert await asyncio.to_thread(ask, f"{base}{number}") == letter
        await asyncio.to_thread(ask, f"{base}2", "--request", "DELE", "--head")
        assert world.kept() == (LETTERS[0], LETTERS[2])

    world = run(play, "tcp")
    assert [event.octets for event in world.told(MailCollected, node="pop.d")] == list(map(len, LETTERS))
    assert {event.clean for event in world.told(Disconnected, node="pop.d")} == {True}
    assert [event.verb for event in world.told(CommandReceived, node="pop.d")][: len(verbs)] == verbs
