"""The choice of world: the recipient decides, and the person may overrule it."""

from __future__ import annotations

from smtplab.lab.bad_input import BadInput
from smtplab.lab.request import WalkRequest
from smtplab.wire.address import Mailbox

DEFAULT_WORLD = "campus"

_SIMULATED_TLDS = frozenset({"test", "example", "invalid"})
"""No such domain is or will be in the real DNS (RFC 2606 2, RFC 6761 6), so nobody can mean it live."""

_LIVE_ONLY = (
    ("server", "--server"),
    ("dns", "--dns"),
    ("resolve", "--resolve"),
)
"""What can only mean the real internet, and so decides for it."""

_REAL_SESSION_ONLY = (
    ("helo", "--helo"),
    ("tls", "--tls"),
    ("tls_roots", "--tls-ca-path"),
    ("auth_user", "--auth-user"),
    ("auth_mechanism", "--auth"),
    ("protocol", "--protocol"),
    ("source", "--source"),
    ("family", "--family"),
    ("timeout_s", "--timeout"),
    ("port", "--port"),
    ("pipeline", "--pipeline"),
    ("chunking", "--chunking"),
    ("raw", "--raw"),
    ("show_secrets", "--show-secrets"),
)
"""A world's hosts bring their own; saying nothing would pretend that the option had been heeded."""


def choose_world(request: WalkRequest, recipient: Mailbox) -> str | None:
    """The world's name or file; None for the real internet. Raises BadInput where the options contradict each other."""
    live = [option for field, option in _LIVE_ONLY if _given(request, field)]
    if request.sim is not None:
        _refuse_both("--sim", [*(["--live"] if request.live else []), *live, *_unheeded(request)])
        return request.sim
    if request.live or live or not _is_reserved(recipient):
        if request.seed is not None:
            raise BadInput("cli.needs", option="--seed", other="--sim")
        return None
    if unheeded := _unheeded(request):
        raise BadInput("cli.live-only", option=unheeded[0], recipient=request.recipient)
    return DEFAULT_WORLD


def _is_reserved(recipient: Mailbox) -> bool:
    return recipient.domain.rstrip(".").rpartition(".")[2].lower() in _SIMULATED_TLDS


def _unheeded(request: WalkRequest) -> list[str]:
    return [option for field, option in _REAL_SESSION_ONLY if _given(request, field)]


def _given(request: WalkRequest, field: str) -> bool:
    return bool(getattr(request, field) != getattr(_NOTHING_SAID, field))


def _refuse_both(option: str, others: list[str]) -> None:
    if others:
        raise BadInput("cli.not-both", option=option, other=others[0])


_NOTHING_SAID = WalkRequest(recipient="")
