#!/usr/bin/env python3
"""Export downloaded results for other tools: what each format can hold arrives unchanged, the rest is counted and said.

Writes OUT/<format>/, and OUT/images.csv: under which name every picture belongs there. docs/exports.md says more.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from truepoint.jobs.exports import FORMATS, export, write_image_list
from truepoint.jobs.exports.finished import ExportError, open_results

OK, BAD_USAGE = 0, 2
EPILOG = """example:
  %(prog)s --results results/people-1 --format yolo,cvat --out exports/people-1

exit codes: 0 done, 2 bad usage or input"""


def main(given: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--results", type=Path, required=True, metavar="DIR", help="what download_results.py has written"
    )
    parser.add_argument(
        "--format", required=True, metavar="NAMES", help=f"one or more, with commas: {', '.join(FORMATS)}"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to put them; made if not there")
    parser.add_argument("--drop-occluded", action="store_true", help="occluded keypoints count as not labelled")
    options = parser.parse_args(given)
    formats = list(dict.fromkeys(options.format.split(",")))
    if unknown := [name for name in formats if name not in FORMATS]:
        parser.error(f"argument --format: expected some of {', '.join(FORMATS)}, got {unknown[0]!r}")
    try:
        return run(options, formats)
    except (ExportError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_USAGE
    except KeyboardInterrupt:
        print("\nstopped; run it again to start anew", file=sys.stderr)
        return BAD_USAGE


def run(options: argparse.Namespace, formats: list[str]) -> int:
    """Write the exports one after the other."""
    job = open_results(options.results, keep_occluded=not options.drop_occluded)
    options.out.mkdir(parents=True, exist_ok=True)
    write_image_list(job, options.out / "images.csv")
    for name in formats:
        # disable=None: no bar where nobody watches it.
        with tqdm(job.images(), total=len(job.files), desc=name, unit="image", leave=False, disable=None) as images:
            notes = export(job, name, options.out, images)
        print(f"{options.out / name}: {len(job.files)} images")
        for note, count in sorted(notes.items()):
            print(f"  note: {note}: {count}")
    return OK


if __name__ == "__main__":
    sys.exit(main())
