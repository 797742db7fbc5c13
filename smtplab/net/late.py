"""What takes a tenth of a second to import, made when it is first wanted: a resolver, a judge of certificates."""

from __future__ import annotations

from collections.abc import Callable

from smtplab.journal import Emit
from smtplab.net.ports import Answer, Resolver, Trust


class LateResolver:
    """A `Resolver` that is made at the first question: a session with an address asks none."""

    def __init__(self, make: Callable[[], Resolver]) -> None:
        self._make = make
        self._made: Resolver | None = None

    async def resolve(self, name: str, rrtype: str, emit: Emit) -> Answer:
        """As `Resolver.resolve`."""
        if self._made is None:
            self._made = self._make()
        return await self._made.resolve(name, rrtype, emit)


class LateTrust:
    """A `Trust` that is made at the first handshake."""

    def __init__(self, make: Callable[[], Trust]) -> None:
        self._make = make
        self._made: Trust | None = None

    def judge(self, chain_der: tuple[bytes, ...], server_name: str) -> tuple[str | None, str]:
        """As `Trust.judge`."""
        if self._made is None:
            self._made = self._make()
        return self._made.judge(chain_der, server_name)


class ChainKept:
    """A `Trust` that keeps what was presented and leaves the judging to another."""

    def __init__(self, judge: Trust) -> None:
        self.chain_der: tuple[bytes, ...] = ()
        """Of the last handshake."""
        self._judge = judge

    def judge(self, chain_der: tuple[bytes, ...], server_name: str) -> tuple[str | None, str]:
        """As the other one does."""
        self.chain_der = chain_der
        return self._judge.judge(chain_der, server_name)
