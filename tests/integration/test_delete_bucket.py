"""Deleting what a deleted stack left behind."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

import delete_bucket
from sample_events import BUCKET
from truepoint.jobs.stack import OUTPUT_NAMES

TEMPLATE = '{"Resources": {"B": {"Type": "AWS::SQS::Queue"}}, "Outputs": {%s}}'


def stack(bucket: str) -> None:
    """A stack whose outputs are those of ours."""
    values = dict.fromkeys(OUTPUT_NAMES.values(), "arn:aws:lambda:us-east-1:123456789012:function:f")
    values["BucketName"] = bucket
    outputs = ", ".join(f'"{name}": {{"Value": "{value}"}}' for name, value in values.items())
    boto3.client("cloudformation").create_stack(StackName="truepoint", TemplateBody=TEMPLATE % outputs)


@pytest.fixture
def versioned(s3: Any) -> Any:
    """A bucket with two versions of an object and a delete marker of another."""
    s3.create_bucket(Bucket="left-behind")
    s3.put_bucket_versioning(Bucket="left-behind", VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2"):
        s3.put_object(Bucket="left-behind", Key="a", Body=body)
    s3.put_object(Bucket="left-behind", Key="b", Body=b"1")
    s3.delete_object(Bucket="left-behind", Key="b")
    return s3


def buckets(s3: Any) -> set[str]:
    return {b["Name"] for b in s3.list_buckets()["Buckets"]}


def test_every_object_version_is_deleted_and_a_repetition_succeeds(
    versioned: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert delete_bucket.main(["left-behind", "--delete-every-label"]) == 0
    assert "4 object versions" in capsys.readouterr().out
    assert buckets(versioned) == {BUCKET}
    assert delete_bucket.main(["left-behind", "--delete-every-label"]) == 0
    assert "does not exist" in capsys.readouterr().out


def test_deletion_needs_a_confirmation(versioned: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert delete_bucket.main(["left-behind"]) == 2
    assert "--delete-every-label" in capsys.readouterr().err
    assert "left-behind" in buckets(versioned)
    delete_bucket.main(["left-behind", "--delete-every-label"])


def test_the_bucket_of_an_existing_stack_is_kept(versioned: Any, capsys: pytest.CaptureFixture[str]) -> None:
    stack("left-behind")
    try:
        assert delete_bucket.main(["left-behind", "--delete-every-label"]) == 2
        assert "of the stack truepoint" in capsys.readouterr().err
        assert "left-behind" in buckets(versioned)
    finally:
        boto3.client("cloudformation").delete_stack(StackName="truepoint")
    assert delete_bucket.main(["left-behind", "--delete-every-label"]) == 0


@pytest.mark.parametrize(
    ("name", "template"),
    [
        ("truepoint", TEMPLATE % '"BucketName": {"Value": "left-behind"}'),
        ("other", TEMPLATE % '"BucketName": {"Value": "left-behind"}'),
        ("truepoint", '{"Resources": {"B": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "made-by-it"}}}}'),
    ],
    ids=["an earlier version's outputs", "another name", "no outputs"],
)
def test_a_bucket_of_any_stack_is_kept(
    versioned: Any, capsys: pytest.CaptureFixture[str], name: str, template: str
) -> None:
    cloudformation = boto3.client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=template)
    bucket = "made-by-it" if "made-by-it" in template else "left-behind"
    try:
        assert delete_bucket.main([bucket, "--delete-every-label"]) == 2
        assert f"{bucket} of the stack {name}: delete the stack first" in capsys.readouterr().err
        assert bucket in buckets(versioned)
    finally:
        cloudformation.delete_stack(StackName=name)
    delete_bucket.main(["left-behind", "--delete-every-label"])
