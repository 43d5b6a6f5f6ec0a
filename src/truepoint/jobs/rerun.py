"""Publication of the completion events of ended jobs, which makes the stack compute their results again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from truepoint.groundtruth.job import ENDED, SOURCE, JobError, LabelingJob
from truepoint.groundtruth.lost_events import ENDED_STATUSES, announceable, ended_detail
from truepoint.jobs.launch import describe_in_ground_truth, describe_outside_ground_truth
from truepoint.jobs.stack import StackOutputs
from truepoint.jobs.status import NoSuchJobError, exists, job_folders
from truepoint.keys import job_keys

if TYPE_CHECKING:
    from boto3 import Session
    from mypy_boto3_s3 import S3Client


class NotEndedError(RuntimeError):
    """A job that has not ended, or whose output is in another bucket."""


class EventRefusedError(RuntimeError):
    """EventBridge refused an event. The message contains its error code."""


class Rerun:
    """The ended jobs of a stack and their completion events, accessed with the operator's permissions."""

    def __init__(self, session: Session, stack: StackOutputs) -> None:
        self._stack = stack
        self._s3: S3Client = session.client("s3")
        self._events = session.client("events")
        self._sagemaker = session.client("sagemaker")

    def job(self, name: str) -> LabelingJob:
        """Return the ended job with this name.

        Raises:
            NoSuchJobError: there is no job with this name.
            NotEndedError: the job has not ended, or its output is not in the stack's bucket.
            JobError: the job's description cannot be used.
        """
        description = describe_outside_ground_truth(self._s3, self._stack.bucket, name)
        if description is None and self._stack.uses_ground_truth:
            description = describe_in_ground_truth(self._sagemaker, name)
        if description is None:
            raise NoSuchJobError.of(self._s3, self._stack.bucket, name)
        job = announceable(description, self._stack.bucket)
        if job is None:
            status, bucket = description.get("LabelingJobStatus"), self._stack.bucket
            raise NotEndedError(
                f"expected a finished job with its output in s3://{bucket}/, got {name!r}, which is {status}"
            )
        if job.name.lower() != name.lower():
            raise JobError(f"expected the description of the job {name!r}, got that of {job.name!r}")
        return job

    def missing(self) -> Iterator[LabelingJob]:
        """Yield every ended job of this stack that has no results, of any age."""
        for name in self._names():
            if not self.has_results(name):
                try:
                    yield self.job(name)
                except (NoSuchJobError, NotEndedError, JobError):
                    continue  # it belongs to another stack, or is still running

    def has_results(self, name: str) -> bool:
        """Return whether the job's set of results is complete."""
        return exists(self._s3, self._stack.bucket, job_keys(name).results_marker)

    def forget_results(self, name: str) -> None:
        """Delete the completion marker, so that the results are computed again although the manifest is unchanged."""
        self._s3.delete_object(Bucket=self._stack.bucket, Key=job_keys(name).results_marker)

    def announce(self, job: LabelingJob) -> None:
        """Publish the job's completion event.

        Raises:
            EventRefusedError: EventBridge refused the event.
        """
        detail = json.dumps(ended_detail(job))
        entry: Any = {"Source": SOURCE, "DetailType": ENDED, "Resources": [job.arn], "Detail": detail}
        answer = self._events.put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            raise EventRefusedError(
                f"expected EventBridge to accept the event, got {answer['Entries'][0].get('ErrorCode')}"
            )

    def _names(self) -> Iterator[str]:
        yield from job_folders(self._s3, self._stack.bucket)
        if self._stack.uses_ground_truth:
            for status in ENDED_STATUSES:
                for jobs in self._sagemaker.get_paginator("list_labeling_jobs").paginate(StatusEquals=status):
                    yield from (summary["LabelingJobName"] for summary in jobs["LabelingJobSummaryList"])
