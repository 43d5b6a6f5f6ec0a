"""Export to MMPose: COCO files, and `metainfo.py` with the five members that `parse_pose_metainfo` requires.

Format: https://mmpose.readthedocs.io/en/latest/user_guides/dataset_tools.html
"""

from __future__ import annotations

import pprint
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from truepoint.jobs.exports.coco import parts
from truepoint.jobs.exports.finished import DataSet, ExportImage, Notes
from truepoint.pose.skeleton import Skeleton

PLAIN = "#808080"
"""Colour of a keypoint or edge without a usable colour: grey."""


def write(data: DataSet, out: Path, images: Iterable[ExportImage]) -> Notes:
    """Write metainfo.py and annotations.json (annotations_<part>.json for a split set), and copy the pictures."""
    notes: Notes = Notes()
    for part, content in parts(data, images, notes, "", lambda _part: out / "images").items():
        (out / (f"annotations_{part}.json" if part else "annotations.json")).write_bytes(content)
    text = pprint.pformat(dataset_info(data.skeleton, data.name), width=118, sort_dicts=False)
    (out / "metainfo.py").write_text(f"dataset_info = {text}\n", encoding="utf-8")
    return notes


def dataset_info(skeleton: Skeleton, job: str) -> dict[str, Any]:
    """Return the data set's metainfo. Colours are in the order blue, green, red, as in MMPose."""
    return {
        "dataset_name": skeleton.name,
        "paper_info": {"title": f"Truepoint, labelling job {job}"},
        "keypoint_info": {
            i: {"name": k.name, "id": i, "color": _bgr(k.color), "type": "", "swap": k.pair or ""}
            for i, k in enumerate(skeleton.keypoints)
        },
        "skeleton_info": {
            i: {"link": (a, b), "id": i, "color": _bgr(color[0] if color else None)}
            for i, (a, b, *color) in enumerate(skeleton.edges)
        },
        "joint_weights": [1.0] * len(skeleton.keypoints),
        "sigmas": list(skeleton.sigmas),
    }


def _bgr(color: str | None) -> list[int]:
    digits = (color or PLAIN).removeprefix("#")
    digits = "".join(2 * d for d in digits) if len(digits) == 3 else digits
    try:
        red, green, blue = bytes.fromhex(digits)
    except ValueError:  # a CSS colour name, or not a colour: a skeleton may contain any text here
        return _bgr(PLAIN)
    return [blue, green, red]
