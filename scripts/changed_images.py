#!/usr/bin/env python3
"""List the images whose labels differ between two downloaded results: `truepoint changes`."""

from __future__ import annotations

import sys

from truepoint.commands.changes import main

if __name__ == "__main__":
    sys.exit(main())
