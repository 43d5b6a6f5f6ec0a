"""A job's output.manifest, made of its input manifest, its images' rows and the labels in the bucket.

Small jobs write it at once. Large jobs write segments, in as many ticks as that takes, and S3 joins them: no more than
one block of rows and some labels are in memory, and who continues needs to know only where the last segment ended.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from truepoint import keys
from truepoint.adapters.bucket import Bucket, ChangedError, NotReadableError
from truepoint.adapters.joining import join
from truepoint.task_queue import rows
from truepoint.task_queue.queue import Place
from truepoint.task_queue.rows import Image, Job, TickState
from truepoint.task_queue.table import Table
from truepoint.tasks import documents, output_layout
from truepoint.tasks.consolidating import LARGEST_RESPONSE
from truepoint.tasks.documents import Label, ManifestLine, read_manifest
from truepoint.tasks.labeling_job import LabelingJobError
from truepoint.tasks.loading import TOO_LONG, OpenLines, lines_of
from truepoint.tasks.turn import Turn

AT_ONCE = 8 * 1024 * 1024
"""Bytes of an input manifest up to which the output is written at once."""
SEGMENT_LINES = 50_000
"""Lines after which a segment ends: half a minute's work of a function."""
SEGMENT_BYTES = 1024 * 1024 * 1024
"""Bytes after which a segment ends. S3 copies parts of up to 5 GB."""
LEAST_SEGMENT = 8 * 1024 * 1024
"""Bytes that a segment has at least, except the last. S3 joins parts of 5 MB or more."""
SEGMENT_SECONDS = 240.0
"""Seconds that must be left for a segment to be begun."""
LABELS_HELD = 64 * 1024 * 1024
"""Bytes of consolidation responses kept in memory. Neighbours in a manifest are often in the same response."""
ROWS_AT_ONCE = rows.LINES_PER_PARTITION


class Output:
    """Writes the output of one job, which takes no answers any more and whose images have their labels.

    Args:
        store: the stack's bucket.
        table: the portal's table.
        job: the job's row.
        label_attribute: the job's.
    """

    def __init__(self, store: Bucket, table: Table, job: Job, label_attribute: str) -> None:
        self._store = store
        self._table = table
        self._job = job
        self._attribute = label_attribute
        self._labels = _Labels(store, label_attribute)
        self._key = f"{keys.output_folder(job.name)}{output_layout.OUTPUT_MANIFEST}"

    def write(self, turn: Turn, seconds_left: Callable[[], float]) -> bool:
        """Write what is missing, and return whether the output is complete. Its counts are in the turn's state then.

        Raises:
            LostTurnError: another process has the turn.
            LabelingJobError: the manifest has changed since the job was loaded.
        NotReadableError: the manifest is missing.
            UnavailableError: S3 failed.
        """
        size = self._store.size(self._job.manifest)
        if size <= AT_ONCE:
            progress = self._write(self._key, turn, turn.state, size, whole=True)
            turn.save(labelled=progress.labelled, failed=progress.failed)
            return True
        while turn.state.offset < size:
            if seconds_left() < SEGMENT_SECONDS:
                return False
            segment = self._segment(turn.state.segments)
            progress = self._write(segment, turn, turn.state, size, whole=False)
            turn.save(
                lines=progress.next.line,
                offset=progress.next.offset,
                record=progress.record,
                labelled=progress.labelled,
                failed=progress.failed,
                segments=turn.state.segments + 1,
            )
        segments = [self._segment(number) for number in range(turn.state.segments)]
        join(self._store.name, segments, self._key, "application/jsonl")
        return True

    def forget_segments(self, count: int) -> None:
        """Delete the segments, after the output is complete and that is recorded."""
        for number in range(count):
            self._store.delete(self._segment(number))

    def _segment(self, number: int) -> str:
        return keys.output_segment(self._job.name, self._job.generation, number)

    def _write(self, key: str, turn: Turn, state: TickState, size: int, *, whole: bool) -> _Progress:
        start = _Progress(Place(state.lines, state.offset, 0), state.record, state.labelled, state.failed)
        if whole:
            start = _Progress(Place(0, 0, 0), 0, 0, 0)
        reached = [start]

        def pieces() -> Iterator[bytes]:
            reached[0] = start  # a write that failed is repeated
            yield from self._pieces(reached, size, turn, whole=whole)

        try:
            self._store.write(key, pieces, "application/jsonl")
        except ChangedError as error:
            raise LabelingJobError(
                f"{self._job.manifest} has changed since the job was loaded: its earlier version must be restored"
            ) from error
        return reached[0]

    def _pieces(self, reached: list[_Progress], size: int, turn: Turn, *, whole: bool) -> Iterator[bytes]:
        progress = reached[0]
        etag = self._job.etag or None
        stream = self._store.stream(self._job.manifest, progress.next.offset, size, etag) if size else iter(())
        opened = OpenLines(self._store, self._job.name).after(progress.record)
        next_open = next(opened, None)
        block, images = -1, dict[int, Image]()
        written = 0
        for count, (place, text) in enumerate(lines_of(stream, progress.next), 1):
            image, is_open = None, next_open is not None and next_open.line == place.line
            if is_open:
                next_open = next(opened, None)
                if place.line // ROWS_AT_ONCE != block:
                    turn.keep()
                    block = place.line // ROWS_AT_ONCE
                    images = self._block(place.line)
                image = images.get(place.line, Image())
            if text == TOO_LONG and place.length > len(TOO_LONG):
                piece = b"".join(self._store.stream(self._job.manifest, place.offset, place.offset + place.length))
                outcome = _Outcome(piece, labelled=False, failed=True)
            else:
                line = next(read_manifest(text), None)
                outcome = (
                    self._outcome(place.line, line, image) if line else _Outcome(b"", labelled=False, failed=False)
                )
            progress = _Progress(
                Place(place.line + 1, place.offset + place.length + 1, 0),
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
        """Return the rows of the images with which a line shares a partition."""
        partition, _ = rows.image_key(self._job.key, line)
        return {int(row["sk"]): rows.read(row, Image) for row in self._table.scan(partition)}

    def _outcome(self, number: int, line: ManifestLine, image: Image | None) -> _Outcome:
        """Return what becomes of a line; `image` is None if the line needed no label."""
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


NOTHING = _Outcome(b"", labelled=False, failed=False)


@dataclass(frozen=True, slots=True)
class _Progress:
    """The next line to write, how many open lines are before it, and the counts so far."""

    next: Place
    record: int
    labelled: int
    failed: int


class _Labels:
    """Labels by their responses, of which the last used ones are kept."""

    def __init__(self, store: Bucket, label_attribute: str) -> None:
        self._store = store
        self._attribute = label_attribute
        self._held: OrderedDict[str, tuple[int, dict[str, Label] | None]] = OrderedDict()
        self._size = 0

    def label(self, line: int, response: str) -> tuple[Label | None, str | None]:
        """Return an image's label, or why it cannot be read."""
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
