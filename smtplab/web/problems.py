"""What can be wrong with a request, as one JSON object or one page; nothing here knows HTTP's framework."""

from __future__ import annotations

import msgspec


class Problem(Exception):  # noqa: N818 (it is an answer, and the request's fault more often than ours)
    """Ends a request. `code` is a stable word, `detail` a sentence in English."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail


class Fault(msgspec.Struct, frozen=True):
    code: str
    """A stable word: `not-found`, `bad-parameter`, `too-large` ..."""
    detail: str
    """For a person."""


class FaultAnswer(msgspec.Struct, frozen=True):
    """What every answer from 400 on holds."""

    error: Fault


def fault_answer(problem: Problem) -> bytes:
    return msgspec.json.encode(FaultAnswer(Fault(problem.code, problem.detail)))


MISTAKE = Problem(500, "bug", "A mistake of ours; it is told on standard error.")


def not_found(what: str) -> Problem:
    return Problem(404, "not-found", f"There is no such {what}.")


def bad_parameter(name: str, rule: str) -> Problem:
    return Problem(400, "bad-parameter", f"{name}: {rule}")
