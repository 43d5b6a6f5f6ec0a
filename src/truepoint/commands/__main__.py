"""`python -m truepoint.commands` is the command `truepoint`."""

import sys

from truepoint.commands.main import main

if __name__ == "__main__":
    sys.exit(main())
