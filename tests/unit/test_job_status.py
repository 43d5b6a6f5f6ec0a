"""What a job's description says about its progress."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from jobs.launch import describe_in_ground_truth
from jobs.status import JobStatus, job_status


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
