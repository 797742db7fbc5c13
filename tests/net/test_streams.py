"""One contract for both kinds of network: what a client and a server see of each other."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from smtplab.net.lost import lost_by
from smtplab.net.ports import (
    ClientTls,
    Dialer,
    Listener,
    Listening,
    Lost,
    ServerTls,
    Stream,
    TlsFacts,
    TlsTrouble,
    Wire,
)
from smtplab.net.server_tls import server_tls_from_pem
from smtplab.net.tcp import TcpDialer, TcpListener
from smtplab.net.trust import PkixTrust
from tests.net.conftest import NOW, Authority, self_signed

Network = Callable[[], tuple[Dialer, Listener, str]]


class Notes:
    """A handler that writes down all it is told, and answers as its hooks say."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.data = bytearray()
        self.over = asyncio.Event()
        self.on_connected: Callable[[Wire], None] = lambda wire: None
        self.on_received: Callable[[Wire, bytes], None] = lambda wire, data: None
        self.on_ended: Callable[[Wire], None] = lambda wire: wire.close()
        self.drains = 0

    def connected(self, wire: Wire) -> None:
        self.wire = wire
        self.seen.append("connected")
        self.on_connected(wire)

    def received(self, data: bytes) -> None:
        assert data
        self.data += data
        self.on_received(self.wire, data)

    def secured(self, outcome: TlsFacts | TlsTrouble) -> None:
        self.seen.append(outcome)

    def drained(self) -> None:
        self.drains += 1

    def ended(self, lost: Lost | None) -> None:
        self.seen.append(lost)
        self.on_ended(self.wire)
        self.over.set()


class Scene:
    def __init__(self, notes: Notes, stream: Stream, listening: Listening, dialer: Dialer) -> None:
        self.notes, self.stream, self.listening, self.dialer = notes, stream, listening, dialer


def play(
    network: Network,
    act: Callable[[Scene], Coroutine[Any, Any, None]],
    *,
    set_up: Callable[[Notes], None] = lambda notes: None,
    tls: ServerTls | None = None,
) -> None:
    """One connection, from the dial to the end of everything."""

    async def run() -> None:
        dialer, listener, address = network()
        notes = Notes()
        set_up(notes)
        listening = await listener.listen(address, 0, lambda: notes, tls=tls)
        stream = await dialer.dial(address, listening.endpoint.port)
        assert not isinstance(stream, Lost)
        async with asyncio.timeout(5):
            await act(Scene(notes, stream, listening, dialer))
            await stream.close()
            await stream.close()
            await listening.close()

    asyncio.run(run())


async def read_all(stream: Stream) -> tuple[bytes, Lost | None]:
    data = bytearray()
    while piece := await stream.read():
        if isinstance(piece, Lost):
            return bytes(data), piece
        assert len(piece) <= 65536
        data += piece
    return bytes(data), None


def echo(notes: Notes) -> None:
    notes.on_received = lambda wire, data: wire.write(data)


def client_tls(authority: Authority, name: str = "mx.hust.example", now: float = NOW) -> ClientTls:
    return ClientTls(name, PkixTrust(lambda: now, authority.root_pem))


def test_bytes_go_there_and_back(network: Network) -> None:
    async def act(scene: Scene) -> None:
        assert await scene.stream.write(b"EHLO a\r\n") is None
        assert await scene.stream.read() == b"EHLO a\r\n"

    play(network, act, set_up=echo)


def test_both_ends_agree_on_their_addresses(network: Network) -> None:
    async def act(scene: Scene) -> None:
        await scene.stream.write(b"x")
        await scene.stream.read()
        assert scene.stream.peer == scene.notes.wire.local == scene.listening.endpoint
        assert scene.stream.local == scene.notes.wire.peer

    play(network, act, set_up=echo)


def test_nobody_listening_refuses(network: Network) -> None:
    async def act(scene: Scene) -> None:
        await scene.listening.close()
        lost = await scene.dialer.dial(scene.listening.endpoint.address, scene.listening.endpoint.port)
        assert isinstance(lost, Lost)
        assert lost.reason == "refused"

    play(network, act)


def test_a_source_that_is_not_ours_is_unavailable(network: Network) -> None:
    async def act(scene: Scene) -> None:
        endpoint = scene.listening.endpoint
        source = "2001:db8::7" if ":" in endpoint.address else "192.0.2.7"
        lost = await scene.dialer.dial(endpoint.address, endpoint.port, source=source)
        assert isinstance(lost, Lost)
        assert lost.reason == "source-unavailable"

    play(network, act)


def test_a_served_port_can_be_bound_again_at_once(network: Network) -> None:
    async def run() -> None:
        dialer, listener, address = network()
        port = 0
        for _ in range(3):
            notes = Notes()
            listening = await listener.listen(address, port, lambda notes=notes: notes)
            port = listening.endpoint.port
            stream = await dialer.dial(address, port)
            assert not isinstance(stream, Lost)
            await stream.write(b"x")
            await listening.close()
            await stream.close()

    asyncio.run(run())


def test_an_address_in_use_is_the_operators_to_mend(network: Network) -> None:
    async def act(scene: Scene) -> None:
        _, _, address = network()
        with pytest.raises(OSError, match="in use"):
            await scene_listener(scene, address)

    async def scene_listener(scene: Scene, address: str) -> None:
        await listeners[0].listen(address, scene.listening.endpoint.port, Notes)

    listeners: list[Listener] = []

    def same() -> tuple[Dialer, Listener, str]:
        made = network()
        listeners.append(made[1])
        return made

    play(same, act)


def test_three_megabytes_arrive_whole_and_in_order(network: Network) -> None:
    content = bytes(range(256)) * 12000

    async def act(scene: Scene) -> None:
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(read_all(scene.stream))
            assert await scene.stream.write(content) is None
            while len(scene.notes.data) < len(content):
                await asyncio.sleep(0)
            scene.notes.wire.close()
        assert bytes(scene.notes.data) == content
        assert reading.result() == (content, None)

    play(network, act, set_up=echo)


def test_a_server_that_does_not_read_makes_the_client_wait(network: Network) -> None:
    content = b"x" * 20_000_000

    async def act(scene: Scene) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await scene.stream.write(content)
        scene.notes.wire.abort()

    play(network, act, set_up=lambda notes: setattr(notes, "on_connected", lambda wire: wire.pause()))


def test_a_client_that_does_not_read_shows_as_unsent_octets_and_drains_later(network: Network) -> None:
    content = b"x" * 20_000_000

    async def act(scene: Scene) -> None:
        while not scene.notes.seen:
            await asyncio.sleep(0)
        scene.notes.wire.write(content)
        assert scene.notes.wire.unsent_octets > 1_000_000
        assert scene.notes.wire.full
        scene.notes.wire.close()
        data, lost = await read_all(scene.stream)
        assert (len(data), lost) == (len(content), None)
        assert scene.notes.drains == 1
        assert not scene.notes.wire.full

    play(network, act)


def test_the_last_reply_reaches_a_client_that_talks_on(network: Network) -> None:
    def answer(wire: Wire, data: bytes) -> None:
        wire.write(b"421 4.3.2 going\r\n")
        wire.close()

    async def act(scene: Scene) -> None:
        await scene.stream.write(b"MAIL\r\n")
        await scene.stream.write(b"RCPT\r\n")
        assert (await read_all(scene.stream))[0] == b"421 4.3.2 going\r\n"

    play(network, act, set_up=lambda notes: setattr(notes, "on_received", answer))


def test_a_client_that_half_closes_still_gets_its_answer(network: Network) -> None:
    def late_answer(wire: Wire) -> None:
        wire.write(b"250 2.0.0 kept\r\n")
        wire.close()

    async def act(scene: Scene) -> None:
        scene.stream._transport.write_eof()  # type: ignore[attr-defined]
        assert await read_all(scene.stream) == (b"250 2.0.0 kept\r\n", None)
        assert scene.notes.seen == ["connected", None]

    play(network, act, set_up=lambda notes: setattr(notes, "on_ended", late_answer))


def test_a_reset_is_told_after_what_came_before_it(network: Network) -> None:
    async def act(scene: Scene) -> None:
        assert await scene.stream.read() == b"220 mx\r\n"
        scene.notes.wire.abort()
        outcome = await scene.stream.read()
        assert isinstance(outcome, Lost)
        assert outcome.reason == "reset"
        await scene.notes.over.wait()

    play(network, act, set_up=lambda notes: setattr(notes, "on_connected", lambda wire: wire.write(b"220 mx\r\n")))


def test_writing_after_the_end_is_lost_and_never_raises(network: Network) -> None:
    async def act(scene: Scene) -> None:
        await scene.stream.close()
        lost = await scene.stream.write(b"QUIT\r\n")
        assert isinstance(lost, Lost)

    play(network, act)


def test_closing_while_the_server_writes_ends_both(network: Network) -> None:
    async def act(scene: Scene) -> None:
        await scene.stream.read()
        await scene.stream.close()
        await scene.notes.over.wait()

    play(network, act, set_up=lambda notes: setattr(notes, "on_connected", lambda wire: wire.write(b"x" * 5_000_000)))


def test_a_good_certificate_is_verified(network: Network, authority: Authority) -> None:
    async def act(scene: Scene) -> None:
        facts = await scene.stream.start_tls(client_tls(authority))
        assert isinstance(facts, TlsFacts)
        assert (facts.version, facts.verified_by, facts.problem) == ("TLSv1.3", "pkix", "")
        assert facts.chain[0].names == ("mx.hust.example",)
        assert facts.chain[0].issuer == "CN=Test Root"
        await scene.stream.write(b"EHLO b\r\n")
        assert await scene.stream.read() == b"EHLO b\r\n"
        server = next(fact for fact in scene.notes.seen if isinstance(fact, TlsFacts))
        assert (server.server_name, server.cipher) == ("mx.hust.example", facts.cipher)

    play(network, act, set_up=echo, tls=authority.serve("mx.hust.example"))


@pytest.mark.parametrize(
    ("name", "now", "problem"),
    [
        ("mx.hust.example", NOW + 9 * 86400, "expired"),
        ("mx.hust.example", NOW - 9 * 86400, "not-yet-valid"),
        ("mx.neu.example", NOW, "name-mismatch"),
    ],
    ids=["expired", "not-yet-valid", "name-mismatch"],
)
def test_a_bad_certificate_is_told_and_the_session_stands(
    network: Network, authority: Authority, name: str, now: float, problem: str
) -> None:
    async def act(scene: Scene) -> None:
        facts = await scene.stream.start_tls(client_tls(authority, name, now))
        assert isinstance(facts, TlsFacts)
        assert (facts.verified_by, facts.problem) == (None, problem)
        await scene.stream.write(b"x")
        assert await scene.stream.read() == b"x"

    play(network, act, set_up=echo, tls=authority.serve("mx.hust.example"))


def test_a_self_signed_certificate_is_named_so(network: Network, authority: Authority) -> None:
    async def act(scene: Scene) -> None:
        facts = await scene.stream.start_tls(client_tls(authority))
        assert isinstance(facts, TlsFacts)
        assert facts.problem == "self-signed"

    play(network, act, tls=server_tls_from_pem(*self_signed("mx.hust.example")))


def test_starttls_in_the_middle_carries_large_content_both_ways(network: Network, authority: Authority) -> None:
    tls = authority.serve("mx.hust.example")
    content = bytes(range(256)) * 8000

    def answer(wire: Wire, data: bytes) -> None:
        if data == b"STARTTLS\r\n":
            wire.write(b"220 go\r\n")
            wire.start_tls(tls)
        else:
            wire.write(data)

    async def act(scene: Scene) -> None:
        await scene.stream.write(b"STARTTLS\r\n")
        assert await scene.stream.read() == b"220 go\r\n"
        assert isinstance(await scene.stream.start_tls(client_tls(authority)), TlsFacts)
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(read_all(scene.stream))
            await scene.stream.write(content)
            while len(scene.notes.data) < len(content) + 10:
                await asyncio.sleep(0)
            scene.notes.wire.close()
        assert reading.result() == (content, None)

    play(network, act, set_up=lambda notes: setattr(notes, "on_received", answer))


def test_a_greeting_written_at_once_leaves_inside_implicit_tls(network: Network, authority: Authority) -> None:
    async def act(scene: Scene) -> None:
        assert isinstance(await scene.stream.start_tls(client_tls(authority)), TlsFacts)
        assert await scene.stream.read() == b"220 mx\r\n"

    play(
        network,
        act,
        set_up=lambda notes: setattr(notes, "on_connected", lambda wire: wire.write(b"220 mx\r\n")),
        tls=authority.serve("mx.hust.example"),
    )


def test_a_server_without_tls_is_not_tls(network: Network, authority: Authority) -> None:
    async def act(scene: Scene) -> None:
        trouble = await scene.stream.start_tls(client_tls(authority))
        assert isinstance(trouble, TlsTrouble)
        assert trouble.reason == "not-tls"
        assert not isinstance(await scene.stream.write(b"x"), bytes)

    play(network, act, set_up=lambda notes: setattr(notes, "on_connected", lambda wire: wire.write(b"220 mx\r\n")))


def test_a_client_that_talks_clear_text_to_implicit_tls_fails_the_handshake(
    network: Network, authority: Authority
) -> None:
    async def act(scene: Scene) -> None:
        await scene.stream.write(b"EHLO clear.example\r\n")
        await read_all(scene.stream)
        await scene.notes.over.wait()
        trouble = next(fact for fact in scene.notes.seen if isinstance(fact, TlsTrouble))
        assert trouble.reason == "not-tls"
        assert not scene.notes.data

    play(network, act, tls=authority.serve("mx.hust.example"))


def test_a_server_that_hangs_up_in_the_handshake_is_closed(network: Network, authority: Authority) -> None:
    async def act(scene: Scene) -> None:
        trouble = await scene.stream.start_tls(client_tls(authority))
        assert trouble == TlsTrouble("closed", trouble.detail if isinstance(trouble, TlsTrouble) else "")

    play(network, act, set_up=lambda notes: setattr(notes, "on_received", lambda wire, data: wire.close()))


def test_no_common_version_is_told(network: Network, authority: Authority) -> None:
    tls = authority.serve("mx.hust.example")
    tls.context.minimum_version = ssl.TLSVersion.TLSv1_3
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    async def act(scene: Scene) -> None:
        trust = PkixTrust(lambda: NOW, authority.root_pem)
        trouble = await scene.stream.start_tls(ClientTls("mx.hust.example", trust, context))
        assert isinstance(trouble, TlsTrouble)
        assert trouble.reason == "no-common-version"

    play(network, act, tls=tls)


@pytest.mark.parametrize("address", ["mx.hust.example", "", "1.2.3", "256.1.1.1"])
def test_what_is_not_an_address_is_lost_and_no_name_is_looked_up(address: str) -> None:
    outcome = asyncio.run(TcpDialer().dial(address, 25))
    assert isinstance(outcome, Lost)
    assert outcome.reason == "failed"


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.ECONNREFUSED, "refused"),
        (errno.ETIMEDOUT, "timed-out"),
        (errno.ENETUNREACH, "unreachable"),
        (errno.EHOSTUNREACH, "unreachable"),
        (errno.ECONNRESET, "reset"),
        (errno.EPIPE, "reset"),
        (errno.EACCES, "not-permitted"),
        (errno.EMFILE, "failed"),
    ],
)
def test_the_systems_errors_have_reasons_and_are_told_in_its_own_words(number: int, reason: str) -> None:
    assert lost_by(OSError(number, "Connect call failed ('192.0.2.1', 25)")) == Lost(reason, os.strerror(number))


def test_small_writes_are_not_held_back(authority: Authority) -> None:
    async def act(scene: Scene) -> None:
        await scene.stream.write(b"x")
        await scene.stream.read()
        for end in (scene.stream, scene.notes.wire):
            sock = end._transport.get_extra_info("socket")  # type: ignore[union-attr]
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    play(lambda: (TcpDialer(), TcpListener(), "127.0.0.1"), act, set_up=echo)


def test_a_source_of_ours_is_used() -> None:
    async def act(scene: Scene) -> None:
        endpoint = scene.listening.endpoint
        stream = await scene.dialer.dial(endpoint.address, endpoint.port, source="127.0.0.1")
        assert not isinstance(stream, Lost)
        assert stream.local.address == "127.0.0.1"
        await stream.close()

    play(lambda: (TcpDialer(), TcpListener(), "127.0.0.1"), act)


def test_closing_on_a_peer_whose_reset_has_not_been_read_yet_does_not_raise() -> None:
    async def act(scene: Scene) -> None:
        await scene.stream.write(b"x")
        await scene.stream.read()
        theirs = scene.stream._transport.get_extra_info("socket")  # type: ignore[attr-defined]
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        scene.stream._transport._sock.close()  # type: ignore[attr-defined] # At once, behind the loop's back.
        scene.notes.wire.close()
        await scene.notes.over.wait()

    play(lambda: (TcpDialer(), TcpListener(), "127.0.0.1"), act, set_up=echo)
