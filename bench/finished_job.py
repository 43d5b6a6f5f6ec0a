"""A simulated finished job for the benches: an output manifest of any length, with post_annotation's labels."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
from measured import ATTRIBUTE, BUCKET, NAME, NUMBER
from people import NAMES, labelled, person

from truepoint.groundtruth.annotation import annotate
from truepoint.pose.sigma_table import sigma_table
from truepoint.pose.skeleton import parse_skeleton

SKELETON = (Path(__file__).parents[1] / "skeletons" / "coco-person.json").read_bytes()
WIDTH, HEIGHT = 1920, 1080
"""Size of the images, in pixels."""
DIFFERENT = 500
"""Number of different labels. The lines of a longer job repeat them with other image names."""


def lines(count: int, workers: int = 1, instances: int = 2, keypoints: int = 17) -> Iterator[bytes]:
    """Yield the lines of a manifest.

    Args:
        count: number of lines.
        workers: number of workers for each image.
        instances: number of people in each image.
        keypoints: maximum number of keypoints per person.
    """
    manifest_lines = texts(workers, instances, keypoints)
    for number in range(count):
        yield manifest_lines[number % len(manifest_lines)].replace(NUMBER, b"%07d" % number)


def answers(rng: np.random.Generator, workers: int, instances: int, keypoints: int = 17) -> list[tuple[str, str]]:
    """Return each worker's id and answer for one image: the same people, with independent scatter."""
    people = [person(rng) for _ in range(instances)]
    corners = [rng.uniform((0, 0), (WIDTH - 600, HEIGHT - 600)) for _ in people]
    answers_of_workers = []
    for worker in range(workers):
        marked = []
        for who, corner in zip(people, corners, strict=True):
            places = np.clip(labelled(rng, who) - who.places.min(axis=0) + corner, 0, (WIDTH, HEIGHT)).round(2)
            named = zip(NAMES, places.tolist(), who.visibility.tolist(), strict=True)
            points = [{"label": name, "x": x, "y": y, "visibility": v} for name, (x, y), v in named if v][:keypoints]
            marked.append({"id": f"n{len(marked) + 1}", "name": "", "annotations": points})
        details = {"version": "1.0", "image_width": WIDTH, "image_height": HEIGHT, "active_time_in_seconds": 21.5}
        fields = {"updated_annotations": json.dumps(marked), "original_annotations": "[]"}
        fields |= {"total_time_in_seconds": "27", "answer_details": json.dumps(details)}
        answers_of_workers.append((f"private.us-east-1.{worker:08x}", json.dumps(fields)))
    return answers_of_workers


@cache
def texts(workers: int, instances: int, keypoints: int) -> list[bytes]:
    """Return the text of DIFFERENT lines, in which `NUMBER` stands for the line's number."""
    rng = np.random.default_rng(1)
    measure = sigma_table(parse_skeleton(SKELETON))
    number = NUMBER.decode()
    uri = f"s3://{BUCKET}/jobs/{NAME}/images/{number}.jpg"
    metadata = {"type": "groundtruth/custom", "job-name": NAME, "human-annotated": "yes"}
    metadata |= {"creation-date": "2026-11-23T09:00:00.000000"}
    encoded = []
    for _ in range(DIFFERENT):
        label = annotate(number, uri, answers(rng, workers, instances, keypoints), measure)
        line = {"source-ref": uri, ATTRIBUTE: msgspec.to_builtins(label), f"{ATTRIBUTE}-metadata": metadata}
        encoded.append(json.dumps(line).encode() + b"\n")
    return encoded
