"""What a job's description says about its progress."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from truepoint.jobs.launch import describe_in_ground_truth
from truepoint.jobs.status import JobStatus, NoSuchJobError, count_answered, job_status


def status(labeled: int, failed: int, unlabeled: int) -> JobStatus:
    counters = {"TotalLabeled": labeled, "FailedNonRetryableError": failed, "Unlabeled": unlabeled}
    description = {"LabelingJobStatus": "InProgress", "LabelCounters": counters}
    return job_status("a", description, outside_ground_truth=True, results=None)


@pytest.mark.parametrize(
    ("counts", "bar"),
    [
        ((0, 0, 0), "----------"),
        ((0, 0, 7), "----------"),
        ((3, 0, 7), "###-------"),
        ((10, 0, 0), "##########"),
        ((999, 1, 0), "#########x"),
        ((5, 5, 0), "#####xxxxx"),
        ((0, 1, 999), "x---------"),
    ],
)
def test_the_bar(counts: tuple[int, int, int], bar: str) -> None:
    assert status(*counts).bar(10) == bar
    assert status(*counts).total == sum(counts)


def test_a_job_that_failed_before_it_had_counters() -> None:
    description = {"LabelingJobStatus": "Failed", "FailureReason": "ClientError: the manifest"}
    found = job_status("a", description, outside_ground_truth=False, results=None)
    assert (found.total, found.failure_reason) == (0, "ClientError: the manifest")


@pytest.mark.parametrize("code", ["ResourceNotFound", "ResourceNotFoundException", "ValidationException"])
def test_no_such_job_in_ground_truth(code: str) -> None:
    client: Any = boto3.client(
        "sagemaker", region_name="eu-west-1", aws_access_key_id="testing", aws_secret_access_key="testing"
    )
    stubber = Stubber(client)
    stubber.add_client_error("describe_labeling_job", code)
    with stubber:
        assert describe_in_ground_truth(client, "a") is None
    if code == "ValidationException":  # of a malformed name it says nothing about jobs
        stubber.add_client_error("describe_labeling_job", code)
        with stubber, pytest.raises(ClientError, match=code):
            describe_in_ground_truth(client, "a_b")


class Listing:
    """An S3 client that lists these keys, two to a page."""

    def __init__(self, *keys: str) -> None:
        self.keys = keys

    def get_paginator(self, _: str) -> "Listing":
        return self

    def paginate(self, *, Prefix: str, Delimiter: str = "", **_: str) -> Any:  # noqa: N803 (the SDK's names)
        found = sorted(key for key in self.keys if key.startswith(Prefix))
        if Delimiter:
            folders = sorted({f"{Prefix}{key.removeprefix(Prefix).split('/')[0]}/" for key in found})
            return [{"CommonPrefixes": [{"Prefix": folder} for folder in folders]}]
        return [{"Contents": [{"Key": key} for key in found[n : n + 2]]} for n in range(0, len(found), 2)] or [{}]


@pytest.mark.parametrize(("workers", "labeled"), [(1, 3), (2, 2), (3, 1)])
def test_images_are_counted_while_a_job_outside_ground_truth_runs(workers: int, labeled: int) -> None:
    folder = "output/people/annotations/worker-response/iteration-1"
    answers = {"0": 3, "7": 2, "10": 1}
    keys = [f"{folder}/{number}/2026-11-18_02:19:4{n}.json" for number, count in answers.items() for n in range(count)]
    description = {
        "LabelingJobName": "people",
        "LabelingJobStatus": "InProgress",
        "LabelCounters": {"TotalLabeled": 0, "HumanLabeled": 0, "FailedNonRetryableError": 0, "Unlabeled": 11},
        "OutputConfig": {"S3OutputPath": "s3://bucket/output/"},
        "HumanTaskConfig": {"NumberOfHumanWorkersPerDataObject": workers},
    }
    client: Any = Listing(*keys, "output/people-2/annotations/worker-response/iteration-1/1/2026-11-18_02:19:40.json")
    counters = count_answered(client, description)
    assert (counters["TotalLabeled"], counters["Unlabeled"]) == (labeled, 11 - labeled)


def test_an_unknown_job_names_those_that_exist() -> None:
    client: Any = Listing(*(f"jobs/job-{n:02}/input.manifest" for n in range(12)))
    message = str(NoSuchJobError.of(client, "b", "people"))
    assert message.endswith("jobs there: " + ", ".join(f"job-{n:02}" for n in range(10)) + " and 2 more")
