"""Which jobs `rerun_results.py` finds, and what it does about them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from test_control import description
from test_sweep import keep, outside

from evidence import NO_SUCH_JOB, client_error
from job_builders import STACK
from sample_events import BUCKET
from truepoint.groundtruth.job import JobError
from truepoint.jobs.rerun import NotEndedError, Rerun
from truepoint.jobs.status import NoSuchJobError

OURS = replace(STACK, bucket=BUCKET)
OURS_ALONE = replace(OURS, uses_ground_truth=False)


@pytest.fixture
def sagemaker(s3: Any) -> Iterator[Stubber]:
    with Stubber(boto3.client("sagemaker")) as stub:
        yield stub
        stub.assert_no_pending_responses()


@pytest.fixture
def session(sagemaker: Stubber, monkeypatch: pytest.MonkeyPatch) -> boto3.Session:
    """A session whose SageMaker is the stub."""
    session = boto3.Session()
    make = session.client
    monkeypatch.setattr(session, "client", lambda name: sagemaker.client if name == "sagemaker" else make(name))
    return session


def listed(sagemaker: Stubber, status: str, *names: str) -> None:
    summary = {name: description()[name] for name in ("LabelingJobArn", "CreationTime", "LastModifiedTime")}
    team = "arn:aws:sagemaker:us-east-1:123456789012:workteam/private-crowd/people"
    rest = {"LabelingJobStatus": status, "LabelCounters": {}, "WorkteamArn": team}
    summaries = [{"LabelingJobName": name, **summary, **rest} for name in names]
    sagemaker.add_response("list_labeling_jobs", {"LabelingJobSummaryList": summaries}, {"StatusEquals": status})


def test_all_missing_finds_jobs_of_any_age(session: boto3.Session, s3: Any, sagemaker: Stubber) -> None:
    keep(s3, "old", outside("old", LastModifiedTime="2020-01-01T00:00:00+00:00"))
    keep(s3, "done", outside("done"))
    keep(s3, "running", outside("running", LabelingJobStatus="InProgress"))
    keep(s3, "forged", outside("old"))
    s3.put_object(Bucket=BUCKET, Key="results/done/results.json", Body=b"{}")
    # A folder below jobs/ without a description is of a job in Ground Truth, if of any.
    sagemaker.add_client_error(
        "describe_labeling_job", expected_params={"LabelingJobName": "people"}, **client_error(NO_SUCH_JOB)
    )
    listed(sagemaker, "Completed", "done", "Cats", "theirs")
    cats = {"LabelingJobName": "Cats", "LabelingJobArn": "arn:aws:sagemaker:us-east-1:123456789012:labeling-job/cats"}
    sagemaker.add_response("describe_labeling_job", description(**cats), {"LabelingJobName": "Cats"})
    theirs = {"OutputConfig": {"S3OutputPath": "s3://theirs/output/"}, "LabelingJobName": "people"}
    sagemaker.add_response("describe_labeling_job", description(**theirs), {"LabelingJobName": "theirs"})
    listed(sagemaker, "Stopped")
    listed(sagemaker, "Failed")
    assert [job.name for job in Rerun(session, OURS).missing()] == ["old", "Cats"]


@pytest.mark.parametrize(
    ("document", "error"),
    [
        (None, NoSuchJobError),
        (outside("people", LabelingJobStatus="InProgress"), NotEndedError),
        (outside("people", LabelingJobOutput={"OutputDatasetS3Uri": "s3://theirs/output.manifest"}), NotEndedError),
        (outside("cats"), JobError),
        (outside("people", OutputConfig=None), JobError),
    ],
)
def test_a_job_whose_results_cannot_be_written_again(
    session: boto3.Session, s3: Any, document: Any, error: type[Exception]
) -> None:
    if document:
        keep(s3, "people", document)
    with pytest.raises(error, match=r"people|description"):
        Rerun(session, OURS_ALONE).job("people")


def test_the_event_is_sent_and_force_deletes_the_marker(session: boto3.Session, s3: Any) -> None:
    events, sqs = boto3.client("events"), boto3.client("sqs")
    queue = sqs.create_queue(QueueName="rerun")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="rerun", EventPattern='{"source": ["truepoint.labeling"]}')
    events.put_targets(Rule="rerun", Targets=[{"Id": "q", "Arn": arn}])
    keep(s3, "people", outside("people"))
    s3.put_object(Bucket=BUCKET, Key="results/people/results.json", Body=b"{}")
    again = Rerun(session, OURS_ALONE)
    job = again.job("people")
    assert again.has_results("People")
    again.forget_results("People")
    assert not again.has_results("people")
    again.announce(job)
    [message] = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(message["Body"])["detail"]["LabelingJob"]["LabelingJobName"] == "people"
    events.remove_targets(Rule="rerun", Ids=["q"])
    events.delete_rule(Name="rerun")
