"""How far the last connection to a host came and how it broke off, as far as that bears on what the outcome means."""

from __future__ import annotations

from typing import Literal

import msgspec

from smtplab import events as ev
from smtplab.journal import Record
from smtplab.view.meaning import is_pop3

Encryption = Literal["", "up", "failed"]


class HostTurn(msgspec.Struct, frozen=True):
    host: str = ""
    broke_off: Literal["", "greeting", "handshake", "content", "elsewhere"] = ""
    """Where it was lost: before the greeting was whole, in the TLS handshake, once the content had gone out."""
    encryption: Encryption = ""
    """`failed` stays over a new connection to the same host: it is what the message goes in clear for."""
    gibberish: str = ""
    """What was heard in place of a greeting, where that was no SMTP reply."""
    in_handshake: bool = False
    content_out: bool = False


def fold_turn(turn: HostTurn, record: Record) -> HostTurn:
    """The turn after one more record of the client's. Never raises, whatever that holds."""
    match record.event:
        case ev.ConnectStarted(host=host):
            failed = turn.encryption == "failed" and turn.host == host
            return HostTurn(host, encryption="failed" if failed else "")
        case ev.TlsStarted():
            return msgspec.structs.replace(turn, in_handshake=True)
        case ev.TlsEstablished():
            return msgspec.structs.replace(turn, encryption="up", in_handshake=False)
        case ev.TlsFailed():
            return msgspec.structs.replace(turn, encryption="failed")
        case ev.ReplyReceived() as reply:
            return _after_reply(turn, reply)
        case ev.MessageSent():
            return msgspec.structs.replace(turn, content_out=True)
        case ev.Disconnected(reason=reason) if reason:
            return msgspec.structs.replace(turn, broke_off=_where(turn, record))
        case _:
            return turn


def _after_reply(turn: HostTurn, reply: ev.ReplyReceived) -> HostTurn:
    if reply.code is None and not reply.verb and not is_pop3(reply):
        return msgspec.structs.replace(turn, gibberish=turn.gibberish or " ".join(reply.lines))
    if reply.verb == "STARTTLS" and (reply.code or 0) >= 400:
        return msgspec.structs.replace(turn, encryption="failed")
    return msgspec.structs.replace(turn, content_out=False)


def _where(turn: HostTurn, record: Record) -> Literal["greeting", "handshake", "content", "elsewhere"]:
    if turn.in_handshake:
        return "handshake"
    if turn.content_out:
        return "content"
    return "greeting" if record.stage == "connect" else "elsewhere"
