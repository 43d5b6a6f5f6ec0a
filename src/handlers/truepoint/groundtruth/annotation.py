"""An annotation: the accepted result for one data object, and the label that Ground Truth writes to the manifest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from truepoint.consensus.consolidation import BelowQuorum, Consolidated, consolidate
from truepoint.consensus.matching import CrowdedError, crowded
from truepoint.groundtruth.answer import (
    ORIGINAL_TOLERANCE,
    OWN_TOLERANCE,
    Answer,
    AnswerError,
    UnlabeledKeypoint,
    parse_answer,
)
from truepoint.groundtruth.manifest import file_name
from truepoint.json_text import MOST_MEMORY
from truepoint.pose.instance import Instance, InstanceError, Pixels, parse_instances, same_instances
from truepoint.pose.sigma_table import SigmaTable

VERSION = "1.0"
TOO_MUCH_TOGETHER = (
    f"expected values of at most {MOST_MEMORY:,} bytes in memory in all workers' answers together, got more"
)


class WorkerAnswer(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What became of one worker's answer; `reason` says why an answer could not be used.

    `annotations` are the worker's own instances, kept where several workers answered: what they agree on, and how well,
    is worked out again once the whole job is known. `not_labeled`: keypoints of theirs without a place, and why.
    `comment`: the note on the whole image.
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


class Annotation(msgspec.Struct, frozen=True, kw_only=True):
    """The label of one data object. The first ten fields are the original stack's.

    `worker_id` is the one worker whose answer this is, and null where several were consolidated. The time is the sum
    over all workers with a usable answer. An annotation that is not `valid` has no instances and says its `reason`.
    `agreement` is the mean OKS of pairs of workers, known once the whole job is.
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
    dataset_object_id: str,
    data_object_s3_uri: str,
    answers: Sequence[tuple[str, Any]],
    yardstick: SigmaTable,
) -> Annotation:
    """One annotation from the answers to one data object: always one, whatever they hold.

    Args:
        dataset_object_id: Ground Truth's id of the object.
        data_object_s3_uri: the image; empty if the payload names none, then what the page submitted counts.
        answers: (worker id, content) or, for an answer that could not be fetched, (worker id, AnswerError). Of a
            worker's several answers the last counts. One usable answer passes through unchanged; several are
            consolidated.
        yardstick: sigmas and pairs of the job's skeleton.
    """
    workers: list[WorkerAnswer] = []
    usable: list[Answer] = []
    latest = dict(answers)
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
    if not usable:
        reason = "; ".join(f"{w.worker_id}: {w.reason}" for w in workers) or "no worker answered"
        return msgspec.structs.replace(annotation, valid=False, reason=reason)
    return _accept(annotation, usable, yardstick)


def _read(worker_id: str, content: Any) -> Answer | AnswerError:
    if isinstance(content, AnswerError):
        return content
    try:
        return parse_answer(worker_id, content)
    except AnswerError as error:
        return error


def _accept(annotation: Annotation, usable: Sequence[Answer], yardstick: SigmaTable) -> Annotation:
    first = usable[0]
    sized = next((a for a in usable if a.image_width), first)
    times = [a.total_time_in_seconds for a in usable if a.total_time_in_seconds is not None]
    accepted = msgspec.structs.replace(
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
    if len(usable) == 1:
        return accepted
    if reason := crowded([a.instances for a in usable]):
        return msgspec.structs.replace(annotation, valid=False, reason=reason)
    try:
        return with_consensus(accepted, *consolidate([(a.worker_id, a.instances) for a in usable], yardstick))
    except CrowdedError as error:
        return msgspec.structs.replace(annotation, valid=False, reason=str(error))


def is_empty(annotation: Annotation, answer: WorkerAnswer) -> bool:
    """Return whether a worker's usable answer labels nothing: no keypoint and no box.

    A worker's own instances are kept only where several answered; else they are the annotation's.
    """
    own = answer.annotations if len(annotation.workers) > 1 else annotation.updated_annotations
    return answer.usable and not any(
        isinstance(item, dict) and (item.get("annotations") or item.get("box")) for item in own
    )


def with_consensus(annotation: Annotation, merged: Sequence[Consolidated], below: Sequence[BelowQuorum]) -> Annotation:
    """The annotation with these instances as its result."""
    # Whose page says no image size is the original component's, which rounds.
    tolerance = OWN_TOLERANCE if annotation.image_width else ORIGINAL_TOLERANCE
    return msgspec.structs.replace(
        annotation,
        updated_annotations=msgspec.json.decode(msgspec.json.encode(merged)),  # lists, as when read from a manifest
        was_modified=_modified(annotation.original_annotations, merged, tolerance),
        below_quorum=list(below),
    )


def _modified(original: list[Any], merged: Sequence[Consolidated], tolerance: float) -> bool:
    try:
        before = parse_instances(original)
    except InstanceError:
        return bool(merged)
    after = [Instance(annotations=m.annotations, name=m.name, box=m.box) for m in merged]
    return not same_instances(before, after, tolerance)
