"""Joining of S3 objects without downloading them, by a multipart upload that copies parts.

obstore cannot copy parts, so the boto3 of the Lambda runtime is used. boto3 takes half a second to import, so it is
imported at the first call.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from truepoint.adapters.bucket import UnavailableError
from truepoint.adapters.environment import endpoint_url

COPIES_AT_ONCE = 8
"""Number of parts that are copied concurrently."""
READ_SECONDS = 300
"""Timeout for S3's copy of one part of up to 5 GB, in seconds."""


def join(bucket: str, parts: Sequence[str], key: str, content_type: str) -> None:
    """Write an object that is the concatenation of other objects.

    The object appears when it is complete, and replaces an existing one.

    Args:
        bucket: the bucket of all objects.
        parts: the keys of the objects to join. Each has at most 5 GB, and each but the last at least 5 MB.
        key: the key of the new object.
        content_type: its content type.

    Raises:
        UnavailableError: S3 failed, or a part is missing. The object was not changed.
    """
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    limits = Config(connect_timeout=3, read_timeout=READ_SECONDS, retries={"mode": "standard", "max_attempts": 5})
    client: Any = boto3.client("s3", endpoint_url=endpoint_url(), config=limits)
    try:
        upload = client.create_multipart_upload(Bucket=bucket, Key=key, ContentType=content_type)["UploadId"]

        def copy(number: int) -> dict[str, Any]:
            source = {"Bucket": bucket, "Key": parts[number - 1]}
            copied = client.upload_part_copy(
                Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, CopySource=source
            )
            return {"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]}

        try:
            with ThreadPoolExecutor(COPIES_AT_ONCE) as pool:
                copied = list(pool.map(copy, range(1, len(parts) + 1)))
            client.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": copied})
        except BaseException:
            client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
            raise
    except (BotoCoreError, ClientError) as error:
        raise UnavailableError(f"S3 could not join {len(parts)} parts to s3://{bucket}/{key}") from error
