"""The door of `smtplab` and `python -m smtplab`; all else stands behind it."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Ends the process with the contract's exit code."""
    try:
        # What modules are made of is never garbage, and looking for some in it takes a tenth of the start-up;
        # `root` looks again once the command is there.
        gc.disable()
        # Inside the try, for Ctrl-C may come while the modules are still being read.
        from smtplab.cli.root import run  # noqa: PLC0415

        code = run(sys.argv[1:])
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
