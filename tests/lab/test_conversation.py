"""A session in a person's hands, against the servers of a world in memory on the real clock."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtplab import events as ev
from smtplab.events import JourneyStarted
from smtplab.journal import Journal, Record
from smtplab.lab.bad_input import BadInput
from smtplab.lab.conversation import Conversation
from smtplab.lab.feed import Ended
from smtplab.lab.orders import STARTTLS, Here, Login, Order, Trouble, read_order
from smtplab.lab.replay import replay
from smtplab.lab.request import WalkRequest
from smtplab.lab.scribe import Scribe
from smtplab.lab.script import ScriptFault, Step, parse_script, parse_step
from smtplab.lab.scripting import play
from smtplab.lab.seat import Seat, Way
from smtplab.lab.snippets import SNIPPETS, snippet
from smtplab.lab.ways import prepare_way
from smtplab.mta.options import Routing, SessionOptions
from smtplab.mta.timeouts import shortened
from smtplab.net.clock import SystemClock
from smtplab.net.live import unforeseeable
from smtplab.net.memory import MemoryNetwork
from smtplab.net.ports import Answer, Net, Wire
from smtplab.smtp.sasl import Secret

END_S_MAX = 20.0


class Silent:
    """A server that says what it is told to when somebody comes, and then nothing."""

    def __init__(self, greeting: bytes) -> None:
        self._greeting = greeting

    def connected(self, wire: Wire) -> None:
        if self._greeting:
            wire.write(self._greeting)

    def received(self, data: bytes) -> None: ...

    def secured(self, outcome: object) -> None: ...

    def drained(self) -> None: ...

    def ended(self, lost: object) -> None: ...


class NoNames:
    async def resolve(self, name: str, rrtype: str, emit: object) -> Answer:
        return Answer("nxdomain", name, rrtype)


class QuietWay:
    """To a `Silent` server; nobody waits for longer than `limit_s`."""

    subject, sender, helo, live = "quiet:25", "a@b.example", "me.example", True
    recipients = ("c@d.example",)

    def __init__(self, greeting: bytes, limit_s: float) -> None:
        self._greeting = greeting
        self._limit_s = limit_s

    @asynccontextmanager
    async def opened(self, on_record: Callable[[Record], None]) -> AsyncIterator[Seat]:
        network, clock = MemoryNetwork(), SystemClock()
        listening = await network.listener().listen("10.0.0.1", 25, lambda: Silent(self._greeting))
        net = Net(network.dialer("10.0.0.2"), NoNames(), clock, unforeseeable)
        options = SessionOptions(helo=self.helo, timeouts=shortened(self._limit_s))
        scope = Journal(clock.now, on_record, keep=False).scope(node=self.helo, hop=0, span="session/1")
        started = JourneyStarted("", self.sender, "live", None, None)
        yield Seat("10.0.0.1", options, Routing(server="10.0.0.1"), net, scope, started)
        await listening.close()


def to_world(host: str = "mx1.hust.example", world: str = "campus", **more: object) -> Way:
    return prepare_way(WalkRequest(recipient="", server=host, sim=world, **more))  # type: ignore[arg-type]


async def at_rest(conversation: Conversation) -> None:
    quiet = asyncio.Event()
    conversation.on_rest = quiet.set
    while not (conversation.at_rest or conversation.over or conversation.ended):
        quiet.clear()
        await quiet.wait()


def converse(conversation: Conversation, *lines: str | tuple[Step, ...], leave: bool = True) -> Ended:
    """Each line of the language is said once the one before has been answered."""

    async def scene() -> Ended:
        async with asyncio.timeout(END_S_MAX):
            running = asyncio.create_task(conversation.run())
            await at_rest(conversation)
            for line in lines:
                steps = (parse_step(line),) if isinstance(line, str) else line
                conversation.ask(*steps)  # type: ignore[arg-type]
                await at_rest(conversation)
            if leave:
                conversation.leave()
            return await running

    return asyncio.run(scene())


def sent(records: list[Record]) -> list[str]:
    return [record.event.line for record in records if isinstance(record.event, ev.CommandSent)]


def codes(records: list[Record]) -> list[int | None]:
    return [record.event.code for record in records if isinstance(record.event, ev.ReplyReceived) and record.hop == 0]


LETTER = (
    "send EHLO me.example",
    "send MAIL FROM:<student@neu.example>",
    "send RCPT TO:<student@hust.example>",
    "send DATA",
    "send Subject: by hand",
    "send",
    "send .",
)


def test_a_letter_typed_by_hand_is_delivered_in_the_world() -> None:
    conversation = Conversation(to_world())
    ended = converse(conversation, *LETTER)
    assert ended == Ended(0)
    assert codes(conversation.records) == [220, 250, 250, 250, 354, 250, 221]
    assert any(isinstance(record.event, ev.Delivered) for record in conversation.records)
    assert [record.seq for record in conversation.records] == list(range(1, len(conversation.records) + 1))


def test_tls_begins_after_its_220_and_not_without_it() -> None:
    conversation = Conversation(to_world())
    converse(conversation, STARTTLS, "send EHLO me.example", STARTTLS, "send EHLO me.example", STARTTLS)
    told = [type(record.event) for record in conversation.records if record.node == "laptop.neu.example"]
    assert told.count(ev.TlsEstablished) == 1
    assert codes(conversation.records) == [220, 503, 250, 220, 250, 503, 221]


def test_a_pipelined_group_is_answered_one_by_one() -> None:
    found = snippet("pipelined")
    assert found is not None
    conversation = Conversation(to_world())
    steps = found.steps("me.example", "student@neu.example", "student@hust.example")
    converse(conversation, "send EHLO me.example", steps)
    assert codes(conversation.records)[2:6] == [250, 250, 250, 250]


@pytest.mark.parametrize("one", SNIPPETS, ids=lambda one: one.name)
def test_every_passage_comes_to_an_end(one, monkeypatch) -> None:
    monkeypatch.setattr("smtplab.lab.conversation.EXPECT_S_MAX", 0.5)
    conversation = Conversation(to_world())
    steps = one.steps("me.example", "student@neu.example", "student@hust.example")
    ended = converse(conversation, "send EHLO me.example", (*steps, Step(0, "drop")), leave=False)
    assert ended == Ended(0)
    assert len(codes(conversation.records)) >= 2


def test_a_recorded_session_says_the_same_again_word_for_word() -> None:
    written: list[str] = []
    first = Conversation(to_world(), scribe=Scribe(written.append))
    converse(first, *LETTER, "raw NOOP\\0\\r\\n", "raw RS", "raw ET\\r\\n", "send XYZZY")
    steps = parse_script("".join(written))
    assert not isinstance(steps, ScriptFault)
    again: list[Record] = []
    played = asyncio.run(play(steps, to_world(), again.append))
    assert (played.unmet, played.exit_code) == (None, 0)
    assert sent(again) == sent(first.records)
    assert codes(again) == codes(first.records)


def test_the_same_is_said_to_another_server_whatever_it_answers() -> None:
    first = Conversation(to_world())
    converse(first, *LETTER, STARTTLS)
    second = replay(first.steps, first.passwords, to_world("mx1.neu.example"))
    asyncio.run(asyncio.wait_for(second.run(), END_S_MAX))
    assert sent(second.records)[: len(LETTER) - 3] == sent(first.records)[: len(LETTER) - 3]
    assert codes(second.records)[:5] == [220, 250, 250, 550, 554]


def test_a_login_is_made_and_its_password_is_nowhere() -> None:
    written: list[str] = []
    conversation = Conversation(to_world("submission.neu.example:587"), scribe=Scribe(written.append))
    conversation.passwords["nobody@neu.example"] = Secret("a-password-that-shows")
    converse(conversation, "send EHLO me.example", STARTTLS, "send EHLO me.example", "auth PLAIN nobody@neu.example")
    assert 535 in codes(conversation.records)
    assert "auth PLAIN nobody@neu.example\n" in "".join(written)
    assert "a-password-that-shows" not in "".join(written) + repr(conversation.records)
    assert "YS1wYXNzd29yZC" not in "".join(written) + repr(conversation.records)


def test_a_silent_server_is_told_as_a_time_out() -> None:
    conversation = Conversation(QuietWay(b"", 0.2))
    ended = converse(conversation, leave=False)
    over = [record.event for record in conversation.records if isinstance(record.event, ev.Disconnected)]
    assert ended == Ended(75)
    assert over == [ev.Disconnected("us", clean=False, reason="timed-out")]


def test_a_server_that_answers_no_command_is_told_as_a_time_out() -> None:
    conversation = Conversation(QuietWay(b"220 mx\r\n", 0.2))
    assert converse(conversation, "send NOOP", leave=False) == Ended(75)


def test_a_script_against_a_silent_server_is_temporary() -> None:
    steps = parse_script("expect 220\n")
    assert isinstance(steps, list)
    played = asyncio.run(play(steps, QuietWay(b"", 0.2), lambda _: None))
    assert played.exit_code == 75
    assert played.unmet is not None
    assert (played.unmet.line, played.unmet.heard) == (1, "timed-out")


def test_a_server_that_says_nothing_more_may_be_left() -> None:
    conversation = Conversation(QuietWay(b"220 mx\r\n", 300.0))

    async def scene() -> Ended:
        async with asyncio.timeout(END_S_MAX):
            running = asyncio.create_task(conversation.run())
            await at_rest(conversation)
            conversation.ask(Step(0, "drop"))
            return await running

    assert asyncio.run(scene()) == Ended(0)


def test_breaking_off_ends_the_records_with_a_journey_that_was_stopped() -> None:
    conversation = Conversation(to_world())

    async def scene() -> None:
        running = asyncio.create_task(conversation.run())
        await at_rest(conversation)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(scene())
    ends = [record.event for record in conversation.records if isinstance(record.event, ev.JourneyEnded)]
    assert ends == [ev.JourneyEnded("stopped", None, None, "interrupted")]
    assert conversation.ended == Ended(130)


def test_421_out_of_the_blue_ends_the_session() -> None:
    conversation = Conversation(QuietWay(b"220 mx\r\n421 4.3.2 shutting down\r\n", 5.0))
    ended = converse(conversation, leave=False)
    assert codes(conversation.records) == [220, 421]
    assert ended == Ended(75)


def test_nobody_is_at_an_address_outside_the_world() -> None:
    with pytest.raises(BadInput):
        to_world(source="192.0.2.1")
    conversation = Conversation(to_world("nowhere.example"))
    assert converse(conversation, leave=False).exit_code == 1


def test_one_sits_where_one_wants_in_a_world() -> None:
    conversation = Conversation(to_world("mx1.hust.example", source="10.1.0.26"))
    converse(conversation, "send EHLO me.example")
    assert conversation.records[0].node == "mx1.hust.example"


# What is typed


@pytest.mark.parametrize(
    ("typed", "state", "order"),
    [
        ("NOOP", "ready", (Step(0, "send", b"NOOP\r\n"),)),
        ("  two spaces", "ready", (Step(0, "send", b"  two spaces\r\n"),)),
        ("::colon", "data", (Step(0, "send", b":colon\r\n"),)),
        (".hidden", "data", (Step(0, "send", b"..hidden\r\n"),)),
        (".", "data", (Step(0, "send", b".\r\n"),)),
        (".hidden", "ready", (Step(0, "send", b".hidden\r\n"),)),
        (":bare NOOP", "ready", (Step(0, "raw", b"NOOP\n"),)),
        (":raw a\\0\\xff", "ready", (Step(0, "raw", b"a\0\xff"),)),
        (":half MAIL", "ready", (Step(0, "raw", b"MAIL"),)),
        (":bdat Hello\\r\\n", "rcpt", (Step(0, "raw", b"BDAT 7\r\nHello\r\n"),)),
        (":bdat last chào", "rcpt", (Step(0, "raw", "BDAT 5 LAST\r\nchào".encode()),)),
        (":wait 2", "ready", (Step(0, "wait", seconds=2.0),)),
        (":auth plain me", "ready", Login("PLAIN", "me")),
        (":auth", "ready", Login("", "")),
        (":auth PLAIN", "ready", Trouble("session.bad-login")),
        (":snippet letter", "ready", Here("snippet", "letter")),
        (":nonsense", "ready", Trouble("session.unknown-order", "nonsense")),
        (":raw \\q", "ready", Trouble("script.bad-escape", "\\q")),
    ],
)
def test_what_is_typed_is_a_line_or_an_order(typed: str, state, order: Order) -> None:
    assert read_order(typed, state, dots=True) == order


def test_dots_may_be_left_as_they_are(tmp_path) -> None:
    (tmp_path / "letter").write_bytes(b"Subject: x\n\n.y\n")
    assert read_order(".x", "data", dots=False) == (Step(0, "send", b".x\r\n"),)
    stuffed = read_order(f":data {tmp_path}/letter", "data", dots=True)
    plain = read_order(f":data {tmp_path}/letter", "data", dots=False)
    assert [step.data for step in stuffed] == [b"Subject: x\r\n\r\n..y\r\n.\r\n"]  # type: ignore[union-attr]
    assert [step.data for step in plain] == [b"Subject: x\n\n.y\n"]  # type: ignore[union-attr]
    assert isinstance(read_order(":data /nowhere", "data", dots=True), Trouble)


@given(st.text(), st.sampled_from(["ready", "data", "auth"]), st.booleans())
def test_nothing_that_is_typed_makes_the_reader_raise(typed: str, state, dots: bool) -> None:
    for line in (typed, f":{typed}", *(f":{word} {typed}" for word in ("bdat", "raw", "wait", "auth", "data", "tls"))):
        assert isinstance(read_order(line, state, dots=dots), tuple | Login | Here | Trouble)


def test_the_octets_of_a_chunk_are_no_commands() -> None:
    conversation = Conversation(to_world())
    converse(conversation, *LETTER[:3], "send BDAT 6", "raw RSE", "raw T\\r\\n", "send NOOP")
    assert sent(conversation.records)[3:] == ["BDAT 6", "NOOP", "QUIT"]


@pytest.mark.parametrize("name", ["plain", "order", "chunking", "smuggling", "starttls_injected_command"])
def test_a_dialogue_of_our_own_tests_is_played_to_a_real_server(name: str) -> None:
    path = Path(__file__).parent.parent / "smtp" / "dialogues" / f"{name}.txt"
    steps = parse_script(path.read_text(encoding="utf-8"))
    assert isinstance(steps, list)
    way = prepare_way(WalkRequest(recipient=""), own_server=True)
    assert asyncio.run(play(steps, way, lambda _: None)).unmet is None


def test_a_server_that_floods_is_left(monkeypatch) -> None:
    monkeypatch.setattr("smtplab.lab.conversation.RECORDS_MAX", 200)
    conversation = Conversation(QuietWay(b"220 mx\r\n" + b"250 and more\r\n" * 5000, 60.0))
    converse(conversation, leave=False)
    assert isinstance(conversation.records[-1].event, ev.JourneyEnded)
