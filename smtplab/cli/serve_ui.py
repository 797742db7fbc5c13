"""The inbox on the screen: of a server that runs beside it (`serve --ui`), or of what was received (`inbox` alone)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from smtplab.lab.bad_input import BadInput
from smtplab.lab.exits import DONE, INTERRUPTED
from smtplab.view.texts import Texts

if TYPE_CHECKING:
    from smtplab.lab.serve_request import ServeRequest


def check_ui(*, as_json: bool, web: bool) -> None:
    """Raises BadInput where no screen can be opened, or another one is wanted too."""
    if web:
        raise BadInput("cli.not-both", option="--ui", other="--web")
    if as_json:
        raise BadInput("cli.not-both", option="--ui", other="--json")
    if not is_terminal():
        raise BadInput("serve.ui-needs-terminal")


def is_terminal() -> bool:
    """Is a person at both ends?"""
    return sys.stdin.isatty() and sys.stdout.isatty()


def serve_in_ui(request: ServeRequest, texts: Texts) -> int:
    """The exit code: what the server ended with where it could not serve at all. Raises BadInput."""
    from smtplab.lab.served import Served  # noqa: PLC0415 - only where it is served
    from smtplab.ui.app import run_inbox  # noqa: PLC0415 - Textual takes 0.3 s to import

    served = Served()
    served.start(request)
    served.wait_until_ready()
    if served.refusal is not None:
        refusal = served.refusal
        served.stop()
        raise refusal
    left = run_inbox(language=texts.language, captures=request.home / "captures", served=served)
    return DONE if left else INTERRUPTED


def show_inbox(home: Path, texts: Texts) -> int:
    """What was received, on the screen."""
    from smtplab.ui.app import run_inbox  # noqa: PLC0415 - as above

    left = run_inbox(language=texts.language, captures=home / "captures")
    return DONE if left else INTERRUPTED
