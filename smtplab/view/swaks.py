"""A sending's records as the transcript that swaks prints, mark for mark; where its lines go it does not know."""

from __future__ import annotations

import base64
from typing import Literal, cast

import msgspec

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.view.meaning import reason_text
from smtplab.view.safe import safe
from smtplab.view.texts import Texts
from smtplab.view.titles import title

Kind = Literal["info", "error", "sent", "received", "refusal", "raw-sent", "raw-received"]

DoorKind = Literal["", "socket", "pipe"]
"""A local socket's file or a program, where it is no host that is called."""

HEX_COLUMNS = 16

_TOLD = frozenset({"refused", "reset", "closed", "timed-out", "unreachable", "unmet", "failed", "not-found"})
"""Ends of a session that its own lines have told already."""


_MENDABLE = frozenset({"smtputf8-not-offered", "binarymime-not-offered"})
"""What `--mend` may help against."""


class Said(msgspec.Struct, frozen=True):
    mark: str
    """Three columns: `===`, `***`, ` ->`, ` ~>`, `<- `, `<~ `, `<**`, `<~*`."""
    text: str
    """One line, safe for a terminal."""
    kind: Kind

    def __str__(self) -> str:
        return f"{self.mark} {self.text}"


class SwaksTranscript:
    """Give it each record in turn. `content` is the message, whose octets no record holds; None where unknown."""

    def __init__(
        self,
        texts: Texts,
        content: bytes | None,
        *,
        suppress_data: bool = False,
        lapse: str = "",
        door: DoorKind = "",
    ) -> None:
        """`lapse`: empty for no times, `f` for thousandths of a second, `i` for whole seconds."""
        self._texts = texts
        self._door = f"-{door}" if door else ""
        self._content = content
        self._suppress_data = suppress_data
        self._lapse = lapse
        self._secure = False
        self._quit = False
        self._tried = False
        self._reason_told = self._tls_failed = False

    def __call__(self, record: Record) -> list[Said]:
        """The record's lines; none for what swaks would not show either."""
        match record.event:
            case ev.CommandSent() as command:
                return self._command(command)
            case ev.MessageSent(transfer=transfer):
                return self._message(transfer) or [self._sent(title(record, self._texts))]
            case ev.ReplyReceived() as reply:
                return self._reply(reply)
            case ev.ConnectStarted() | ev.Connected() | ev.ConnectFailed() | ev.Disconnected() as event:
                return self._connection(event)
            case ev.BytesSent() | ev.BytesReceived() as event:
                return _hex(event)
            case ev.JourneyEnded() as ending:
                return self._ending(ending)
            case _:
                return self._note(record)

    def _note(self, record: Record) -> list[Said]:
        """What was found out on the way."""
        match record.event:
            case ev.TlsFailed():
                self._tls_failed = True
                return [Said("***", title(record, self._texts), "error")]
            case ev.Judged(check="session", verdict=verdict, detail=detail):
                self._reason_told = self._reason_told or verdict == "ended"
                return self._lack(detail)
            case ev.TlsEstablished() | ev.HostSkipped() | ev.Authenticated() | ev.Judged() as event:
                self._secure = self._secure or isinstance(event, ev.TlsEstablished)
                if isinstance(event, ev.Judged) and event.verdict == "mended":
                    self._content = None  # It is not what leaves.
                return [self._info(title(record, self._texts))]
            case ev.RuleBroken(rule="8bitmime-not-announced"):
                return [self._info(self._texts("swaks.8bit"))]
            case ev.RouteFound(source=source) if source != "pinned":
                return [self._info(title(record, self._texts))]
            case _:
                return []

    def _ending(self, ending: ev.JourneyEnded) -> list[Said]:
        """What we ourselves could not go on for; what a server or the network did has been said."""
        if not ending.detail or ending.result in ("accepted", "delivered", "stopped"):
            return []
        if self._reason_told or (self._tried and (ending.code is not None or ending.detail.partition(" ")[0] in _TOLD)):
            return []
        return self._lack(ending.detail)

    def _lack(self, detail: str) -> list[Said]:
        said = [Said("***", reason_text(detail, self._texts), "error")]
        if detail.partition(" ")[0] in _MENDABLE:
            said.append(self._info(self._texts("swaks.mendable")))
        return said

    def _connection(self, event: ev.ConnectStarted | ev.Connected | ev.ConnectFailed | ev.Disconnected) -> list[Said]:
        match event:
            case ev.ConnectStarted(host=host, address=address, port=port):
                self._secure = self._quit = self._tls_failed = False
                self._tried = True
                where = host if host == address else f"{host} [{address}]"
                return [self._info(self._texts(f"swaks.trying{self._door}", where=where, port=str(port)))]
            case ev.Connected(host=host):
                return [self._info(self._texts("swaks.connected", host=host))]
            case ev.ConnectFailed(host=host, port=port, reason=reason):
                name = "swaks.connect-failed-door" if self._door else "swaks.connect-failed"
                first = self._texts(name, host=host, port=str(port))
                return [Said("***", first, "error"), Said("***", "\t" + reason_text(reason, self._texts), "error")]
            case ev.Disconnected(by="us", clean=clean, reason="" | "cut" as reason):
                closed = "swaks.closed-pipe" if self._door == "-pipe" else "swaks.closed"
                return [self._info(self._texts(closed if not reason and (clean or self._quit) else "swaks.dropped"))]
            case ev.Disconnected() if self._tls_failed:
                return []  # It has been said.
            case ev.Disconnected(reason=reason):
                if reason in ("", "closed", "reset"):
                    return [Said("***", self._texts(f"swaks.lost{self._door}"), "error")]
                return [Said("***", reason_text(reason, self._texts), "error")]

    def _command(self, command: ev.CommandSent) -> list[Said]:
        self._quit = command.verb == "QUIT"
        # PROXY's second version is no text; swaks shows it so too.
        binary = command.raw if command.verb == "PROXY" else None
        said = [self._sent(base64.b64encode(binary).decode() if binary else safe(command.line))]
        if command.decoded:
            said.append(self._info(self._texts("swaks.decoded", text=safe(command.decoded))))
        return said

    def _reply(self, reply: ev.ReplyReceived) -> list[Said]:
        refusal = reply.code is None or reply.code >= 400
        mark = {(False, False): "<- ", (False, True): "<~ ", (True, False): "<**", (True, True): "<~*"}
        said = []
        if self._lapse:
            seconds = f"{reply.ms / 1000:.3f}" if self._lapse == "f" else str(int(reply.ms // 1000))
            said.append(self._info(self._texts("swaks.lapse", seconds=seconds)))
        last = len(reply.lines) - 1
        for number, line in enumerate(reply.lines or ("",)):
            code = "" if reply.code is None else f"{reply.code}{'-' if number < last else ' '}"
            kind: Kind = "refusal" if refusal else "received"
            said.append(Said(mark[refusal, self._secure], safe(code + line), kind))
        if reply.decoded:
            said.append(self._info(self._texts("swaks.decoded", text=safe(reply.decoded))))
        return said

    def _message(self, transfer: ev.Transfer) -> list[Said]:
        """With its final dot, dots stuffed; chunks have neither (RFC 3030 2)."""
        if self._content is None:
            return []
        if self._suppress_data:
            # Not by making the lines: a message may be large.
            ended = not self._content or self._content.endswith(b"\r\n")
            number = self._content.count(b"\r\n") + (not ended) + (transfer == "DATA")
            return [self._sent(self._texts("swaks.lines-sent", lines=str(number)))]
        rows = self._content.split(b"\r\n")
        if not rows[-1]:
            rows.pop()
        if transfer == "DATA":
            rows = [b"." + row if row.startswith(b".") else row for row in rows] + [b"."]
        return [self._sent(safe(row.decode("utf-8", "backslashreplace"))) for row in rows]

    def _sent(self, text: str) -> Said:
        return Said(" ~>" if self._secure else " ->", text, "sent")

    def _info(self, text: str) -> Said:
        return Said("===", text, "info")


def _hex(event: ev.BytesSent | ev.BytesReceived) -> list[Said]:
    mark, kind = ("  >", "raw-sent") if isinstance(event, ev.BytesSent) else ("<  ", "raw-received")
    return [Said(mark, line, cast("Kind", kind)) for line in hex_lines(event.data)]


def hex_lines(data: bytes) -> list[str]:
    """Sixteen octets a line, in fours, with their number before and what is printable behind, as swaks has them."""
    lines = []
    for start in range(0, len(data), HEX_COLUMNS):
        row = data[start : start + HEX_COLUMNS]
        fours = (row[place : place + 4] for place in range(0, HEX_COLUMNS, 4))
        figures = "".join(" " + "".join(f"{octet:02X} " for octet in four).ljust(12) for four in fours)
        shown = "".join(chr(octet) if 0x21 <= octet <= 0x7E else "." for octet in row)
        lines.append(f"{start:04d}:{figures}   {shown:<16}")
    return lines
