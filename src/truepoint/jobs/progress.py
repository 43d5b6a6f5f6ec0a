"""The progress of a large job's results, derived from the names of its run's files below `tmp/results/<job>/`."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING

from truepoint.keys import job_keys

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PLAN = "plan.json"
"""Name of the file with a run's ranges, which is written first."""
WAIT = "wait"
"""Stage of a run that has the write lock and waits until no older invocation can still write."""
_SURVEYED = re.compile(r"survey-\d+\.json")
_LABELED = re.compile(r"labels-\d+\.json")


@dataclass(frozen=True, slots=True)
class RunProgress:
    """The progress of a run.

    Attributes:
        stage: `survey`, `label`, `merge`, or WAIT.
        done: number of ranges of lines that are finished in this stage.
        ranges: number of all ranges.
        seconds: maximum number of seconds until the run starts, in the stage WAIT.
    """

    stage: str
    done: int = 0
    ranges: int = 0
    seconds: int = 0

    def __str__(self) -> str:
        if self.stage == WAIT:
            return f"waits for an earlier run with another manifest or skeleton, for at most {self.seconds} seconds"
        return f"{self.stage}: {self.done} of {self.ranges} ranges"

    @property
    def steps(self) -> tuple[int, int]:
        """Return the number of finished steps and of all steps: each range is read twice, each pass is merged once."""
        before = self.ranges + 1 if self.stage not in (WAIT, "survey") else 0
        return before + self.done, 2 * self.ranges + 2


def run_progress(names: Collection[str], ranges: int) -> RunProgress:
    """Return the progress of a run from the names of its files and its number of ranges."""
    if "joined.json" not in names:
        return RunProgress("survey", sum(1 for name in names if _SURVEYED.fullmatch(name)), ranges)
    labeled = sum(1 for name in names if _LABELED.fullmatch(name))
    return RunProgress("label" if labeled < ranges else "merge", labeled, ranges)


def latest_run(files: Mapping[str, datetime]) -> tuple[str, set[str]] | None:
    """Return the key prefix of the latest run and the names of its files; None if there is no plan.

    Files that are older than the plan are ignored: they are from an earlier attempt, and the run writes them again.

    Args:
        files: the modification time of each file, by key.
    """
    plans = [(changed, key) for key, changed in files.items() if key.endswith(f"/{PLAN}")]
    if not plans:
        return None
    planned, plan = max(plans)
    run = plan.removesuffix(PLAN)
    return run, {key.removeprefix(run) for key, changed in files.items() if key.startswith(run) and changed >= planned}


def read_progress(s3: S3Client, bucket: str, job: str) -> RunProgress | None:
    """Return the progress of the job's latest run; None if the job has no run yet."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=job_keys(job).runs)
    files = {item["Key"]: item["LastModified"] for page in pages for item in page.get("Contents", ())}
    if job_keys(job).write_lock in files:
        lock = json.loads(s3.get_object(Bucket=bucket, Key=job_keys(job).write_lock)["Body"].read())
        left = lock.get("wait", 0) - (datetime.now(UTC) - files[job_keys(job).write_lock]).total_seconds()
        if left > 0:
            return RunProgress(WAIT, seconds=ceil(left))
    latest = latest_run(files)
    if latest is None:
        return None
    run, names = latest
    plan = json.loads(s3.get_object(Bucket=bucket, Key=run + PLAN)["Body"].read())
    return run_progress(names, len(plan["ranges"]))
