#!/usr/bin/env python3
"""Write a model's predictions of a folder of images as pre-labels: `truepoint prelabel`."""

from __future__ import annotations

import sys

from truepoint.commands.prelabel import main

if __name__ == "__main__":
    sys.exit(main())
