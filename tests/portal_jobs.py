"""A job in the emulator's bucket, as `create_labeling_job.py --outside-ground-truth` leaves it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from truepoint.adapters.bucket import Bucket
from truepoint.jobs.worker_template import TEMPLATE_PATH, fill_template
from truepoint.pose.skeleton import parse_skeleton

NOW = 1_764_000_000.0
PERSON = Path(__file__).parents[1] / "skeletons" / "coco-person.json"
CREATED = "2025-11-24T15:00:00.000+00:00"


def description(bucket: str, name: str = "People-1", workers: int = 2, **change: Any) -> dict[str, Any]:
    arn = "arn:aws:lambda:us-east-1:000000000000:function:"
    return {
        "LabelingJobName": name,
        "LabelingJobArn": f"arn:aws:sagemaker:us-east-1:000000000000:labeling-job/{name.lower()}",
        "LabelingJobStatus": "InProgress",
        "LabelAttributeName": "keypoints",
        "CreationTime": CREATED,
        "RoleArn": "arn:aws:iam::000000000000:role/execution",
        "InputConfig": {
            "DataSource": {"S3DataSource": {"ManifestS3Uri": f"s3://{bucket}/jobs/{name.lower()}/input.manifest"}}
        },
        "OutputConfig": {"S3OutputPath": f"s3://{bucket}/output/"},
        "HumanTaskConfig": {
            "UiConfig": {"UiTemplateS3Uri": f"s3://{bucket}/jobs/{name.lower()}/template.liquid.html"},
            "PreHumanTaskLambdaArn": f"{arn}pre",
            "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": f"{arn}post"},
            "NumberOfHumanWorkersPerDataObject": workers,
            "TaskTimeLimitInSeconds": 3600,
            "TaskAvailabilityLifetimeInSeconds": 864000,
            "TaskTitle": "Label people",
            "TaskDescription": "Mark every keypoint",
        },
    } | change


def put_description(store: Bucket, name: str = "People-1", **change: Any) -> dict[str, Any]:
    """Write a job's description, with which the portal finds the job, and return it."""
    document = description(store.name, name, **change)
    store.write(f"jobs/{name.lower()}/labeling_job.json", json.dumps(document).encode(), "application/json")
    return document


def line(bucket: str, image: str, name: str = "people-1", **more: Any) -> bytes:
    return json.dumps({"source-ref": f"s3://{bucket}/jobs/{name}/images/{image}"} | more).encode()


def put_manifest(store: Bucket, text: bytes, name: str = "people-1") -> None:
    store.write(f"jobs/{name}/input.manifest", text, "application/json")


def put_template(store: Bucket, name: str = "people-1", instructions: str = "<p>Mark everybody.</p>") -> None:
    """Write the worker template of a job with people."""
    text = fill_template(
        TEMPLATE_PATH.read_text(),
        parse_skeleton(PERSON.read_text()),
        script_url="https://d1.example/ui/1/crowd-2d-skeleton.js",
        script_integrity="sha384-abc",
        guide_url="",
        instructions=instructions,
    )
    store.write(f"jobs/{name}/template.liquid.html", text.encode(), "text/html")


def put_images(store: Bucket, count: int, name: str = "people-1") -> None:
    lines = [line(store.name, f"{n}.jpg", name) for n in range(count)]
    put_manifest(store, b"\n".join(lines) + b"\n", name)
    for n in range(count):
        store.write(f"jobs/{name}/images/{n}.jpg", b"image %d" % n, "image/jpeg")
