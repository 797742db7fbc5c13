"""A stranger's session turned round: what a program of the student's own said, as its own end would have told it.

A goal asks for what the client sent and heard. Of a client that is none of the world's only the server tells, so each
of its facts is followed by its twin, told from the host at which the student sits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import msgspec

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.sim.loopback import Addresses
from smtplab.sim.world import AGENTS, Host, World

_TWINS: Final[dict[type, type[ev.CommandSent | ev.ReplyReceived | ev.MessageSent]]] = {
    ev.CommandReceived: ev.CommandSent,
    ev.ReplySent: ev.ReplyReceived,
    ev.MessageReceived: ev.MessageSent,
}
"""Field by field the same."""


class Mirror:
    """Give it the records of a world on loopback as they come; it hands them on, each with its twin, numbered anew."""

    def __init__(self, world: World, client: str, tell: Callable[[Record], None]) -> None:
        """`client` is the host at which the student sits; empty where the lesson leaves that to the world."""
        self._is_own = Addresses(world).holds
        self._client = client
        self._agents = {host.submits_to: host.name for host in reversed(world.hosts) if _is_agent(host)}
        self._tell = tell
        self._seq = 0

    def read(self, record: Record) -> None:
        """One record more."""
        for one in (record, *self._twin(record)):
            self._seq += 1
            self._tell(msgspec.structs.replace(one, seq=self._seq))

    def _twin(self, record: Record) -> Iterator[Record]:
        kind = _TWINS.get(type(record.event))
        side, _, rest = record.span.partition("/")
        number, _, address = rest.partition("/")
        if kind is None or side != "receive" or not address or self._is_own(address):
            return
        node = self._client or self._agents.get(record.node) or next(iter(self._agents.values()), address)
        event = kind(*msgspec.structs.astuple(record.event))
        yield msgspec.structs.replace(record, node=node, span=f"session/{number}/{record.node}", event=event)


def _is_agent(host: Host) -> bool:
    return not AGENTS.isdisjoint(host.roles)
