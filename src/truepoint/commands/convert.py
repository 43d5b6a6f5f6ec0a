"""Convert labels of any format to COCO annotations or pre-labels.

With --label-attribute, reads the output.manifest of a Ground Truth job.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from truepoint.analysis.label_files import EntryReader, read_label_files
from truepoint.analysis.local_run import job_name
from truepoint.analysis.pictures import PictureFolder
from truepoint.analysis.reskeleton import write_coco
from truepoint.commands import console
from truepoint.formats.labels import shown
from truepoint.formats.names import read_keypoint_names
from truepoint.groundtruth.data_object import file_name
from truepoint.groundtruth.manifest import read_lines
from truepoint.groundtruth.output_line import LabelError, read_label
from truepoint.jobs.files import write_whole
from truepoint.jobs.prelabels import Choices
from truepoint.json_text import DEEPEST_DOCUMENT, JsonError, decode
from truepoint.pose.instance import InstanceError, parse_instances

SHOWN_REASONS = 5
ALL_WORKERS = "annotationsFromAllWorkers"
"""Member in which functions without a consolidation, such as AWS's samples, list the answers of the workers."""
USAGE = "%(prog)s FILE --out FILE [options]"
EXAMPLE = "%(prog)s annotations.xml --out labels.json"


def main(given: list[str] | None = None, prog: str | None = None) -> int:
    """Run the command."""
    parser = console.parser(__doc__, USAGE, EXAMPLE, prog)
    parser.add_argument("file", type=Path, metavar="FILE", help="labels, a folder of them, or an output.manifest")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="file to write")
    parser.add_argument("--to", choices=("coco", "prelabels"), help="format; default: coco, for a manifest: prelabels")
    parser.add_argument("--label-attribute", metavar="NAME", help="FILE is an output.manifest with labels of this name")
    parser.add_argument("--skeleton", metavar="S", help="skeleton file or coco-person; default: the labels'")
    parser.add_argument("--keypoint-names", type=Path, metavar="F", help="JSON: {name in labels: name in skeleton}")
    parser.add_argument("--rater", metavar="ID", help="rater whose labels become pre-labels")
    parser.add_argument("--images", type=Path, metavar="DIR", help="images, for formats that do not state their sizes")
    options = parser.parse_args(given)
    if options.label_attribute and options.to == "coco":
        parser.error(
            "argument --to: expected prelabels for an output.manifest, got coco; convert the result in a second step"
        )
    if options.rater is not None and (options.to != "prelabels" or options.label_attribute):
        parser.error("argument --rater: expected only with --to prelabels, because COCO annotations keep every rater")
    for name in ("skeleton", "keypoint_names", "images"):
        if options.label_attribute and getattr(options, name) is not None:
            parser.error(f"argument --{name.replace('_', '-')}: expected only without --label-attribute, got both")
    convert = _convert_manifest if options.label_attribute else _convert
    return console.run(lambda: convert(options), options.out)


def _convert(options: argparse.Namespace) -> int:
    console.check_output(options.out, options.file, options.keypoint_names, options.skeleton)
    names = read_keypoint_names(options.keypoint_names) if options.keypoint_names else None
    chosen = Choices(keypoint_names=names)
    skeleton = console.skeleton(options.skeleton) if options.skeleton else None
    sizes = PictureFolder(options.images).sizes if options.images else dict
    labels = read_label_files([options.file], skeleton, chosen, sizes)
    if options.to == "prelabels":
        raters = [options.rater] if options.rater else labels.raters
        if len(raters) > 1 or (options.rater and options.rater not in labels.raters):
            given = repr(options.rater) if options.rater else shown(labels.raters)
            raise console.InputError(f"{options.file}: --rater: expected one of {shown(labels.raters)}, got {given}")
        reader = EntryReader(labels.files, chosen)
        instances = {entry.name: list(reader.instances(entry).get(raters[0], ())) for entry in labels.entries()}
        write_whole(options.out, msgspec.json.encode(instances))
        notes = reader.report()
    else:
        pieces, losses, notes = write_coco(labels, labels.skeleton, None, chosen, job_name(options.file))
        write_whole(options.out, b"".join(pieces))
        notes += losses.lines()
    for note in notes:
        print(note, file=sys.stderr)
    print(f"{options.out}: labels of {labels.count:,} images", file=console.messages(options.out))
    return console.OK


def _convert_manifest(options: argparse.Namespace) -> int:
    console.check_output(options.out, options.file)
    labels: dict[str, list[Any]] = {}
    left_out: Counter[str] = Counter()
    total = others = 0
    with options.file.open("rb") as file:
        for line in read_lines(iter(lambda: file.read(1 << 20), b"")):
            total += 1
            try:
                source_ref, instances, further = _read(line.text, options.label_attribute)
            except (LabelError, InstanceError) as error:
                left_out[str(error)] += 1
                continue
            if source_ref in labels:
                left_out[f"two lines have the image {source_ref!r}; only the first one's labels are used"] += 1
            else:
                labels[source_ref] = instances
                others += further
    if others:
        print(
            f"left out {others} answers of further workers: pre-labels have one answer for each image", file=sys.stderr
        )
    for reason, count in left_out.most_common(SHOWN_REASONS):
        print(f"left out {count}: {reason}", file=sys.stderr)
    if not labels:
        raise console.InputError(
            f"expected labels under {options.label_attribute!r} in {options.file}, got none in {total} lines"
        )
    # Images of one name in several folders keep their URIs, which are matched by the last folders.
    counts = Counter(map(file_name, labels))
    by_name = {file_name(ref) if counts[file_name(ref)] == 1 else ref: entry for ref, entry in labels.items()}
    write_whole(options.out, msgspec.json.encode(by_name))
    omitted = f"{sum(left_out.values())} of {total} lines left out"
    print(f"{options.out}: labels of {len(labels)} images; {omitted}", file=console.messages(options.out))
    return console.OK


def _read(text: bytes, attribute: str) -> tuple[str, list[dict[str, Any]], int]:
    """Return an image's `source-ref`, the instances of its first answer, and the number of further answers.

    Raises:
        LabelError, InstanceError: the line has no readable keypoint label.
    """
    try:
        record = decode(text, deepest=DEEPEST_DOCUMENT)
    except JsonError as error:
        raise LabelError(f"the line is not JSON: {error}") from error
    if not isinstance(record, dict) or not isinstance(record.get("source-ref"), str):
        raise LabelError("expected an object with source-ref")
    if attribute not in record:
        raise LabelError(f"expected a label under {attribute!r}, got none")
    label, further = _first_answer(record[attribute])
    points = None if isinstance(label, dict) and "updated_annotations" in label else _crowd_keypoints(label)
    instances: list[Any] = (
        read_label(label).updated_annotations if points is None else [{"id": "1", "name": "", "annotations": points}]
    )
    parse_instances(instances)
    return record["source-ref"], instances, further


def _first_answer(label: Any) -> tuple[Any, int]:
    """Return the first worker's answer in a label that lists several, and the number of the others.

    Raises:
        LabelError: the list is malformed.
    """
    if not isinstance(label, dict) or ALL_WORKERS not in label:
        return label, 0
    try:
        first, *others = label[ALL_WORKERS]
        return decode(first["annotationData"]["content"].encode(), deepest=DEEPEST_DOCUMENT), len(others)
    except (AttributeError, JsonError, KeyError, TypeError, ValueError) as error:
        raise LabelError(f"expected answers of workers in {ALL_WORKERS}, got something else") from error


def _crowd_keypoints(answer: Any) -> list[Any] | None:
    """Return the keypoints of `crowd-keypoint` in an answer; None if there are none.

    They are in the answer itself, or in a member that has the element's name.
    """
    if not isinstance(answer, dict):
        return None
    if isinstance(own := answer.get("keypoints"), list):
        return own
    return next((points for member in answer.values() if (points := _crowd_keypoints(member)) is not None), None)
