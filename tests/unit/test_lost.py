"""Which jobs the sweep takes for lost, and the event that it puts for them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truepoint.groundtruth.job import ENDED, SOURCE, JobError, LabelingJob, read_description, read_ended
from truepoint.groundtruth.lost_events import GRACE, WINDOW, announceable, ended_detail, is_lost

NOW = 1_800_000_000.0
ARN = "arn:aws:sagemaker:us-east-1:123456789012:labeling-job/"


def description(**changed: Any) -> dict[str, Any]:
    return {
        "LabelingJobName": "people",
        "LabelingJobArn": f"{ARN}people",
        "LabelingJobStatus": "Completed",
        "LabelAttributeName": "keypoints",
        "OutputConfig": {"S3OutputPath": "s3://ours/output/"},
    } | changed


@pytest.mark.parametrize(
    ("changed", "age", "found"),
    [
        ({}, GRACE, True),
        ({}, WINDOW, True),
        ({"LabelingJobStatus": "Stopped"}, GRACE, True),
        ({"LabelingJobStatus": "Failed", "FailureReason": "ClientError: no manifest"}, GRACE, True),
        ({"LabelingJobName": "People"}, GRACE, True),
        ({}, GRACE - 1, False),
        ({}, WINDOW + 1, False),
        ({}, -5, False),
        ({"LabelingJobStatus": "InProgress"}, GRACE, False),
        ({"LabelingJobStatus": "Stopping"}, GRACE, False),
        ({"LabelingJobStatus": None}, GRACE, False),
        ({"OutputConfig": {"S3OutputPath": "s3://theirs/output/"}}, GRACE, False),
        ({"LabelingJobOutput": {"OutputDatasetS3Uri": "s3://theirs/output.manifest"}}, GRACE, False),
    ],
)
def test_a_finished_job_without_results_is_lost(changed: dict[str, Any], age: float, found: bool) -> None:
    given = description(**changed)
    assert (is_lost(given, NOW - age, NOW) and announceable(given, "ours") is not None) == found


@pytest.mark.parametrize(
    "changed",
    [
        {"LabelingJobName": "../ui"},
        {"LabelingJobArn": "people"},
        {"LabelingJobArn": f"{ARN}cats"},
        {"OutputConfig": None},
        {"OutputConfig": {"S3OutputPath": "https://ours/output/"}},
    ],
)
def test_a_job_that_cannot_be_announced_is_an_error(changed: dict[str, Any]) -> None:
    with pytest.raises(JobError):
        announceable(description(**changed), "ours")


JOBS = st.builds(
    lambda name, manifest, **rest: LabelingJob(
        name=name, arn=ARN + name.lower(), output_manifest_uri=manifest.format(name), **rest
    ),
    name=st.from_regex(r"[a-zA-Z0-9](-?[a-zA-Z0-9]){0,20}", fullmatch=True),
    manifest=st.sampled_from(["s3://ours/output/{}/manifests/output/output.manifest", "s3://ours/elsewhere"]),
    status=st.sampled_from(["Completed", "Stopped", "Failed"]),
    label_attribute_name=st.text(min_size=1),
    failure_reason=st.text() | st.none(),
    workers_per_object=st.integers(1, 9) | st.none(),
)


@given(JOBS)
def test_the_event_contains_the_whole_description(job: LabelingJob) -> None:
    ended = read_ended({"source": SOURCE, "detail-type": ENDED, "resources": [job.arn], "detail": ended_detail(job)})
    assert ended.description is not None
    assert read_description(ended.description) == job
