"""Write results in the formats of other tools.

Prints the number of labels that a format cannot hold.
OUT/images.csv contains the exported name of each image.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from truepoint.commands import console
from truepoint.formats.labels import shown
from truepoint.jobs.exports import FORMATS, PICTURES, check, export, write_image_list
from truepoint.jobs.exports.finished import DataSet, data_set
from truepoint.jobs.exports.parts import pictures, split

USAGE = "%(prog)s --results DIR … --format NAMES --out DIR [options]"
EXAMPLE = "%(prog)s --results analysis --format yolo,coco --out exports"


def main(given: list[str] | None = None, prog: str | None = None) -> int:
    """Run the command."""
    parser = console.parser(__doc__, USAGE, EXAMPLE, prog)
    parser.add_argument(
        "--results", type=Path, required=True, nargs="+", action="extend", metavar="DIR",
        help="results of a job or an analysis; several become one set",
    )  # fmt: skip
    parser.add_argument(
        "--format", required=True, metavar="NAMES", help=f"one or more, with commas: {', '.join(FORMATS)}"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder of the exports; created if missing"
    )
    parser.add_argument("--images", type=Path, metavar="DIR", help="copy these images, if the format has images")
    parser.add_argument("--split", metavar="PARTS", help="train=0.8,val=0.2, or train=FILE,val=FILE (image names)")
    parser.add_argument("--seed", type=int, default=0, help="random seed of the split (%(default)s)")
    parser.add_argument("--drop-occluded", action="store_true", help="export occluded keypoints as not labelled")
    options = parser.parse_args(given)
    formats = list(dict.fromkeys(options.format.split(",")))
    if unknown := [name for name in formats if name not in FORMATS]:
        parser.error(f"argument --format: expected some of {', '.join(FORMATS)}, got {unknown[0]!r}")
    return console.run(lambda: run(options, formats), if_stopped=console.INCOMPLETE)


def run(options: argparse.Namespace, formats: list[str]) -> int:
    """Write the exports one after another, after checking the whole request."""
    data = data_set(options.results, keep_occluded=not options.drop_occluded)
    check(formats, data.name, options.out)
    if options.split is not None:
        splits, unknown = split(data, options.split, options.seed)
        data = replace(data, splits=splits)
        if unknown:
            print(f"note: --split: {len(unknown)} names in the lists match no image: {shown(unknown)}")
    if options.images is not None:
        data = replace(data, pictures=pictures(data, options.images))
    write_image_list(data, options.out)
    for name in formats:
        # disable=None: no bar if standard error is not a terminal.
        with tqdm(data.images(), total=data.count, desc=name, unit="image", leave=False, disable=None) as images:
            notes = export(data, name, options.out, images)
        print(f"{options.out / name}: {data.count} images{_parts(data)}")
        if data.pictures and name not in PICTURES:
            notes["images not copied, because the format only refers to them"] += data.count
        for note, count in sorted(notes.items()):
            print(f"  note: {note}: {count}")
    return console.OK


def _parts(data: DataSet) -> str:
    counts = Counter(data.splits.values())
    return f" ({', '.join(f'{counts[part]} {part}' for part in data.split_names)})" if counts else ""
