"""Calls of Ground Truth, EventBridge, Step Functions and Lambda, with the boto3 of the Lambda runtime.

boto3 takes half a second to import, so it is imported at the first call.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from truepoint.adapters.environment import endpoint_url

MOST_EXECUTIONS = 99
"""Maximum number of executions with one base name within 90 days. More reruns of the same results need an operator."""
INVOKED_SECONDS = 8
"""Read timeout of an invoked function, in seconds. A person waits for its result."""
UNDER_WAY = ("RUNNING", "PENDING_REDRIVE")
"""Statuses of executions that have not ended."""


class FunctionError(Exception):
    """A failed or unreachable Lambda function. The message holds nothing from its response."""


def invoke(arn: str, event: Mapping[str, Any], seconds: float = INVOKED_SECONDS) -> Any:
    """Invoke a Lambda function synchronously, and return its result.

    Raises:
        FunctionError: the function failed, could not be invoked in time, or returned something other than JSON.
    """
    text = invoke_text(arn, event, seconds)
    try:
        return json.loads(text)
    except ValueError as error:
        raise FunctionError(f"expected {arn} to return JSON, got something else") from error


def invoke_text(arn: str, event: Mapping[str, Any], seconds: float = INVOKED_SECONDS) -> bytes:
    """Invoke a Lambda function synchronously, wait at most `seconds`, and return the text of its result.

    Raises:
        FunctionError: the function failed, or could not be invoked in time.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        answer = _invoker(seconds).invoke(FunctionName=arn, Payload=json.dumps(event).encode())
        text: bytes = answer["Payload"].read()
    except (BotoCoreError, ClientError) as error:
        raise FunctionError(f"expected {arn} to be invoked, got {type(error).__name__}") from error
    if "FunctionError" in answer:
        raise FunctionError(f"expected {arn} to return, got the error {answer['FunctionError']}")
    return text


@cache
def _invoker(seconds: float) -> Any:
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    # Only short calls, for which a user waits, are retried. Calls that take minutes are not.
    tries = 3 if seconds <= INVOKED_SECONDS else 1
    limits = Config(connect_timeout=3, read_timeout=seconds, retries={"mode": "standard", "max_attempts": tries})
    return boto3.client("lambda", endpoint_url=endpoint_url(), config=limits)


def read_parameter(name: str) -> str:
    """Return the text of a parameter of Systems Manager."""
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    limits = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "max_attempts": 3})
    answer = boto3.client("ssm", endpoint_url=endpoint_url(), config=limits).get_parameter(Name=name)
    return str(answer["Parameter"]["Value"])


def describe_labeling_job(name: str) -> dict[str, Any]:
    """Return Ground Truth's description of a job. Job names are case-insensitive."""
    import boto3  # noqa: PLC0415

    description: dict[str, Any] = boto3.client("sagemaker", endpoint_url=endpoint_url()).describe_labeling_job(
        LabelingJobName=name
    )
    return description


def list_labeling_jobs(status: str, after: float, before: float) -> Iterator[str]:
    """Yield the names of Ground Truth's jobs with this status that last changed between two times.

    Times are seconds since 1970.
    """
    import boto3  # noqa: PLC0415

    pages = boto3.client("sagemaker", endpoint_url=endpoint_url()).get_paginator("list_labeling_jobs")
    between = {"LastModifiedTimeAfter": _time(after), "LastModifiedTimeBefore": _time(before)}
    for page in pages.paginate(StatusEquals=status, **between, PaginationConfig={"PageSize": 100}):
        for summary in page["LabelingJobSummaryList"]:
            yield summary["LabelingJobName"]


def put_event(source: str, detail_type: str, resources: list[str], detail: dict[str, Any]) -> None:
    """Put one event on the default bus.

    Raises:
        RuntimeError: EventBridge refused the entry, which its API reports in a successful response.
    """
    import boto3  # noqa: PLC0415

    entry = {"Source": source, "DetailType": detail_type, "Resources": resources, "Detail": json.dumps(detail)}
    answer = boto3.client("events", endpoint_url=endpoint_url()).put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        failed = answer["Entries"][0]
        raise RuntimeError(f"the event {detail_type!r} was refused: {failed['ErrorCode']} {failed.get('ErrorMessage')}")


def start_execution(state_machine_arn: str, name: str, payload: Any) -> str:
    """Start an execution of a state machine unless one with this name is running, and return its ARN.

    A name cannot be used again within 90 days, so executions are named `{name}-1`, `{name}-2` and so on. A new number
    is used once the execution with the previous number has ended.

    Raises:
        RuntimeError: `MOST_EXECUTIONS` executions with this name have ended.
    """
    import boto3  # noqa: PLC0415

    client = boto3.client("stepfunctions", endpoint_url=endpoint_url())
    text = json.dumps(payload)
    for number in range(1, MOST_EXECUTIONS + 1):
        numbered = f"{name}-{number}"
        try:
            started = client.start_execution(stateMachineArn=state_machine_arn, name=numbered, input=text)
            return str(started["executionArn"])
        except client.exceptions.ExecutionAlreadyExists:
            arn = f"{state_machine_arn.replace(':stateMachine:', ':execution:')}:{numbered}"
            if client.describe_execution(executionArn=arn)["status"] in UNDER_WAY:
                return arn
    raise RuntimeError(f"expected a free name for an execution, got ended executions {name}-1 to -{MOST_EXECUTIONS}")


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
