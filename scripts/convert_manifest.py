#!/usr/bin/env python3
"""Convert the output manifest of a Ground Truth keypoint job into pre-labels: `truepoint convert`."""

from __future__ import annotations

import sys

from truepoint.commands.convert import main

if __name__ == "__main__":
    sys.exit(main())
