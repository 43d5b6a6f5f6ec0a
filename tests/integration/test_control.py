"""The control plane: what is asked of SageMaker, which no emulator has, and of EventBridge."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

import job_completion
from evidence import NO_SUCH_JOB, client_error
from sample_events import BUCKET, event
from truepoint.adapters import control
from truepoint.adapters.bucket import NotReadableError
from truepoint.groundtruth.job import JobError


@pytest.fixture
def sagemaker(s3: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A stubbed SageMaker client in the place of the one that boto3 would make; other clients are real."""
    client = boto3.client("sagemaker")
    make = boto3.client
    monkeypatch.setattr(boto3, "client", lambda name, **kw: client if name == "sagemaker" else make(name, **kw))
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def description(**changed: Any) -> dict[str, Any]:
    """DescribeLabelingJob's response; the Stubber checks it against the service's model."""
    arn = "arn:aws:sagemaker:us-east-1:123456789012:labeling-job/people"
    now = datetime(2026, 11, 18, tzinfo=UTC)
    return {
        "LabelingJobStatus": "Completed",
        "LabelCounters": {"TotalLabeled": 4, "HumanLabeled": 4, "MachineLabeled": 0},
        "CreationTime": now,
        "LastModifiedTime": now,
        "JobReferenceCode": "0",
        "LabelingJobName": "people",
        "LabelingJobArn": arn,
        "LabelAttributeName": "keypoints",
        "InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": f"s3://{BUCKET}/jobs/people/input.manifest"}}},
        "OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/output/"},
        "RoleArn": "arn:aws:iam::123456789012:role/LabelingJobExecutionRole",
        "HumanTaskConfig": {
            "WorkteamArn": "arn:aws:sagemaker:us-east-1:123456789012:workteam/private-crowd/people",
            "UiConfig": {"UiTemplateS3Uri": f"s3://{BUCKET}/jobs/people/template.liquid.html"},
            "TaskTitle": "people",
            "TaskDescription": "people",
            "NumberOfHumanWorkersPerDataObject": 1,
            "TaskTimeLimitInSeconds": 600,
        },
    } | changed


def ground_truths_event(status: str = "Completed") -> dict[str, Any]:
    sample = event("job_completion/completed.json")
    return dict(sample | {"source": "aws.sagemaker", "detail": {"LabelingJobStatus": status}})


@pytest.mark.parametrize("told", [True, False])
def test_ground_truths_event_carries_a_name_only_so_the_job_is_described(
    sagemaker: Any, context: Any, told: bool
) -> None:
    uri = f"s3://{BUCKET}/output/people/manifests/output/output.manifest"
    output = {"LabelingJobOutput": {"OutputDatasetS3Uri": uri}} if told else {}
    sagemaker.add_response("describe_labeling_job", description(**output), {"LabelingJobName": "people"})
    assert job_completion.handler(ground_truths_event(), context)["lines"] == 7


def test_a_description_in_an_event_of_another_source_is_not_believed(sagemaker: Any, context: Any) -> None:
    forged = ground_truths_event() | {"detail": event("job_completion/stopped.json")["detail"]}
    sagemaker.add_response("describe_labeling_job", description(), {"LabelingJobName": "people"})
    assert job_completion.handler(forged, context)["labeling_job_status"] == "Completed"


def forged(**changed: Any) -> dict[str, Any]:
    """An event with our own source, as anybody may put who may put events."""
    sample = event("job_completion/completed.json")
    described = sample["detail"]["LabelingJob"] | {"LabelAttributeName": "forged"} | changed
    return dict(sample | {"detail": sample["detail"] | {"LabelingJob": described}})


def test_a_forged_description_is_not_believed_where_the_bucket_has_one(s3: Any, context: Any) -> None:
    kept = event("job_completion/completed.json")["detail"]["LabelingJob"]
    s3.put_object(Bucket=BUCKET, Key="jobs/people/labeling_job.json", Body=json.dumps(kept).encode())
    found = job_completion.handler(forged(LabelingJobStatus="Failed"), context)
    assert (found["label_attribute_name"], found["labeling_job_status"], found["written"]) == (
        "keypoints", "Completed", 3,
    )  # fmt: skip


def test_a_forged_description_is_not_believed_where_ground_truth_has_one(
    sagemaker: Any, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("USES_GROUND_TRUTH", "yes")
    sagemaker.add_response("describe_labeling_job", description(), {"LabelingJobName": "people"})
    assert job_completion.handler(forged(), context)["label_attribute_name"] == "keypoints"


@pytest.mark.parametrize("kept", [b"", b"[]", b"{", b'"\xff"', b"[" * 30_000, b" " * 40_000])
def test_a_kept_description_that_cannot_be_read_is_an_error(s3: Any, context: Any, kept: bytes) -> None:
    s3.put_object(Bucket=BUCKET, Key="jobs/people/labeling_job.json", Body=kept)
    with pytest.raises((JobError, NotReadableError)):
        job_completion.handler(event("job_completion/completed.json"), context)


def test_an_unknown_job_is_an_error_for_the_operator(sagemaker: Any, context: Any) -> None:
    sagemaker.add_client_error("describe_labeling_job", **client_error(NO_SUCH_JOB))
    with pytest.raises(Exception, match="Requested resource not found"):
        job_completion.handler(ground_truths_event(), context)


def test_an_event_that_eventbridge_refuses_is_an_error(aws: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client("events")
    monkeypatch.setattr(boto3, "client", lambda _name, **_: client)
    with Stubber(client) as stub:
        failed = {"ErrorCode": "InternalFailure", "ErrorMessage": "later"}
        stub.add_response("put_events", {"FailedEntryCount": 1, "Entries": [failed]})
        with pytest.raises(RuntimeError, match="was refused: InternalFailure later"):
            control.put_event("truepoint.labeling", "Keypoint Labeling Results Ready", [], {})


def test_results_are_announced_to_whoever_listens(s3: Any, context: Any) -> None:
    events, sqs = boto3.client("events"), boto3.client("sqs")
    queue = sqs.create_queue(QueueName="listener")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="ready", EventPattern='{"detail-type": ["Keypoint Labeling Results Ready"]}')
    events.put_targets(Rule="ready", Targets=[{"Id": "q", "Arn": arn}])
    job_completion.handler(event("job_completion/completed.json"), context)
    [message] = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert f'"results_s3_uri": "s3://{BUCKET}/results/people/results.json"' in message["Body"]
    assert '"source": "truepoint.labeling"' in message["Body"]
