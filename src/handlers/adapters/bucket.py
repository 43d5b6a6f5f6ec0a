"""A bucket: the data plane of S3, by obstore (a tenth of boto3's CPU for a small object, and 20 ms to import)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, BinaryIO

import obstore
from obstore.exceptions import PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from adapters.environment import endpoint_url

RETRY: Any = {"max_retries": 5, "retry_timeout": timedelta(seconds=30)}
"""obstore's own default, ten tries within three minutes, is longer than most invocations."""
CHUNK = 1024 * 1024
"""Bytes read at a time from a stream."""


class NotReadableError(Exception):
    """An object that is not there, or may not be read: S3 does not always tell which."""


class Bucket:
    """One bucket. Keys are plain text, without leading slash."""

    def __init__(self, name: str) -> None:
        self.name = name
        endpoint = endpoint_url()
        plain = bool(endpoint and endpoint.startswith("http://"))
        self._store = S3Store(name, endpoint=endpoint, client_options={"allow_http": plain}, retry_config=RETRY)

    def read(self, key: str) -> bytes:
        """The whole object.

        Raises:
            NotReadableError: missing, forbidden, or a key that S3 clients refuse.
        """
        return bytes(self._get(key).bytes())

    def stream(self, key: str) -> tuple[str, Iterator[bytes]]:
        """The object's ETag and its bytes in pieces. Raises as `read`."""
        got = self._get(key)
        return _plain(got.meta["e_tag"]), (bytes(piece) for piece in got.stream(min_chunk_size=CHUNK))

    def etag(self, key: str) -> str | None:
        """The object's ETag, None if it is not there. Asked by listing its folder: S3 tells a missing object from a
        forbidden one only to those who may list."""
        entry = self._listed(key)
        return _plain(entry["e_tag"]) if entry else None

    def size(self, key: str) -> int:
        """Bytes of the object, 0 if it is not there. Asked as `etag`, so that no body is sent for."""
        entry = self._listed(key)
        return int(entry["size"]) if entry else 0

    def write(self, key: str, content: bytes | BinaryIO, content_type: str) -> None:
        """Replace the object by bytes or, in parts, by all that a file open for reading holds."""
        attributes = {"Content-Type": content_type}
        whole = isinstance(content, bytes)
        source = io.BytesIO(content) if isinstance(content, bytes) else content
        source.seek(0)
        obstore.put(self._store, key, source, attributes=attributes, use_multipart=not whole)

    def delete(self, key: str) -> None:
        """Remove the object; fine if it is not there."""
        obstore.delete(self._store, key)

    def _listed(self, key: str) -> Any:
        folder, _, _ = key.rpartition("/")
        listed = obstore.list_with_delimiter(self._store, folder)
        return next((entry for entry in listed["objects"] if entry["path"] == key), None)

    def _get(self, key: str) -> obstore.GetResult:
        try:
            return obstore.get(self._store, key)
        except (FileNotFoundError, PermissionDeniedError, UnauthenticatedError, ValueError) as error:
            raise NotReadableError(f"s3://{self.name}/{key} is missing or may not be read") from error


def _plain(etag: str | None) -> str:
    return (etag or "").strip('"')
