"""The server's end by itself: how much it reads before others have their turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from smtplab.net.ports import Lost, TlsFacts, TlsTrouble, Wire
from smtplab.net.server_end import FULL_READ_OCTETS, OpenEnds


class NotingTransport(asyncio.Transport):
    """Goes nowhere, and notes whether it may read."""

    def __init__(self) -> None:
        super().__init__({"sockname": ("192.0.2.1", 25), "peername": ("192.0.2.7", 4000)})
        self.noted: list[str] = []

    def pause_reading(self) -> None:
        self.noted.append("paused")

    def resume_reading(self) -> None:
        self.noted.append("reading")

    def is_closing(self) -> bool:
        return False


class Swallowing:
    """A handler that does with what comes as it is told."""

    def __init__(self, on_received: Callable[[Wire], None]) -> None:
        self._on_received = on_received

    def connected(self, wire: Wire) -> None:
        self._wire = wire

    def received(self, data: bytes) -> None:
        self._on_received(self._wire)

    def secured(self, outcome: TlsFacts | TlsTrouble) -> None:
        raise AssertionError

    def drained(self) -> None:
        raise AssertionError

    def ended(self, lost: Lost | None) -> None:
        raise AssertionError


def noted_after(octets: int, on_received: Callable[[Wire], None]) -> list[str]:
    async def run() -> list[str]:
        transport: Any = NotingTransport()
        end = OpenEnds(lambda: Swallowing(on_received), None).make()
        end.connection_made(transport)
        end.data_received(b"x" * octets)
        await asyncio.sleep(0)
        noted: list[str] = transport.noted
        return noted

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("octets", "on_received", "noted"),
    [
        (FULL_READ_OCTETS - 1, lambda _: None, []),
        (FULL_READ_OCTETS, lambda _: None, ["paused", "reading"]),
        (FULL_READ_OCTETS, lambda wire: wire.pause(), ["paused", "paused"]),
    ],
)
def test_whoever_sends_as_much_as_can_be_read_lets_others_have_their_turn(octets, on_received, noted):
    assert noted_after(octets, on_received) == noted
