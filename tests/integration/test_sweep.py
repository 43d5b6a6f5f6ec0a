"""The sweep against S3 and EventBridge; SageMaker's two operations are stubbed, checked against its model."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber
from test_control import description

import job_completion
import sweep
from sample_events import BUCKET, event, names
from truepoint.groundtruth.job import LARGEST_DESCRIPTION
from truepoint.groundtruth.lost_events import GRACE, WINDOW

HOUR = timedelta(hours=1)


def outside(name: str, **changed: Any) -> dict[str, Any]:
    """labeling_job.json of a job run outside Ground Truth that ended two hours ago."""
    sample = event("job_completion/completed.json")["detail"]["LabelingJob"]
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:labeling-job/{name}"
    ended = (datetime.now(UTC) - 2 * HOUR).isoformat(timespec="milliseconds")
    return dict(sample | {"LabelingJobName": name, "LabelingJobArn": arn, "LastModifiedTime": ended} | changed)


def keep(s3: Any, name: str, document: Any) -> None:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    s3.put_object(Bucket=BUCKET, Key=f"jobs/{name}/labeling_job.json", Body=body)


@pytest.fixture
def heard(s3: Any) -> Iterator[Any]:
    """The events that announce an ended job, heard by a queue; gives a function that returns what came since."""
    events, sqs = boto3.client("events"), boto3.client("sqs")
    queue = sqs.create_queue(QueueName="ended")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = event_pattern()
    events.put_rule(Name="ended", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="ended", Targets=[{"Id": "queue", "Arn": arn}])

    def heard() -> list[dict[str, Any]]:
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in messages]

    yield heard
    events.remove_targets(Rule="ended", Ids=["queue"])
    events.delete_rule(Name="ended")
    sqs.delete_queue(QueueUrl=queue)


def event_pattern() -> dict[str, Any]:
    """The rule of template.yaml, which tests/template holds."""
    return {
        "source": ["aws.sagemaker", "truepoint.labeling"],
        "detail-type": ["SageMaker Ground Truth Labeling Job State Change"],
        "detail": {"LabelingJobStatus": ["Completed", "Stopped", "Failed"]},
    }


@pytest.mark.parametrize("name", names("sweep"))
def test_a_lost_event_is_sent_again_until_there_are_results(name: str, s3: Any, heard: Any, context: Any) -> None:
    keep(s3, "people", outside("people"))
    for _ in range(2):
        assert sweep.handler(event(f"sweep/{name}"), context) == {"announced": ["people"]}
        [ended] = heard()
        assert ended["source"] == "truepoint.labeling"
    assert job_completion.handler(ended, context)["lines"] == 7
    assert sweep.handler(event(f"sweep/{name}"), context) == {"announced": []}
    assert heard() == []


def test_the_sweep_has_two_sample_events() -> None:
    assert names("sweep") == ["by_hand.json", "hourly.json"]


HOSTILE = {
    "none": b"",
    "not-json": b"{",
    "not-text": b'"\xff"',
    "a-list": [],
    "another-job": outside("people"),
    "too-large": outside("too-large", FailureReason="x" * 40_000),
    "no-time": outside("no-time", LastModifiedTime="yesterday"),
    "no-output": outside("no-output", OutputConfig={}),
    "deep": b"[" * 30_000,
    "running": outside("running", LabelingJobStatus="InProgress"),
    "just-ended": outside("just-ended", LastModifiedTime=datetime.now(UTC).isoformat()),
    "long-ago": outside("long-ago", LastModifiedTime="2026-01-01T00:00:00+00:00"),
    "elsewhere": outside("elsewhere", LabelingJobOutput={"OutputDatasetS3Uri": "s3://theirs/output.manifest"}),
}


def test_a_job_that_cannot_be_announced_does_not_stop_the_others(s3: Any, heard: Any, context: Any) -> None:
    for name, document in HOSTILE.items():
        keep(s3, name, document)
    keep(s3, "zebras", outside("zebras"))
    assert sweep.handler({}, context) == {"announced": ["zebras"]}
    assert [e["resources"][0].rsplit("/", 1)[1] for e in heard()] == ["zebras"]


def test_the_largest_description_is_an_event(s3: Any, heard: Any, context: Any) -> None:
    """Every character of it becomes an escape, and the manifest's address stands in the event twice."""
    uri = f"s3://{BUCKET}/" + "\U0001f9cd" * 7_900 + "/people/"
    document = outside("people", LabelingJobOutput={"OutputDatasetS3Uri": uri})
    body = json.dumps(document, ensure_ascii=False).encode()
    assert 31 * 1024 < len(body) <= LARGEST_DESCRIPTION
    keep(s3, "people", body)
    assert sweep.handler({}, context) == {"announced": ["people"]}
    [ended] = heard()
    assert len(json.dumps(ended)) < 256_000  # of EventBridge


# ------------------------------------------------------------------------------------------ Ground Truth


@pytest.fixture
def sagemaker(s3: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    client, make = boto3.client("sagemaker"), boto3.client
    monkeypatch.setattr(boto3, "client", lambda name, **kw: client if name == "sagemaker" else make(name, **kw))
    monkeypatch.setenv("USES_GROUND_TRUTH", "yes")
    with Stubber(client) as stub:
        yield stub
        stub.assert_no_pending_responses()


def page(status: str, *jobs: str, after: str | None = None, more: str | None = None) -> tuple[str, Any, Any]:
    """One page of ListLabelingJobs: method, response, request."""
    now = datetime.now(UTC)
    summaries = [
        {
            "LabelingJobName": name,
            "LabelingJobArn": f"arn:aws:sagemaker:us-east-1:123456789012:labeling-job/{name}",
            "CreationTime": now - 9 * HOUR,
            "LastModifiedTime": now - 2 * HOUR,
            "LabelingJobStatus": status,
            "LabelCounters": {"TotalLabeled": 1},
            "WorkteamArn": "arn:aws:sagemaker:us-east-1:123456789012:workteam/private-crowd/people",
        }
        for name in jobs
    ]
    request = {"StatusEquals": status, "LastModifiedTimeAfter": ANY, "LastModifiedTimeBefore": ANY, "MaxResults": 100}
    response = {"LabelingJobSummaryList": summaries} | ({"NextToken": more} if more else {})
    return "list_labeling_jobs", response, request | ({"NextToken": after} if after else {})


def described(name: str, **changed: Any) -> tuple[str, Any, Any]:
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:labeling-job/{name.lower()}"
    two_hours_ago = {"LastModifiedTime": datetime.now(UTC) - 2 * HOUR, "LabelingJobArn": arn, "LabelingJobName": name}
    return "describe_labeling_job", description(**two_hours_ago | changed), {"LabelingJobName": name}


def test_ended_jobs_of_ground_truth_are_looked_through_page_by_page(
    sagemaker: Stubber, s3: Any, heard: Any, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("truepoint.runs.steps.WAITS", ())
    s3.put_object(Bucket=BUCKET, Key="results/done/results.json", Body=b"{}")
    elsewhere = {"OutputConfig": {"S3OutputPath": "s3://theirs/output/"}}
    for answer in (
        page("Completed", "done", "people", more="2"),
        described("people"),
        page("Completed", "cats", after="2"),
        described("cats", **elsewhere),
        page("Stopped"),
        page("Failed", "Broken"),
        described("Broken", LabelingJobStatus="Failed", FailureReason="ClientError: the manifest"),
    ):
        sagemaker.add_response(*answer)
    assert sweep.handler({}, context) == {"announced": ["people", "Broken"]}
    ended = heard()
    assert [e["detail"]["LabelingJobStatus"] for e in ended] == ["Completed", "Failed"]
    sagemaker.add_response(*described("people"))
    assert job_completion.handler(ended[0], context)["lines"] == 7
    method, response, _ = described("Broken", LabelingJobStatus="Failed", FailureReason="ClientError: the manifest")
    sagemaker.add_response(method, response, {"LabelingJobName": "broken"})  # ARNs are in lower case
    assert job_completion.handler(ended[1], context)["failure_reason"] == "ClientError: the manifest"


def test_only_jobs_that_ended_within_the_window_are_asked_for(
    sagemaker: Stubber, monkeypatch: pytest.MonkeyPatch, context: Any
) -> None:
    now = time.time()
    monkeypatch.setattr("sweep.time.time", lambda: now)
    for status in ("Completed", "Stopped", "Failed"):
        method, response, request = page(status)
        times = {"LastModifiedTimeAfter": now - WINDOW, "LastModifiedTimeBefore": now - GRACE}
        request |= {key: datetime.fromtimestamp(value, UTC) for key, value in times.items()}
        sagemaker.add_response(method, response, request)
    assert sweep.handler({}, context) == {"announced": []}


def test_ground_truth_out_of_reach_is_an_error_after_all_others_are_announced(
    sagemaker: Stubber, s3: Any, heard: Any, context: Any
) -> None:
    keep(s3, "people", outside("people"))
    sagemaker.add_client_error("list_labeling_jobs", "ThrottlingException", "Rate exceeded", 400)
    with pytest.raises(Exception, match="Rate exceeded"):
        sweep.handler({}, context)
    assert len(heard()) == 1


def test_without_ground_truth_its_api_is_left_alone(s3: Any, monkeypatch: pytest.MonkeyPatch, context: Any) -> None:
    monkeypatch.setenv("USES_GROUND_TRUTH", "no")
    make = boto3.client
    monkeypatch.setattr(boto3, "client", lambda name, **kw: {}[name] if name == "sagemaker" else make(name, **kw))
    assert sweep.handler({}, context) == {"announced": []}


@pytest.mark.parametrize(
    "key", ["jobs//a.jpg", "jobs/./a", "jobs/../a", "jobs/people//a.jpg", "jobs/a_b/labeling_job.json"]
)
def test_folders_with_invalid_job_names_hide_no_job(key: str, s3: Any, heard: Any, context: Any) -> None:
    keep(s3, "crowd", outside("crowd"))
    s3.put_object(Bucket=BUCKET, Key=key, Body=b"{}")
    assert sweep.handler({}, context) == {"announced": ["crowd"]}
    assert [e["resources"][0].rsplit("/", 1)[1] for e in heard()] == ["crowd"]


def test_a_name_with_capitals_is_found_below_either_spelling(s3: Any, heard: Any, context: Any) -> None:
    for folder, name in (("caps", "Caps"), ("Other", "Other")):
        document = outside(name)
        document["LabelingJobArn"] = document["LabelingJobArn"].lower()
        s3.put_object(Bucket=BUCKET, Key=f"jobs/{folder}/labeling_job.json", Body=json.dumps(document).encode())
    assert sorted(sweep.handler({}, context)["announced"]) == ["Caps", "Other"]
