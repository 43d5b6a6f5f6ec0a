"""Measure how well raters agree, and find labels that are probably wrong.

Reads labels of any format, in one file with raters or in one file per rater.
Writes the results of a finished job: consensus, sigmas, agreement, report.html.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import msgspec

from truepoint.analysis.local_run import Analysis, Request, analyze
from truepoint.commands import console
from truepoint.formats.names import read_keypoint_names
from truepoint.jobs.prelabels import Choices
from truepoint.keys import JOB_NAME

USAGE = "%(prog)s FILE [FILE …] --out DIR [options]"
EXAMPLE = "%(prog)s ann.json bob.json eve.json --out analysis"


def main(given: list[str] | None = None, prog: str | None = None) -> int:
    """Run the command."""
    parser = console.parser(__doc__, USAGE, EXAMPLE, prog)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="labels, a folder of them, or results")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="folder of the results; replaces an earlier analysis"
    )
    parser.add_argument("--skeleton", metavar="S", help="skeleton file or coco-person; default: the labels'")
    parser.add_argument("--keypoint-names", type=Path, metavar="F", help="JSON: {name in labels: name in skeleton}")
    parser.add_argument("--min-score", type=float, metavar="S", help="leave out keypoints with a lower score")
    parser.add_argument("--images", type=Path, metavar="DIR", help="show thumbnails of these images in the report")
    parser.add_argument("--predictions", type=Path, metavar="F", help="predictions of a model, used as an extra rater")
    parser.add_argument("--name", help="name of the results; default: the first file's")
    parser.add_argument("--processes", type=int, metavar="N", help="number of processes; default: number of cores")
    parser.add_argument("--json", action="store_true", help="print a summary as JSON")
    options = parser.parse_args(given)
    if options.processes is not None and options.processes < 1:
        parser.error(f"argument --processes: expected a number from 1, got {options.processes}")
    if options.min_score is not None and not options.min_score >= 0:
        parser.error(f"argument --min-score: expected a number from 0, got {options.min_score}")
    if options.name is not None and not JOB_NAME.fullmatch(options.name):
        parser.error(f"argument --name: expected letters, digits and hyphens, at most 63, got {options.name!r}")
    return console.run(lambda: _analyze(options))


def _analyze(options: argparse.Namespace) -> int:
    names = read_keypoint_names(options.keypoint_names) if options.keypoint_names else None
    request = Request(
        paths=options.files,
        out=options.out,
        skeleton=console.skeleton(options.skeleton) if options.skeleton else None,
        name=options.name,
        images=options.images,
        chosen=Choices(keypoint_names=names, min_score=options.min_score),
        processes=options.processes or 0,
        predictions=options.predictions,
    )
    progress = console.Progress()
    try:
        analysis = analyze(request, progress)
    finally:
        progress.close()
    for note in analysis.notes:
        print(note, file=sys.stderr)
    print(msgspec.json.encode(summary(analysis)).decode() if options.json else text(analysis))
    return console.OK


def summary(analysis: Analysis) -> dict[str, Any]:
    """Return the summary of an analysis for programs."""
    quality = analysis.quality
    agreement = quality.agreement
    return {
        "version": "1.0",
        "out": str(analysis.out),
        "images": quality.lines,
        "written": quality.written,
        "rejected": quality.rejected,
        "unlabeled": quality.unlabeled,
        "instances": quality.instances,
        "raters": analysis.raters,
        "keypoints": [keypoint.name for keypoint in quality.keypoints],
        "agreement": None
        if agreement is None
        else {"images": agreement.images, "oks": agreement.oks, "relative": agreement.relative},
        "sigmas": quality.sigmas,
        "workers": [
            {"worker_id": w.worker_id, "instances": w.instances, "relative": w.against_others.relative, "rank": w.rank}
            for w in analysis.workers.workers
        ],
        "suspicious_images": analysis.suspicious,
        "predicted_instances": analysis.predicted,
        "notes": analysis.notes,
    }


def text(analysis: Analysis) -> str:
    """Return the summary of an analysis for people."""
    quality = analysis.quality
    counted = (
        console.count(quality.written, "image"),
        f"{console.count(quality.instances, 'instance')} in the result",
        console.count(len(analysis.raters), "rater"),
    )
    lines = [", ".join(counted)]
    if quality.rejected:
        lines.append(f"rejected: {console.count(quality.rejected, 'image')} (see rejected.jsonl)")
    if quality.agreement is not None and quality.agreement.relative is not None:
        lines.append(f"Raters agree {100 * quality.agreement.relative:.0f} % as well as two careful people would.")
    else:
        lines.append("No image has labels of two raters, so agreement cannot be measured.")
    measured = [s for s in quality.sigmas if s.measured]
    if measured:
        lines.append(f"Sigmas were measured for {len(measured)} of {len(quality.sigmas)} keypoints (see quality.json).")
    lines.append(f"{console.count(analysis.suspicious, 'image')} may contain a label error (see suspicious.jsonl).")
    lines.append(f"Report: {analysis.out / 'report.html'}")
    return "\n".join(lines)
