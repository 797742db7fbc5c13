"""A script of a session as the command line takes it: read, its files and secrets fetched before anything is said."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click
import msgspec

from smtplab.cli import values as read
from smtplab.lab.bad_input import BadInput
from smtplab.lab.parts import crlf
from smtplab.lab.request import WalkRequest
from smtplab.lab.script import ScriptFault, Step, parse_script
from smtplab.smtp.sasl import Secret
from smtplab.view.texts import Texts
from smtplab.wire.framing import stuff

SECRET_VARIABLE = "SMTPLAB_SECRET_"  # noqa: S105 (its name, not its value)


def read_script(script: str | None, texts: Texts) -> list[Step]:
    """From the file, or from standard input for None and `-`. Raises BadInput."""
    name = "-" if script is None else script
    text = read.standard_input() if name == "-" else read.file_octets(name)
    steps = parse_script(text.decode("utf-8", "replace"))
    if isinstance(steps, ScriptFault):
        problem = texts(steps.problem, detail=steps.detail)
        raise BadInput("script.fault", file=name, line=steps.line, problem=problem)
    return steps


def needed(steps: Sequence[Step], request: WalkRequest) -> tuple[list[Step], dict[str, Secret]]:
    """The steps with what they only name, and the passwords of those who log in. Raises BadInput."""
    passwords: dict[str, Secret] = {}
    secrets: dict[str, str] = {}
    found: list[Step] = []
    for step in steps:
        match step.word:
            case "auth":
                if step.user not in passwords:
                    passwords[step.user] = Secret(_password(step.user, request))
                found.append(step)
            case "secret":
                if step.name not in secrets:
                    secrets[step.name] = _secret(step.name)
                data = secrets[step.name].encode("utf-8", "surrogateescape") + b"\r\n"
                found.append(msgspec.structs.replace(step, word="send", data=data))
            case "content" if not step.data:
                content = stuff(crlf(read.file_octets(step.name)))
                found.append(msgspec.structs.replace(step, data=content))
            case _:
                found.append(step)
    return found, passwords


def _password(user: str, request: WalkRequest) -> str:
    if user == request.auth_user and request.auth_password is not None:
        return request.auth_password
    return read.password(None, user)


def _secret(name: str) -> str:
    value = os.environ.get(f"{SECRET_VARIABLE}{name.upper()}")
    if value is not None:
        return value
    if not sys.stdin.isatty():
        raise BadInput("session.no-secret", name=name, variable=f"{SECRET_VARIABLE}{name.upper()}")
    found: str = click.prompt(name, hide_input=True, err=True, default="", show_default=False)
    return found
