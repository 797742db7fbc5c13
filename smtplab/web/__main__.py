"""`python -m smtplab.web`: the page's process, as `smtplab serve --web` starts it."""

import sys

from smtplab.web.server import main

if __name__ == "__main__":
    sys.exit(main())
