"""The rules by which the portal for a single job, which this one replaced, derived a job's output from its files.

They are an oracle for histories without corrections and skips: any order of answers, repetitions and crashes must give
this output.
"""

from __future__ import annotations

from collections.abc import Iterable

from truepoint.tasks import documents, output_layout
from truepoint.tasks.documents import EXPIRED, Label
from truepoint.tasks.labeling_job import JobDescription, LabelingJobError

File = tuple[str, bytes]
"""A file's key and content."""


def output_by_the_old_rules(
    job: JobDescription,
    manifest: bytes,
    worker_responses: Iterable[File],
    consolidation_responses: Iterable[File],
    needless: Iterable[str] = (),
) -> tuple[bytes, dict[str, int]]:
    """Return the output manifest and `LabelCounters` of an ended job.

    Args:
        job: its description.
        manifest: the input manifest.
        worker_responses: the files with answers.
        consolidation_responses: the files with labels, in key order.
        needless: ids of the objects for which the pre-annotation function asks for no worker.
    """
    lines = {line.object_id: line for line in documents.read_manifest(manifest)}
    labels: dict[str, Label] = {}
    for key, text in consolidation_responses:
        try:
            found = documents.parse_consolidation_response(text, job.label_attribute, output_layout.time_of(key))
        except LabelingJobError:
            continue  # as if it were not there
        labels = found | labels  # an object's first label counts
    answered: dict[str, set[str]] = {}
    for key, text in worker_responses:
        try:
            answered.setdefault(output_layout.object_of(key), set()).update(documents.parse_worker_response(text))
        except LabelingJobError:
            continue
    # No worker is needed for a label of an earlier job of a chain, for an unusable line, or where none is asked for.
    open_ids = {
        object_id
        for object_id, line in lines.items()
        if not line.problem and job.label_attribute not in line.data_object and object_id not in set(needless)
    }
    assert answered.keys() & open_ids <= labels.keys(), "an ended job has a label of every image with answers"
    output: list[bytes] = []
    labelled = failed = 0
    for object_id, line in lines.items():
        label = None if line.problem else labels.get(object_id)
        failure = line.problem or (EXPIRED if job.status == "Completed" and object_id in open_ids else None)
        if label is not None:
            labelled, failure = labelled + 1, None
        failed += failure is not None
        output.append(documents.output_line(line, job.name, job.label_attribute, label, failure) + b"\n")
    return b"".join(output), documents.label_counters(len(output), labelled, failed)
