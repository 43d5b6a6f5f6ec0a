"""S3 calls for keys that obstore cannot express, with the boto3 of the Lambda runtime.

obstore refuses a key with an empty segment, a segment `.` or `..`, or a control character, and every listing that
contains such a key (https://github.com/developmentseed/obstore/issues/429). S3 allows such keys; for example, a copy to
`s3://bucket/jobs/people//` creates them. boto3 takes half a second to import, so it is used only after obstore refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from threading import Lock
from typing import Any, NamedTuple

from obstore.exceptions import GenericError, PermissionDeniedError, PreconditionError

from truepoint.adapters.environment import endpoint_url

CONNECT_SECONDS, READ_SECONDS = 3, 10
"""Time limits of a request in seconds, the same as in `bucket.CLIENT`."""

_lock = Lock()


class ListedObject(NamedTuple):
    """An object in a listing: `etag` without quotes, `size` in bytes, `modified` by S3's clock."""

    key: str
    etag: str
    size: int
    modified: datetime


def read(bucket: str, key: str, byte_range: tuple[int, int] | None, etag: str | None) -> bytes:
    """Return an object's bytes, or those of a byte range (start, end) whose end is exclusive.

    Raises:
        FileNotFoundError: the object is missing.
        PermissionDeniedError: the object may not be read.
        PreconditionError: the object has another ETag than `etag`.
        GenericError: S3 failed.
    """
    options = {} if etag is None else {"IfMatch": f'"{etag}"'}
    if byte_range is not None:
        options["Range"] = f"bytes={byte_range[0]}-{byte_range[1] - 1}"
    with _errors_of_obstore():
        return bytes(_client().get_object(Bucket=bucket, Key=key, **options)["Body"].read())


def write(bucket: str, key: str, content: bytes, content_type: str) -> None:
    """Replace an object.

    Raises:
        GenericError: S3 failed.
    """
    with _errors_of_obstore():
        _client().put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type)


def delete(bucket: str, keys: Iterable[str]) -> None:
    """Delete objects one by one. Missing ones are ignored.

    Raises:
        GenericError: S3 failed.
    """
    with _errors_of_obstore():
        for key in keys:
            _client().delete_object(Bucket=bucket, Key=key)


def page(bucket: str, prefix: str, after: str = "") -> list[ListedObject]:
    """Return the first 1,000 objects below a prefix whose keys sort after `after`.

    Raises:
        GenericError: S3 failed.
    """
    start = {"StartAfter": after} if after else {}
    with _errors_of_obstore():
        entries = _client().list_objects_v2(Bucket=bucket, Prefix=prefix, **start).get("Contents", ())
        return [_listed(entry) for entry in entries]


def folders(bucket: str, prefix: str) -> list[str]:
    """Return the common prefixes of keys below `prefix`, each up to and including the next slash.

    Raises:
        GenericError: S3 failed.
    """
    with _errors_of_obstore():
        pages = _client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/")
        return [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", ())]


def _listed(entry: Any) -> ListedObject:
    return ListedObject(entry["Key"], entry["ETag"].strip('"'), entry["Size"], entry["LastModified"])


@contextmanager
def _errors_of_obstore() -> Iterator[None]:
    """Convert boto3's errors to obstore's, so that `Bucket` handles one set of errors."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        kinds = {404: FileNotFoundError, 403: PermissionDeniedError, 412: PreconditionError}
        raise kinds.get(status, GenericError)(str(error)) from error
    except BotoCoreError as error:
        raise GenericError(str(error)) from error


def _client() -> Any:
    with _lock:  # uploads use many threads, and creating a client from boto3's default session is not thread-safe
        return _made_client()


@cache
def _made_client() -> Any:
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    limits = Config(connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS)
    return boto3.client("s3", endpoint_url=endpoint_url(), config=limits)
