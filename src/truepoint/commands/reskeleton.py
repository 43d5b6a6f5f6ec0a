"""Map labels to another skeleton: rename, reorder, drop and derive keypoints.

Writes COCO annotations, with raters if there are any. Lists the lost keypoints.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from truepoint.analysis.label_files import read_label_files
from truepoint.analysis.local_run import job_name
from truepoint.analysis.reskeleton import read_rules, write_coco
from truepoint.commands import console
from truepoint.jobs.files import write_whole
from truepoint.jobs.prelabels import Choices

USAGE = "%(prog)s FILE [FILE …] --to SKELETON --out FILE [options]"
EXAMPLE = "%(prog)s a.json --to van.json --out b.json"


def main(given: list[str] | None = None, prog: str | None = None) -> int:
    """Run the command."""
    parser = console.parser(__doc__, USAGE, EXAMPLE, prog)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="labels of any format")
    parser.add_argument("--to", required=True, metavar="S", help="new skeleton: a skeleton file or coco-person")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="COCO annotations to write")
    parser.add_argument("--keypoints", type=Path, metavar="F", help="JSON: {new name: old name, [names] or null}")
    parser.add_argument("--from", dest="old", metavar="S", help="skeleton of the labels; default: from the labels")
    parser.add_argument("--json", action="store_true", help="print the lost keypoints as JSON")
    options = parser.parse_args(given)
    return console.run(lambda: _reskeleton(options), options.out)


def _reskeleton(options: argparse.Namespace) -> int:
    console.check_output(options.out, *options.files, options.keypoints, options.to, options.old)
    chosen = Choices()
    new = console.skeleton(options.to)
    labels = read_label_files(options.files, console.skeleton(options.old) if options.old else None, chosen)
    rules = read_rules(options.keypoints, labels.skeleton, new)
    pieces, losses, notes = write_coco(labels, new, rules, chosen, job_name(options.files[0]))
    write_whole(options.out, b"".join(pieces))
    messages = console.messages(options.out)
    for note in notes:
        print(note, file=sys.stderr)
    if options.json:
        summary = {
            "version": "1.0",
            "out": str(options.out),
            "images": labels.count,
            "rules": rules,
            "dropped": losses.dropped,
            "not_derived": losses.not_derived,
            "never_filled": losses.never_filled,
            "instances_lost": losses.instances,
            "notes": notes,
        }
        print(msgspec.json.encode(summary).decode(), file=messages)
        return console.OK
    for name, sources in rules.items():
        if sources != (name,):
            print(f"{name} ← {'mean of ' if len(sources) > 1 else ''}{', '.join(sources)}", file=messages)
    print("\n".join(losses.lines()) or "no labelled keypoint is lost", file=messages)
    print(f"{options.out}: {labels.count:,} images", file=messages)
    return console.OK
