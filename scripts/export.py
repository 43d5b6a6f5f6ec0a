#!/usr/bin/env python3
"""Export downloaded results for other tools: `truepoint export`."""

from __future__ import annotations

import sys

from truepoint.commands.export import main

if __name__ == "__main__":
    sys.exit(main())
