#!/usr/bin/env python3
"""Convert the output manifest of a Ground Truth keypoint job into pre-labels for a new job.

Reads labels of AWS's crowd-keypoint element and of AWS's 2D skeleton component. Writes {file name: [instances]}, which
`create_labeling_job.py --prelabels` takes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from truepoint.groundtruth.manifest import file_name, read_lines
from truepoint.groundtruth.output_line import LabelError, read_label
from truepoint.jobs import command
from truepoint.json_text import DEEPEST_DOCUMENT, JsonError, decode
from truepoint.pose.instance import InstanceError, parse_instances

SHOWN_REASONS = 5


def main(given: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="example:\n  %(prog)s output.manifest --label-attribute my-keypoints --out prelabels.json\n\n"
        "exit codes: 0 done, 2 bad usage or input",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("manifest", type=Path, metavar="FILE", help="the job's output.manifest")
    parser.add_argument("--label-attribute", required=True, metavar="NAME", help="the job's label attribute")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where to write the pre-labels")
    options = parser.parse_args(given)
    return command.run(lambda: convert(options))


def convert(options: argparse.Namespace) -> int:
    """Write the pre-labels, and say what was left out."""
    prelabels: dict[str, list[dict[str, Any]]] = {}
    left_out: Counter[str] = Counter()
    total = 0
    with options.manifest.open("rb") as file:
        for line in read_lines(iter(lambda: file.read(1 << 20), b"")):
            total += 1
            try:
                name, instances = _read(line.text, options.label_attribute)
            except (LabelError, InstanceError) as error:
                left_out[str(error)] += 1
                continue
            if name in prelabels:
                left_out[f"two images have the file name {name!r}; the first one's labels were taken"] += 1
            else:
                prelabels[name] = instances
    for reason, count in left_out.most_common(SHOWN_REASONS):
        print(f"left out {count}: {reason}", file=sys.stderr)
    if not prelabels:
        raise command.UsageError(
            f"expected labels under {options.label_attribute!r} in {options.manifest}, got none in {total} lines"
        )
    options.out.write_text(json.dumps(prelabels, ensure_ascii=False), encoding="utf-8")
    print(f"{options.out}: labels of {len(prelabels)} images; {sum(left_out.values())} of {total} lines left out")
    return command.OK


def _read(text: bytes, attribute: str) -> tuple[str, list[dict[str, Any]]]:
    """Return an image's file name and its instances.

    Raises:
        LabelError, InstanceError: the line has no keypoint label that can be read.
    """
    try:
        record = decode(text, deepest=DEEPEST_DOCUMENT)
    except JsonError as error:
        raise LabelError(f"the line is not JSON: {error}") from error
    if not isinstance(record, dict) or not isinstance(record.get("source-ref"), str):
        raise LabelError("expected an object with source-ref")
    if attribute not in record:
        raise LabelError("the line has no label")
    label = record[attribute]
    if isinstance(label, dict) and isinstance(label.get("keypoints"), list):
        instances: list[Any] = [{"id": "1", "name": "", "annotations": label["keypoints"]}]
    else:
        instances = read_label(label).updated_annotations
    parse_instances(instances)
    return file_name(record["source-ref"]), instances


if __name__ == "__main__":
    sys.exit(main())
