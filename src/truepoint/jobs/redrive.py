"""Messages of the dead-letter queue: the function that failed, its error, and how to invoke it again.

SQS's own redrive (StartMessageMoveTask) moves only messages from another queue. The stack's messages come from Lambda,
as a record of the failed invocation
(https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html), and from EventBridge, as the event
with the target in message attributes (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html).
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
"""Visibility timeout of messages that are read, in seconds: time to send them back and delete them."""

_FUNCTION = re.compile(r"arn:[a-z-]+:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_-]+")
_QUERY = re.compile(r"\?\S+")
_DEPLOYMENT = {"RequestType", "ResponseURL", "StackId"}
"""Members of a request for a CloudFormation custom resource."""


class LetterError(ValueError):
    """A message that neither Lambda nor EventBridge wrote."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message of the dead-letter queue.

    Attributes:
        receipt: SQS's receipt handle.
        function: the ARN of the function that failed, without a version.
        payload: the input of the invocation. It may contain secrets, so it is never shown.
        error: the error's type and message, without query strings of URLs, which could contain signatures.
    """

    receipt: str
    function: str
    payload: Any
    error: str

    @property
    def of_deployment(self) -> bool:
        """Return whether CloudFormation sent the request. It no longer waits for a response."""
        return isinstance(self.payload, dict) and self.payload.keys() >= _DEPLOYMENT

    @property
    def job(self) -> str:
        """Return the name of the labelling job in the payload's `resources`; empty if there is none."""
        resources = self.payload.get("resources") if isinstance(self.payload, dict) else None
        arn = resources[0] if isinstance(resources, list) and resources else ""
        match = re.fullmatch(r"arn:\S+:labeling-job/([A-Za-z0-9-]{1,63})", arn) if isinstance(arn, str) else None
        return match[1] if match else ""

    def same(self) -> str:
        """Return a key that is equal for messages of the same work, of which only one needs to be sent back.

        Each failed attempt on a job leaves a message; its event differs only in id and time.
        """
        payload = self.payload
        if isinstance(payload, dict):
            payload = {name: value for name, value in payload.items() if name not in ("id", "time")}
        return json.dumps([self.function, payload], sort_keys=True)


def read_letter(message: Mapping[str, Any]) -> Letter:
    """Parse a message from SQS.

    Raises:
        LetterError: neither Lambda nor EventBridge wrote the message.
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
    """Yield all messages in the queue, and hide them from other consumers for HIDDEN_SECONDS."""
    while messages := sqs.receive_message(
        QueueUrl=queue_url,
        MaxNumberOfMessages=10,
        VisibilityTimeout=HIDDEN_SECONDS,
        WaitTimeSeconds=1,  # long polling queries all of SQS's servers, short polling only some
        MessageAttributeNames=["All"],
    ).get("Messages"):
        yield from messages


def send_back(client: LambdaClient, letter: Letter) -> None:
    """Invoke the function again. Lambda's retries and the dead-letter queue apply as before."""
    client.invoke(FunctionName=letter.function, InvocationType="Event", Payload=json.dumps(letter.payload).encode())
