"""The status of a labelling job in Ground Truth or outside it, and whether its results are complete."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from truepoint.groundtruth.lost_events import ENDED_STATUSES
from truepoint.jobs.launch import LabelingJobs, describe_in_ground_truth, describe_outside_ground_truth
from truepoint.keys import JOB_NAME, JOBS_PREFIX, job_keys, s3_uri, split_s3_prefix
from truepoint.tasks.output_layout import WORKER_RESPONSES, object_of

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


NAMED_JOBS = 10
"""Maximum number of existing jobs that the message lists if a job does not exist."""


class NoSuchJobError(LookupError):
    """A name that no job has, neither in Ground Truth nor outside it."""

    @classmethod
    def of(cls, s3: S3Client, bucket: str, name: str) -> NoSuchJobError:
        """Return the error for the name `name`; its message lists the jobs in the bucket."""
        existing = sorted(job_folders(s3, bucket))
        more = f" and {len(existing) - NAMED_JOBS} more" if len(existing) > NAMED_JOBS else ""
        jobs = f"jobs there: {', '.join(existing[:NAMED_JOBS])}{more}" if existing else "it has no jobs yet"
        where = f"neither in Ground Truth nor in s3://{bucket}/jobs/"
        return cls(f"there is no job {name!r}, {where}; {jobs}")


def job_folders(s3: S3Client, bucket: str) -> Iterator[str]:
    """Yield the name of every folder below `jobs/`, which is the name of a job in Ground Truth or outside it."""
    pages = s3.get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=bucket, Prefix=JOBS_PREFIX, Delimiter="/"):
        for folder in page.get("CommonPrefixes", ()):
            if JOB_NAME.fullmatch(name := folder["Prefix"].removeprefix(JOBS_PREFIX).rstrip("/")):
                yield name


@dataclass(frozen=True, slots=True)
class JobStatus:
    """The status of a job.

    Attributes:
        name: the job's name.
        status: its `LabelingJobStatus`.
        outside_ground_truth: whether it is a job outside Ground Truth.
        labeled: number of labelled data objects.
        failed: number of data objects that failed.
        unlabeled: number of data objects without a label.
        failure_reason: why the job failed; empty if it did not.
        results: S3 URI of the folder of complete results, or None.
    """

    name: str
    status: str
    outside_ground_truth: bool
    labeled: int
    failed: int
    unlabeled: int
    failure_reason: str
    results: str | None

    @property
    def ended(self) -> bool:
        """Return whether the job accepts no more answers."""
        return self.status in ENDED_STATUSES

    @property
    def total(self) -> int:
        """Return the number of all data objects."""
        return self.labeled + self.failed + self.unlabeled

    def bar(self, width: int = 40) -> str:
        """Return a progress bar of `width` characters: # for labelled, x for failed, - for unlabelled objects."""
        if not self.total:
            return "-" * width
        labeled = width * self.labeled // self.total
        # Rounded up, so that a single failure is visible.
        failed = min(width - labeled, -(-width * self.failed // self.total))
        return "#" * labeled + "x" * failed + "-" * (width - labeled - failed)


def read_status(s3: S3Client, sagemaker: LabelingJobs, bucket: str, name: str) -> JobStatus:
    """Return the status of a job.

    A job outside Ground Truth is looked up first, because that needs no call to SageMaker.

    Raises:
        NoSuchJobError: there is no job with this name.
        JobError: the job's `labeling_job.json` cannot be used.
    """
    outside = describe_outside_ground_truth(s3, bucket, name)
    description = outside if outside is not None else describe_in_ground_truth(sagemaker, name)
    if description is None:
        raise NoSuchJobError.of(s3, bucket, name)
    if outside is not None and description["LabelingJobStatus"] not in ENDED_STATUSES:
        description = {**outside, "LabelCounters": count_answered(s3, outside)}
    marker = job_keys(name).results_marker
    results = s3_uri(bucket, job_keys(name).results) if exists(s3, bucket, marker) else None
    return job_status(name, description, outside_ground_truth=outside is not None, results=results)


def job_status(
    name: str, description: Mapping[str, Any], *, outside_ground_truth: bool, results: str | None
) -> JobStatus:
    """Return the status for a description in the format of DescribeLabelingJob's response."""
    counters = description.get("LabelCounters", {})
    return JobStatus(
        name=name,
        status=str(description["LabelingJobStatus"]),
        outside_ground_truth=outside_ground_truth,
        labeled=int(counters.get("TotalLabeled", 0)),
        failed=int(counters.get("FailedNonRetryableError", 0)),
        unlabeled=int(counters.get("Unlabeled", 0)),
        failure_reason=str(description.get("FailureReason", "")),
        results=results,
    )


def count_answered(s3: S3Client, description: Mapping[str, Any]) -> dict[str, int]:
    """Count the data objects of a running job outside Ground Truth that have all their answers.

    Each answer is an object below the folder of its data object. The counters in `labeling_job.json` change only when
    the job ends.

    Returns:
        `LabelCounters` in the format of DescribeLabelingJob's response.
    """
    counters = dict(description["LabelCounters"])
    bucket, path = split_s3_prefix(description["OutputConfig"]["S3OutputPath"])
    prefix = f"{path.rstrip('/')}/{description['LabelingJobName']}/{WORKER_RESPONSES}"
    answers: Counter[str] = Counter()
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        answers.update(object_of(item["Key"]) for item in page.get("Contents", ()))
    wanted = description["HumanTaskConfig"]["NumberOfHumanWorkersPerDataObject"]
    full = sum(1 for count in answers.values() if count >= wanted)
    total = sum(counters.get(name, 0) for name in ("TotalLabeled", "FailedNonRetryableError", "Unlabeled"))
    full = min(full, total)
    return counters | {
        "TotalLabeled": full,
        "HumanLabeled": full,
        "FailedNonRetryableError": 0,
        "Unlabeled": total - full,
    }


def exists(s3: S3Client, bucket: str, key: str) -> bool:
    """Return whether the S3 object exists."""
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
            raise
        return False
    return True
