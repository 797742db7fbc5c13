"""One conversation as the TCP packets that carried it: handshake, segments, acknowledgements, FIN or RST."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from smtplab.capture.conversation import Step
from smtplab.capture.packets import ACK, FIN, PUSH, RST, SEGMENT_OCTETS_MAX, SYN, Segment, Socket, tcp_packet
from smtplab.net.rebuilt import RebuiltTls, TlsRebuilder

UNACKNOWLEDGED_MAX = 16
"""Segments: with the largest ones a third of the window that we announce, so that it is never full."""


class Packet(msgspec.Struct, frozen=True):
    time_us: int
    data: bytes
    """From the IP header on."""
    told_by: tuple[int, ...] = ()
    """As `conversation.Step.told_by`."""
    place: int = 0
    """In the sequence of records: the order of what has the same time."""


class TcpWriter:
    """Writes the packets of one connection. Time never runs backwards in it, whatever the recorder's clock did."""

    def __init__(self, client: Socket, server: Socket, rebuilder: TlsRebuilder, *, start: int) -> None:
        self.packets: list[Packet] = []
        self._ends = {True: client, False: server}
        self._next = {True: start, False: start + 2**31}
        """The sequence number that each side, client or not, sends next."""
        self._unacknowledged = {True: 0, False: 0}
        """Segments that each side has received and not acknowledged."""
        self._rebuilder = rebuilder
        self._tls: RebuiltTls | None = None
        self._place = 0

    def write(self, step: Step) -> None:
        """One more step of the conversation."""
        told_by = tuple(step.told_by)
        self._place = max(self._place, step.place)
        match step.kind:
            case "call":
                self._send(True, SYN, step.time_us, told_by=told_by)
            case "answer":
                self._send(False, SYN | ACK, step.time_us, told_by=told_by)
                self._send(True, ACK, step.time_us)
            case "refusal":
                self._send(False, RST | ACK, step.time_us, told_by=told_by)
            case "plain":
                data = step.data
                if self._tls is not None:
                    data = self._tls.protect(data, by_client=step.by_client)
                self._say(step.by_client, data, step.time_us, told_by)
            case "secured":
                self._secure(step, told_by)
            case "end":
                self._finish(step.by_client, step.time_us, told_by)
            case "reset":
                self._send(step.by_client, RST | ACK, step.time_us, told_by=told_by)

    def _secure(self, step: Step, told_by: tuple[int, ...]) -> None:
        """The handshake's first flight leaves when it began, the others when it was done."""
        self._tls = self._rebuilder.session(step.server_name, step.version)
        time_us = step.since_us
        for by_client, flight in self._tls.handshake():
            self._say(by_client, flight, time_us, told_by)
            time_us, told_by = step.time_us, ()

    def _say(self, by_client: bool, data: bytes, time_us: int, told_by: tuple[int, ...]) -> None:
        size = SEGMENT_OCTETS_MAX[self._ends[by_client].address.version]
        pieces = _pieces(data, size)
        for number, piece in enumerate(pieces):
            flags = ACK | PUSH if number == len(pieces) - 1 else ACK
            self._send(by_client, flags, time_us, piece, told_by if number == 0 else ())
            # Where the other side speaks next, its words acknowledge; a long content is acknowledged on the way.
            if self._unacknowledged[not by_client] >= UNACKNOWLEDGED_MAX:
                self._send(not by_client, ACK, time_us)

    def _finish(self, by_client: bool, time_us: int, told_by: tuple[int, ...]) -> None:
        """Either side says that it is done, and each is acknowledged (RFC 9293 3.6)."""
        self._send(by_client, FIN | ACK, time_us, told_by=told_by)
        self._send(not by_client, FIN | ACK, time_us)
        self._send(by_client, ACK, time_us)

    def _send(
        self, by_client: bool, flags: int, time_us: int, data: bytes = b"", told_by: tuple[int, ...] = ()
    ) -> None:
        time_us = max(time_us, self.packets[-1].time_us if self.packets else time_us)
        acknowledged = self._next[not by_client] if flags & ACK else 0
        segment = Segment(flags, self._next[by_client], acknowledged, data)
        packet = tcp_packet(self._ends[by_client], self._ends[not by_client], segment)
        self.packets.append(Packet(time_us, packet, told_by, self._place))
        # SYN and FIN count as an octet each (RFC 9293 3.4).
        self._next[by_client] += len(data) + (1 if flags & (SYN | FIN) else 0)
        self._unacknowledged[by_client] = 0
        self._unacknowledged[not by_client] += 1


def _pieces(data: bytes, size: int) -> Sequence[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]
