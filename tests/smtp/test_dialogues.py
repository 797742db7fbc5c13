"""Dialogues written down as text, played against both halves.

`S: ` is a reply, which the server's half must have no reason to replace; `S! ` the code and enhanced code of the
refusal that it must propose; `S? ` a reply in spite of its refusal. `C: ` is a line with CR LF, `C~ ` bytes with
escapes. `tls` is a handshake, `gone` the client's end. At the foot stand the states that both halves go through, the
rules that each records as broken (`us:` or `them:` and the rule, `*` for any), and the content that arrives.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from smtplab import events as ev
from smtplab.journal import Journal
from smtplab.smtp.client import Answered, Client, RawLine
from smtplab.smtp.server import Asked, ClientGone, ContentReceived, Limits, Server
from smtplab.wire.command import Ehlo, Lhlo, Unknown
from smtplab.wire.command_line import parse_command
from smtplab.wire.reply import Reply, ReplyReader

DIALOGUES = sorted(Path(__file__).parent.joinpath("dialogues").glob("*.txt"))


class Step(msgspec.Struct):
    who: str
    data: bytes


class Dialogue:
    def __init__(self, path: Path) -> None:
        self.steps: list[Step] = []
        self.settings: dict[str, str] = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            mark, text = line[:2], line[3:]
            if mark in ("S:", "S?", "S!", "C:"):
                self.steps.append(Step(mark, text.encode() + b"\r\n"))
            elif mark == "C~":
                self.steps.append(Step("C:", unescape(text)))
            elif line in ("tls", "gone"):
                self.steps.append(Step(line, b""))
            elif not line.startswith("#"):
                key, _, value = line.partition(":")
                self.settings[key] = value.strip(" ")

    def turns(self) -> Iterator[tuple[str, bytes]]:
        """Lines of one speaker that follow each other, joined; replies one by one."""
        for who, steps in itertools.groupby(self.steps, lambda step: step.who[0]):
            together = list(steps)
            if who == "C":
                yield "C:", b"".join(step.data for step in together)
            elif who == "S":
                yield from replies(together)
            else:
                yield together[0].who, b""

    def broken(self, half: str) -> list[str]:
        return self.settings[half].split()

    @property
    def halves(self) -> str:
        return self.settings.get("halves", "server client")

    @property
    def dialect(self) -> str:
        return self.settings.get("dialect", "esmtp")


def unescape(text: str) -> bytes:
    return text.encode().decode("unicode_escape").encode("latin-1")


def replies(steps: list[Step]) -> Iterator[tuple[str, bytes]]:
    held = b""
    for step in steps:
        held += step.data
        if step.who == "S!" or step.data[3:4] != b"-":
            yield step.who, held
            held = b""


def read_reply(data: bytes) -> Reply:
    reader = ReplyReader()
    reader.receive(data)
    found = reader.next_reply()
    assert found is not None
    return found[0]


def states(events: list[ev.Event]) -> list[str]:
    return [event.new for event in events if isinstance(event, ev.StateChanged)]


def broken(events: list[ev.Event]) -> list[str]:
    return [f"{event.by}:{event.rule}" for event in events if isinstance(event, ev.RuleBroken)]


def assert_broken(events: list[ev.Event], expected: list[str]) -> None:
    found = broken(events)
    assert len(found) == len(expected), found
    assert all(want in (has, has.split(":")[0] + ":*") for has, want in zip(found, expected, strict=True)), found


class ServerPlayer:
    def __init__(self, dialogue: Dialogue, piece: int | None) -> None:
        limits = {
            key: int(value) for key, _, value in (p.partition("=") for p in dialogue.settings.get("limits", "").split())
        }
        self.events: list[ev.Event] = []
        self.contents: list[bytes] = []
        self.sent = b""
        self.piece = piece
        journal = Journal(lambda: 0.0, lambda record: self.events.append(record.event), keep=False)
        self.server = Server(
            dialect=dialogue.dialect,  # type: ignore[arg-type]
            limits=Limits(**{name: int(number) for name, number in limits.items()}),
            line_endings=dialogue.settings.get("line_endings", "strict"),  # type: ignore[arg-type]
            emit=journal.scope(node="mx", hop=0, span=""),
            monotonic=lambda: 0.0,
        )

    def play(self, dialogue: Dialogue) -> None:
        for who, data in dialogue.turns():
            if who == "C:":
                for piece in pieces(data, self.piece):
                    self.server.receive(piece)
            elif who == "tls":
                self.server.tls_established()
            elif who == "gone":
                self.server.receive(b"")
                assert self.server.next_event() == ClientGone(clean=False)
            else:
                self.answer(who, data)

    def answer(self, who: str, data: bytes) -> None:
        if self.server.state == "connected":
            self.sent += self.server.greet(read_reply(data))
            return
        request = self.server.next_event()
        refusal = request.refusal if isinstance(request, Asked | ContentReceived) else None
        if isinstance(request, ContentReceived):
            self.contents.append(request.content)
        if who == "S!":
            assert refusal is not None, request
            assert f"{refusal.code} {refusal.enhanced}" == data.decode().strip()
            self.sent += self.server.reply(refusal)
            return
        assert who == "S?" or refusal is None, refusal
        reply = read_reply(data)
        if isinstance(request, Asked) and isinstance(request.command, Ehlo | Lhlo):
            self.server.offer(reply.lines[1:])
        self.sent += self.server.reply(reply)


def pieces(data: bytes, size: int | None) -> list[bytes]:
    return [data] if size is None else [data[at : at + size] for at in range(0, len(data), size)]


def play_client(dialogue: Dialogue, *, by_hand: bool, piece: int | None) -> list[ev.Event]:
    events: list[ev.Event] = []
    client = Client(dialect=dialogue.dialect, emit=events.append, monotonic=lambda: 0.0)  # type: ignore[arg-type]
    for who, data in dialogue.turns():
        if who == "C:":
            speak(client, data, by_hand=by_hand)
        elif who == "tls":
            client.tls_established()
        elif who != "gone":
            for part in pieces(data.replace(b"\r\n", b" No\r\n") if who == "S!" else data, piece):
                client.receive(part)
            answered = client.next_event()
            assert isinstance(answered, Answered)
            assert answered.reply.code == int(data[:3])
            assert client.next_event() is None
    return events


def speak(client: Client, data: bytes, *, by_hand: bool) -> None:
    """By hand everything in one go, else command by command; what leaves is the same."""
    if by_hand or client.state in ("data", "auth"):
        assert client.send(RawLine(data)) == data
        return
    while data:
        line, _, data = data.partition(b"\r\n")
        command = parse_command(line, smtputf8=True).command
        if isinstance(command, Unknown) or client.state == "data":
            assert client.send(RawLine(line + b"\r\n")) == line + b"\r\n"
        elif command.verb == "BDAT":
            size = int(line.split()[1])
            content, data = data[:size], data[size:]
            assert client.send_chunk(content, last=line.endswith(b"LAST")) == line + b"\r\n" + content
        else:
            assert client.send(command) == line + b"\r\n"


@pytest.mark.parametrize("path", DIALOGUES, ids=lambda path: path.stem)
@pytest.mark.parametrize("piece", [None, 1, 7], ids=["whole", "bytes", "sevens"])
def test_the_server_goes_through_the_dialogue(path: Path, piece: int | None) -> None:
    dialogue = Dialogue(path)
    player = ServerPlayer(dialogue, piece)
    player.play(dialogue)
    assert states(player.events) == dialogue.settings["states"].split()
    assert_broken(player.events, dialogue.broken("server"))
    if "content" in dialogue.settings:
        assert player.contents == [unescape(dialogue.settings["content"])]
    assert_nothing_shows(player.events, dialogue)


@pytest.mark.parametrize("path", DIALOGUES, ids=lambda path: path.stem)
@pytest.mark.parametrize("by_hand", [True, False], ids=["by hand", "by command"])
@pytest.mark.parametrize("piece", [None, 1], ids=["whole", "bytes"])
def test_the_client_goes_through_the_dialogue(path: Path, by_hand: bool, piece: int | None) -> None:
    dialogue = Dialogue(path)
    if "client" not in dialogue.halves:
        return
    events = play_client(dialogue, by_hand=by_hand, piece=piece)
    assert states(events) == dialogue.settings["states"].split()
    assert_broken(events, dialogue.broken("client"))
    assert_nothing_shows(events, dialogue)


def assert_nothing_shows(events: list[ev.Event], dialogue: Dialogue) -> None:
    told = repr([event for event in events if isinstance(event, ev.CommandSent | ev.CommandReceived)])
    assert not [secret for secret in dialogue.settings.get("hidden", "").split() if secret in told]
