"""One line of an output manifest: labelled, or not labelled with a reason."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal

import msgspec

from truepoint.groundtruth.annotation import MOST_WORKERS, Annotation, WorkerAnswer
from truepoint.groundtruth.answer import without_query
from truepoint.groundtruth.data_object import file_name, read_data_object
from truepoint.groundtruth.manifest import LONGEST_LINE, Line
from truepoint.json_text import DEEPEST_DOCUMENT, JsonError, decode
from truepoint.keys import below_images
from truepoint.pose.instance import Instance, InstanceError, parse_instances, pixels, type_name

Status = Literal["rejected", "failed", "unlabeled"]


class LabelError(ValueError):
    """A label that is not a keypoint annotation."""


REVIEWED_NAME = "reviewed_file_name"
"""Member of a review's manifest lines: the image's name in the results of the reviewed job."""
EARLIER_ANSWERS = "earlier-answers"
"""Member of a merged label's metadata: the answers that a review replaced, with their times."""
REFERENCE_KEEPS = ("dataset_object_id", "total_time_in_seconds")
"""Members of a label by reference that take precedence over those of the referenced annotation, because merging a
review changes them."""


class EarlierAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer whose label a review replaced: its worker, its job and its times."""

    worker_id: str
    labeled_by: str | None = None
    total_time_in_seconds: float | None = None
    active_time_in_seconds: float | None = None


class Labeled(msgspec.Struct, frozen=True, kw_only=True):
    """A line with a valid annotation.

    `labeled_by` is the job that created the annotation, which in a chain of jobs may be an earlier one. `file_name` is
    the image's name in results, if the line gives one. `earlier_answers` are those that a review replaced. If not
    `commented`, no instance and no keypoint has a comment.
    """

    line: int
    source_ref: str
    annotation: Annotation
    instances: list[Instance]
    labeled_by: str | None
    creation_date: str | None
    file_name: str | None = None
    earlier_answers: list[EarlierAnswer] = []
    commented: bool = True

    def path_below(self, images_job: str) -> str:
        """Return the image's name in results: `file_name`, else its path below the job's image folder, else its key."""
        key = self.source_ref.removeprefix("s3://").partition("/")[2] or self.annotation.image_file_name
        return self.file_name or below_images(images_job, key)


class NotLabeled(msgspec.Struct, frozen=True, kw_only=True):
    """A line without a valid annotation.

    `status` is `rejected` by us, `failed` in Ground Truth, or `unlabeled` because no worker labelled it.
    """

    line: int
    status: Status
    reason: str
    source_ref: str | None


def read_line(line: Line, attribute: str, fetch: Callable[[str], bytes]) -> Labeled | NotLabeled:
    """Read one line of an output manifest. Never raise for a bad line: return it as `NotLabeled`.

    Args:
        line: the line.
        attribute: the job's label attribute name.
        fetch: returns the bytes of an S3 URI, for an annotation that is too large for the manifest; b"" if they cannot
            be read.
    """
    if not line.text:
        return _rejected(line.number, f"expected a line of at most {LONGEST_LINE} bytes, got {line.length}")
    try:
        record = decode(line.text, deepest=DEEPEST_DOCUMENT)
    except JsonError as error:
        return _rejected(line.number, f"the line is not JSON: {error}")
    if not isinstance(record, dict):
        return _rejected(line.number, f"expected an object, got {type_name(record)}")
    source = record.get("source-ref")
    source = without_query(source) if isinstance(source, str) else None
    metadata = record.get(f"{attribute}-metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    if attribute not in record:
        if "failure-reason" in metadata:
            return _not_labeled(line.number, "failed", str(metadata["failure-reason"]), source)
        reason = read_data_object(record).error or "no worker labelled it before the job ended"
        return _not_labeled(line.number, "unlabeled", reason, source)
    label, text = record[attribute], line.text
    if isinstance(label, dict) and isinstance(uri := label.get("annotation_s3_uri"), str):
        kept = {name: label[name] for name in REFERENCE_KEEPS if name in label}
        text = fetch(uri)
        label = _decoded(text)
        label = label | kept if isinstance(label, dict) else label
    try:
        annotation = read_label(label)
        instances = parse_instances(annotation.updated_annotations)
        for worker in annotation.workers if len(annotation.workers) > 1 else ():
            with suppress(InstanceError):
                _ = worker.instances  # parsed here, while the line's values are in the CPU's cache
    except (LabelError, InstanceError) as error:
        return _rejected(line.number, str(error), source)
    if not annotation.valid:
        return _rejected(line.number, annotation.reason or "the annotation is marked invalid", source)
    return Labeled(
        line=line.number,
        source_ref=source or annotation.image_s3_location,
        annotation=_sized(annotation, record),
        instances=instances,
        labeled_by=_text(metadata.get("job-name") or metadata.get("job_name")),
        creation_date=_text(metadata.get("creation-date") or metadata.get("creation_date")),
        file_name=_text(record.get(REVIEWED_NAME)) or None,
        earlier_answers=_earlier(metadata.get(EARLIER_ANSWERS)),
        commented=b"comment" in text or b"\\" in text,  # a backslash may escape letters of the word
    )


def read_label(label: Any) -> Annotation:
    """Read a label that post_annotation or the original stack's function wrote.

    Labels of the original function have no `version`, and their annotations are JSON text.

    Raises:
        LabelError: the label is neither.
    """
    if not isinstance(label, dict) or "updated_annotations" not in label:
        actual = f"the keys {', '.join(sorted(map(str, label))[:8])}" if isinstance(label, dict) else type_name(label)
        raise LabelError(f"expected a keypoint annotation with updated_annotations, got {actual}"[:500])
    if "version" in label:
        workers = label.get("workers")
        if isinstance(workers, list) and len(workers) > MOST_WORKERS:
            raise LabelError(f"expected at most {MOST_WORKERS} workers, got {len(workers)}")
        try:
            return msgspec.convert(label, Annotation)
        except msgspec.ValidationError as error:
            raise LabelError(f"expected a keypoint annotation, got something else: {error}") from error
    worker = str(label.get("worker_id") or "")
    seconds = _number(label.get("total_time_in_seconds"))
    uri = without_query(label.get("data_object_s3_uri"))
    location = without_query(label.get("image_s3_location")) or uri
    modified = label.get("was_modified") is True
    return Annotation(
        dataset_object_id=str(label.get("dataset_object_id", "")),
        data_object_s3_uri=uri,
        image_file_name=_text(label.get("image_file_name")) or file_name(location),
        image_s3_location=location,
        original_annotations=_list(label.get("original_annotations")),
        updated_annotations=_list(label["updated_annotations"]),
        worker_id=worker or None,
        no_changes_needed=label.get("no_changes_needed") is True,
        was_modified=modified,
        total_time_in_seconds=seconds,
        workers=[WorkerAnswer(worker_id=worker, usable=True, was_modified=modified, total_time_in_seconds=seconds)]
        if worker
        else [],
    )


def _rejected(number: int, reason: str, source: str | None = None) -> NotLabeled:
    return _not_labeled(number, "rejected", reason, source)


def _not_labeled(number: int, status: Status, reason: str, source: str | None) -> NotLabeled:
    return NotLabeled(line=number, status=status, reason=reason, source_ref=source)


def _decoded(text: bytes) -> Any:
    try:
        return decode(text, deepest=DEEPEST_DOCUMENT)
    except JsonError:
        return None


def _sized(annotation: Annotation, record: dict[str, Any]) -> Annotation:
    """Return the annotation with the image's size: the one that the page submitted, otherwise the manifest's."""
    width, height = pixels(record.get("image_width")), pixels(record.get("image_height"))
    if annotation.image_width or not (width and height):
        return annotation
    return msgspec.structs.replace(annotation, image_width=width, image_height=height)


def _list(value: Any) -> list[Any]:
    parsed = _decoded(value.encode()) if isinstance(value, str) and value else value
    if parsed is None or parsed == "":
        return []
    if not isinstance(parsed, list):
        raise LabelError(f"expected a list of instances, got {type_name(parsed)}")
    return parsed


def _earlier(value: Any) -> list[EarlierAnswer]:
    try:
        return msgspec.convert(value or [], list[EarlierAnswer])
    except msgspec.ValidationError:  # another program's member of this name
        return []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 0 <= number < float("inf") else None
