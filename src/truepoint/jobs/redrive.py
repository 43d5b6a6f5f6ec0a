"""Messages of the dead-letter queue: what failed, with which error, and which function they belong to.

SQS's own redrive (StartMessageMoveTask) moves only what came from another queue. Ours come from Lambda, as a record of
the failed invocation (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html), and from
EventBridge, as the event with the target in attributes
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient

HIDDEN_SECONDS = 300
"""Visibility timeout while we read the messages, in seconds."""

_FUNCTION = re.compile(r"arn:[a-z-]+:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_-]+")
_QUERY = re.compile(r"\?\S+")
_DEPLOYMENT = {"RequestType", "ResponseURL", "StackId"}
"""Members of a custom resource's request."""


class LetterError(ValueError):
    """A message that neither Lambda nor EventBridge wrote."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message. `payload` may hold anything and is never shown; `error` has no query strings, which could sign."""

    receipt: str
    function: str
    payload: Any
    error: str

    @property
    def of_deployment(self) -> bool:
        """Return whether it is a request of CloudFormation, which no longer waits for the answer."""
        return isinstance(self.payload, dict) and self.payload.keys() >= _DEPLOYMENT

    @property
    def job(self) -> str:
        """Return the labelling job of the payload, or an empty text."""
        resources = self.payload.get("resources") if isinstance(self.payload, dict) else None
        arn = resources[0] if isinstance(resources, list) and resources else ""
        match = re.fullmatch(r"arn:\S+:labeling-job/([A-Za-z0-9-]{1,63})", arn) if isinstance(arn, str) else None
        return match[1] if match else ""

    def same(self) -> str:
        """Return a key that is equal for messages of which one is enough: each failed attempt on a job leaves one."""
        payload = self.payload
        if isinstance(payload, dict):
            payload = {name: value for name, value in payload.items() if name not in ("id", "time")}
        return json.dumps([self.function, payload], sort_keys=True)


def read_letter(message: Mapping[str, Any]) -> Letter:
    """Read a message of SQS.

    Raises:
        LetterError: neither Lambda nor EventBridge wrote it.
    """
    try:
        body = json.loads(message["Body"])
    except (ValueError, RecursionError) as error:
        raise LetterError("expected JSON, got something else") from error
    attributes = {name: value.get("StringValue", "") for name, value in message.get("MessageAttributes", {}).items()}
    if "TARGET_ARN" in attributes:
        arn, payload = attributes["TARGET_ARN"], body
        cause = f"{attributes.get('ERROR_CODE', '')}: {attributes.get('ERROR_MESSAGE', '')}"
    elif isinstance(body, dict) and isinstance(body.get("requestContext"), dict) and "requestPayload" in body:
        arn, payload = str(body["requestContext"].get("functionArn", "")), body["requestPayload"]
        answer = body.get("responsePayload")
        answer = answer if isinstance(answer, dict) else {}
        cause = f"{answer.get('errorType', 'no answer')}: {answer.get('errorMessage', '')}"
    else:
        raise LetterError("expected a record of a failed invocation or an undelivered event, got neither")
    function = _FUNCTION.match(arn)  # the rest is a version
    if not function:
        raise LetterError(f"expected the ARN of a function, got {arn[:200]!r}")
    return Letter(str(message["ReceiptHandle"]), function[0], payload, _QUERY.sub("?…", cause)[:300])


def receive(sqs: SQSClient, queue_url: str) -> Iterator[Mapping[str, Any]]:
    """Return all messages in the queue and hide them from other consumers for some minutes."""
    while messages := sqs.receive_message(
        QueueUrl=queue_url,
        MaxNumberOfMessages=10,
        VisibilityTimeout=HIDDEN_SECONDS,
        WaitTimeSeconds=1,  # asks all of SQS's servers, not some
        MessageAttributeNames=["All"],
    ).get("Messages"):
        yield from messages


def send_back(client: LambdaClient, letter: Letter) -> None:
    """Invoke the function again. Lambda's retries and the dead-letter queue apply as before."""
    client.invoke(FunctionName=letter.function, InvocationType="Event", Payload=json.dumps(letter.payload).encode())
