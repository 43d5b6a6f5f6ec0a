"""Ended jobs whose completion event was lost: Ground Truth delivers events on a best-effort basis.

Times are seconds since 1970; the clock is the caller's.
"""

from __future__ import annotations

from typing import Any

from truepoint.groundtruth.job import JOB_ARN, JobError, LabelingJob, read_description
from truepoint.keys import split_s3_uri

ENDED_STATUSES = ("Completed", "Stopped", "Failed")
GRACE = 3600
"""Time after a job's end from which its event may count as lost, in seconds. Three attempts to write results, of 900 s
each, and the waits between them take up to 48 minutes."""
WINDOW = 3 * 24 * 3600
"""Time after a job's end until which its event is published again, in seconds: a long weekend. Later, a job that fails
each time is no longer retried."""


def is_lost(description: dict[str, Any], ended: float, now: float) -> bool:
    """Return whether a job without results ended between `WINDOW` and `GRACE` seconds ago: its event counts as lost."""
    return description.get("LabelingJobStatus") in ENDED_STATUSES and GRACE <= now - ended <= WINDOW


def announceable(description: dict[str, Any], bucket: str) -> LabelingJob | None:
    """Return the ended job if its output is in this bucket, otherwise None.

    Raises:
        JobError: the description is malformed, or its ARN is not that of the job.
    """
    if description.get("LabelingJobStatus") not in ENDED_STATUSES:
        return None
    job = read_description(description)
    match = JOB_ARN.fullmatch(job.arn)
    if not match or match["name"].lower() != job.name.lower():
        raise JobError(f"expected the ARN of the labelling job {job.name!r}, got {job.arn!r}")
    return job if split_s3_uri(job.output_manifest_uri)[0] == bucket else None


def ended_detail(job: LabelingJob) -> dict[str, Any]:
    """Return the `detail` of a completion event for the job, with a description for `read_description`."""
    source = {"S3DataSource": {"ManifestS3Uri": job.input_manifest_uri}}
    described = {
        "LabelingJobName": job.name,
        "LabelingJobArn": job.arn,
        "LabelingJobStatus": job.status,
        "LabelAttributeName": job.label_attribute_name,
        "OutputConfig": {"S3OutputPath": job.output_manifest_uri.rsplit(f"/{job.name}/", 1)[0]},
        "LabelingJobOutput": {"OutputDatasetS3Uri": job.output_manifest_uri},
        **({"InputConfig": {"DataSource": source}} if job.input_manifest_uri else {}),
        "HumanTaskConfig": {"NumberOfHumanWorkersPerDataObject": job.workers_per_object},
        "FailureReason": job.failure_reason,
    }
    return {"LabelingJobStatus": job.status, "LabelingJob": described}
