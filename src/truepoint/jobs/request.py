"""The CreateLabelingJob request of a job, with the S3 keys and the functions of a Truepoint stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from truepoint.jobs.limits import MAX_AVAILABILITY_SECONDS, MAX_TASK_SECONDS
from truepoint.jobs.stack import StackOutputs
from truepoint.keys import OUTPUT_PREFIX, job_keys, s3_uri

DEFAULT_LABEL_ATTRIBUTE = "keypoints"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSettings:
    """The operator's choices for a job. Its other properties follow from the stack, the skeleton and the images.

    The time limits default to Ground Truth's maxima. With a shorter task limit workers lose unfinished tasks; with a
    shorter availability, images stay without labels.
    """

    name: str
    title: str = "Mark the keypoints"
    description: str = "Mark the keypoints of every subject in the image."
    keywords: tuple[str, ...] = ("keypoints", "image")
    workers_per_object: int = 1
    task_time_limit_seconds: int = MAX_TASK_SECONDS
    availability_seconds: int = MAX_AVAILABILITY_SECONDS
    label_attribute_name: str = DEFAULT_LABEL_ATTRIBUTE
    workteam_arn: str | None = None
    language: str = "en"
    check_below: float | None = None
    offer_below: float | None = None


def labeling_job_request(settings: JobSettings, stack: StackOutputs) -> dict[str, Any]:
    """Return the keyword arguments of `sagemaker.create_labeling_job`; a job outside Ground Truth has no workteam ARN.

    The job gets the stack's tags, so that cost reports assign it to the stack.
    """
    keys = job_keys(settings.name)
    tags = {"Tags": [{"Key": key, "Value": value} for key, value in stack.tags]} if stack.tags else {}
    workteam = {"WorkteamArn": settings.workteam_arn} if settings.workteam_arn is not None else {}
    return {
        "LabelingJobName": settings.name,
        "LabelAttributeName": settings.label_attribute_name,
        "InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": s3_uri(stack.bucket, keys.manifest)}}},
        "OutputConfig": {"S3OutputPath": s3_uri(stack.bucket, OUTPUT_PREFIX)},
        "RoleArn": stack.execution_role_arn,
        **tags,
        "HumanTaskConfig": {
            **workteam,
            "UiConfig": {"UiTemplateS3Uri": s3_uri(stack.bucket, keys.template)},
            "PreHumanTaskLambdaArn": stack.pre_annotation_arn,
            "TaskKeywords": list(settings.keywords),
            "TaskTitle": settings.title,
            "TaskDescription": settings.description,
            "NumberOfHumanWorkersPerDataObject": settings.workers_per_object,
            "TaskTimeLimitInSeconds": settings.task_time_limit_seconds,
            "TaskAvailabilityLifetimeInSeconds": settings.availability_seconds,
            "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": stack.post_annotation_arn},
        },
    }
