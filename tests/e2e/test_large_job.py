"""A job too large for one invocation, by the real state machine, with IAM enforced.

The emulator calls every exception of a function Runtime.HandlerError, AWS by its class: that a changed manifest is
planned again is held by tests/template (the state machine's part) and tests/faults (the steps').
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from loop import Loop, face

from truepoint.keys import job_keys

NAME = "large"
MARKER = f"results/{NAME}/results.json"


@pytest.fixture(scope="module")
def expected(loop: Loop) -> dict[str, bytes]:
    """The results of a job of three lines that one invocation made."""
    answers = {f"{n}.png": [face(100 + n, 200), face(300, 50 + n)] for n in range(3)}
    loop.run(loop.job(NAME, workers=2), {"ada": answers, "bob": answers})
    return results(loop)


@pytest.fixture
def large(loop: Loop, expected: dict[str, bytes]) -> Iterator[None]:
    """The results are to be made by the state machine."""
    forget(loop, *expected)
    with loop.everything_is_large():
        yield


def results(loop: Loop) -> dict[str, bytes]:
    return {key: loop.read(key) for key in loop.keys(f"results/{NAME}/")}


def forget(loop: Loop, *keys: str) -> None:
    for key in keys:
        loop.s3.delete_object(Bucket=loop.stack.bucket, Key=key)


def complete(loop: Loop) -> Any:
    """What EventBridge does when the job has ended; the function's answer."""
    client = loop.client("lambda")
    answer = client.invoke(FunctionName=loop.stack.job_completion_arn, Payload=json.dumps(loop.ended(NAME)))
    assert "FunctionError" not in answer
    return json.loads(answer["Payload"].read())


def test_the_same_bytes_and_one_execution_at_a_time(loop: Loop, expected: dict[str, bytes], large: None) -> None:
    executions = {complete(loop)["handed_over"] for _ in range(2)}
    assert len(executions) == 1
    found = loop.execution(executions.pop())
    assert found["status"] == "SUCCEEDED", found
    assert json.loads(found["output"])["lines"] == 3
    assert results(loop) == expected
    assert complete(loop)["lines"] == 3  # it is complete: announced again, and nothing else

    forget(loop, MARKER)
    again = complete(loop)["handed_over"]
    assert again.endswith("-2")
    assert loop.execution(again)["status"] == "SUCCEEDED"
    assert results(loop) == expected


def test_a_run_that_fails_can_be_seen_and_prevents_no_other(
    loop: Loop, expected: dict[str, bytes], large: None
) -> None:
    manifest = f"output/{NAME}/manifests/output/output.manifest"
    body = loop.read(manifest)
    loop.s3.put_object(Bucket=loop.stack.bucket, Key=manifest, Body=body)
    client = loop.client("stepfunctions")
    first = complete(loop)["handed_over"]
    client.stop_execution(executionArn=first, cause="an operator")
    assert loop.execution(first)["status"] == "ABORTED"
    assert MARKER not in results(loop)
    assert loop.execution(complete(loop)["handed_over"])["status"] == "SUCCEEDED"
    assert results(loop) == expected


def test_a_run_of_another_manifest_waits_for_the_one_before(
    loop: Loop, expected: dict[str, bytes], large: None
) -> None:
    assert loop.execution(complete(loop)["handed_over"])["status"] == "SUCCEEDED"
    manifest = f"output/{NAME}/manifests/output/output.manifest"
    body = loop.read(manifest)
    loop.s3.put_object(Bucket=loop.stack.bucket, Key=manifest, Body=body.splitlines(keepends=True)[0])
    loop.s3.put_object(Bucket=loop.stack.bucket, Key=job_keys(NAME).write_lock, Body=b'{"of": "another", "id": "1"}')
    try:
        execution = complete(loop)["handed_over"]
        assert loop.execution(execution)["status"] == "SUCCEEDED"
        assert json.loads(loop.read(MARKER))["lines"] == 1
        client = loop.client("stepfunctions")
        events = client.get_execution_history(executionArn=execution, maxResults=1000)["events"]
        entered = [event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event]
        assert entered[:4] == ["Plan", "WhoseTurn", "WaitForTheRunBefore", "Plan"]
    finally:
        loop.s3.put_object(Bucket=loop.stack.bucket, Key=manifest, Body=body)
