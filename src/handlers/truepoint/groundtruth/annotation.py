"""An annotation: the result for one data object, which Ground Truth writes to the output manifest as the label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from typing import Any

import msgspec

from truepoint.consensus.consolidation import BelowQuorum, Consolidated, consolidate_all
from truepoint.consensus.matching import CrowdedError, crowded
from truepoint.groundtruth.anchoring import Anchoring, ImageTreatment, of_answer
from truepoint.groundtruth.answer import (
    ORIGINAL_TOLERANCE,
    OWN_TOLERANCE,
    Answer,
    AnswerError,
    PreLabelRecord,
    UnlabeledKeypoint,
    parse_answer,
)
from truepoint.groundtruth.data_object import file_name
from truepoint.json_text import MOST_MEMORY
from truepoint.pose.instance import Instance, InstanceError, Pixels, parse_instances, same_instances
from truepoint.pose.poses import Answers
from truepoint.pose.sigma_table import SigmaTable

Treated = Callable[[str], ImageTreatment | None]
"""A function that returns the treatment of an image's pre-labels, given the image's URI. It returns None for a job
without an anchoring experiment."""

VERSION = "1.0"
MEMORY_AT_ONCE = 32 * 1024 * 1024
"""Memory of the answers that are consolidated together, in bytes, as `json_text.memory` estimates it. Fewer images at
once take more time per image, because array operations have a fixed cost. A whole batch of large answers would not fit
into memory."""
MOST_WORKERS = 1000
"""Maximum number of workers of one data object. Ground Truth has at most nine. Each takes some 20 kB while a job's
results are written."""
TOO_MUCH_TOGETHER = (
    f"expected values of at most {MOST_MEMORY:,} bytes in memory in all workers' answers together, got more"
)


class WorkerAnswer(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True, dict=True):
    """One worker's answer within an annotation.

    `reason` says why an answer could not be used. `annotations` are the worker's own instances. They are kept only
    where several workers answered, because consensus and agreement are computed again from the whole job. `not_labeled`
    are keypoints that the worker marked as absent, with reasons. `comment` is the worker's note on the whole image.
    `prelabels` says by instance what the worker confirmed, moved, added and removed. `anchoring` is what the worker
    made of the pre-labels, in a job that measures it; wrong ones that the worker left are no longer among the
    instances.
    """

    worker_id: str
    usable: bool
    reason: str | None = None
    no_changes_needed: bool = False
    was_modified: bool = False
    total_time_in_seconds: float | None = None
    active_time_in_seconds: float | None = None
    annotations: list[Any] = []
    not_labeled: list[UnlabeledKeypoint] = []
    comment: str = ""
    prelabels: list[PreLabelRecord] = []
    anchoring: Anchoring | None = None

    @cached_property
    def instances(self) -> list[Instance]:
        """The worker's own instances; empty unless several workers answered.

        Raises:
            InstanceError: `annotations` is not a list of instances.
        """
        return parse_instances(self.annotations)


class Annotation(msgspec.Struct, frozen=True, kw_only=True):
    """The label of one data object. The first ten fields are the original stack's.

    `worker_id` is null where several answers were consolidated. `total_time_in_seconds` is the sum over all workers
    with a usable answer. An annotation that is not `valid` has no instances, and a `reason`. `agreement` is the mean
    OKS of pairs of workers; it is null until the whole job's results are computed.
    """

    dataset_object_id: str
    data_object_s3_uri: str
    image_file_name: str
    image_s3_location: str
    original_annotations: list[Any] = []
    updated_annotations: list[Any] = []
    worker_id: str | None = None
    no_changes_needed: bool = False
    was_modified: bool = False
    total_time_in_seconds: float | None = None
    version: str = VERSION
    valid: bool = True
    reason: str | None = None
    image_width: Pixels | None = None
    image_height: Pixels | None = None
    workers: list[WorkerAnswer] = []
    below_quorum: list[BelowQuorum] = []
    agreement: float | None = None


def annotate(
    dataset_object_id: str, data_object_s3_uri: str, answers: Sequence[tuple[str, Any]], table: SigmaTable
) -> Annotation:
    """Return the annotation of one data object, as `annotate_all` does."""
    [annotation] = annotate_all([(dataset_object_id, data_object_s3_uri, answers)], table)
    return annotation


def annotate_all(
    objects: Iterable[tuple[str, str, Sequence[tuple[str, Any]]]], table: SigmaTable, treated: Treated | None = None
) -> Iterator[Annotation]:
    """Yield one annotation for each data object, in order. Unusable answers never raise.

    A single usable answer becomes the annotation unchanged; several are consolidated.

    Args:
        objects: for each data object

            - Ground Truth's id,
            - the image's URI; if it is empty, the URI that the page submitted is used,
            - its answers: (worker id, content), or (worker id, AnswerError) for an answer that could not be fetched.
              The content may be given as a function that returns it, so that only one is in memory at a time. If a
              worker has several answers, the last one is used.
        table: sigmas and pairs of the job's skeleton.
        treated: returns the treatment of an image's pre-labels; None if no job measures anchoring.

    Raises:
        AnchoringError: an image's record cannot be read, so its pre-labels may contain a seeded error.
    """
    pending: list[tuple[Annotation, list[Answer]]] = []
    memory = 0
    for dataset_object_id, data_object_s3_uri, answers in objects:
        treatment = treated(data_object_s3_uri) if treated else None
        outcome = partial(of_answer, record=treatment.record, table=table, own=treatment.own) if treatment else None
        draft, usable = _read_all(dataset_object_id, data_object_s3_uri, answers, outcome)
        pending.append((draft, usable))
        memory += sum(answer.memory for answer in usable)
        if memory > MEMORY_AT_ONCE:
            yield from _annotated(pending, table)
            pending, memory = [], 0
    yield from _annotated(pending, table)


def _annotated(objects: Sequence[tuple[Annotation, list[Answer]]], table: SigmaTable) -> list[Annotation]:
    """Return the annotations of data objects, given drafts and usable answers as `_read_all` returns them."""
    annotations: list[Annotation] = []
    several: list[tuple[int, Answers]] = []
    for draft, usable in objects:
        if len(usable) > 1 and (reason := crowded([a.instances for a in usable])):
            annotations.append(_refused(draft, reason))
            continue
        if len(usable) > 1:
            several.append((len(annotations), [(a.worker_id, a.instances) for a in usable]))
        annotations.append(_accepted(draft, usable) if usable else draft)
    merged = consolidate_all([answers for _, answers in several], table)
    for (index, _), result in zip(several, merged, strict=True):
        if isinstance(result, CrowdedError):
            annotations[index] = _refused(objects[index][0], str(result))
        else:
            annotations[index] = with_consensus(annotations[index], *result)
    return annotations


def _read_all(
    dataset_object_id: str,
    data_object_s3_uri: str,
    answers: Sequence[tuple[str, Any]],
    outcome: Callable[[Answer], tuple[Answer, Anchoring | None]] | None = None,
) -> tuple[Annotation, list[Answer]]:
    """Return a draft of a data object's annotation without instances, and its usable answers.

    `outcome` removes a seeded error from an answer, in a job that measures anchoring.
    """
    workers: list[WorkerAnswer] = []
    usable: list[Answer] = []
    latest = dict(answers)
    if len(latest) > MOST_WORKERS:
        refused = Annotation(
            dataset_object_id=dataset_object_id,
            data_object_s3_uri=data_object_s3_uri,
            image_file_name=file_name(data_object_s3_uri),
            image_s3_location=data_object_s3_uri,
        )
        return _refused(refused, f"expected answers of at most {MOST_WORKERS} workers, got {len(latest)}"), []
    held = 0
    for worker_id, content in sorted(latest.items()):
        read = _read(worker_id, content)
        if isinstance(read, AnswerError):
            workers.append(WorkerAnswer(worker_id=worker_id, usable=False, reason=str(read)))
            continue
        held += read.memory
        if held > MOST_MEMORY:
            usable.clear()
            workers = [WorkerAnswer(worker_id=w, usable=False, reason=TOO_MUCH_TOGETHER) for w in sorted(latest)]
            break
        anchoring = None
        if outcome:
            read, anchoring = outcome(read)
        usable.append(read)
        workers.append(
            WorkerAnswer(
                worker_id=worker_id,
                usable=True,
                no_changes_needed=read.no_changes_needed,
                was_modified=read.was_modified,
                total_time_in_seconds=read.total_time_in_seconds,
                active_time_in_seconds=read.active_time_in_seconds,
                annotations=read.updated if len(latest) > 1 else [],
                not_labeled=read.not_labeled,
                comment=read.comment,
                prelabels=read.prelabels,
                anchoring=anchoring,
            )
        )
    location = data_object_s3_uri or next((a.image_s3_uri for a in usable), "")
    annotation = Annotation(
        dataset_object_id=dataset_object_id,
        data_object_s3_uri=data_object_s3_uri,
        image_file_name=file_name(location) or next((a.image_name for a in usable), ""),
        image_s3_location=location,
        worker_id=workers[0].worker_id if len(workers) == 1 else None,
        workers=workers,
    )
    if usable:
        return annotation, usable
    reason = "; ".join(f"{w.worker_id}: {w.reason}" for w in workers) or "no worker answered"
    return _refused(annotation, reason), []


def _refused(annotation: Annotation, reason: str) -> Annotation:
    return msgspec.structs.replace(annotation, valid=False, reason=reason)


def _read(worker_id: str, content: Any) -> Answer | AnswerError:
    if callable(content):
        content = content()
    if isinstance(content, AnswerError):
        return content
    try:
        return parse_answer(worker_id, content)
    except AnswerError as error:
        return error


def _accepted(annotation: Annotation, usable: Sequence[Answer]) -> Annotation:
    """Return the annotation with the first answer's instances, and times, flags and image size from all answers."""
    first = usable[0]
    sized = next((a for a in usable if a.image_width), first)
    times = [a.total_time_in_seconds for a in usable if a.total_time_in_seconds is not None]
    return msgspec.structs.replace(
        annotation,
        original_annotations=first.original,
        updated_annotations=first.updated,
        worker_id=first.worker_id if len(usable) == 1 else None,
        no_changes_needed=all(a.no_changes_needed for a in usable),
        was_modified=first.was_modified,
        total_time_in_seconds=sum(times) if times else None,
        image_width=sized.image_width,
        image_height=sized.image_height,
    )


def is_empty(annotation: Annotation, answer: WorkerAnswer) -> bool:
    """Return whether a worker's answer is usable but labels nothing: no keypoint and no box.

    Where only one worker answered, the worker's instances are those of the annotation.
    """
    own = answer.annotations if len(annotation.workers) > 1 else annotation.updated_annotations
    return answer.usable and not any(
        isinstance(item, dict) and (item.get("annotations") or item.get("box")) for item in own
    )


def with_consensus(annotation: Annotation, merged: Sequence[Consolidated], below: Sequence[BelowQuorum]) -> Annotation:
    """Return the annotation with consensus instances as its result.

    Args:
        annotation: the annotation of a data object that several workers answered.
        merged: the consensus instances.
        below: instances that too few workers marked.
    """
    # Answers of the original component have no image size, and it rounds coordinates.
    tolerance = OWN_TOLERANCE if annotation.image_width else ORIGINAL_TOLERANCE
    return msgspec.structs.replace(
        annotation,
        # Lists and dicts, as when read from a manifest. MessagePack takes half the time of JSON.
        updated_annotations=msgspec.msgpack.decode(msgspec.msgpack.encode(merged)),
        was_modified=_modified(annotation.original_annotations, merged, tolerance),
        below_quorum=list(below),
    )


def _modified(original: list[Any], merged: Sequence[Consolidated], tolerance: float) -> bool:
    try:
        before = parse_instances(original)
    except InstanceError:
        return bool(merged)
    return not same_instances(before, [m.instance for m in merged], tolerance)
