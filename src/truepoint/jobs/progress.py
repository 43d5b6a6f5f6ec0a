"""The progress of a large job's results, derived from its run's files in `tmp/results/<job>/`."""

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
WAIT = "wait"
_SURVEYED = re.compile(r"survey-\d+\.json")
_LABELED = re.compile(r"labels-\d+\.json")


@dataclass(frozen=True, slots=True)
class RunProgress:
    """The stage of a run and its number of finished ranges, or the maximum number of seconds before it starts."""

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
        """Return finished and total steps: each range is read twice, and each pass is merged once."""
        before = self.ranges + 1 if self.stage not in (WAIT, "survey") else 0
        return before + self.done, 2 * self.ranges + 2


def run_progress(names: Collection[str], ranges: int) -> RunProgress:
    """Return the progress that the names of a run's files show."""
    if "joined.json" not in names:
        return RunProgress("survey", sum(1 for name in names if _SURVEYED.fullmatch(name)), ranges)
    labeled = sum(1 for name in names if _LABELED.fullmatch(name))
    return RunProgress("label" if labeled < ranges else "merge", labeled, ranges)


def latest_run(files: Mapping[str, datetime]) -> tuple[str, set[str]] | None:
    """Return the folder of the latest planned run and the names of its files; None if no run was planned.

    Files of an earlier attempt of the same run are written again, so they do not count.
    """
    plans = [(changed, key) for key, changed in files.items() if key.endswith(f"/{PLAN}")]
    if not plans:
        return None
    begun, plan = max(plans)
    run = plan.removesuffix(PLAN)
    return run, {key.removeprefix(run) for key, changed in files.items() if key.startswith(run) and changed >= begun}


def read_progress(s3: S3Client, bucket: str, job: str) -> RunProgress | None:
    """Return the progress of the job's latest run; None if there is none yet."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=job_keys(job).runs)
    files = {item["Key"]: item["LastModified"] for page in pages for item in page.get("Contents", ())}
    if job_keys(job).write_lock in files:
        turn = json.loads(s3.get_object(Bucket=bucket, Key=job_keys(job).write_lock)["Body"].read())
        left = turn.get("wait", 0) - (datetime.now(UTC) - files[job_keys(job).write_lock]).total_seconds()
        if left > 0:
            return RunProgress(WAIT, seconds=ceil(left))
    latest = latest_run(files)
    if latest is None:
        return None
    run, names = latest
    plan = json.loads(s3.get_object(Bucket=bucket, Key=run + PLAN)["Body"].read())
    return run_progress(names, len(plan["ranges"]))
