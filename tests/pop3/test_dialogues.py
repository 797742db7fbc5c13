"""Dialogues as text: each is played through both halves, whole and byte by byte.

`S: ` is the status line of a response and `S| ` a line behind it, as on the wire; `S! ` a refusal whose beginning is
given, which the server's half must propose; `S? ` a response in spite of its refusal. `C: ` is a line with CR LF,
`C~ ` bytes with escapes. `tls` is a handshake, `gone` the client's end. At the foot stand what CAPA offers, the states
that both halves go through, and the rules that each records as broken (`*` for any).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from smtplab import events as ev
from smtplab.pop3.capability import Capabilities
from smtplab.pop3.client import Answered, Client, RawLine
from smtplab.pop3.command import Unknown, format_command, parse_command
from smtplab.pop3.response import Response, ResponseReader
from smtplab.pop3.server import Asked, ClientGone, Server

DIALOGUES = sorted(Path(__file__).parent.joinpath("dialogues").glob("*.txt"))


class Turn(msgspec.Struct):
    who: str
    data: bytes


class Dialogue:
    def __init__(self, path: Path) -> None:
        self.turns: list[Turn] = []
        self.settings: dict[str, str] = {}
        for line in path.read_text(encoding="utf-8").splitlines():
            mark, text = line[:2], line[3:]
            if mark in ("S:", "S?", "S!", "C:"):
                # An editor takes the space off that stands behind a lone `+`.
                self.turns.append(Turn(mark, ("+ " if text == "+" else text).encode() + b"\r\n"))
            elif mark == "C~":
                self.turns.append(Turn("C:", text.encode().decode("unicode_escape").encode("latin-1")))
            elif mark == "S|":
                self.turns[-1].data += text.encode() + b"\r\n"
            elif line in ("tls", "gone"):
                self.turns.append(Turn(line, b""))
            elif not line.startswith("#"):
                key, _, value = line.partition(":")
                self.settings[key] = value.strip()

    def spoken(self) -> Iterator[Turn]:
        """What a client says without waiting is one turn."""
        for who, turns in itertools.groupby(self.turns, lambda turn: turn.who):
            if who == "C:":
                yield Turn(who, b"".join(turn.data for turn in turns))
            else:
                yield from turns

    def offers(self, key: str = "offers") -> Capabilities:
        return Capabilities(tuple(filter(None, self.settings.get(key, "").split(", "))))


def read(data: bytes) -> Response:
    reader = ResponseReader()
    reader.receive(data)
    found = reader.next_response(10_000 if data.count(b"\r\n") > 1 else None)
    assert found is not None
    return found[0]


def pieces(data: bytes, size: int | None) -> list[bytes]:
    return [data] if size is None else [data[at : at + size] for at in range(0, len(data), size)]


def play_server(dialogue: Dialogue, piece: int | None) -> list[ev.Event]:
    events: list[ev.Event] = []
    server = Server(emit=events.append, monotonic=lambda: 0.0)
    server.offer(dialogue.offers(), apop="apop" in dialogue.settings)
    for turn in dialogue.spoken():
        if turn.who == "C:":
            for part in pieces(turn.data, piece):
                server.receive(part)
        elif turn.who == "tls":
            server.tls_established()
            server.offer(dialogue.offers("offers_inside"))
        elif turn.who == "gone":
            server.receive(b"")
            assert server.next_event() == ClientGone(clean=False)
        elif server.state == "connected":
            assert server.greet(read(turn.data)) == turn.data
        else:
            answer(server, turn)
    return events


def answer(server: Server, turn: Turn) -> None:
    request = server.next_event()
    refusal = request.refusal if isinstance(request, Asked) else None
    if turn.who == "S!":
        assert refusal is not None, request
        assert server.reply(refusal).startswith(turn.data.strip())
        return
    assert (refusal is None) == (turn.who == "S:"), refusal
    assert server.reply(read(turn.data)) == turn.data


def play_client(dialogue: Dialogue, *, by_hand: bool, piece: int | None) -> list[ev.Event]:
    events: list[ev.Event] = []
    client = Client(emit=events.append, monotonic=lambda: 0.0)
    for turn in dialogue.spoken():
        if turn.who == "C:":
            speak(client, turn.data, by_hand=by_hand)
        elif turn.who == "tls":
            client.tls_established()
        elif turn.who != "gone":
            for part in pieces(turn.data, piece):
                client.receive(part)
            answered = client.next_event()
            assert isinstance(answered, Answered)
            assert answered.response == read(turn.data)
            assert client.next_event() is None
    return events


def speak(client: Client, data: bytes, *, by_hand: bool) -> None:
    """By hand everything in one go, else command by command where that says the same."""
    for line in [data] if by_hand else data.splitlines(keepends=True):
        command = parse_command(line.removesuffix(b"\r\n")).command
        by_hand = by_hand or client.state == "auth" or isinstance(command, Unknown)
        if by_hand or format_command(command) + b"\r\n" != line:
            command = RawLine(line)
        assert client.send(command) == line


def states(events: list[ev.Event]) -> list[str]:
    return [event.new for event in events if isinstance(event, ev.StateChanged)]


def assert_broken(events: list[ev.Event], expected: str) -> None:
    found = [f"{event.by}:{event.rule}" for event in events if isinstance(event, ev.RuleBroken)]
    assert expected == "*" or sorted(found) == sorted(expected.split())


def assert_nothing_shows(events: list[ev.Event], dialogue: Dialogue) -> None:
    told = repr([event for event in events if isinstance(event, ev.CommandSent | ev.CommandReceived | ev.RuleBroken)])
    assert not [
        secret for secret in dialogue.settings.get("hidden", "").split() if secret in told.replace("USER reader", "")
    ]


@pytest.mark.parametrize("path", DIALOGUES, ids=lambda path: path.stem)
@pytest.mark.parametrize("piece", [None, 1, 7], ids=["whole", "bytes", "sevens"])
def test_the_server_goes_through_the_dialogue(path: Path, piece: int | None) -> None:
    dialogue = Dialogue(path)
    events = play_server(dialogue, piece)
    assert states(events) == dialogue.settings["states"].split()
    assert_broken(events, dialogue.settings["server"])
    assert_nothing_shows(events, dialogue)


@pytest.mark.parametrize("path", DIALOGUES, ids=lambda path: path.stem)
@pytest.mark.parametrize("by_hand", [True, False], ids=["by hand", "by command"])
@pytest.mark.parametrize("piece", [None, 1], ids=["whole", "bytes"])
def test_the_client_goes_through_the_dialogue(path: Path, by_hand: bool, piece: int | None) -> None:
    dialogue = Dialogue(path)
    events = play_client(dialogue, by_hand=by_hand, piece=piece)
    assert states(events) == dialogue.settings["states"].split()
    assert_broken(events, dialogue.settings["client"])
    assert_nothing_shows(events, dialogue)
