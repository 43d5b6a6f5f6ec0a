#!/usr/bin/env python3
"""Create a merged job: the labels of a job, with those of the reviewed images replaced by the review's labels.

The merged job's output manifest is a copy of the first job's, with the labels of the reviewed images replaced. The
script then sends the merged job's event, and its results are written to results/<merged job>/. The results of the first
job and of the review do not change. The command is idempotent.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from tqdm import tqdm

from truepoint.groundtruth.job import ENDED, SOURCE, LabelingJob, read_description
from truepoint.groundtruth.manifest import Line, read_lines
from truepoint.jobs import command
from truepoint.jobs.launch import JobExistsError, describe_in_ground_truth, describe_outside_ground_truth
from truepoint.jobs.review import SKELETON, Reviewed, ReviewError, merged_description, read
from truepoint.jobs.stack import read_stack
from truepoint.jobs.status import NoSuchJobError
from truepoint.keys import job_keys, split_s3_uri

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client

EXAMPLE = "%(prog)s people-1 people-1-review --name people-1-final"
FINAL = ("Completed", "Stopped")
"""Statuses of jobs that have ended with labels."""


def main(given: list[str] | None = None) -> int:
    """Run the command."""
    parser = command.parser(__doc__, EXAMPLE)
    parser.add_argument("job", metavar="JOB", help="the job that was reviewed")
    parser.add_argument("review", metavar="REVIEW", help="the review job, made by create_review_job.py")
    parser.add_argument("--name", required=True, help="the merged job's name, lower case")
    parser.add_argument("--dry-run", action="store_true", help="count the labels to replace; write nothing")
    options = parser.parse_args(given)
    return command.run(lambda: merge(options))


def merge(options: argparse.Namespace) -> int:
    """Write the merged job and publish its completion event."""
    session = command.session(options)
    s3 = session.client("s3")
    bucket = read_stack(session.client("cloudformation"), options.stack_name).bucket
    sagemaker = session.client("sagemaker")
    described = [_describe(s3, sagemaker, bucket, name) for name in (options.job, options.review)]
    first, review = (read_description(description) for description in described)
    document = json.loads(json.dumps(merged_description(options.name, *described)))
    merged = read_description(document)
    body = (json.dumps(document, ensure_ascii=False, indent=2) + "\n").encode()
    keys = job_keys(options.name)
    existing = describe_outside_ground_truth(s3, bucket, options.name)
    if options.name in (options.job, options.review) or (existing is not None and existing != document):
        raise JobExistsError(
            f"expected a new job name or this merge's, got {options.name!r}, which is another job; choose another name"
        )
    try:
        reviewed = Reviewed(_lines(s3, review), review.label_attribute_name, lambda uri: _fetch(s3, uri))
        with tempfile.TemporaryDirectory() as folder:
            manifest = Path(folder) / "output.manifest"
            with manifest.open("wb") as out:
                bar = tqdm(_lines(s3, first), desc="merge", unit="line", disable=None)
                out.writelines(reviewed.over(bar, first.label_attribute_name))
            if not options.dry_run:
                target_bucket, target = split_s3_uri(merged.output_manifest_uri)
                s3.upload_file(str(manifest), target_bucket, target)
    except ReviewError as error:
        raise command.UsageError(str(error)) from error
    print(f"{len(reviewed)} labels of {options.review} replace labels of {options.job}")
    if options.dry_run:
        print("dry run: nothing was written")
        return command.OK
    skeleton = read(s3, bucket, job_keys(options.job).results + SKELETON, options.job)
    for key, content in ((keys.skeleton, skeleton), (keys.labeling_job, body)):
        s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType="application/json")
    detail = {"LabelingJobStatus": "Completed", "LabelingJob": document}
    answer = session.client("events").put_events(
        Entries=[{"Source": SOURCE, "DetailType": ENDED, "Resources": [merged.arn], "Detail": json.dumps(detail)}]
    )
    if answer["FailedEntryCount"]:
        raise command.UsageError(
            f"expected EventBridge to accept the event, got {answer['Entries'][0].get('ErrorCode')}"
        )
    print(f"{merged.arn}\nevent sent: the results will be in s3://{bucket}/{keys.results}")
    return command.OK


def _describe(s3: S3Client, sagemaker: Any, bucket: str, name: str) -> dict[str, Any]:
    outside = describe_outside_ground_truth(s3, bucket, name)
    description = outside if outside is not None else describe_in_ground_truth(sagemaker, name)
    if description is None:
        raise NoSuchJobError.of(s3, bucket, name)
    if description["LabelingJobStatus"] not in FINAL:
        raise command.UsageError(
            f"job {name!r}: expected a finished job, got the status {description['LabelingJobStatus']}"
        )
    return description


def _lines(s3: S3Client, job: LabelingJob) -> Iterator[Line]:
    bucket, key = split_s3_uri(job.output_manifest_uri)
    yield from read_lines(s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(1024 * 1024))


def _fetch(s3: S3Client, uri: str) -> bytes:
    bucket, key = split_s3_uri(uri)
    try:
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        return b""


if __name__ == "__main__":
    sys.exit(main())
