#!/usr/bin/env python3
"""Measure time and memory to load a job of the portal, and to write its output.

S3 is bench/local_s3.py. Rows of images are simulated in the format of DynamoDB's responses, because writing them to an
emulated table would take an hour. So the times do not include boto3's reading of the rows.

Example:
    python bench/portal_job.py --lines 1000000
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

from local_s3 import local_s3

from truepoint.adapters.bucket import Bucket
from truepoint.task_queue import rows
from truepoint.task_queue.rows import Job, TickState
from truepoint.task_queue.table import Table
from truepoint.tasks import loading, output_layout
from truepoint.tasks.job_lease import JobLease
from truepoint.tasks.output import Output

BUCKET, NAME = "truepoint-bench", "bench"
IN_RESPONSE = 50
"""Number of labels in a consolidation response."""
WORKERS = 3
TEMPLATE = "template-of-responses"


def main(given: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000, metavar="N", help="default: %(default)s")
    parser.add_argument("--label-bytes", type=int, default=2000, metavar="N", help="of a label; default: %(default)s")
    parser.add_argument("--part", choices=("put", "load", "output"), help=argparse.SUPPRESS)
    options = parser.parse_args(given)
    if options.part:
        print(json.dumps(part(options)))
        return 0
    with local_s3():
        for name in ("put", "load", "output"):
            command = [sys.executable, __file__, "--lines", str(options.lines), "--part", name]
            command += ["--label-bytes", str(options.label_bytes)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            print(name, done.stdout.strip(), flush=True)
    return 0


def part(options: argparse.Namespace) -> dict[str, Any]:
    """Run one part in this process; return its wall and CPU times in seconds and its peak memory in MB."""
    store = Bucket(BUCKET)
    before, cpu = time.perf_counter(), time.process_time()
    match options.part:
        case "put":
            store.write(f"jobs/{NAME}/input.manifest", lambda: manifest(options.lines), "application/jsonl")
            store.write(TEMPLATE, labels(options), "application/json")
        case "load":
            expect(loading.prepare(store, description()).open, options.lines)
        case "output":
            table = MadeUpTable("bench")
            job = Job(
                name=NAME, status="Stopping", ends_as="Completed", open=options.lines, lines=options.lines,
                manifest=f"jobs/{NAME}/input.manifest",
            )  # fmt: skip
            job_lease = JobLease(table, NAME, "bench", TickState(), time.time)
            Output(MadeUpResponses(BUCKET), table, job, "keypoints").write(job_lease, lambda: 900.0)
            expect(job_lease.state.labelled, options.lines)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "seconds": round(time.perf_counter() - before, 1),
        "cpu": round(time.process_time() - cpu, 1),
        "peak_mb": round(peak),
    }


def expect(count: int, wanted: int) -> None:
    """Raise an error if a part did not process all lines."""
    if count != wanted:
        raise RuntimeError(f"expected {wanted} lines, got {count}")


def manifest(count: int) -> Iterator[bytes]:
    """Yield the lines of an input manifest in the format of `create_labeling_job.py`."""
    for number in range(count):
        image = f"s3://{BUCKET}/jobs/{NAME}/images/{number:07d}.jpg"
        line = {"source-ref": image, "image_width": 1920, "image_height": 1080}
        yield json.dumps(line).encode() + b"\n"


def response(number: int) -> str:
    """Return the key of a consolidation response."""
    return f"output/{NAME}/{output_layout.CONSOLIDATION_RESPONSES}2026-11-29_12:00:00_{number}.json"


def labels(options: argparse.Namespace) -> bytes:
    """Return a consolidation response with placeholders for line numbers."""
    label = {"keypoints": {"text": "x" * options.label_bytes}}
    return json.dumps(
        [
            {"datasetObjectId": f"#{position:02d}#", "consolidatedAnnotation": {"content": label}}
            for position in range(IN_RESPONSE)
        ]
    ).encode()


class MadeUpResponses(Bucket):
    """A bucket in which one object stands for all consolidation responses."""

    def read(self, key: str, etag: str | None = None, largest: int | None = None) -> bytes:
        """Return the response with line numbers instead of the placeholders."""
        text = super().read(TEMPLATE, etag, largest)
        first = IN_RESPONSE * int(key.rpartition("_")[2].removesuffix(".json"))
        for position in range(IN_RESPONSE):
            text = text.replace(b"#%02d#" % position, b"%d" % (first + position), 1)
        return text


class MadeUpTable(Table):
    """A simulated table in which each image has three answers and a label."""

    def _call(self, method: str, **request: Any) -> Any:
        if method == "update_item":
            return {"Attributes": {}}
        pk = request["ExpressionAttributeValues"][":pk"]["S"]
        block = int(pk.rpartition("#")[2])
        first = block * rows.LINES_PER_PARTITION
        return {"Items": [row(pk, line) for line in range(first, first + rows.LINES_PER_PARTITION)]}


def row(pk: str, line: int) -> dict[str, Any]:
    """Return an image's row in the format of DynamoDB's responses."""
    answer = f"output/{NAME}/{output_layout.WORKER_RESPONSES}{line}/"
    done = {
        f"p{worker}23456789012345678": {
            "M": {"key": {"S": f"{answer}p{worker}_0.json"}, "size": {"N": "900"}, "time": {"N": "1764000000.123456"}}
        }
        for worker in range(WORKERS)
    }
    return {
        "pk": {"S": pk},
        "sk": {"S": f"{line:09d}"},
        "offset": {"N": str(100 * line)},
        "length": {"N": "99"},
        "done": {"M": done},
        "declined": {"L": []},
        "changes": {"N": "4"},
        "label": {"S": response(line // IN_RESPONSE)},
        "failure": {"S": ""},
        "generation": {"N": "0"},
    }


def description() -> dict[str, Any]:
    """Return the job's description in the format of DescribeLabelingJob's response."""
    arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
    return {
        "LabelingJobName": NAME,
        "LabelingJobArn": f"arn:aws:sagemaker:us-east-1:123456789012:labeling-job/{NAME}",
        "LabelingJobStatus": "InProgress",
        "LabelAttributeName": "keypoints",
        "CreationTime": "2026-11-29T12:00:00+00:00",
        "RoleArn": "",
        "InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": f"s3://{BUCKET}/jobs/{NAME}/input.manifest"}}},
        "OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/output/"},
        "HumanTaskConfig": {
            "UiConfig": {"UiTemplateS3Uri": ""},
            "PreHumanTaskLambdaArn": arn,
            "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": arn},
            "NumberOfHumanWorkersPerDataObject": WORKERS,
            "TaskTimeLimitInSeconds": 3600,
            "TaskAvailabilityLifetimeInSeconds": 864000,
            "TaskTitle": "",
            "TaskDescription": "",
        },
    }


if __name__ == "__main__":
    sys.exit(main())
