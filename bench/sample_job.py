"""Simulate a finished job, compute its results with an S3 emulator in this process, and keep the results.

Five workers label people in random poses: two careful workers, one with three times the scatter, one who sometimes
swaps left and right, one who overlooks keypoints and whole people. Some images failed, some were reported as broken,
some have no answer. The same seed gives the same results.

Example:
    python bench/sample_job.py --images 240 --out .sample        # or: make report-sample
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import boto3
import msgspec
from moto.server import ThreadedMotoServer

from truepoint.adapters.bucket import Bucket
from truepoint.groundtruth.annotation import annotate
from truepoint.groundtruth.job import LabelingJob
from truepoint.jobs.results import download_results
from truepoint.pose.sigma_table import sigma_table
from truepoint.pose.skeleton import Skeleton, parse_skeleton
from truepoint.runs.completion import complete

BUCKET, JOB, ATTRIBUTE = "truepoint-sample", "sample-people", "keypoints"
ROOT = Path(__file__).parents[1]
SKELETON = (ROOT / "skeletons" / "coco-person.json").read_bytes()
TURNING = {
    "left_shoulder": ("left_elbow", "left_wrist"),
    "right_shoulder": ("right_elbow", "right_wrist"),
    "left_elbow": ("left_wrist",),
    "right_elbow": ("right_wrist",),
    "left_hip": ("left_knee", "left_ankle"),
    "right_hip": ("right_knee", "right_ankle"),
    "left_knee": ("left_ankle",),
    "right_knee": ("right_ankle",),
}
"""Joint to the keypoints that move when it bends."""
Pose = dict[str, tuple[float, float, int]]


@dataclass(frozen=True)
class Worker:
    """A simulated worker.

    Attributes:
        name: the worker's id.
        scatter: standard deviation of keypoints, in sigmas.
        swap: rate of swapped sides.
        miss: probability, per keypoint, that it is left out.
        absent: probability, per person, that the person is overlooked.
        seconds: median time for an empty image, and for each instance in addition.
    """

    name: str
    scatter: float = 1.0
    swap: float = 0.0
    miss: float = 0.01
    absent: float = 0.0
    seconds: float = 14.0


WORKERS = (
    Worker("private.us-east-1.0a1b2c3d", 0.9, seconds=21),
    Worker("private.us-east-1.1f6e5d4c"),
    Worker("private.us-east-1.2b9c8d7e", 3.0, swap=0.01, miss=0.03, seconds=6),
    Worker("private.us-east-1.3d2c1b0a", 1.1, swap=0.08),
    Worker("private.us-east-1.4e5f6a7b", 1.0, miss=0.09, absent=0.12),
)


def main(given: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path(".sample"), metavar="DIR", help="default: %(default)s")
    parser.add_argument("--images", type=int, default=240, metavar="N", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="default: %(default)s")
    options = parser.parse_args(given)
    manifest = b"".join(lines(options.images, options.seed))
    seconds = completed(manifest, options.out)
    print(f"{options.images} images, completion {seconds:.2f} s: open {options.out / 'report.html'}")
    return 0


def lines(count: int, seed: int) -> Iterator[bytes]:
    """Yield the lines of the output manifest."""
    rng = Random(seed)  # noqa: S311
    skeleton = parse_skeleton(SKELETON)
    for number in range(count):
        uri = f"s3://{BUCKET}/jobs/{JOB}/images/{number:04}.jpg"
        yield json.dumps({"source-ref": uri} | _labels(number, uri, skeleton, rng)).encode() + b"\n"


def _labels(number: int, uri: str, skeleton: Skeleton, rng: Random) -> dict[str, Any]:
    day = 17 + number // 100
    metadata = {"type": "groundtruth/custom", "job-name": JOB, "human-annotated": "yes"}
    metadata |= {"creation-date": f"2026-11-{day}T09:{number % 60:02}:00.000000"}
    if number % 53 == 7:
        return {}  # no answer
    if number % 61 == 11:
        return {f"{ATTRIBUTE}-metadata": metadata | {"failure-reason": "ClientError: Annotation tasks expired."}}
    width, height = rng.choice(((1920, 1080), (1280, 960), (1080, 1350)))
    people = [_person(skeleton, width, height, rng) for _ in range(rng.choice((0, 1, 1, 1, 2, 2, 3)))]
    answers = [(worker.name, _answer(worker, people, skeleton, (width, height), rng)) for worker in WORKERS]
    if number % 67 == 13:
        broken = json.dumps({"version": "1.0", "problem": "the image did not load"})
        answers = [(name, fields | {"answer_details": broken}) for name, fields in answers]
    annotation = annotate(str(number), uri, answers, sigma_table(skeleton))
    return {ATTRIBUTE: msgspec.to_builtins(annotation), f"{ATTRIBUTE}-metadata": metadata}


def _person(skeleton: Skeleton, width: int, height: int, rng: Random) -> Pose:
    positions = {k.name: complex(*k.template) for k in skeleton.keypoints if k.template}
    for joint, moved in TURNING.items():
        turn = math.radians(rng.gauss(0, 28))
        for name in moved:
            positions[name] = positions[joint] + (positions[name] - positions[joint]) * complex(
                math.cos(turn), math.sin(turn)
            )
    tall = rng.uniform(0.25, 0.9) * height
    facing = rng.choice((1, 1, -0.6, 0.35, -1))
    left, top = rng.uniform(0.1, 0.7) * width, rng.uniform(0.02, 0.95 - tall / height) * height
    hidden = {name for name in positions if rng.random() < 0.08}
    if facing < 0:  # seen from behind
        hidden |= {name for name in positions if name.endswith(("nose", "eye"))}
    pose = {}
    for name, position in positions.items():
        x, y = left + (facing * (position.real - 62) + 62) * tall / 400, top + position.imag * tall / 400
        pose[name] = (min(max(x, 1.0), width - 1), min(max(y, 1.0), height - 1), 1 if name in hidden else 2)
    return pose


def _answer(
    worker: Worker, people: list[Pose], skeleton: Skeleton, size: tuple[int, int], rng: Random
) -> dict[str, Any]:
    labels = [_labelled_person(worker, person, skeleton, rng) for person in people if rng.random() >= worker.absent]
    for keypoint in (k for instance in labels for k in instance["annotations"]):  # clicks outside are impossible
        keypoint["x"], keypoint["y"] = min(max(keypoint["x"], 0), size[0]), min(max(keypoint["y"], 0), size[1])
    details: dict[str, Any] = {"version": "1.0", "image_width": size[0], "image_height": size[1]}
    seconds = worker.seconds * (1 + len(labels)) * rng.lognormvariate(0, 0.5)
    return {
        "updated_annotations": json.dumps([i | {"id": f"n{n + 1}"} for n, i in enumerate(labels)]),
        "original_annotations": "[]",
        "total_time_in_seconds": str(round(seconds)),
        "answer_details": json.dumps(details | {"active_time_in_seconds": round(0.8 * seconds, 1)}),
    }


def _labelled_person(worker: Worker, person: Pose, skeleton: Skeleton, rng: Random) -> dict[str, Any]:
    xs, ys = [p[0] for p in person.values()], [p[1] for p in person.values()]
    s = math.sqrt(0.53 * (max(xs) - min(xs)) * (max(ys) - min(ys)))
    pairs = {k.name: k.pair for k in skeleton.keypoints if k.pair}
    whole = rng.random() < worker.swap / 2
    swapped = {name for name in pairs if whole or rng.random() < worker.swap / 4}
    swapped |= {pairs[name] for name in swapped}
    keypoints = []
    for name, sigma in zip(skeleton.keypoint_names, skeleton.sigmas, strict=True):
        if rng.random() < worker.miss:
            continue
        x, y, v = person[pairs[name] if name in swapped else name]
        spread = worker.scatter * sigma * s / math.sqrt(2)  # per axis; sigma is for the distance
        x, y = rng.gauss(x, spread), rng.gauss(y, spread)
        v = 3 - v if rng.random() < 0.05 else v
        keypoints.append({"label": name, "x": round(x, 2), "y": round(y, 2), "visibility": v})
    return {"name": "", "annotations": keypoints}


def completed(manifest: bytes, out: Path) -> float:
    """Compute the results of the manifest, download them to `out`, and return the seconds of the computation."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
    }
    output = f"output/{JOB}/manifests/output/output.manifest"
    job = LabelingJob(
        name=JOB,
        arn=f"arn:aws:sagemaker:us-east-1:123456789012:labeling-job/{JOB}",
        status="Completed",
        label_attribute_name=ATTRIBUTE,
        output_manifest_uri=f"s3://{BUCKET}/{output}",
    )
    try:
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key=f"jobs/{JOB}/skeleton.json", Body=SKELETON)
        s3.put_object(Bucket=BUCKET, Key=output, Body=manifest)
        started = time.perf_counter()
        complete(job, Bucket(BUCKET))
        seconds = time.perf_counter() - started
        download_results(s3, BUCKET, JOB, out)
    finally:
        server.stop()
    return seconds


if __name__ == "__main__":
    sys.exit(main())
