"""Compare the labels in B with the reference labels in A.

For each keypoint, prints the similarity, PCK at a tenth of the longer side, and
errors in percent: jitter (near), inversion (other side), swap (other body), ….
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import msgspec

from truepoint.analysis.comparison import FileComparison, compare_files, table
from truepoint.analysis.label_files import read_label_files
from truepoint.analysis.pictures import PictureFolder
from truepoint.commands import console
from truepoint.formats.names import read_keypoint_names
from truepoint.jobs.prelabels import Choices
from truepoint.pose.similarity import HONEST_TO_TRUTH
from truepoint.statistics.rates import Rate

USAGE = "%(prog)s A B [options]"
EXAMPLE = "%(prog)s gold.json predictions.json"


def main(given: list[str] | None = None, prog: str | None = None) -> int:
    """Run the command."""
    parser = console.parser(__doc__, USAGE, EXAMPLE, prog)
    parser.add_argument("a", type=Path, metavar="A", help="the reference: labels of any format")
    parser.add_argument("b", type=Path, metavar="B", help="labels or predictions to compare with A")
    parser.add_argument("--skeleton", metavar="S", help="skeleton file or coco-person; default: A's")
    parser.add_argument("--keypoint-names", type=Path, metavar="F", help="JSON: {name in B: name in skeleton}")
    parser.add_argument("--rater-a", metavar="ID", help="rater of A to compare, if A has several")
    parser.add_argument("--rater-b", metavar="ID", help="rater of B to compare, if B has several")
    parser.add_argument("--min-score", type=float, metavar="S", help="leave out keypoints of B with a lower score")
    parser.add_argument("--images", type=Path, metavar="DIR", help="images, for formats that do not state their sizes")
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")
    options = parser.parse_args(given)
    if options.min_score is not None and not options.min_score >= 0:
        parser.error(f"argument --min-score: expected a number from 0, got {options.min_score}")
    return console.run(lambda: _compare(options))


def _compare(options: argparse.Namespace) -> int:
    names = read_keypoint_names(options.keypoint_names) if options.keypoint_names else None
    sizes = PictureFolder(options.images).sizes if options.images else dict
    skeleton = console.skeleton(options.skeleton) if options.skeleton else None
    reference = read_label_files([options.a], skeleton, Choices(), sizes)
    chosen = Choices(
        keypoint_names=names, min_score=options.min_score, images=options.a if options.a.is_file() else None
    )
    other = read_label_files([options.b], reference.skeleton, chosen, sizes)
    comparison = compare_files(reference, other, chosen, (options.rater_a, options.rater_b))
    if options.json:
        print(msgspec.json.encode(comparison).decode())
        return console.OK
    for note in comparison.notes:
        print(note, file=sys.stderr)
    print("\n".join([*table(comparison), "", *_summary(comparison)]))
    return console.OK


def _summary(comparison: FileComparison) -> list[str]:
    oks = (
        "none"
        if comparison.oks is None
        else f"{comparison.oks:.3f} (a careful person compared with the true positions: {HONEST_TO_TRUTH:.3f})"
    )
    lines = [
        f"OKS {oks}",
        f"{comparison.images:,} images; {comparison.found:,} instances in both, {comparison.missed.count:,} missed, "
        f"{comparison.added.count:,} added",
    ]
    for threshold, recall in comparison.recall.items():
        lines.append(f"OKS ≥ {threshold}: recall {_share(recall)}, precision {_share(comparison.precision[threshold])}")
    if comparison.only_in_reference or comparison.only_in_other:
        lines.append(
            f"not compared: {comparison.only_in_reference:,} images only in A, {comparison.only_in_other:,} only in B"
        )
    return lines


def _share(value: Rate) -> str:
    return "none" if value.share is None else f"{100 * value.share:.1f} %"
