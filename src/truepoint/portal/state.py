"""A job's state, the objects that it needs to consolidate, and its output. Pure.

The state is derived only from files in the bucket, so that another process can continue after any crash. Any order of
answers, repetitions and crashes gives the same output.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from truepoint.portal.assignments import Assignments
from truepoint.tasks import documents, output_layout
from truepoint.tasks.documents import Label, ManifestLine
from truepoint.tasks.labeling_job import LabelingJob, LabelingJobError

_log = logging.getLogger(__name__)

NO_LABEL = "ClientError: the consolidation function returned no label for this object"
BATCH = 50
"""Maximum number of objects in a consolidation request. An annotation of ten people has 10 kB, and a response at most 6
MB."""
BATCH_BYTES = 8_000_000
"""Maximum size of all answers in a consolidation request of several objects, in bytes. A larger request could exceed a
function's time or memory. 50 images of ten people by three workers have 5 MB."""
File = tuple[str, bytes]
"""A file's URI or key, and its content."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of data objects: all, in need of no more answers, with any answer, with a label, failed."""

    lines: int
    full: int
    started: int
    labelled: int
    failed: int


@dataclass(slots=True)
class JobState:
    """Answers, labels and failures of one job.

    Attributes:
        job: the job's description.
        lines: the input manifest by object id.
        assignments: the assignment of objects to workers.
        answers: the URI of each answer's file, by object id and worker id.
        sizes: the size of an object's answers, in bytes.
        labels: consolidated labels by object id.
        failures: reasons by object id, for objects that get no label. They are not stored: the next start of a job that
            has not ended, or was reopened, tries them again.
    """

    job: LabelingJob
    lines: dict[str, ManifestLine]
    assignments: Assignments
    answers: dict[str, dict[str, str]] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    labels: dict[str, Label] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def record_answer(self, object_id: str, worker: str, uri: str, size: int) -> None:
        """Record a stored answer and its size in bytes. A worker's first answer for an object counts."""
        if self.answers.setdefault(object_id, {}).setdefault(worker, uri) == uri:
            self.sizes[object_id] = self.sizes.get(object_id, 0) + size
        self.assignments.record(object_id, worker)

    def record_labels(self, response: File, wanted: Sequence[str] | None = None) -> set[str]:
        """Record the labels of a consolidation response, and return their object ids. An object's first label counts.

        Raises:
            LabelingJobError: not a consolidation response.
        """
        uri, text = response
        labels = documents.parse_consolidation_response(
            text, self.job.label_attribute, output_layout.time_of(uri), wanted
        )
        for object_id, label in labels.items():
            self.labels.setdefault(object_id, label)
        self.assignments.close(labels)
        return set(labels)

    def skip(self, object_id: str, failure: str | None = None) -> None:
        """Close an object that needs no worker or cannot be shown."""
        self.assignments.close([object_id])
        if failure is not None:
            self.failures[object_id] = failure

    def fail(self, object_ids: Iterable[str], reason: str) -> None:
        """Record that these objects get no label."""
        self.failures.update(dict.fromkeys(object_ids, reason))

    def to_consolidate(self, *, partial: bool = False) -> list[str]:
        """Return the objects without a label that have all their answers (with `partial`: any answer)."""
        return [
            object_id
            for object_id in self.assignments.with_answers()
            if (partial or self.assignments.is_full(object_id))
            and object_id not in self.labels
            and object_id not in self.failures
        ]

    def batches(self, object_ids: Sequence[str]) -> list[list[str]]:
        """Divide the objects into batches of at most `BATCH` objects and `BATCH_BYTES` of answers, or of one object."""
        batches: list[list[str]] = []
        held = 0
        for object_id in object_ids:
            size = self.sizes.get(object_id, 0)
            if not batches or len(batches[-1]) == BATCH or held + size > BATCH_BYTES:
                batches.append([])
                held = 0
            batches[-1].append(object_id)
            held += size
        return batches

    def output(self, *, expired: bool) -> tuple[bytes, dict[str, int]]:
        """Return the output manifest and `LabelCounters`. With `expired`, unanswered objects count as failed."""
        attribute = self.job.label_attribute
        lines: list[bytes] = []
        labelled = failed = 0
        needed = set(self.assignments.object_ids) - self.assignments.closed if expired else set()
        for object_id, line in self.lines.items():
            label = self.labels.get(object_id)
            failure = self.failures.get(object_id) or (documents.EXPIRED if object_id in needed else None)
            if label is not None and not line.problem:
                labelled, failure = labelled + 1, None
            failed += failure is not None
            lines.append(documents.output_line(line, self.job.name, attribute, label, failure) + b"\n")
        return b"".join(lines), documents.label_counters(len(lines), labelled, failed)

    def progress(self) -> Progress:
        """Return the job's progress."""
        done = self.assignments
        full = sum(1 for object_id in done.object_ids if object_id in done.closed or done.is_full(object_id))
        already = len(self.lines) - len(done.object_ids)
        return Progress(len(self.lines), full + already, len(self.answers), len(self.labels), len(self.failures))


def derive_state(
    job: LabelingJob, manifest: bytes, worker_responses: Iterable[File], consolidation_responses: Iterable[File]
) -> JobState:
    """Return the state of a job, derived from its files. Files of each kind must be in key order.

    An unreadable file counts as missing: its object is labelled or consolidated again.
    """
    lines = {line.object_id: line for line in documents.read_manifest(manifest)}
    # An object with this job's label, from an earlier job of a chain, is not labelled again.
    open_ids = tuple(
        object_id
        for object_id, line in lines.items()
        if not line.problem and job.label_attribute not in line.data_object
    )
    state = JobState(job, lines, Assignments(open_ids, job.workers_per_object, job.time_limit))
    state.assignments.close(lines.keys() - set(open_ids))
    state.failures.update({object_id: line.problem for object_id, line in lines.items() if line.problem})
    for response in consolidation_responses:
        try:
            state.record_labels(response)
        except LabelingJobError as error:
            _log.warning("%s: %s", response[0], error)
    for uri, text in worker_responses:
        try:
            for worker in documents.parse_worker_response(text):
                state.record_answer(output_layout.object_of(uri), worker, uri, len(text))
        except LabelingJobError as error:
            _log.warning("%s: %s", uri, error)
    return state


def batch_request(state: JobState, object_ids: Sequence[str], files: Mapping[str, bytes]) -> list[dict[str, object]]:
    """Return the consolidation request for these objects."""
    return documents.consolidation_request(
        (
            state.lines[object_id],
            {
                worker: documents.parse_worker_response(files[uri])[worker]
                for worker, uri in state.answers[object_id].items()
            },
        )
        for object_id in object_ids
    )
