"""Joining of objects by S3 itself, by the boto3 of the Lambda runtime: obstore does not copy parts.

boto3 takes half a second to import, so that is left until a call is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from truepoint.adapters.bucket import UnavailableError
from truepoint.adapters.environment import endpoint_url

COPIES_AT_ONCE = 8
READ_SECONDS = 300
"""Seconds that S3 may take to copy one part of up to 5 GB."""


def join(bucket: str, parts: Sequence[str], key: str, content_type: str) -> None:
    """Write an object that consists of others, in their order. All but the last have 5 MB at least, and 5 GB at most.

    The object appears when it is complete; one that is there is replaced.

    Raises:
        UnavailableError: S3 failed, or a part is missing. Nothing has changed.
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
