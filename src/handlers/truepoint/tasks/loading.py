"""Loading a job into the portal: writes the list of lines that need labels (open lines), and the job's row.

The list of open lines is an object with records of 16 bytes: line number (4), offset (8) and length in bytes (4),
big-endian. So the n-th open line takes one small ranged read, for jobs of any size.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from truepoint import keys
from truepoint.adapters.bucket import Bucket, NotReadableError
from truepoint.groundtruth.manifest import LONGEST_LINE
from truepoint.groundtruth.task import pre_annotation_response
from truepoint.json_text import JsonError, decode
from truepoint.keys import below_images, job_keys, split_s3_uri
from truepoint.task_queue import rows
from truepoint.task_queue.rows import Job, LineLocation
from truepoint.task_queue.table import Action, ConditionError, Table
from truepoint.tasks.documents import ManifestLine, read_manifest
from truepoint.tasks.labeling_job import LabelingJobError, parse_labeling_job

RECORD = struct.Struct(">IQI")
RECORDS_AT_ONCE = 256
"""Number of records of one ranged read. Workers get neighbouring lines, so a block is used many times."""
CACHED = 64
"""Number of blocks of records that an instance of the function caches: 260 kB."""
LINES_PER_SHARD = 20_000
"""Number of open lines per shard of a job's queue."""
MOST_SHARDS = 4
"""Maximum number of shards of a job's queue. 500 workers at 10 s per image make 200 writes/s; a DynamoDB partition
allows 1,000."""
TOO_LONG = b"too long"
"""Stands for a line of more than `LONGEST_LINE` bytes."""
LARGEST_GOLD = 64 * 1024 * 1024
"""Maximum size of gold.json, in bytes."""


class OpenLines:
    """The list of a job's open lines, read in blocks."""

    def __init__(self, store: Bucket, job: str) -> None:
        self._store = store
        self._key = keys.open_lines(job)
        self._block = lru_cache(CACHED)(self._read_block)

    def __call__(self, number: int) -> LineLocation:
        """Return the location of the open line `number`, counted from 0, in the manifest.

        Raises:
            NotReadableError: the list is missing or shorter.
        """
        block, position = divmod(number, RECORDS_AT_ONCE)
        record = self._block(block)[position * RECORD.size : (position + 1) * RECORD.size]
        if len(record) < RECORD.size:
            raise NotReadableError(
                f"expected a record of the open line {number} in {self._key}, got the end of the object"
            )
        return LineLocation(*RECORD.unpack(record))

    def after(self, number: int) -> Iterator[LineLocation]:
        """Yield the locations of the open lines from `number` on, in the manifest's order."""
        size, held = RECORD.size, b""
        end = self._store.size(self._key)
        for chunk in self._store.stream(self._key, number * size, end) if number * size < end else ():
            held += chunk
            whole = len(held) - len(held) % size
            yield from (LineLocation(*record) for record in RECORD.iter_unpack(held[:whole]))
            held = held[whole:]

    def _read_block(self, block: int) -> bytes:
        size = RECORDS_AT_ONCE * RECORD.size
        return b"".join(self._store.stream(self._key, block * size, (block + 1) * size))


def read_line(store: Bucket, manifest: str, location: LineLocation) -> ManifestLine:
    """Return a line of a manifest.

    Raises:
        NotReadableError: the manifest is missing.
        LabelingJobError: the line is not a data object, so the manifest changed since the job was loaded.
    """
    text = b"".join(store.stream(manifest, location.offset, location.offset + location.length))
    line = next(read_manifest(text), None)
    if line is None or line.problem:
        raise LabelingJobError(f"expected a data object in line {location.line + 1} of {manifest}, got something else")
    return line


def load(store: Bucket, table: Table, document: Mapping[str, Any]) -> Job:
    """Write the list of a job's open lines, and then the job's row unless it exists. The function is idempotent.

    Args:
        store: the stack's bucket, which holds the manifest and the output.
        table: the portal's table.
        document: the job's description.

    Returns:
        The job's row.

    Raises:
        LabelingJobError: the job cannot run in the portal.
        NotReadableError: the manifest is missing.
    """
    return add(table, prepare(store, document))


def prepare(store: Bucket, document: Mapping[str, Any]) -> Job:
    """Write the list of a job's open lines, and return the row of the job, which is not in the table yet."""
    job = parse_labeling_job(document)
    bucket, manifest = split_s3_uri(job.manifest_uri)
    if bucket != store.name:
        raise LabelingJobError(f"expected the manifest in the bucket {store.name}, got {job.manifest_uri}")
    output = keys.s3_uri(store.name, keys.output_folder(job.name)).rstrip("/")
    if job.output_uri != output:
        raise LabelingJobError(f"expected the output at {output}, got {job.output_uri}")
    etag = store.etag(manifest)
    if etag is None:
        raise NotReadableError(f"{job.manifest_uri} is missing")
    scan = _Scan(job.name, job.label_attribute, _gold_names(store, job.name))
    size = store.size(manifest)
    store.write(
        keys.open_lines(job.name),
        lambda: scan.records(store.stream(manifest, 0, size, etag) if size else ()),
        "application/octet-stream",
    )
    return Job(
        name=job.name,
        status=job.status,
        ends_as="Stopped" if job.status == "Stopping" else "",
        arn=job.arn,
        manifest=manifest,
        etag=etag,
        pre_annotation=job.pre_annotation_arn,
        title=job.title,
        description=job.description,
        lines=scan.lines,
        open=scan.open,
        shards=min(MOST_SHARDS, 1 + scan.open // LINES_PER_SHARD),
        workers_per_image=job.workers_per_object,
        time_limit=job.time_limit.total_seconds(),
        deadline=job.deadline.timestamp(),
        created=datetime.fromisoformat(str(document["CreationTime"])).timestamp(),
        gold=scan.gold,
    )


def add(table: Table, row: Job) -> Job:
    """Put a job's row unless there is one, and list the job. Return the row as it is afterwards."""
    key = rows.job_key(row.key)
    try:
        table.write(Action(*key, put=msgspec.to_builtins(row), condition="attribute_not_exists(pk)"))
    except ConditionError:
        row = rows.read(table.get([key])[key], Job)
    ended = {"ended": True} if row.is_ended else {}
    with suppress(ConditionError):  # an entry may say by now that the job has ended
        table.write(
            Action(*rows.listed_key(row.key), put={"name": row.name, **ended}, condition="attribute_not_exists(pk)")
        )
    return row


class _Scan:
    """One pass over a manifest, which yields the records of its open lines and counts them."""

    def __init__(self, job: str, label_attribute: str, gold: frozenset[str]) -> None:
        self._job = job
        self._label_attribute = label_attribute
        self._gold_names = gold
        self.lines = self.open = 0
        self.gold: list[int] = []

    def records(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        self.lines, self.open, self.gold = 0, 0, []
        for location, text in lines_of(chunks):
            line = next(read_manifest(text), None)
            if line is None:
                continue
            self.lines += 1
            if line.problem or self._label_attribute in line.data_object:
                continue  # unusable, or labelled by the job that this one continues
            # pre_annotation would refuse the line, so there would be nothing to label.
            if not pre_annotation_response(dict(line.data_object))["isHumanAnnotationRequired"]:
                continue
            self.open += 1
            if self._gold_names and self._is_gold(line.source):
                self.gold.append(location.line)
            yield RECORD.pack(*location)

    def _is_gold(self, source: str) -> bool:
        _, key = split_s3_uri(source)
        return bool({below_images(self._job, key), key.rpartition("/")[2]} & self._gold_names)


def lines_of(chunks: Iterable[bytes], start: LineLocation | None = None) -> Iterator[tuple[LineLocation, bytes]]:
    """Yield the lines of a stream, including blank ones, with their locations.

    The stream begins at the line `start`, whose length does not matter, or at the first line. The text of a line that
    is too long is replaced by `TOO_LONG`, which is not JSON.
    """
    held, length = bytearray(), 0
    number, offset, _ = start or LineLocation(0, 0, 0)
    for chunk in chunks:
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            length += len(part)
            if length <= LONGEST_LINE:
                held += part
            yield LineLocation(number, offset, length), bytes(held) if length <= LONGEST_LINE else TOO_LONG
            number, offset, length = number + 1, offset + length + 1, 0
            held.clear()
        length += len(rest)
        if length <= LONGEST_LINE:
            held += rest
        else:
            held.clear()
    if length:
        yield LineLocation(number, offset, length), bytes(held) if length <= LONGEST_LINE else TOO_LONG


def _gold_names(store: Bucket, job: str) -> frozenset[str]:
    """Return the names of the images in gold.json; empty if the file is missing.

    Raises:
        LabelingJobError: the file is not an object of instances by image.
    """
    text = store.find(job_keys(job).gold, LARGEST_GOLD)
    if text is None:
        return frozenset()
    try:
        return frozenset(decode(text, dict[str, Any]))
    except JsonError as error:
        raise LabelingJobError(f"gold.json of the job cannot be used: {error}") from error
