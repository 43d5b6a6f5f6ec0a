"""The stack's outputs as CloudFormation of moto gives them."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws

from truepoint.jobs.stack import NEWER, OUTPUT_NAMES, StackError, read_stack

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient


@pytest.fixture
def cloudformation(monkeypatch: pytest.MonkeyPatch) -> "Iterator[CloudFormationClient]":
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.client("cloudformation", region_name="eu-west-1")


def deploy(cloudformation: "CloudFormationClient", *names: str) -> None:
    outputs = {name: {"Value": f"value of {name}"} for name in names}
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": outputs}
    tags = [{"Key": "application", "Value": "truepoint"}, {"Key": "team", "Value": "vision"}]
    cloudformation.create_stack(StackName="truepoint", TemplateBody=json.dumps(template), Tags=tags)


def test_all_outputs_and_where_the_stack_is(cloudformation: "CloudFormationClient") -> None:
    deploy(cloudformation, *OUTPUT_NAMES.values(), "Another")
    stack = read_stack(cloudformation)
    assert {field: getattr(stack, field) for field in OUTPUT_NAMES} == {
        field: f"value of {name}" for field, name in OUTPUT_NAMES.items()
    }
    assert (stack.partition, stack.region, stack.account) == ("aws", "eu-west-1", "123456789012")
    assert stack.tags == (("application", "truepoint"), ("team", "vision"))


@pytest.mark.parametrize("missing", sorted(set(OUTPUT_NAMES.values()) - NEWER))
def test_a_missing_output(cloudformation: "CloudFormationClient", missing: str) -> None:
    deploy(cloudformation, *(name for name in OUTPUT_NAMES.values() if name != missing))
    with pytest.raises(StackError, match=f"'truepoint' \\(CREATE_COMPLETE\\) has no output {missing}; deploy it again"):
        read_stack(cloudformation)


@pytest.mark.parametrize("missing", sorted(NEWER))
def test_an_older_stack_lacks_newer_outputs(cloudformation: "CloudFormationClient", missing: str) -> None:
    deploy(cloudformation, *(name for name in OUTPUT_NAMES.values() if name != missing))
    stack = read_stack(cloudformation)
    assert [name for field, name in OUTPUT_NAMES.items() if not getattr(stack, field)] == [missing]


def test_no_such_stack(cloudformation: "CloudFormationClient") -> None:
    with pytest.raises(StackError, match="there is no stack 'gone' in eu-west-1; deploy it first"):
        read_stack(cloudformation, "gone")


def test_other_errors_are_not_hidden(cloudformation: "CloudFormationClient") -> None:
    stubber = Stubber(cloudformation)
    stubber.add_client_error("describe_stacks", "AccessDenied")
    with stubber, pytest.raises(ClientError, match="AccessDenied"):
        read_stack(cloudformation)
