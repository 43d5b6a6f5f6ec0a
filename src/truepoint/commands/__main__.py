"""The command `truepoint`, run as `python -m truepoint.commands`."""

import sys

from truepoint.commands.main import main

if __name__ == "__main__":
    sys.exit(main())
