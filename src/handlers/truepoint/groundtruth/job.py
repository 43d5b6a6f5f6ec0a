"""A labelling job as DescribeLabelingJob describes it, and the event of its completion."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from truepoint.json_text import DEEPEST_DOCUMENT, JsonError, decode
from truepoint.keys import JOB_NAME, split_s3_uri

ENDED = "SageMaker Ground Truth Labeling Job State Change"
"""Detail type of Ground Truth's completion event."""
RESULTS_READY = "Keypoint Labeling Results Ready"
"""Detail type of our event that announces results."""
SOURCE = "truepoint.labeling"
"""Source of our own events: completion events of jobs outside Ground Truth, and events that announce results."""

JOB_ARN = re.compile(rf"arn:[a-z-]+:sagemaker:[a-z0-9-]+:\d{{12}}:labeling-job/(?P<name>{JOB_NAME.pattern})")

_INPUT_MANIFEST = re.compile(rf"s3://[^/]+/jobs/(?P<name>{JOB_NAME.pattern})/input\.manifest")

T = TypeVar("T")


LARGEST_DESCRIPTION = 32 * 1024
"""Maximum size of labeling_job.json, in bytes. Our scripts write 3 kB, and an event may have 256 kB."""


class JobError(ValueError):
    """An event or a description that does not belong to a labelling job."""


class Ended(msgspec.Struct, frozen=True):
    """The content of a completion event: the job's ARN and, for a job outside Ground Truth, its description."""

    arn: str
    name: str
    description: dict[str, Any] | None


class LabelingJob(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a labelling job's description that are needed to write its results."""

    name: str
    arn: str
    status: str
    label_attribute_name: str
    output_manifest_uri: str
    failure_reason: str | None = None
    workers_per_object: int | None = None
    input_manifest_uri: str | msgspec.UnsetType = msgspec.UNSET

    @property
    def images_job(self) -> str:
        """The job whose folder contains the images: for a merged job the reviewed job, otherwise this job."""
        match = _INPUT_MANIFEST.fullmatch(self.input_manifest_uri or "")  # msgspec.UNSET is falsy
        return match["name"] if match else self.name


def read_ended(event: Any) -> Ended:
    """Read a labelling job's completion event.

    Raises:
        JobError: the event has another detail type, or no ARN of a labelling job.
    """
    if not isinstance(event, dict) or event.get("detail-type") != ENDED:
        detail_type = event.get("detail-type") if isinstance(event, dict) else type(event).__name__
        raise JobError(f"expected an event with the detail-type {ENDED!r}, got {detail_type!r}")
    resources = event.get("resources")
    arn = resources[0] if isinstance(resources, list) and resources else None
    match = JOB_ARN.fullmatch(arn) if isinstance(arn, str) else None
    if not match or not isinstance(arn, str):
        raise JobError(f"expected a labelling job's ARN as the event's first resource, got {arn!r}")
    detail = event.get("detail")
    described = detail.get("LabelingJob") if isinstance(detail, dict) and event.get("source") == SOURCE else None
    return Ended(arn, match["name"], described if isinstance(described, dict) else None)


def parse_description(text: bytes) -> dict[str, Any]:
    """Parse the description in labeling_job.json.

    Raises:
        JobError: the text is not a JSON object.
    """
    try:
        description: dict[str, Any] = decode(text, dict[str, Any], DEEPEST_DOCUMENT)
    except JsonError as error:
        raise JobError(f"expected a labelling job's description, got something else: {error}") from error
    return description


def read_description(description: dict[str, Any]) -> LabelingJob:
    """Read DescribeLabelingJob's response, or the description of a job run outside Ground Truth.

    Raises:
        JobError: a part is missing or malformed. The name is validated because it becomes part of S3 keys.
    """
    name = description.get("LabelingJobName")
    if not isinstance(name, str) or not JOB_NAME.fullmatch(name):
        raise JobError(f"expected a labelling job's name, got {name!r}")
    try:
        path = description["OutputConfig"]["S3OutputPath"].rstrip("/")
        # Absent if the job ended before Ground Truth wrote output, although the file may exist.
        output = (description.get("LabelingJobOutput") or {}).get("OutputDatasetS3Uri")
        source = ((description.get("InputConfig") or {}).get("DataSource") or {}).get("S3DataSource") or {}
        manifest = output or f"{path}/{name}/manifests/output/output.manifest"
        split_s3_uri(manifest)
        return LabelingJob(
            name=name,
            arn=str(description["LabelingJobArn"]),
            status=str(description["LabelingJobStatus"]),
            label_attribute_name=str(description["LabelAttributeName"]),
            output_manifest_uri=manifest,
            failure_reason=_optional(str, description.get("FailureReason")),
            workers_per_object=_optional(
                int, (description.get("HumanTaskConfig") or {}).get("NumberOfHumanWorkersPerDataObject")
            ),
            input_manifest_uri=_optional(str, source.get("ManifestS3Uri")) or msgspec.UNSET,
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise JobError(
            f"expected a labelling job's description, got something else: {type(error).__name__} {error}"
        ) from error


def _optional(kind: type[T], value: Any) -> T | None:
    if value is not None and not isinstance(value, kind):
        raise TypeError(f"expected {kind.__name__}, got {type(value).__name__}")
    return value
