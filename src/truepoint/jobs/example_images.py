"""Download of openly licensed example photographs, with a check of their content and their attribution."""

from __future__ import annotations

import base64
import csv
import hashlib
from collections.abc import Iterable
from pathlib import Path

import msgspec
import urllib3

ATTEMPTS = 4
"""Maximum number of requests per photograph, the first included."""
TIMEOUT = urllib3.Timeout(connect=10, read=60)
"""Time limits for the connection and for each read, in seconds."""
LICENSE = "CC BY 2.0, https://creativecommons.org/licenses/by/2.0/"


class DownloadError(RuntimeError):
    """A photograph could not be downloaded, or its content is not the expected one."""


class ExamplePhoto(msgspec.Struct, frozen=True):
    """One row of the list of photographs. `size` is in bytes, `md5` is in base64."""

    image_id: str
    url: str
    page: str
    author: str
    author_page: str
    title: str
    size: int
    md5: str

    @property
    def file_name(self) -> str:
        """Return the name of the downloaded file."""
        return f"{self.image_id}.jpg"


def read_list(path: Path) -> tuple[ExamplePhoto, ...]:
    """Return the photographs of a CSV file whose columns are the fields of `ExamplePhoto`.

    Raises:
        DownloadError: the columns are not those fields, or an `image_id` has other characters than letters and digits.
    """
    with path.open(encoding="utf-8", newline="") as file:
        try:
            photos = msgspec.convert(tuple(csv.DictReader(file)), tuple[ExamplePhoto, ...], strict=False)
        except msgspec.ValidationError as error:
            expected = ", ".join(ExamplePhoto.__struct_fields__)
            raise DownloadError(f"{path}: expected the columns {expected}: {error}") from error
    for photo in photos:
        if not photo.image_id.isalnum():
            raise DownloadError(f"{path}: expected ids of letters and digits, got {photo.image_id!r}")
    return photos


def is_photo(photo: ExamplePhoto, content: bytes) -> bool:
    """Return whether `content` has the size and the MD5 digest of the photograph."""
    digest = hashlib.md5(content, usedforsecurity=False).digest()
    return len(content) == photo.size and base64.b64encode(digest).decode() == photo.md5


def fetch(photo: ExamplePhoto, folder: Path, pool: urllib3.PoolManager, backoff: float = 0.5) -> bool:
    """Download the photograph to `folder`, unless it is already there.

    Args:
        photo: the photograph.
        folder: an existing folder.
        pool: the HTTP connection pool.
        backoff: `backoff_factor` of `urllib3.Retry`, in seconds: the pause doubles after each attempt.

    Returns:
        Whether the photograph was downloaded by this call.

    Raises:
        DownloadError: there is no connection, the server has no such file, or its bytes are not the expected ones.
    """
    target = folder / photo.file_name
    if target.is_file() and is_photo(photo, target.read_bytes()):
        return False
    retry = urllib3.Retry(ATTEMPTS - 1, backoff_factor=backoff, status_forcelist=(429, 500, 502, 503, 504))
    try:
        answer = pool.request("GET", photo.url, retries=retry, timeout=TIMEOUT)
    except urllib3.exceptions.HTTPError as error:
        raise DownloadError(
            f"{photo.url}: no answer after {ATTEMPTS} attempts; is there internet? ({error})"
        ) from error
    if answer.status != 200:
        raise DownloadError(f"{photo.url}: expected status 200, got {answer.status}")
    if not is_photo(photo, answer.data):
        raise DownloadError(
            f"{photo.url}: expected {photo.size:,} bytes with MD5 {photo.md5}, got {len(answer.data):,} bytes that "
            "are another file; it was not kept"
        )
    part = target.with_name(f"{target.name}.part")
    part.write_bytes(answer.data)
    part.replace(target)
    return True


def attribution(photos: Iterable[ExamplePhoto]) -> str:
    """Return the text of the ATTRIBUTION file, which the licence requires beside the photographs."""
    entries = (
        f"{p.file_name}\n  “{p.title}” by {p.author} ({p.author_page})\n  {p.page}\n  {LICENSE}; unchanged\n"
        for p in photos
    )
    return "These photographs are their authors'. Keep this file with them.\n\n" + "\n".join(entries)
