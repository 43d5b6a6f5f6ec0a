"""What is in the dead-letter queue, and where it goes."""

from __future__ import annotations

import json
from typing import Any

import pytest

import redrive
from truepoint.jobs.redrive import LetterError, read_letter

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:truepoint-JobCompletion-1a2b"
OURS = {FUNCTION}
TICK = "arn:aws:lambda:us-east-1:123456789012:function:truepoint-PortalTick-1a2b"
ENDED = {"id": "1", "time": "t", "resources": ["arn:aws:sagemaker:us-east-1:123456789012:labeling-job/people"]}


def failed(payload: Any = ENDED, function: str = f"{FUNCTION}:$LATEST", **answer: Any) -> dict[str, Any]:
    """Lambda's record of an asynchronous invocation that failed for good."""
    context = {"requestId": "r", "functionArn": function, "condition": "RetriesExhausted", "approximateInvokeCount": 3}
    body = {"version": "1.0", "requestContext": context, "requestPayload": payload, "responsePayload": answer or None}
    return {"MessageId": "m", "ReceiptHandle": "h", "Body": json.dumps(body)}


def undelivered(payload: Any = ENDED, target: str = FUNCTION) -> dict[str, Any]:
    """An event that EventBridge could not deliver."""
    values = {"TARGET_ARN": target, "ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "not allowed", "RULE_ARN": "arn"}
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in values.items()}
    return {"MessageId": "m", "ReceiptHandle": "h", "Body": json.dumps(payload), "MessageAttributes": attributes}


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (failed(errorType="ManifestMissingError", errorMessage="expected"), "ManifestMissingError: expected"),
        (failed(), "no answer: "),  # a time-out has no answer
        (undelivered(), "NO_PERMISSIONS: not allowed"),
        (failed(errorType="E", errorMessage="at https://b/k?X-Amz-Signature=secret now"), "E: at https://b/k?… now"),
        (failed(errorType="E", errorMessage="x" * 1000), "E: " + "x" * 297),
    ],
)
def test_a_message_states_its_function_job_and_error(message: dict[str, Any], error: str) -> None:
    letter = read_letter(message)
    assert (letter.function, letter.payload, letter.job, letter.error) == (FUNCTION, ENDED, "people", error)


@pytest.mark.parametrize(
    "payload", [None, [], "text", {}, {"resources": "people"}, {"resources": [1]}, {"resources": []}]
)
def test_a_payload_of_any_kind_is_sent_as_it_is(payload: Any) -> None:
    assert (read_letter(failed(payload)).payload, read_letter(failed(payload)).job) == (payload, "")


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "7", "{}", '{"requestContext": 1, "requestPayload": 1}', "[" * 100_000]
)
def test_other_messages_are_refused(body: str) -> None:
    with pytest.raises(LetterError, match="expected"):
        read_letter({"ReceiptHandle": "h", "Body": body})


@pytest.mark.parametrize("arn", ["", "arn:aws:sqs:us-east-1:123456789012:queue", f"x{FUNCTION}"])
def test_messages_go_only_to_functions(arn: str) -> None:
    for message in (failed(function=arn), undelivered(target=arn)):
        with pytest.raises(LetterError, match="the ARN of a function"):
            read_letter(message)


DEPLOYMENT = {"RequestType": "Update", "ResponseURL": "https://example.com/?X-Amz-Signature=s", "StackId": "s"}


@pytest.mark.parametrize(
    ("message", "verdict", "stays"),
    [
        (failed(), "sent back", False),
        (undelivered(), "sent back", False),
        (failed(DEPLOYMENT, function=f"{FUNCTION}-publisher:live"), "request of a finished deployment, removed", False),
        (failed(function=f"{FUNCTION}-of-others"), "-of-others; it stays in the queue", True),
        ({"MessageId": "m", "ReceiptHandle": "h", "Body": "{}"}, "it stays in the queue", True),
    ],
)
def test_the_verdict_on_each_kind_of_message(message: dict[str, Any], verdict: str, stays: bool) -> None:
    found, letter = redrive._verdict(message, OURS, TICK, set())
    assert found.endswith(verdict)
    assert (letter is None) == stays
    assert "Signature" not in found


def test_of_messages_about_the_same_job_one_is_sent() -> None:
    sent: set[str] = set()
    again = ENDED | {"id": "2", "time": "later"}
    other = ENDED | {"resources": ["arn:aws:sagemaker:us-east-1:123456789012:labeling-job/cats"]}
    verdicts = [
        redrive._verdict(m, OURS, TICK, sent)[0] for m in (failed(), undelivered(again), failed(again), failed(other))
    ]
    assert verdicts == ["sent back", "duplicate, removed", "duplicate, removed", "sent back"]


def test_a_failed_tick_of_the_portal_is_removed_because_the_next_one_does_its_work() -> None:
    sent: set[str] = set()
    verdict, letter = redrive._verdict(failed({"source": "aws.scheduler"}, TICK), OURS, TICK, sent)
    assert letter is not None
    assert (verdict, sent) == ("tick of the portal, which the next tick made up for, removed", set())


def test_without_a_portal_no_message_counts_as_a_tick() -> None:
    verdict, letter = redrive._verdict(failed({}, TICK), OURS, "", set())
    assert letter is None
    assert verdict.endswith("it stays in the queue")
