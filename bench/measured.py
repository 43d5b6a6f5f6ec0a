"""Run one part of bench/results.py in a separate process; the argument is the part's name.

Print wall seconds, CPU seconds and peak resident megabytes as JSON, each including processes that the part starts.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import msgspec

import post_annotation
from truepoint.adapters.bucket import Bucket
from truepoint.adapters.uploads import AT_ONCE, Uploads
from truepoint.groundtruth.job import LabelingJob
from truepoint.groundtruth.manifest import Line, read_lines
from truepoint.groundtruth.output_line import Labeled, read_line
from truepoint.keys import job_keys
from truepoint.pose.skeleton import parse_skeleton
from truepoint.results.coco import CocoWriter, coco_file
from truepoint.results.result_set import Results, annotation_file, annotation_key
from truepoint.runs.completion import complete
from truepoint.runs.result_files import pretty

BUCKET, NAME, ATTRIBUTE = "truepoint-bench", "bench", "keypoints"
MANIFEST = f"output/{NAME}/manifests/output/output.manifest"
SKELETON_KEY = f"jobs/{NAME}/skeleton.json"
NUMBER = b"NNNNNNN"
"""Placeholder for a line's number in the text of a line."""


def job(workers: int) -> LabelingJob:
    """Return the job as its completion event describes it."""
    return LabelingJob(
        name=NAME,
        arn=f"arn:aws:sagemaker:us-east-1:123456789012:labeling-job/{NAME}",
        status="Completed",
        label_attribute_name=ATTRIBUTE,
        output_manifest_uri=f"s3://{BUCKET}/{MANIFEST}",
        workers_per_object=workers,
    )


def manifest(store: Bucket) -> Iterator[Line]:
    """Return the manifest's lines."""
    return read_lines(store.stream(MANIFEST, 0, store.size(MANIFEST), store.etag(MANIFEST)))


def parsing() -> Iterator[None]:
    """Read the manifest and parse every line."""
    store = Bucket(BUCKET)
    yield
    for line in manifest(store):
        msgspec.json.decode(line.text)


def puts(at_once: str = "") -> Iterator[None]:
    """Put the annotation files, which exist already, with job_completion's client.

    `at_once` is the number of concurrent puts; job_completion's own if it is empty.
    """
    store = Bucket(BUCKET)
    outcomes = (read_line(line, ATTRIBUTE, store.read) for line in manifest(store))
    objects = [
        (job_keys(NAME).results + annotation_key(o), pretty(annotation_file(o, NAME)))
        for o in outcomes
        if isinstance(o, Labeled)
    ]
    yield
    with Uploads(store, int(at_once or AT_ONCE)) as uploads:
        for key, content in objects:
            uploads.put(key, content)


def ours(workers: str, largest_range: str = "") -> Iterator[None]:
    """Do all of job_completion's work after it has read the job, in one invocation for any number of lines."""
    os.environ |= {"LARGEST_AT_ONCE": str(1 << 40), "LARGEST_RANGE": largest_range}
    store = Bucket(BUCKET)
    store.delete(job_keys(NAME).results_marker, job_keys(NAME).write_lock)  # of an earlier repetition
    yield
    if not isinstance(complete(job(int(workers)), store), Results):
        raise TypeError("expected results, the job was handed over")


def coco() -> Iterator[None]:
    """Write only coco.json, which is the output of the other libraries."""
    store = Bucket(BUCKET)
    yield
    with tempfile.TemporaryFile() as images, tempfile.TemporaryFile() as annotations, tempfile.TemporaryFile() as out:
        skeleton = parse_skeleton(store.read(SKELETON_KEY))
        writer = CocoWriter(skeleton, NAME)
        for line in manifest(store):
            outcome = read_line(line, ATTRIBUTE, store.read)
            if isinstance(outcome, Labeled):
                image, entries = writer.accepted(outcome)
                images.write(image)
                annotations.writelines(entries)
        images.seek(0)
        annotations.seek(0)
        out.writelines(coco_file(skeleton, NAME, images, annotations))


def straightforward() -> Iterator[None]:
    """Work as AWS's samples do: json and put_object in a loop, COCO in lists, without checks and without quality."""
    s3 = boto3.client("s3")
    yield
    images: list[Any] = []
    annotations: list[Any] = []
    names = [k["name"] for k in json.loads(s3.get_object(Bucket=BUCKET, Key=SKELETON_KEY)["Body"].read())["keypoints"]]
    body = s3.get_object(Bucket=BUCKET, Key=MANIFEST)["Body"].read().decode()
    for number, text in enumerate(body.splitlines()):
        line = json.loads(text)
        label = line[ATTRIBUTE]
        images.append({"id": number + 1, "file_name": label["image_file_name"]})
        for instance in label["updated_annotations"]:
            points = {k["label"]: (k["x"], k["y"], k.get("visibility", 2)) for k in instance["annotations"]}
            values = [value for name in names for value in points.get(name, (0, 0, 0))]
            annotations.append({"id": len(annotations) + 1, "image_id": number + 1, "keypoints": values})
        key = f"straightforward/{number:07d}.json"
        s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(line, indent=2), ContentType="application/json")
    coco = json.dumps({"images": images, "annotations": annotations})
    s3.put_object(Bucket=BUCKET, Key="straightforward/coco.json", Body=coco, ContentType="application/json")


def consolidating(key: str, earlier_calls: str) -> Iterator[None]:
    """Run post_annotation's handler for one batch, after some earlier calls in the same process."""
    event = {"labelAttributeName": ATTRIBUTE, "payload": {"s3Uri": f"s3://{BUCKET}/{key}"}}
    for _ in range(int(earlier_calls)):
        post_annotation.handler(event, None)
    yield
    post_annotation.handler(event, None)


PARTS = {part.__name__: part for part in (parsing, puts, ours, straightforward, coco, consolidating)}


def cpu_seconds() -> float:
    """Return the CPU time of this process and of the processes that it started, in seconds."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, whose))


def main() -> int:
    """Run one part. Its preparation, before its `yield`, is not measured."""
    part = PARTS[sys.argv[1]](*sys.argv[2:])  # type: ignore[operator]
    next(part)
    started, before = time.perf_counter(), cpu_seconds()
    next(part, None)
    measured = {"seconds": time.perf_counter() - started, "cpu": cpu_seconds() - before}
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    kilobytes = int(peak.split()[1]) + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(json.dumps(measured | {"megabytes": kilobytes / 1024}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
