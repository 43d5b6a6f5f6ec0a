"""Thumbnails from S3 for the images in a job's report. Only these images are read, with the operator's permissions."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from truepoint.analysis.pictures import NEEDED, thumbnail
from truepoint.formats.labels import FormatError
from truepoint.jobs.images import MAX_IMAGE_BYTES
from truepoint.keys import split_s3_uri

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

AT_ONCE = 8
"""Number of threads that read images."""


class BucketPictures:
    """Images in S3.

    Args:
        s3: boto3's client, which threads share.
        progress: called after each image.

    Raises:
        FormatError: Pillow is not installed.
    """

    def __init__(self, s3: S3Client, progress: Callable[[], None] = lambda: None) -> None:
        if importlib.util.find_spec("PIL") is None:
            raise FormatError(NEEDED)
        self._s3 = s3
        self._progress = progress

    def thumbnails(self, names: Mapping[int, str]) -> tuple[dict[int, str], list[str]]:
        """Return thumbnails as data URLs by line, and the names of images without one.

        Args:
            names: bucket and key of images, `bucket/key`, by line.
        """
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="thumbnail") as pool:
            pictures = dict(zip(names, pool.map(self._thumbnail, names.values()), strict=True))
        drawn = {line: url for line, url in pictures.items() if url}
        return drawn, [name for line, name in names.items() if line not in drawn]

    def _thumbnail(self, name: str) -> str:
        """Return an image's thumbnail; "" if the object is missing, forbidden, too large or not an image."""
        try:
            bucket, key = split_s3_uri(f"s3://{name}")
            answer = self._s3.get_object(Bucket=bucket, Key=key)
            content = answer["Body"].read() if answer["ContentLength"] <= MAX_IMAGE_BYTES else b""
        except (ClientError, ValueError):
            return ""
        finally:
            self._progress()
        return thumbnail(io.BytesIO(content)) if content else ""
