"""Writing of a job's output manifest from its input manifest, its images' rows and the labels in the bucket.

For a small job it is written at once. For a large job segments are written, in as many ticks as necessary, and S3 joins
them. So only one block of rows and some labels are in memory, and a tick continues where the last segment ends.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from truepoint import keys
from truepoint.adapters.bucket import Bucket, ChangedError, NotReadableError
from truepoint.adapters.joining import join
from truepoint.task_queue import rows
from truepoint.task_queue.rows import Image, Job, LineLocation, TickState
from truepoint.task_queue.table import Table
from truepoint.tasks import documents, output_layout
from truepoint.tasks.consolidating import LARGEST_RESPONSE
from truepoint.tasks.documents import Label, ManifestLine, read_manifest
from truepoint.tasks.job_lease import JobLease
from truepoint.tasks.labeling_job import LabelingJobError
from truepoint.tasks.loading import TOO_LONG, OpenLines, lines_of

AT_ONCE = 8 * 1024 * 1024
"""Maximum size of an input manifest whose output is written at once, in bytes."""
SEGMENT_LINES = 50_000
"""Number of lines after which a segment ends. They take about half a minute."""
SEGMENT_BYTES = 1024 * 1024 * 1024
"""Size after which a segment ends, in bytes. S3 copies parts of up to 5 GB."""
LEAST_SEGMENT = 8 * 1024 * 1024
"""Minimum size of a segment other than the last, in bytes. S3 joins parts of 5 MB or more."""
SEGMENT_SECONDS = 240.0
"""Minimum remaining time of the invocation to start a segment, in seconds."""
LABELS_HELD = 64 * 1024 * 1024
"""Maximum size of cached consolidation responses, in bytes. Adjacent lines are often in the same response."""


class Output:
    """The output of a job that accepts no more answers and whose images have their labels.

    Args:
        store: the stack's bucket.
        table: the portal's table.
        job: the job's row.
        label_attribute: the job's label attribute.
    """

    def __init__(self, store: Bucket, table: Table, job: Job, label_attribute: str) -> None:
        self._store = store
        self._table = table
        self._job = job
        self._attribute = label_attribute
        self._labels = _Labels(store, label_attribute)
        self._key = f"{keys.output_folder(job.name)}{output_layout.OUTPUT_MANIFEST}"

    def write(self, job_lease: JobLease, seconds_left: Callable[[], float]) -> bool:
        """Write the missing part of the output as far as time permits.

        Args:
            job_lease: the lease, which stores the progress and the counts of labelled and failed lines.
            seconds_left: returns the remaining time of the invocation, in seconds.

        Returns:
            Whether the output is complete.

        Raises:
            LostJobLeaseError: another process has the lease.
            LabelingJobError: the manifest has changed since the job was loaded.
            NotReadableError: the manifest is missing.
            UnavailableError: S3 failed.
        """
        size = self._store.size(self._job.manifest)
        if size <= AT_ONCE:
            progress = self._write(self._key, job_lease, job_lease.state, size, whole=True)
            job_lease.save(labelled=progress.labelled, failed=progress.failed)
            return True
        while job_lease.state.offset < size:
            if seconds_left() < SEGMENT_SECONDS:
                return False
            segment = self._segment(job_lease.state.segments)
            progress = self._write(segment, job_lease, job_lease.state, size, whole=False)
            job_lease.save(
                lines=progress.next.line,
                offset=progress.next.offset,
                record=progress.record,
                labelled=progress.labelled,
                failed=progress.failed,
                segments=job_lease.state.segments + 1,
            )
        segments = [self._segment(number) for number in range(job_lease.state.segments)]
        join(self._store.name, segments, self._key, "application/jsonl")
        return True

    def forget_segments(self, count: int) -> None:
        """Delete the segments. Call this after the completion of the output was recorded."""
        for number in range(count):
            self._store.delete(self._segment(number))

    def _segment(self, number: int) -> str:
        return keys.output_segment(self._job.name, self._job.generation, number)

    def _write(self, key: str, job_lease: JobLease, state: TickState, size: int, *, whole: bool) -> _Progress:
        start = _Progress(LineLocation(state.lines, state.offset, 0), state.record, state.labelled, state.failed)
        if whole:
            start = _Progress(LineLocation(0, 0, 0), 0, 0, 0)
        reached = [start]

        def pieces() -> Iterator[bytes]:
            reached[0] = start  # the store calls this again after a failed write
            yield from self._pieces(reached, size, job_lease, whole=whole)

        try:
            self._store.write(key, pieces, "application/jsonl")
        except ChangedError as error:
            raise LabelingJobError(
                f"{self._job.manifest} has changed since the job was loaded: its earlier version must be restored"
            ) from error
        return reached[0]

    def _pieces(self, reached: list[_Progress], size: int, job_lease: JobLease, *, whole: bool) -> Iterator[bytes]:
        progress = reached[0]
        etag = self._job.etag or None
        stream = self._store.stream(self._job.manifest, progress.next.offset, size, etag) if size else iter(())
        opened = OpenLines(self._store, self._job.name).after(progress.record)
        next_open = next(opened, None)
        block, images = -1, dict[int, Image]()
        written = 0
        for count, (location, text) in enumerate(lines_of(stream, progress.next), 1):
            image, is_open = None, next_open is not None and next_open.line == location.line
            if is_open:
                next_open = next(opened, None)
                if location.line // rows.LINES_PER_PARTITION != block:
                    job_lease.keep()
                    block = location.line // rows.LINES_PER_PARTITION
                    images = self._block(location.line)
                image = images.get(location.line, Image())
            if text == TOO_LONG and location.length > len(TOO_LONG):
                piece = b"".join(
                    self._store.stream(self._job.manifest, location.offset, location.offset + location.length)
                )
                outcome = _Outcome(piece, labelled=False, failed=True)
            else:
                line = next(read_manifest(text), None)
                outcome = self._outcome(location.line, line, image) if line else _BLANK
            progress = _Progress(
                LineLocation(location.line + 1, location.offset + location.length + 1, 0),
                progress.record + is_open,
                progress.labelled + outcome.labelled,
                progress.failed + outcome.failed,
            )
            reached[0] = progress
            if outcome.text:
                yield outcome.text + b"\n"
            written += len(outcome.text) + 1
            is_full = written >= LEAST_SEGMENT and (count >= SEGMENT_LINES or written >= SEGMENT_BYTES)
            if is_full and not whole:
                return

    def _block(self, line: int) -> dict[int, Image]:
        """Return the rows of all images in a line's partition, by line."""
        partition, _ = rows.image_key(self._job.key, line)
        return {int(row["sk"]): rows.read(row, Image) for row in self._table.scan(partition)}

    def _outcome(self, number: int, line: ManifestLine, image: Image | None) -> _Outcome:
        """Return the output line for a line; `image` is None if the line needed no label."""
        label, failure = None, line.problem or None
        if image is not None and not line.problem:
            label, failure = self._labels.label(number, image.label) if image.label else (None, image.failure or None)
            if label is None and failure is None and self._job.ends_as == "Completed":
                failure = _missed(image)
        text = documents.output_line(line, self._job.name, self._attribute, label, failure)
        return _Outcome(text, labelled=label is not None, failed=failure is not None)


def _missed(image: Image) -> str:
    """Return why an image of a job that was not stopped has no label."""
    if image.declined:
        return f"ClientError: {len(image.declined)} workers skipped this object"
    return documents.EXPIRED


@dataclass(frozen=True, slots=True)
class _Outcome:
    text: bytes
    labelled: bool
    failed: bool


_BLANK = _Outcome(b"", labelled=False, failed=False)
"""The outcome of a blank line."""


@dataclass(frozen=True, slots=True)
class _Progress:
    """The progress of the output.

    Attributes:
        next: the next line to write.
        record: number of open lines before it.
        labelled: number of labelled lines before it.
        failed: number of failed lines before it.
    """

    next: LineLocation
    record: int
    labelled: int
    failed: int


class _Labels:
    """A cache of labels: the consolidation responses that were used last."""

    def __init__(self, store: Bucket, label_attribute: str) -> None:
        self._store = store
        self._attribute = label_attribute
        self._held: OrderedDict[str, tuple[int, dict[str, Label] | None]] = OrderedDict()
        self._size = 0

    def label(self, line: int, response: str) -> tuple[Label | None, str | None]:
        """Return an image's label, or the reason why it cannot be read."""
        labels = self._response(response)
        if labels is None or str(line) not in labels:
            return None, f"ClientError: the label in {response} cannot be read"
        return labels[str(line)], None

    def _response(self, key: str) -> dict[str, Label] | None:
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key][1]
        size, labels = self._read(key)
        self._held[key] = size, labels
        self._size += size
        while self._size > LABELS_HELD and len(self._held) > 1:
            _, (dropped, _) = self._held.popitem(last=False)
            self._size -= dropped
        return labels

    def _read(self, key: str) -> tuple[int, dict[str, Label] | None]:
        try:
            text = self._store.read(key, largest=LARGEST_RESPONSE)
            created = output_layout.time_of(key)
            return len(text), documents.parse_consolidation_response(text, self._attribute, created)
        except (NotReadableError, LabelingJobError, ValueError):
            return 0, None
