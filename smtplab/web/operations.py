"""The API as a table: from it come the routes, the checks of what is asked, and the OpenAPI description."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from smtplab.web.problems import Problem, bad_parameter

BODY_OCTETS_MAX = 65536
"""Of a request: a thousand ids fit in, and nothing that the API takes is larger."""
BODY_S_MAX = 10.0
"""For a body of that size to come: who takes longer holds a place for nothing."""
ID = "^[0-9A-Fa-f]{1,16}$"
"""An id of a message or a session. 16 digits are 64 bits; those of ours have 63."""
NUMBER_MAX = 2**63 - 1

Shape = TypeVar("Shape")

Method = Literal["GET", "POST", "DELETE"]


class Parameter(msgspec.Struct, frozen=True):
    name: str
    schema: dict[str, Any]
    """JSON Schema: `integer` with minimum, maximum and default, or `string` with pattern or maxLength."""
    detail: str
    place: Literal["query", "path"] = "query"


class Answer(msgspec.Struct, frozen=True):
    detail: str
    shape: Any = None
    """What is answered as JSON; None for the object that says what is wrong, and for what `media` names."""
    media: str = "application/json"
    """Empty for an answer without a content."""


class Operation(msgspec.Struct, frozen=True):
    name: str
    """The operationId."""
    method: Method
    path: str
    """Below `/api/v1`, as OpenAPI writes it."""
    summary: str
    handler: Callable[[Request], Awaitable[Response]]
    answers: Mapping[int, Answer]
    parameters: tuple[Parameter, ...] = ()
    body: Any = None
    """The struct that a request must hold as JSON."""


def asked(request: Request, operation: Operation) -> dict[str, Any]:
    """The parameters' values, with defaults. Raises Problem."""
    known = {one.name: one for one in operation.parameters}
    for name in request.query_params:
        if name not in known or known[name].place == "path":
            raise bad_parameter(name[:100], "there is no such parameter.")
        if len(request.query_params.getlist(name)) > 1:
            raise bad_parameter(name, "must be given once.")
    values = {}
    for one in operation.parameters:
        given = request.path_params.get(one.name) if one.place == "path" else request.query_params.get(one.name)
        values[one.name] = one.schema.get("default") if given is None else _read(one, str(given))
    return values


def _read(parameter: Parameter, text: str) -> Any:
    schema = parameter.schema
    if schema["type"] == "integer":
        number = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else -1
        if not schema["minimum"] <= number <= schema["maximum"]:
            raise bad_parameter(parameter.name, f"must be a number from {schema['minimum']} to {schema['maximum']}.")
        return number
    if len(text) > schema.get("maxLength", len(text)):
        raise bad_parameter(parameter.name, f"must have at most {schema['maxLength']} characters.")
    if "pattern" in schema and not (re.fullmatch(schema["pattern"], text) and _fits(schema["pattern"], text)):
        if parameter.place == "path":
            raise Problem(404, "not-found", "There is no such thing.")
        raise bad_parameter(parameter.name, "can't be one.")
    return text


def _fits(pattern: str, text: str) -> bool:
    """The database's numbers end there."""
    return pattern != ID or int(text, 16) <= NUMBER_MAX


async def body_of(request: Request) -> bytes:
    """Bounded. Raises Problem."""
    found = bytearray()
    try:
        async with asyncio.timeout(BODY_S_MAX):
            async for piece in request.stream():
                found += piece
                if len(found) > BODY_OCTETS_MAX:
                    raise Problem(413, "too-large", f"A request holds at most {BODY_OCTETS_MAX} octets.")
    except TimeoutError as trouble:
        raise Problem(408, "too-slow", f"The request took more than {BODY_S_MAX:.0f} s.") from trouble
    return bytes(found)


async def json_of(request: Request, shape: type[Shape]) -> Shape:
    """Raises Problem."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem(415, "not-json", "The request must be application/json.")
    try:
        return msgspec.json.decode(await body_of(request), type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as trouble:
        raise Problem(400, "bad-json", str(trouble)) from trouble
