#!/usr/bin/env python3
"""Show the progress of a labelling job, in Ground Truth or outside it, and whether its results are complete."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from tqdm import tqdm

from truepoint.jobs import command
from truepoint.jobs.progress import WAIT, read_progress
from truepoint.jobs.stack import read_stack
from truepoint.jobs.status import exists, read_status
from truepoint.keys import job_keys

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

EXAMPLE = "%(prog)s people-1"
LOOK_SECONDS = 2.0
"""Interval between polls, in seconds."""


def main(given: list[str] | None = None) -> int:
    """Run the command."""
    parser = command.parser(__doc__, EXAMPLE)
    parser.add_argument("name", metavar="JOB", help="name of the labelling job")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="print the status as one JSON object")
    how.add_argument(
        "--watch", action="store_true", help="wait for the results of a finished job and show a progress bar"
    )
    options = parser.parse_args(given)
    return command.run(lambda: show(options))


def show(options: argparse.Namespace) -> int:
    """Print the job's status."""
    session = command.session(options)
    bucket = read_stack(session.client("cloudformation"), options.stack_name).bucket
    s3 = session.client("s3")
    status = read_status(s3, session.client("sagemaker"), bucket, options.name)
    run = read_progress(s3, bucket, options.name) if status.ended else None
    if run and status.results and run.stage != WAIT:
        run = None  # the run has finished
    if options.json:
        print(json.dumps(asdict(status) | {"run": run and asdict(run)}))
        return command.OK
    where = "outside Ground Truth" if status.outside_ground_truth else "Ground Truth"
    print(f"{status.name}: {status.status} ({where})")
    print(f"[{status.bar()}] {status.labeled} of {status.total} labelled, {status.failed} failed")
    if status.failure_reason:
        print(f"failure reason: {status.failure_reason}")
    print(f"results: {status.results or 'not ready'}")
    if run:
        print(run)
    if options.watch and status.ended and status.results is None:
        watch(s3, bucket, options.name)
    return command.OK


def watch(s3: S3Client, bucket: str, name: str) -> None:
    """Wait for the results, and show the progress of their run."""
    with tqdm(desc="results", unit="step") as bar:
        while not exists(s3, bucket, job_keys(name).results_marker):
            if run := read_progress(s3, bucket, name):
                bar.n, bar.total = run.steps
                bar.set_description(run.stage)
            time.sleep(LOOK_SECONDS)
    print("results are complete")


if __name__ == "__main__":
    sys.exit(main())
