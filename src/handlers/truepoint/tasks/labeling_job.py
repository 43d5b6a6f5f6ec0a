"""A labelling job as described in `labeling_job.json`, which has the shape of DescribeLabelingJob's response."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from truepoint.groundtruth.lost_events import ENDED_STATUSES


class LabelingJobError(ValueError):
    """A job that cannot be run outside Ground Truth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDescription:
    """The description of a job outside Ground Truth.

    URIs are `s3://…`. `output_uri` includes the job's name and has no trailing slash. `deadline` is the end of the
    availability lifetime, after which unlabelled objects fail; it has a time zone.
    """

    name: str
    arn: str
    status: str
    label_attribute: str
    manifest_uri: str
    template_uri: str
    output_uri: str
    role_arn: str
    pre_annotation_arn: str
    consolidation_arn: str
    workers_per_object: int
    time_limit: timedelta
    deadline: datetime
    title: str
    description: str

    @property
    def ended(self) -> bool:
        """Whether the job accepts no more answers and its output is complete."""
        return self.status in ENDED_STATUSES


def parse_labeling_job(document: Mapping[str, Any]) -> JobDescription:
    """Read the description of a job.

    Raises:
        LabelingJobError: a member is missing or has an impossible value.
    """
    try:
        task = document["HumanTaskConfig"]
        output_path = str(document["OutputConfig"]["S3OutputPath"]).rstrip("/")
        available = timedelta(seconds=int(task["TaskAvailabilityLifetimeInSeconds"]))
        job = JobDescription(
            name=str(document["LabelingJobName"]),
            arn=lower_case_arn(str(document["LabelingJobArn"])),
            status=str(document["LabelingJobStatus"]),
            label_attribute=str(document["LabelAttributeName"]),
            manifest_uri=str(document["InputConfig"]["DataSource"]["S3DataSource"]["ManifestS3Uri"]),
            template_uri=str(task["UiConfig"]["UiTemplateS3Uri"]),
            output_uri=f"{output_path}/{document['LabelingJobName']}",
            role_arn=str(document["RoleArn"]),
            pre_annotation_arn=str(task["PreHumanTaskLambdaArn"]),
            consolidation_arn=str(task["AnnotationConsolidationConfig"]["AnnotationConsolidationLambdaArn"]),
            workers_per_object=int(task["NumberOfHumanWorkersPerDataObject"]),
            time_limit=timedelta(seconds=int(task["TaskTimeLimitInSeconds"])),
            deadline=datetime.fromisoformat(str(document["CreationTime"])) + available,
            title=str(task["TaskTitle"]),
            description=str(task["TaskDescription"]),
        )
    except KeyError as error:
        raise LabelingJobError(f"the job's description: expected the field {error.args[0]}, got none") from error
    except (TypeError, ValueError) as error:
        raise LabelingJobError(f"the job's description cannot be read: {error}") from error
    if job.workers_per_object < 1:
        raise LabelingJobError(f"expected at least one worker an object, got {job.workers_per_object}")
    if job.deadline.tzinfo is None:
        raise LabelingJobError(f"expected a CreationTime with a time zone, got {document['CreationTime']!r}")
    return job


def lower_case_arn(arn: str) -> str:
    """Return the ARN as Ground Truth writes it in events, with the job's name in lower case."""
    head, slash, name = arn.rpartition("/")
    return f"{head}{slash}{name.lower()}"


def with_status(
    document: Mapping[str, Any], status: str, now: datetime, counters: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Return the description with another status, and, if `counters` is given, with counts and the output's URI."""
    changed = {**document, "LabelingJobStatus": status, "LastModifiedTime": now.isoformat(timespec="milliseconds")}
    if counters is not None:
        output = f"{parse_labeling_job(document).output_uri}/manifests/output/output.manifest"
        changed |= {"LabelCounters": dict(counters), "LabelingJobOutput": {"OutputDatasetS3Uri": output}}
    return changed


def state_change_detail(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return `detail` of the event "SageMaker Ground Truth Labeling Job State Change" for a job outside Ground Truth.

    Ground Truth's own event has only the status. DescribeLabelingJob does not know our jobs, so our event includes the
    description.
    """
    return {"LabelingJobStatus": document["LabelingJobStatus"], "LabelingJob": dict(document)}


def reopened(document: Mapping[str, Any], now: datetime, available: timedelta) -> dict[str, Any]:
    """Return the description of an ended job that is reopened for the time `available` from now.

    Labels stay. Every object without a label, failed or not, is open again.

    Raises:
        LabelingJobError: the job has not ended.
    """
    job = parse_labeling_job(document)
    if not job.ended:
        raise LabelingJobError(f"expected an ended job, got {job.name!r}, which is {job.status}")
    created = datetime.fromisoformat(str(document["CreationTime"]))
    lifetime = max(job.deadline, now + available) - created
    changed = with_status(document, "InProgress", now)
    task = {**document["HumanTaskConfig"], "TaskAvailabilityLifetimeInSeconds": math.ceil(lifetime.total_seconds())}
    counters = dict(document.get("LabelCounters") or {})
    counters["Unlabeled"] = counters.get("Unlabeled", 0) + counters.pop("FailedNonRetryableError", 0)
    return changed | {"HumanTaskConfig": task, "LabelCounters": {"FailedNonRetryableError": 0} | counters}
