"""Where the SMTP dialogue stands and what may be said next, drawn from the state machine's own table."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.content import Content

from smtplab.smtp import states
from smtplab.ui.widgets.pane import Pane
from smtplab.view.safe import safe
from smtplab.view.session import Session
from smtplab.view.texts import Texts
from smtplab.wire.extension import parse_extensions

_VERB_CELLS: Final = 12
_REPLY_CELLS: Final = 5
_WITHOUT_A_VERB: Final = {
    states.GREETING: "ui.state.greeting",
    states.CONTENT: "ui.state.content",
    states.HANDSHAKE: "ui.state.handshake",
}


class StatePane(Pane):
    """The state by name and meaning, then each legal command with the reply that moves on and where to."""

    HELP: ClassVar = "ui.help.state"
    TITLE_ID: ClassVar = "ui.pane.state"

    def show(self, session: Session | None, texts: Texts) -> None:
        self.say(texts(self.TITLE_ID), Content("\n").join(picture(session, texts)))


def picture(session: Session | None, texts: Texts) -> list[Content]:
    """Lines; without a session, what to wait for."""
    state = _known(session)
    if session is None or state is None:
        return [Content.styled(texts("ui.state.none"), "$quiet")]
    who = safe(session.host or session.node)
    return [
        Content.assemble(("● ", "bold $accent"), (state, "bold"), "  ", (who, "$quiet"), *_lock(session, texts)),
        Content.styled(f"  {texts(f'ui.state.{state}')}", "$foreground"),
        Content(),
        *_next(state, session, texts),
    ]


def _known(session: Session | None) -> states.State | None:
    if session is None:
        return None
    return next((state for state in states.STATES if state == session.state), None)


def _lock(session: Session, texts: Texts) -> list[tuple[str, str]]:
    return [("  ", ""), (texts("ui.state.secure"), "$success")] if session.secure else []


def _next(state: states.State, session: Session, texts: Texts) -> list[Content]:
    legal = states.legal_verbs(state, parse_extensions(session.extensions), _dialect(session))
    moves = [move for move in states.transitions(state) if _is_open(move[0], legal)]
    if not moves:
        return [Content.styled(texts("ui.state.over"), "$quiet")]
    lines = [Content.styled(texts("ui.state.next"), "bold $accent")]
    for verb, severity, target in moves:
        said = texts(_WITHOUT_A_VERB[verb]) if verb in _WITHOUT_A_VERB else verb
        lines.append(
            Content.assemble(
                (f"  {said:<{_VERB_CELLS}}", "bold $client" if verb in legal else "bold $server"),
                (f"{_reply(verb, severity):<{_REPLY_CELLS}}", _tone(severity)),
                (" → ", "$faint"),
                (target, "bold"),
            )
        )
    staying = [verb for verb in legal if verb not in {move[0] for move in moves}]
    if staying:
        lines.append(Content.assemble((f"  {texts('ui.state.staying')} ", "$quiet"), (" ".join(staying), "$client")))
    return lines


def _is_open(verb: str, legal: tuple[str, ...]) -> bool:
    return verb in legal or verb in _WITHOUT_A_VERB or (verb == states.LAST_CHUNK and "BDAT" in legal)


def _reply(verb: str, severity: int) -> str:
    return "" if verb == states.HANDSHAKE else f"{severity}xx"


def _tone(severity: int) -> str:
    return "$success" if severity < 4 else "$warning" if severity == 4 else "$error"


def _dialect(session: Session) -> states.Dialect:
    asked = session.answered
    return "lmtp" if asked is not None and asked.verb == "LHLO" else "esmtp"
