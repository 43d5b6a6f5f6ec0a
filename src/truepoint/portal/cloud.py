"""The AWS calls of the portal, made as the job's execution role."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import ClientError

from truepoint.keys import split_s3_uri
from truepoint.tasks.labeling_job import state_change_detail

EVENT_SOURCE = "truepoint.labeling"
DETAIL_TYPE = "SageMaker Ground Truth Labeling Job State Change"
LINK_SECONDS = 3600
"""Lifetime of a presigned URL, in seconds. An assumed role's credentials last an hour."""

_CONFIG = Config(
    signature_version="v4",
    retries={"mode": "standard", "max_attempts": 4},
    read_timeout=900,  # The maximum duration of a function: a shorter timeout would invoke it twice.
    max_pool_connections=64,
)


class FunctionFailedError(RuntimeError):
    """A function ran and failed. The message is Ground Truth's reason, without the function's own text."""

    def __init__(self, arn: str, code: str) -> None:
        super().__init__(
            f"ClientError: Exception invoking the Lambda function {arn}. LambdaErrorCode: {code}. "
            "See the function's log for the cause."
        )


class EventRefusedError(RuntimeError):
    """EventBridge refused an event. The message contains its error code."""


class StorageFullError(RuntimeError):
    """The emulator's disk has no room for an object. The message says what was refused and what to do."""

    def __init__(self, uri: str, size: int, reason: str) -> None:
        super().__init__(
            f"expected room for the {size:,} bytes of {uri}, got: {reason}. Free some disk space and try again; "
            "All acknowledged answers are stored."
        )


class Cloud:
    """S3, Lambda and EventBridge for one job, addressed by `s3://` URIs and ARNs.

    Methods raise botocore's `ClientError` and `BotoCoreError` unless they document another error.

    Attributes:
        is_full: whether the last write was refused because there is no room.
    """

    is_full = False

    def __init__(self, session: boto3.Session, endpoint_url: str | None = None) -> None:
        s3_style = _CONFIG.merge(Config(signature_version="s3v4", s3={"addressing_style": "path"}))
        self._s3 = session.client("s3", endpoint_url=endpoint_url, config=s3_style if endpoint_url else _CONFIG)
        self._lambda = session.client("lambda", endpoint_url=endpoint_url, config=_CONFIG)
        self._events = session.client("events", endpoint_url=endpoint_url, config=_CONFIG)

    @classmethod
    def as_role(cls, role_arn: str, operator: boto3.Session, endpoint_url: str | None = None) -> Cloud:
        """Return clients that act as a role which the operator may assume, with credentials that renew themselves."""

        def create_client(name: str, **_: Any) -> Any:
            return operator.client(name, endpoint_url=endpoint_url)  # type: ignore[call-overload]

        fetcher = AssumeRoleCredentialFetcher(
            create_client, operator.get_credentials(), role_arn, extra_args={"RoleSessionName": "truepoint-portal"}
        )
        session = botocore.session.Session()
        # botocore has no public way to give a session credentials that renew themselves.
        session._credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")  # type: ignore[attr-defined]
        session.set_config_variable("region", operator.region_name)
        return cls(boto3.Session(botocore_session=session), endpoint_url)

    def get(self, uri: str) -> bytes:
        """Return an object's bytes."""
        bucket, key = split_s3_uri(uri)
        return self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    def find(self, uri: str) -> bytes | None:
        """Return an object's bytes, or None if there is no such object.

        S3 distinguishes a missing object from a forbidden one only for callers who may list its prefix.
        """
        try:
            return self.get(uri)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"NoSuchKey", "AccessDenied"}:
                raise
            return None

    def etag(self, uri: str) -> str | None:
        """Return an object's ETag without its quotes, as results.json holds it; None if there is no such object."""
        bucket, key = split_s3_uri(uri)
        try:
            return str(self._s3.head_object(Bucket=bucket, Key=key)["ETag"]).strip('"')
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] not in {403, 404}:
                raise
            return None

    def put(self, uri: str, body: bytes, content_type: str = "application/json") -> None:
        """Write an object, or a new version of it.

        Raises:
            StorageFullError: there is no room for it.
        """
        self._put(uri, body, ContentType=content_type)

    def put_new(self, uri: str, body: bytes) -> bool:
        """Write an object unless it exists, and return whether it was written.

        Raises:
            StorageFullError: there is no room for it.
        """
        try:
            self._put(uri, body, ContentType="application/json", IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("PreconditionFailed", "ConditionalRequestConflict"):
                raise
            return False
        return True

    def _put(self, uri: str, body: bytes, **options: Any) -> None:
        bucket, key = split_s3_uri(uri)
        try:
            self._s3.put_object(Bucket=bucket, Key=key, Body=body, **options)
            self.is_full = False
        except ClientError as error:
            if error.response["Error"]["Code"] == "InsufficientStorage":
                self.is_full = True
                raise StorageFullError(uri, len(body), error.response["Error"].get("Message", "no reason")) from error
            raise

    def list(self, uri: str) -> Iterator[str]:
        """Return the URIs of all objects whose URI starts with `uri`, in key order."""
        bucket, prefix = split_s3_uri(uri)
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", ()):
                yield f"s3://{bucket}/{item['Key']}"

    def presign(self, uri: str) -> str:
        """Return a URL with which a browser may GET and cache the object for `LINK_SECONDS`."""
        bucket, key = split_s3_uri(uri)
        # S3 sends no caching headers by default: a browser would decide by the object's age.
        kept = f"private, max-age={LINK_SECONDS}"
        return self._s3.generate_presigned_url(
            "get_object", Params={"Bucket": bucket, "Key": key, "ResponseCacheControl": kept}, ExpiresIn=LINK_SECONDS
        )

    def invoke(self, arn: str, event: Mapping[str, Any]) -> bytes:
        """Invoke a function and wait for its response's JSON text.

        Raises:
            FunctionFailedError: the function raised an exception, exceeded its time or memory, or its response was too
                large.
        """
        response = self._lambda.invoke(FunctionName=arn, Payload=json.dumps(event).encode())
        payload = response["Payload"].read()
        if code := response.get("FunctionError"):
            raise FunctionFailedError(arn, code)
        return payload

    def announce(self, document: Mapping[str, Any], arn: str) -> None:
        """Publish the event for a changed job state.

        Raises:
            EventRefusedError: EventBridge refused the event.
        """
        entry = {
            "Source": EVENT_SOURCE,
            "DetailType": DETAIL_TYPE,
            "Resources": [arn],
            "Detail": json.dumps(state_change_detail(document)),
        }
        answer = self._events.put_events(Entries=[entry])
        if answer["FailedEntryCount"]:
            raise EventRefusedError(f"EventBridge refused the event: {answer['Entries'][0].get('ErrorCode')}")
