"""How far a labeling job is, in Ground Truth or outside it, and whether its results can be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from jobs.launch import LabelingJobs, describe_in_ground_truth, describe_outside_ground_truth
from keypoints.keys import job_keys, s3_uri
from keypoints.lost import ENDED_STATUSES

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class NoSuchJobError(LookupError):
    """There is no job of this name, neither in Ground Truth nor outside it."""


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job's state. Counts are data objects; `results` is the URI of the finished result set, or None."""

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
        """Whether the job takes no more answers."""
        return self.status in ENDED_STATUSES

    @property
    def total(self) -> int:
        """All data objects."""
        return self.labeled + self.failed + self.unlabeled

    def bar(self, width: int = 40) -> str:
        """A bar of `width` characters: # labelled, x failed, - not yet."""
        if not self.total:
            return "-" * width
        labeled = width * self.labeled // self.total
        failed = min(width - labeled, -(-width * self.failed // self.total))  # rounded up: one failure is seen
        return "#" * labeled + "x" * failed + "-" * (width - labeled - failed)


def read_status(s3: S3Client, sagemaker: LabelingJobs, bucket: str, name: str) -> JobStatus:
    """The status of the job named `name`, looked for outside Ground Truth first: that costs no SageMaker call.

    Raises:
        NoSuchJobError: there is none.
    """
    outside = describe_outside_ground_truth(s3, bucket, name)
    description = outside if outside is not None else describe_in_ground_truth(sagemaker, name)
    if description is None:
        raise NoSuchJobError(f"there is no job {name!r}, neither in Ground Truth nor in s3://{bucket}/jobs/")
    marker = job_keys(name).results_marker
    results = s3_uri(bucket, job_keys(name).results) if exists(s3, bucket, marker) else None
    return job_status(name, description, outside_ground_truth=outside is not None, results=results)


def job_status(
    name: str, description: Mapping[str, Any], *, outside_ground_truth: bool, results: str | None
) -> JobStatus:
    """The status that a description in DescribeLabelingJob's shape tells of."""
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


def exists(s3: S3Client, bucket: str, key: str) -> bool:
    """Whether the object is there."""
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
            raise
        return False
    return True
