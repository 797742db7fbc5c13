"""The inbox on the screen: of a server that runs beside it (`serve --ui`), or of what was received (`inbox` alone)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from smtplab.lab.bad_input import BadInput
from smtplab.lab.exits import DONE, INTERRUPTED
from smtplab.view.texts import Texts

if TYPE_CHECKING:
    from smtplab.cli.serve_web import WebPage
    from smtplab.lab.serve_request import ServeRequest


_PROGRAM: Final = "import sys; from smtplab.cli.serve_ui import child; sys.exit(child())"


def check_ui(*, as_json: bool, discard: bool) -> None:
    """Raises BadInput where no screen can be opened, or there would be nothing on it."""
    if as_json or discard:
        raise BadInput("cli.not-both", option="--ui", other="--json" if as_json else "--discard")
    if not is_terminal():
        raise BadInput("serve.ui-needs-terminal")


def is_terminal() -> bool:
    """Is a person at both ends?"""
    return sys.stdin.isatty() and sys.stdout.isatty()


def serve_in_ui(request: ServeRequest, page: WebPage | None, texts: Texts) -> int:
    """The exit code: what the server ended with where it could not serve at all. Raises BadInput."""
    from smtplab.lab.served import Served  # noqa: PLC0415 - only where it is served
    from smtplab.ui.start import run_inbox  # noqa: PLC0415 - Textual takes 0.3 s to import

    served = Served()
    if page is None:
        served.start(request)
    else:
        served.token = page.told_token or ""
        served.start(request, program=_PROGRAM, beside=page.as_values())
    served.wait_until_ready()
    if served.refusal is not None:
        refusal = served.refusal
        served.stop()
        raise refusal
    left = run_inbox(language=texts.language, captures=request.home / "captures", served=served)
    return DONE if left else INTERRUPTED


def child() -> int:
    """In the server's process, where a page in the browser stands beside it."""
    from smtplab.cli.serve_web import page_from  # noqa: PLC0415 - only in that process
    from smtplab.lab.served import child as serve_child  # noqa: PLC0415 - likewise

    return serve_child(lambda values: (page_from(values).beside,))


def show_inbox(home: Path, texts: Texts) -> int:
    """What was received, on the screen."""
    from smtplab.ui.start import run_inbox  # noqa: PLC0415 - as above

    left = run_inbox(language=texts.language, captures=home / "captures")
    return DONE if left else INTERRUPTED
