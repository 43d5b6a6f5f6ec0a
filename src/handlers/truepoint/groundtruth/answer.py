"""An answer: what one worker submitted for one data object, by our element or by the original component."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal, TypeVar

import msgspec

from truepoint.json_text import MOST_MEMORY, JsonError, decode, memory
from truepoint.pose.instance import (
    Instance,
    InstanceError,
    Label,
    parse_instances,
    pixels,
    same_instances,
    type_name,
)

T = TypeVar("T")

OWN_TOLERANCE = 1e-6
"""Distance within which a keypoint counts as unchanged, in pixels, for our element, which submits untouched coordinates
to the last digit."""
ORIGINAL_TOLERANCE = 0.5
"""The same distance for the original component, which rounds every coordinate to a whole pixel, touched or not."""


LARGEST_ANSWER = 16 * 1024 * 1024
"""Maximum size of an answer's text, in bytes."""


LONGEST_COMMENT = 1000
"""Maximum number of characters of a note on an image: as many as the labelling element's field accepts."""


class AnswerError(ValueError):
    """An answer that cannot be used."""


class UnlabeledKeypoint(msgspec.Struct, frozen=True, omit_defaults=True):
    """A keypoint that the worker marked as absent in the instance `id`, with the reason."""

    id: str
    label: Label
    reason: Literal["not_visible", "outside_image"]
    comment: str = ""


class PreLabelRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """The worker's changes of one pre-labelled instance. Each list has labels of keypoints.

    Attributes:
        id: the instance's id.
        offered: keypoints that were offered instead of placed at the start, because of their low score.
        confirmed: keypoints that the worker confirmed at the position of the pre-label or the offer.
        moved: keypoints that the worker moved to another position.
        added: keypoints that the worker added to those of the pre-label.
        removed: keypoints of the pre-label that are not in the answer.
    """

    id: str
    offered: list[Label] = []
    confirmed: list[Label] = []
    moved: list[Label] = []
    added: list[Label] = []
    removed: list[Label] = []


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A usable answer.

    `updated` and `original` are the submitted labels and pre-labels as parsed JSON. `instances` are those of `updated`.
    `comment` is the worker's note on the whole image. `memory` is an estimate of the parsed JSON's memory in bytes.
    """

    worker_id: str
    updated: list[Any]
    original: list[Any]
    instances: list[Instance]
    was_modified: bool
    no_changes_needed: bool
    total_time_in_seconds: float | None
    active_time_in_seconds: float | None
    image_s3_uri: str
    image_name: str
    image_width: int | None
    image_height: int | None
    not_labeled: list[UnlabeledKeypoint]
    comment: str
    prelabels: list[PreLabelRecord] = []
    memory: int = 0

    @property
    def tolerance(self) -> float:
        """Maximum distance of an untouched keypoint from its pre-label, in pixels."""
        return ORIGINAL_TOLERANCE if self.image_width is None else OWN_TOLERANCE


def parse_answer(worker_id: str, content: Any) -> Answer:
    """Read an answer.

    Args:
        worker_id: Ground Truth's id of the worker.
        content: `annotationData.content`: the form's fields, as JSON text or parsed.

    Raises:
        AnswerError: the answer cannot be used. The message may be stored with the annotation.
    """
    fields = _json(content, "the answer", decode_members) if isinstance(content, str | bytes) else content
    if not isinstance(fields, dict):
        raise AnswerError(f"expected the form's fields as an object, got {type_name(fields)}")
    details = _details(fields.get("answer_details"))
    if problem := details.get("problem"):
        raise AnswerError(f"the worker could not label the image: {str(problem)[:500]}")
    if "updated_annotations" not in fields:
        names = ", ".join(sorted(str(name)[:40] for name in fields)[:8]) or "no field at all"
        raise AnswerError(f"expected the field updated_annotations, got {names}")
    updated = _json(fields["updated_annotations"], "updated_annotations")
    original = _original(fields.get("original_annotations"))
    try:
        instances = parse_instances(updated)
    except InstanceError as error:
        raise AnswerError(f"updated_annotations: {error}") from error
    tolerance = OWN_TOLERANCE if details else ORIGINAL_TOLERANCE
    width, height = pixels(details.get("image_width")), pixels(details.get("image_height"))
    return Answer(
        worker_id=worker_id,
        updated=updated,
        original=original,
        instances=instances,
        was_modified=_was_modified(original, instances, tolerance),
        no_changes_needed=_truth(fields.get("no_changes_needed")),
        total_time_in_seconds=_seconds(fields.get("total_time_in_seconds")),
        active_time_in_seconds=_seconds(details.get("active_time_in_seconds")),
        image_s3_uri=without_query(fields.get("image_s3_uri")),
        image_name=without_query(fields.get("image_name")),
        image_width=width if height else None,
        image_height=height if width else None,
        not_labeled=_valid_entries(details.get("not_labeled"), UnlabeledKeypoint),
        comment=_comment(details.get("comment")),
        prelabels=_valid_entries(details.get("prelabels"), PreLabelRecord),
        memory=_memory(content, fields),
    )


def decode_members(text: bytes | str) -> Any:
    """Decode a JSON text as `decode` does, but allow `DEEPEST` levels of nesting in each member of an object."""
    with suppress(JsonError):
        return decode(text)
    try:
        members = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return decode(text)
    if memory(text) > MOST_MEMORY:
        return decode(text)
    return {name: decode(bytes(value), most_memory=None) for name, value in members.items()}


def _memory(content: Any, fields: dict[str, Any]) -> int:
    # Fields are parsed lists or strings of JSON. Brackets and commas may be escaped in the text of a string, so strings
    # are measured after decoding.
    within = sum(memory(value) for value in fields.values() if isinstance(value, str))
    outside = any(isinstance(value, list | dict) for value in fields.values())
    return max(within, memory(content)) if outside and isinstance(content, str | bytes) else within


def _json(value: Any, name: str, read: Callable[[bytes | str], Any] = decode) -> Any:
    if not isinstance(value, str | bytes):
        return value
    size = len(value) if isinstance(value, bytes) else len(value.encode(errors="replace"))
    if size > LARGEST_ANSWER:
        raise AnswerError(f"{name}: expected at most {LARGEST_ANSWER} bytes, got {size}")
    try:
        return read(value)
    except JsonError as error:
        raise AnswerError(f"{name}: expected JSON, got something else: {error}") from error


def _original(value: Any) -> list[Any]:
    # The original component submits "" or "null" if there were no pre-labels.
    if not value:
        return []
    try:
        parsed = _json(value, "original_annotations")
    except AnswerError:
        return []
    return parsed if isinstance(parsed, list) else []


def _was_modified(original: list[Any], instances: list[Instance], tolerance: float) -> bool:
    try:
        before = parse_instances(original)
    except InstanceError:
        # Unreadable pre-labels were not shown to the worker, so every instance is the worker's own.
        return bool(instances)
    return not same_instances(before, instances, tolerance)


def _details(value: Any) -> dict[str, Any]:
    try:
        parsed = _json(value, "answer_details")
    except AnswerError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _comment(value: Any) -> str:
    return value.strip()[:LONGEST_COMMENT] if isinstance(value, str) else ""


def _valid_entries(value: Any, kind: type[T]) -> list[T]:
    entries = []
    for entry in value if isinstance(value, list) else ():
        # An invalid entry is ignored, so that the labels remain usable.
        with suppress(msgspec.ValidationError):
            entries.append(msgspec.convert(entry, kind))
    return entries


def _truth(value: Any) -> bool:
    # A crowd-checkbox submits an object {value: bool}. A hidden input submits text.
    if isinstance(value, dict):
        return any(flag is True for flag in value.values())
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")


def _seconds(value: Any) -> float | None:
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def without_query(value: Any) -> str:
    """Return a URI without the query of a presigned URL, or "" if the value is not text.

    The original component submits the whole presigned URL. An s3:// URI is returned unchanged, because an S3 key may
    contain a question mark.
    """
    if not isinstance(value, str):
        return ""
    return value if value.startswith("s3://") else value.split("?", 1)[0]
