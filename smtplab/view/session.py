"""Folds the facts of one dialogue, as one of its nodes sees it, into where that dialogue stands."""

from __future__ import annotations

from typing import Literal

import msgspec

from smtplab import events as ev

Side = Literal["client", "server"]

Command = ev.CommandSent | ev.CommandReceived

ASKED_MAX = 200
"""Commands kept while they wait for replies; a client that pipelines more loses only the oldest from view."""


class Session(msgspec.Struct, frozen=True):
    hop: int
    node: str
    side: Side
    host: str = ""
    address: str = ""
    port: int = 0
    collects: bool = False
    """A reader's session (POP3), not one that brings mail."""
    state: str = "connected"
    """An id of `smtp.states`."""
    secure: bool = False
    tls: ev.TlsEstablished | None = None
    tls_failure: str = ""
    extensions: tuple[str, ...] = ()
    """As announced last, and forgotten when TLS begins (RFC 3207 4.2)."""
    extensions_in_clear: tuple[str, ...] = ()
    """What had been announced before TLS began."""
    asked: tuple[Command, ...] = ()
    """Commands that wait for their replies, oldest first."""
    answered: Command | None = None
    """The command that the last reply answered; None for the greeting and the end of the content."""
    mechanism: str = ""
    """Of the authentication that succeeded."""
    octets: int | None = None
    """Of the message that went over this session."""
    open: bool = True

    def offers(self, keyword: str) -> bool:
        return any(line.split(" ", 1)[0].upper() == keyword for line in self.extensions)


def side_of(event: ev.Event) -> Side:
    """Who records such a fact."""
    return "server" if isinstance(event, ev.CommandReceived | ev.ReplySent | ev.MessageReceived) else "client"


def fold_session(session: Session, event: ev.Event) -> Session:
    """The session after one more fact of its own; any other event leaves it as it is."""
    match event:
        case ev.CommandSent() | ev.CommandReceived():
            return msgspec.structs.replace(session, asked=(*session.asked, event)[-ASKED_MAX:])
        case ev.ReplyReceived(verb=verb) | ev.ReplySent(verb=verb):
            return _answered(session, verb)
        case ev.StateChanged(new=new):
            return msgspec.structs.replace(session, state=new)
        case ev.ExtensionsLearned(extensions=extensions):
            return msgspec.structs.replace(session, extensions=extensions)
        case ev.TlsEstablished():
            return msgspec.structs.replace(
                session, secure=True, tls=event, extensions=(), extensions_in_clear=session.extensions
            )
        case ev.TlsFailed(reason=reason):
            return msgspec.structs.replace(session, tls_failure=reason)
        case ev.Authenticated(mechanism=mechanism):
            return msgspec.structs.replace(session, mechanism=mechanism)
        case ev.MessageSent(octets=octets) | ev.MessageReceived(octets=octets):
            return msgspec.structs.replace(session, octets=octets)
        case ev.Disconnected():
            return msgspec.structs.replace(session, open=False, state="closed", asked=())
        case _:
            return session


def _answered(session: Session, verb: str) -> Session:
    """Replies come in the order of the commands; one to nothing that we know of answers none."""
    for index, command in enumerate(session.asked):
        if command.verb == verb:
            return msgspec.structs.replace(session, asked=session.asked[index + 1 :], answered=command)
    return msgspec.structs.replace(session, answered=None)
