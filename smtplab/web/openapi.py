"""The API's description in OpenAPI 3.1, made from the table of its operations and the shapes of its answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from smtplab import __version__
from smtplab.web.operations import BODY_OCTETS_MAX, Answer, Operation
from smtplab.web.problems import FaultAnswer

BASE = "/api/v1"

_ALWAYS = {
    401: "A token is needed: `Authorization: Bearer TOKEN`.",
    403: "The request names a host that is not ours, or comes from another site.",
    503: "Too much is asked at once, or the inbox can't be read just now.",
}


def describe(operations: Sequence[Operation]) -> dict[str, Any]:
    """A JSON object."""
    shapes: dict[Any, None] = {FaultAnswer: None}
    for one in operations:
        shapes |= dict.fromkeys(answer.shape for answer in one.answers.values() if answer.shape is not None)
        shapes |= {} if one.body is None else {one.body: None}
    schemas, components = msgspec.json.schema_components(shapes, ref_template="#/components/schemas/{name}")
    known = dict(zip(shapes, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for one in operations:
        paths.setdefault(BASE + one.path, {})[one.method.lower()] = _operation(one, known)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "smtplab's inbox",
            "version": __version__,
            "license": {"name": "MIT", "identifier": "MIT"},
            "description": "What `smtplab serve` has received: messages, and sessions with every record. "
            "Each error is one JSON object.",
        },
        "servers": [{"url": "/"}],
        "security": [{}, {"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Where the page listens wider than loopback.",
                }
            },
        },
    }


def _operation(one: Operation, known: dict[Any, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": one.name,
        "summary": one.summary,
        "responses": {str(status): _answer(answer, known) for status, answer in sorted(_answers(one).items())},
    }
    if one.parameters:
        described["parameters"] = [
            {
                "name": each.name,
                "in": each.place,
                "required": each.place == "path",
                "description": each.detail,
                "schema": each.schema,
            }
            for each in one.parameters
        ]
    if one.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": known[one.body]}},
        }
    return described


def _answers(one: Operation) -> dict[int, Answer]:
    always = {status: Answer(detail) for status, detail in _ALWAYS.items()}
    if one.parameters or one.body is not None:
        always[400] = Answer("A parameter or the body is not as it must be.")
    else:
        always[400] = Answer("There is no such parameter.")
    if one.body is not None:
        always[413] = Answer(f"The body has more than {BODY_OCTETS_MAX} octets.")
        always[415] = Answer("The body is not application/json.")
    return {**always, **one.answers}


def _answer(answer: Answer, known: dict[Any, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {"description": answer.detail}
    if answer.media == "application/json":
        described["content"] = {answer.media: {"schema": known[answer.shape or FaultAnswer]}}
    elif answer.media:
        described["content"] = {answer.media: {"schema": {"type": "string"}}}
    return described
