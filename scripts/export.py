#!/usr/bin/env python3
"""Export downloaded results for other tools: what each format can hold arrives unchanged, the rest is counted and said.

Writes OUT/<format>/, and OUT/images.csv: under which name every picture belongs there. Files that it did not write are
never removed or replaced. docs/exports.md says more.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from truepoint.jobs.exports import FORMATS, PICTURES, check, export, write_image_list
from truepoint.jobs.exports.finished import DataSet, ExportError, data_set
from truepoint.jobs.exports.parts import pictures, split

OK, BAD_USAGE = 0, 2
EPILOG = """example:
  %(prog)s --results results/people-1 --format yolo,coco --out exports/people-1 \\
      --images photos --split train=0.8,val=0.2

exit codes: 0 done, 2 bad usage or input"""


def main(given: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--results", type=Path, required=True, nargs="+", action="extend", metavar="DIR",
        help="what download_results.py has written; several become one set",
    )  # fmt: skip
    parser.add_argument(
        "--format", required=True, metavar="NAMES", help=f"one or more, with commas: {', '.join(FORMATS)}"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to put them; made if not there")
    parser.add_argument(
        "--images", type=Path, metavar="DIR", help=f"copy the pictures from there: {', '.join(sorted(PICTURES))}"
    )
    parser.add_argument(
        "--split", metavar="PARTS", help="train=0.8,val=0.2 (shares), or train=FILE,val=FILE (lists of image names)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the shares' draw (%(default)s)")
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
    """Write the exports one after the other. Everything that can be wrong with the request is checked first."""
    data = data_set(options.results, keep_occluded=not options.drop_occluded)
    check(formats, data.name, options.out)
    if options.split is not None:
        data = replace(data, splits=split(data, options.split, options.seed))
    if options.images is not None:
        data = replace(data, pictures=pictures(data, options.images))
    write_image_list(data, options.out)
    for name in formats:
        # disable=None: no bar where nobody watches it.
        with tqdm(data.images(), total=data.count, desc=name, unit="image", leave=False, disable=None) as images:
            notes = export(data, name, options.out, images)
        print(f"{options.out / name}: {data.count} images{_parts(data)}")
        if data.pictures and name not in PICTURES:
            notes["pictures not copied: the format refers to them"] += data.count
        for note, count in sorted(notes.items()):
            print(f"  note: {note}: {count}")
    return OK


def _parts(data: DataSet) -> str:
    counts = Counter(data.splits.values())
    return f" ({', '.join(f'{counts[part]} {part}' for part in data.split_names)})" if counts else ""


if __name__ == "__main__":
    sys.exit(main())
