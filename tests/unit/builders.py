"""Lines of output manifests, as Ground Truth writes them."""

from __future__ import annotations

import json
from typing import Any

from truepoint.groundtruth.manifest import Line
from truepoint.groundtruth.output_line import Labeled, NotLabeled, read_line

ATTRIBUTE = "keypoints"
SOURCE = "s3://bucket-name/jobs/people/images/a.jpg"


def label(instances: list[Any], **changed: Any) -> dict[str, Any]:
    """A label as post_annotation writes it."""
    worker = {"worker_id": "w1", "usable": True, "total_time_in_seconds": 10.0}
    return {
        "dataset_object_id": "0", "data_object_s3_uri": SOURCE, "image_file_name": "a.jpg", "image_s3_location": SOURCE,
        "original_annotations": [], "updated_annotations": instances, "worker_id": "w1", "no_changes_needed": False,
        "was_modified": True, "total_time_in_seconds": 10.0, "version": "1.0", "valid": True, "reason": None,
        "image_width": 640, "image_height": 480, "workers": [worker], "below_quorum": [],
    } | changed  # fmt: skip


def record(labeled: Any = None, source: str = SOURCE, **extra: Any) -> dict[str, Any]:
    """A line's object; without a label it is one that nobody reached."""
    if labeled is not None:
        extra |= {
            ATTRIBUTE: labeled,
            f"{ATTRIBUTE}-metadata": {"type": "groundtruth/custom", "job-name": "people", "human-annotated": "yes"},
        }
    return {"source-ref": source} | extra


def outcome(value: Any, number: int = 0, fetch: Any = lambda _uri: b"") -> Labeled | NotLabeled:
    """What becomes of a line that holds `value`."""
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return read_line(Line(number, text, len(text)), ATTRIBUTE, fetch)


def keypoint(name: str, x: float, y: float, visibility: int = 2) -> dict[str, Any]:
    """A keypoint as a page submits it."""
    return {"label": name, "x": x, "y": y, "visibility": visibility}
