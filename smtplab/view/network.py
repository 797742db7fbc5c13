"""Folds a world's records into what each host does and who talks with whom; how it is drawn it does not know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from smtplab import events as ev
from smtplab.journal import Record, Stage
from smtplab.view.moments import kinds_of

SNAPSHOT_EVERY = 256
"""Records folded again at most when a person goes back: a millisecond."""

WAITING_MAX = 100
"""Deferred messages remembered of one host, the soonest: what a snapshot holds stays small."""


class Spot(msgspec.Struct, frozen=True):
    """A host of the plan."""

    name: str
    site: str
    roles: tuple[str, ...]
    addresses: tuple[str, ...]


class Line(msgspec.Struct, frozen=True):
    """A link between two sites."""

    sites: tuple[str, str]
    latency_ms: float


class Plan(msgspec.Struct, frozen=True):
    """What stands before anything happens."""

    name: str
    sites: tuple[str, ...]
    spots: tuple[Spot, ...]
    lines: tuple[Line, ...] = ()


class Flow(msgspec.Struct, frozen=True):
    """A dialogue under way, as its client sees it."""

    client: str
    server: str
    """A host's name where the plan knows the address, else what the client calls it."""
    stage: Stage
    kind: Literal["mail", "dns"] = "mail"
    loaded: bool = False
    """The content is on its way."""
    secure: bool = False


class HostNow(msgspec.Struct, frozen=True):
    queued: int = 0
    """Messages that it is responsible for."""
    stored: int = 0
    """Messages that it has put into mailboxes."""
    waiting: tuple[tuple[str, str], ...] = ()
    """The moment (ISO 8601 with Z) and the queue id of what is deferred, the soonest first."""
    failed: bool = False
    """The last thing that a reader is told of it is a failure."""
    last: int = -1
    """The index of its last record, -1 where it has none yet."""

    @property
    def next_attempt(self) -> str:
        """The soonest moment at which something deferred is tried again; empty where nothing waits for one."""
        return self.waiting[0][0] if self.waiting else ""


_IDLE = HostNow()


class Network:
    """All hosts and dialogues after some records. `advance` is cheap; `copy` costs a reference for each host."""

    def __init__(self, host_of_address: dict[str, str]) -> None:
        self._host_of_address = host_of_address
        self.count = 0
        self.hosts: dict[str, HostNow] = {}
        self.flows: dict[tuple[str, str], Flow] = {}
        """By client and span, the oldest first."""

    def copy(self) -> Network:
        other = Network(self._host_of_address)
        other.count, other.hosts, other.flows = self.count, self.hosts.copy(), self.flows.copy()
        return other

    def host(self, name: str) -> HostNow:
        return self.hosts.get(name, _IDLE)

    def advance(self, record: Record) -> None:
        """Take in the next record. Never raises, whatever it holds."""
        event, node = record.event, record.node
        now = self.hosts.get(node, _IDLE)
        kinds = kinds_of(event)
        failed = "failure" in kinds if kinds else now.failed
        self.hosts[node] = _host_after(now, event, failed=failed, index=self.count)
        self._fold_flow(record)
        self.count += 1

    def _fold_flow(self, record: Record) -> None:
        key = (record.node, record.span)
        match record.event:
            case ev.DnsQueried(server=server):
                self.flows[key] = Flow(record.node, self._named(server, server), "dns", kind="dns")
            case ev.ConnectStarted(host=host, address=address):
                self.flows[key] = Flow(record.node, self._named(address, host), "connect")
            case ev.DnsAnswered() | ev.DnsFailed() | ev.ConnectFailed() | ev.Disconnected():
                self.flows.pop(key, None)
            case _:
                flow = self.flows.get(key)
                if flow is not None and flow.kind == "mail":
                    self.flows[key] = _flow_after(flow, record)

    def _named(self, address: str, otherwise: str) -> str:
        return self._host_of_address.get(address, otherwise)


def _host_after(now: HostNow, event: ev.Event, *, failed: bool, index: int) -> HostNow:
    queued, stored, waiting = now.queued, now.stored, now.waiting
    match event:
        case ev.Queued():
            queued += 1
        case ev.Dequeued(queue_id=queue_id):
            queued, waiting = max(queued - 1, 0), _without(waiting, queue_id)
        case ev.AttemptStarted(queue_id=queue_id):
            waiting = _without(waiting, queue_id)
        case ev.Deferred(queue_id=queue_id, next_attempt=moment):
            waiting = tuple(sorted((*_without(waiting, queue_id), (moment, queue_id))))[:WAITING_MAX]
        case ev.Delivered():
            stored += 1
        case _:
            pass
    return HostNow(queued, stored, waiting, failed, index)


def _without(waiting: tuple[tuple[str, str], ...], queue_id: str) -> tuple[tuple[str, str], ...]:
    return tuple(one for one in waiting if one[1] != queue_id)


def _flow_after(flow: Flow, record: Record) -> Flow:
    loaded, secure = flow.loaded, flow.secure
    match record.event:
        case ev.MessageSent():
            loaded = True
        case ev.CommandSent(verb="MAIL" | "QUIT" | "RSET") | ev.ReplyReceived(verb="."):
            loaded = False
        case ev.TlsEstablished():
            secure = True
        case _:
            pass
    if (record.stage, loaded, secure) == (flow.stage, flow.loaded, flow.secure):
        return flow
    return Flow(flow.client, flow.server, record.stage, flow.kind, loaded, secure)


class NetworkHistory:
    """The network after any number of records, among many thousands within a few milliseconds.

    The records may grow at their end, but those that stand never change.
    """

    def __init__(self, records: Sequence[Record], spots: Iterable[Spot]) -> None:
        self._records = records
        self._now = Network({address: spot.name for spot in spots for address in spot.addresses})
        self._snapshots = [self._now.copy()]

    def at(self, count: int) -> Network:
        """After the first `count` records, as many as there are at most. The reader must not change it."""
        count = max(0, min(count, len(self._records)))
        start = min(count // SNAPSHOT_EVERY, len(self._snapshots) - 1)
        if count < self._now.count or start * SNAPSHOT_EVERY > self._now.count:
            self._now = self._snapshots[start].copy()
        while self._now.count < count:
            self._now.advance(self._records[self._now.count])
            if self._now.count == len(self._snapshots) * SNAPSHOT_EVERY:
                self._snapshots.append(self._now.copy())
        return self._now
