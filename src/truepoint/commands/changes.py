"""List the images whose labels differ between two results, as JSON Lines.

A program that has read the earlier results needs to read only these images.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from truepoint.commands import console
from truepoint.jobs.changes import changed_images

USAGE = "%(prog)s OLD NEW"
EXAMPLE = "%(prog)s results/people-1 results/people-1-final"


def main(given: list[str] | None = None, prog: str | None = None) -> int:
    """Run the command."""
    parser = console.parser(__doc__, USAGE, EXAMPLE, prog)
    parser.add_argument("old", type=Path, metavar="OLD", help="folder of earlier results (download_results.py)")
    parser.add_argument("new", type=Path, metavar="NEW", help="folder of later results")
    options = parser.parse_args(given)
    return console.run(lambda: _changes(options.old, options.new))


def _changes(old: Path, new: Path) -> int:
    for image in changed_images(old, new):
        print(msgspec.json.encode(image).decode())
    return console.OK
