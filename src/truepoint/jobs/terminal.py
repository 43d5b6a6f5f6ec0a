"""Output of text to a terminal with any encoding."""

from __future__ import annotations

import io
import sys


def print_any_text() -> None:
    """Make `print` replace characters that the terminal's encoding lacks; otherwise `print` would raise an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
