"""Output manifests of made-up jobs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from sample_events import BUCKET
from truepoint.groundtruth.annotation import annotate
from truepoint.pose.sigma_table import sigma_table
from truepoint.pose.skeleton import parse_skeleton

SKELETON = (Path(__file__).parents[1] / "skeletons" / "coco-person.json").read_bytes()
NAMES = parse_skeleton(SKELETON).keypoint_names


def answer(offset: float) -> str:
    """A worker's answer: one person, all keypoints as far off as that to the right."""
    points = [
        {"label": n, "x": 100 + 30 * (i % 2) + offset, "y": 100 + 20.0 * i, "visibility": 2}
        for i, n in enumerate(NAMES)
    ]
    details = {"version": "1.0", "image_width": 800, "image_height": 800, "active_time_in_seconds": 30}
    return json.dumps(
        {"updated_annotations": json.dumps([{"annotations": points}]), "answer_details": json.dumps(details)}
    )


def labeled_lines(job: str, workers: int, images: int) -> list[dict[str, Any]]:
    """A line an image, as post_annotation labelled it."""
    measure = sigma_table(parse_skeleton(SKELETON))
    lines = []
    for n in range(images):
        source = f"s3://{BUCKET}/jobs/{job}/images/{n}.jpg"
        answers = [(f"w{w}", answer((w - 1) * (1 + n % 3))) for w in range(workers)]
        label = annotate(str(n), source, answers, measure)
        metadata = {"type": "groundtruth/custom", "job-name": job}
        lines.append(msgspec.to_builtins({"source-ref": source, "keypoints": label, "keypoints-metadata": metadata}))
    return lines


def text(lines: list[dict[str, Any]], end: bytes = b"\n") -> bytes:
    """The manifest of these lines; the last is without an end."""
    return end.join(msgspec.json.encode(line) for line in lines)
