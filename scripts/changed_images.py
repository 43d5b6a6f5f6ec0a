#!/usr/bin/env python3
"""List the images whose labels differ between two downloaded results, as JSON Lines on standard output.

A consumer that has read earlier results needs to read only these images again.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from truepoint.jobs.changes import changed_images
from truepoint.jobs.exports.finished import ExportError

OK, BAD_USAGE = 0, 2
EPILOG = """example:
  %(prog)s results/people-1 results/people-1-final > changed.jsonl

exit codes: 0 done, 2 bad usage or input"""


def main(given: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("old", type=Path, metavar="OLD", help="earlier results, as download_results.py writes them")
    parser.add_argument("new", type=Path, metavar="NEW", help="later results")
    options = parser.parse_args(given)
    try:
        for image in changed_images(options.old, options.new):
            print(msgspec.json.encode(image).decode())
    except (ExportError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_USAGE
    return OK


if __name__ == "__main__":
    sys.exit(main())
