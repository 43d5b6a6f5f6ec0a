"""Download of a job's results if they are complete. Only files that are missing or changed are fetched."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from truepoint.jobs.images import list_objects
from truepoint.keys import job_keys, s3_uri

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DOWNLOADS_AT_ONCE = 8
"""Number of threads that download files."""
MARKER = "results.json"
"""Name of the file that is written last and so marks complete results."""


class ResultsNotReadyError(RuntimeError):
    """Results that are not complete, or that were written again during the download."""


def not_ready(job: str, where: str) -> ResultsNotReadyError:
    """Return the error for a job without the object `where` of its results."""
    return ResultsNotReadyError(
        f"job {job!r} has no complete results yet: there is no {where}; scripts/job_status.py {job} shows its progress"
    )


@dataclass(frozen=True, slots=True)
class Downloaded:
    """Counts of a download.

    Attributes:
        written: number of files that were downloaded.
        unchanged: number of files that the folder already contained.
        left_over: paths of files in the folder that are not part of the results.
    """

    written: int
    unchanged: int
    left_over: tuple[str, ...]


def download_results(
    s3: S3Client, bucket: str, job: str, folder: Path, progress: Callable[[int, int], None] = lambda _done, _all: None
) -> Downloaded:
    """Download the results of `job` to `folder`. results.json appears last, as in the bucket.

    Args:
        s3: boto3's client; its threads share it.
        bucket: the stack's bucket.
        job: the labelling job's name.
        folder: created if it is missing; other files in it stay unchanged.
        progress: called with the number of finished files and of all files.

    Raises:
        ResultsNotReadyError: results.json does not exist, or it changed during the download.
    """
    keys = job_keys(job)
    marker, body = _marker(s3, bucket, keys.results_marker)
    if marker is None:
        where = s3_uri(bucket, keys.results_marker)
        raise not_ready(job, where)
    files = {
        key.removeprefix(keys.results): (size, etag)
        for key, size, etag in list_objects(s3, bucket, keys.results)
        if key != keys.results_marker and not key.endswith("/")
    }
    for name in files:
        if ".." in PurePosixPath(name).parts or PurePosixPath(name).is_absolute():
            raise ResultsNotReadyError(f"expected file names below {keys.results}, got {name!r}")
    changed = [name for name, (size, etag) in files.items() if not _is_same(folder / name, size, etag)]
    # Without results.json the folder does not count as complete while files are missing.
    if changed:
        (folder / MARKER).unlink(missing_ok=True)
    done = len(files) - len(changed)
    progress(done, len(files) + 1)
    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE, thread_name_prefix="download") as pool:
        futures = [pool.submit(_fetch, s3, bucket, keys.results + name, folder / name) for name in changed]
        try:
            for count, future in enumerate(as_completed(futures), start=done + 1):
                future.result()
                progress(count, len(files) + 1)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if _marker(s3, bucket, keys.results_marker)[0] != marker:
        raise ResultsNotReadyError(
            f"expected unchanged results of job {job!r}, got results written again during the download; run it again"
        )
    folder.mkdir(parents=True, exist_ok=True)
    is_new = not (folder / MARKER).is_file() or (folder / MARKER).read_bytes() != body
    if is_new:
        (folder / MARKER).write_bytes(body)
    progress(len(files) + 1, len(files) + 1)
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    left_over = tuple(sorted(present - files.keys() - {MARKER}))
    return Downloaded(len(changed) + is_new, len(files) - len(changed) + (not is_new), left_over)


def _marker(s3: S3Client, bucket: str, key: str) -> tuple[str | None, bytes]:
    try:
        answer = s3.get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        return None, b""
    return answer["ETag"], answer["Body"].read()


def _is_same(path: Path, size: int, etag: str) -> bool:
    if not path.is_file() or path.stat().st_size != size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest() == etag


def _fetch(s3: S3Client, bucket: str, key: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    s3.download_file(bucket, key, str(part))
    part.replace(path)
