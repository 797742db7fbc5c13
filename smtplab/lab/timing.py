"""When a message shall arrive and how urgent it is, as parameters of MAIL: DELIVERBY, FUTURERELEASE, MT-PRIORITY."""

from __future__ import annotations

import re
from datetime import datetime

from smtplab.lab.bad_input import BadInput
from smtplab.lab.request import SendRequest
from smtplab.mta.envelope import Needed
from smtplab.wire.envelope import Parameters

_BY = re.compile(r"(-?[0-9]{1,9})(?:;([RN])(T?))?", re.IGNORECASE)  # RFC 2852 4
HOLD_S_MAX = 10**9 - 1
"""RFC 4865 4.1 allows nine figures."""


def timing_of(request: SendRequest) -> tuple[Parameters, tuple[Needed, ...]]:
    """The parameters, and the extensions without which they are nothing. Raises BadInput."""
    parameters: Parameters = {}
    needs: list[Needed] = []
    if request.deliver_by is not None:
        parameters["BY"] = _deliver_by(request.deliver_by)
        needs.append("DELIVERBY")
    if request.hold_for is not None or request.hold_until is not None:
        parameters.update(_hold(request.hold_for, request.hold_until))
        needs.append("FUTURERELEASE")
    if request.priority is not None:
        if not -9 <= request.priority <= 9:
            raise BadInput("cli.not-within", option="--priority", value=str(request.priority), least=-9, most=9)
        parameters["MT-PRIORITY"] = str(request.priority)
        needs.append("MT-PRIORITY")
    return parameters, tuple(needs)


def _deliver_by(text: str) -> str:
    found = _BY.fullmatch(text)
    # A return after no time at all makes no sense (RFC 2852 4).
    if found is None or (int(found[1]) <= 0 and (found[2] or "R").upper() == "R"):
        raise BadInput("cli.bad-deliver-by", value=text)
    return f"{int(found[1])};{(found[2] or 'R').upper()}{found[3].upper() if found[3] else ''}"


def _hold(seconds: int | None, until: str | None) -> Parameters:
    if seconds is not None and until is not None:
        raise BadInput("cli.not-both", option="--hold-for", other="--hold-until")
    if seconds is not None:
        if not 0 < seconds <= HOLD_S_MAX:
            raise BadInput("cli.not-within", option="--hold-for", value=str(seconds), least=1, most=HOLD_S_MAX)
        return {"HOLDFOR": str(seconds)}
    try:
        moment = datetime.fromisoformat(until or "")
    except ValueError as trouble:
        raise BadInput("cli.bad-moment", option="--hold-until", value=until or "") from trouble
    if moment.tzinfo is None:
        raise BadInput("cli.bad-moment", option="--hold-until", value=until or "")
    return {"HOLDUNTIL": moment.isoformat(timespec="seconds").replace("+00:00", "Z")}
