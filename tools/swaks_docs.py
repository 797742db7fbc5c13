# ruff: noqa: INP001 - a script, no part of a package
"""Writes docs/swaks.md from the table in smtplab/cli/swaks.py.

python tools/swaks_docs.py
"""

from __future__ import annotations

from pathlib import Path

from smtplab.cli.swaks import SWAKS_OPTIONS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "swaks.md"

HEAD = """\
# swaks' options in `smtplab send`

Made by `tools/swaks_docs.py` from the table in `smtplab/cli/swaks.py`; change that one. Its options are those of swaks
v20240103; the dialogues are compared with Debian's version in `tests/peers/test_send_and_swaks.py`. Either dash works
with every name, a `no-` prefix forgets an option that was given before, and options are read from the file, then from
the environment, then from the command line, all as in swaks.

The transcript has swaks' marks. What differs:

- MAIL carries SIZE and BODY where the server announced them. STARTTLS is used where it is offered (`--tls none` for
  swaks' way). With `--pipeline` DATA waits for the replies to RCPT. No QUIT follows a 421, and no empty line is added
  to a `--data` that ends in one already.
- AUTH responses show as `***`, and each message of an exchange is shown decoded, secrets masked.
- `<**` marks a reply that refuses; swaks marks every code but the one it hoped for.
- Nothing but a password is ever asked for: an option without the value that it needs is an error.
- The exit code is 1 or 75 where a recipient was refused for good or for now, though others were accepted;
  `--swaks-exit-codes` counts as swaks does, but what can't be read as an option is always 2.

| swaks | here | |
|---|---|---|
"""


def page() -> str:
    """The whole of docs/swaks.md."""
    rows = []
    for option in SWAKS_OPTIONS:
        here = {"same": "same", "renamed": f"`{option.ours}`", "left out": "left out"}[option.fate]
        names = ", ".join(f"`{name}`" for name in option.swaks.split(", "))
        rows.append(f"| {names} | {here} | {option.why} |\n")
    return HEAD + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
