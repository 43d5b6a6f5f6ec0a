"""A batch: the data objects, with their workers' answers, that Ground Truth hands to post_annotation at once."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from truepoint.groundtruth.annotation import VERSION, Annotation
from truepoint.groundtruth.answer import AnswerError
from truepoint.json_text import DEEPEST, JsonError, decode, pruned

LARGEST_RESPONSE = 5 * 1024 * 1024
"""Bytes. Lambda answers a synchronous call with 6 MB at most; the rest is room for its own encoding."""

CONTENT_LEVEL = 6
"""Of nesting, at which an answer's object begins if it is not text: in a list of objects with a list of objects with an
object."""
UNKNOWN_WORKER = "unknown"
"""Stands for the worker of an answer without a usable worker id."""

_REQUEST_KEY = re.compile(r"(?P<output>(?:.*/)?)(?P<job>[^/]+)/annotations/consolidated-annotation/.+", re.DOTALL)


class BatchError(ValueError):
    """A payload that is not Ground Truth's; says expected and actual."""


class AnnotationData(msgspec.Struct, frozen=True):
    """An answer, in place (JSON text or an object) or by reference. In place it is not looked into: what is wrong with
    one answer must not keep the others from being read."""

    content: msgspec.Raw = msgspec.Raw(b"null")
    s3_uri: str | None = msgspec.field(name="s3Uri", default=None)

    @property
    def in_place(self) -> Any:
        """The answer, None if it is not here.

        Raises:
            AnswerError: it is no JSON.
        """
        try:
            return decode(bytes(self.content))
        except JsonError as error:
            raise AnswerError(f"the answer must be JSON: {error}") from error


class WorkerAnnotation(NamedTuple):
    """One worker's answer to one data object, or why there is none."""

    worker_id: str
    annotation_data: AnnotationData | AnswerError


class Source(msgspec.Struct, frozen=True):
    """Where the data object is; text tasks have `content` in its place, which keypoint jobs never have."""

    s3_uri: str = msgspec.field(name="s3Uri", default="")


class BatchEntry(NamedTuple):
    """One data object and its answers."""

    dataset_object_id: str
    data_object: Source
    annotations: list[WorkerAnnotation]


class _Entry(msgspec.Struct, frozen=True, rename="camel"):
    """An entry of which only the id must be right."""

    dataset_object_id: str | int
    data_object: msgspec.Raw = msgspec.Raw(b"{}")
    annotations: msgspec.Raw = msgspec.Raw(b"[]")


class _Worker(msgspec.Struct, frozen=True, rename="camel"):
    worker_id: str


class _Annotation(_Worker, frozen=True):
    annotation_data: AnnotationData


class AnnotationReference(msgspec.Struct, frozen=True, kw_only=True):
    """The label of an annotation too large for the response: where the annotation is."""

    dataset_object_id: str
    annotation_s3_uri: str
    version: str = VERSION


def read_batch(payload: bytes) -> list[BatchEntry]:
    """Read a consolidation-request file. What is wrong with one entry, or one answer, concerns no other.

    An entry without an id is left out, because no result can be given for it.

    Raises:
        BatchError: not such a file, or no entry has an id. Then the batch fails and Ground Truth retries.
    """
    text = pruned(payload, CONTENT_LEVEL, CONTENT_LEVEL + DEEPEST)
    try:
        entries = decode(text, list[msgspec.Raw], CONTENT_LEVEL + DEEPEST)
    except JsonError as error:
        entries = _lenient(text, error)
    read = [_entry(bytes(entry)) for entry in entries]
    usable = [entry for entry in read if isinstance(entry, BatchEntry)]
    if read and not usable:
        raise BatchError(f"expected entries with a datasetObjectId, got none; the first: {read[0]}")
    return usable


def _lenient(text: bytes, error: JsonError) -> list[bytes]:
    """The entries of a request that is JSON only to Python, which writes NaN, and here null."""
    try:
        found = json.loads(text)
        if isinstance(found, list):
            return [msgspec.json.encode(entry) for entry in found]
    except (ValueError, TypeError, RecursionError):
        pass  # not to Python either
    raise BatchError(f"not a consolidation request: {error}") from error


def _entry(text: bytes) -> BatchEntry | Exception:
    try:
        entry = msgspec.json.decode(text, type=_Entry)
    except (msgspec.MsgspecError, UnicodeError) as error:
        return error
    object_id = str(entry.dataset_object_id)
    try:
        source = msgspec.json.decode(entry.data_object, type=Source)
        annotations = [_annotation(bytes(a)) for a in msgspec.json.decode(entry.annotations, type=list[msgspec.Raw])]
    except (msgspec.MsgspecError, UnicodeError) as error:
        problem = AnswerError(f"the entry of the consolidation request cannot be read: {error}")
        return BatchEntry(object_id, Source(), [WorkerAnnotation(UNKNOWN_WORKER, problem)])
    return BatchEntry(object_id, source, annotations)


def _annotation(text: bytes) -> WorkerAnnotation:
    try:
        found = msgspec.json.decode(text, type=_Annotation)
        return WorkerAnnotation(found.worker_id, found.annotation_data)
    except (msgspec.MsgspecError, UnicodeError) as error:
        problem = AnswerError(f"the answer cannot be read: {error}")
    try:
        return WorkerAnnotation(msgspec.json.decode(text, type=_Worker).worker_id, problem)
    except (msgspec.MsgspecError, UnicodeError):
        return WorkerAnnotation(UNKNOWN_WORKER, problem)


def job_of(request_key: str) -> tuple[str, str]:
    """The job's name, and its folder in the bucket with a slash at the end, from the key of its consolidation request.

    Raises:
        BatchError: not Ground Truth's layout.
    """
    match = _REQUEST_KEY.fullmatch(request_key)
    if not match:
        raise BatchError(f"expected …/<job>/annotations/consolidated-annotation/…, got {request_key[:300]!r}")
    return match["job"], f"{match['output']}{match['job']}/"


def consolidation_response(labels: Sequence[Annotation | AnnotationReference], attribute: str) -> list[dict[str, Any]]:
    """Ground Truth's post-annotation response, in builtin types."""
    return [
        {
            "datasetObjectId": label.dataset_object_id,
            "consolidatedAnnotation": {"content": {attribute: msgspec.to_builtins(label)}},
        }
        for label in labels
    ]


def too_large(annotations: Sequence[Annotation], limit: int = LARGEST_RESPONSE) -> list[int]:
    """Which annotations, by place, the largest first, must go by reference to keep the response below `limit` bytes."""
    sizes = [len(msgspec.json.encode(annotation)) for annotation in annotations]
    excess = sum(sizes) - limit
    moved: list[int] = []
    for place in sorted(range(len(sizes)), key=lambda i: (-sizes[i], i)):
        if excess <= 0:
            break
        moved.append(place)
        excess -= sizes[place]
    return moved
