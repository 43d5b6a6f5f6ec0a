"""Text on a terminal."""

from __future__ import annotations

import io
import sys


def print_any_text() -> None:
    """Have `print` replace characters that the terminal's encoding lacks, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
