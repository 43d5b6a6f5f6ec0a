"""A small job with a line of every kind, and the accounting of its results from the files themselves."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from truepoint.groundtruth.annotation import annotate
from truepoint.groundtruth.job import LabelingJob
from truepoint.pose.sigma_table import sigma_table
from truepoint.pose.skeleton import parse_skeleton

BUCKET = "truepoint-faults"
MANIFEST = "output/people/manifests/output/output.manifest"
LARGE = "output/people/annotations/consolidated-annotation/large/"
RESULTS = "results/people/"
MARKER = RESULTS + "results.json"
JOB = LabelingJob(
    name="people", arn="arn:aws:sagemaker:us-east-1:123456789012:labeling-job/people", status="Completed",
    label_attribute_name="keypoints", output_manifest_uri=f"s3://{BUCKET}/{MANIFEST}", workers_per_object=2,
)  # fmt: skip
SKELETON = (Path(__file__).parents[2] / "skeletons" / "coco-person.json").read_bytes()

State = dict[str, bytes]


def answer(offset: float) -> str:
    """A worker's answer: one person, `offset` pixels to the right."""
    names = parse_skeleton(SKELETON).keypoint_names
    points = [
        {"label": n, "x": 100 + 30 * (i % 2) + offset, "y": 100 + 20.0 * i, "visibility": 1 + (i % 3 > 0)}
        for i, n in enumerate(names)
    ]
    details = {"version": "1.0", "image_width": 800, "image_height": 800, "active_time_in_seconds": 30}
    fields = {"updated_annotations": json.dumps([{"annotations": points}]), "answer_details": json.dumps(details)}
    return json.dumps(fields | {"total_time_in_seconds": "31"})


def bucket_of_job(lines: int, shift: float = 0.0, names: str = "image") -> State:
    """The bucket as Ground Truth leaves it. Of eight lines five are labelled (one of them by reference, one by a single
    worker), one failed, one was not reached, one is no JSON."""
    measure = sigma_table(parse_skeleton(SKELETON))
    objects = {"jobs/people/skeleton.json": SKELETON}
    written = []
    for n in range(lines):
        source = f"s3://{BUCKET}/jobs/people/images/{names}-{n}.jpg"
        line: dict[str, Any] = {"source-ref": source}
        if n % 8 == 5:
            line["keypoints-metadata"] = {"failure-reason": "ClientError: expired", "job-name": "people"}
        elif n % 8 != 6:
            workers = [(f"w{w}", answer(shift + w * (1 + n % 3))) for w in range(1 if n % 8 == 4 else 2)]
            label: Any = annotate(str(n), source, workers, measure)
            if n % 8 == 3:
                objects[f"{LARGE}{n}.json"] = msgspec.json.encode(label)
                uri = f"s3://{BUCKET}/{LARGE}{n}.json"
                label = {"dataset_object_id": str(n), "annotation_s3_uri": uri, "version": "1.0"}
            line |= {"keypoints": label, "keypoints-metadata": {"type": "groundtruth/custom", "job-name": "people"}}
        written.append(b'{"source-ref": ' if n % 8 == 7 else msgspec.json.encode(line))
    return objects | {MANIFEST: b"\n".join(written) + b"\n"}


def results_of(state: State) -> State:
    """The job's results in a bucket."""
    return {key: body for key, body in state.items() if key.startswith(RESULTS)}


class Records(NamedTuple):
    """What became of a manifest's lines, counted in the results' own files."""

    lost: int
    duplicated: int


def account(state: State) -> Records:
    """How many lines have no place in the results, and how many have more than one; in the combined files too."""
    lines = {n for n, text in enumerate(state[MANIFEST].splitlines()) if text.strip()}
    folder = f"{RESULTS}annotations/"
    annotated = Counter(json.loads(body)["line"] for key, body in state.items() if key.startswith(folder))
    rejected = Counter(json.loads(text)["line"] for text in state[f"{RESULTS}rejected.jsonl"].splitlines())
    lost, duplicated = _compare(annotated + rejected, lines)
    for name in ("coco", "coco_workers"):
        images = Counter(image["id"] - 1 for image in json.loads(state[f"{RESULTS}{name}.json"])["images"])
        missing, more = _compare(images, set(annotated))
        lost, duplicated = lost + missing, duplicated + more
    for name in ("results", "quality"):
        told = json.loads(state[f"{RESULTS}{name}.json"])
        counted = (told["lines"], told["written"], told["rejected"] + told["failed"] + told["unlabeled"])
        assert counted == (len(lines), len(annotated), len(rejected)), f"{name}.json counts {counted}"
    return Records(lost, duplicated)


def _compare(found: Counter[int], expected: set[int]) -> tuple[int, int]:
    """How many are not found, and how many are found that should not be, or not again."""
    right = len(expected & set(found))
    return len(expected) - right, found.total() - right
