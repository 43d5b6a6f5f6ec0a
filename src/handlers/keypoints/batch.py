"""A batch: the data objects, with their workers' answers, that Ground Truth hands to post_annotation at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from keypoints.annotation import VERSION, Annotation
from keypoints.answer import AnswerError

LARGEST_RESPONSE = 5 * 1024 * 1024
"""Bytes. Lambda answers a synchronous call with 6 MB at most; the rest is room for its own encoding."""

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
            return msgspec.json.decode(self.content)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise AnswerError(f"the answer must be JSON: {error}") from error


class WorkerAnnotation(msgspec.Struct, frozen=True, rename="camel"):
    """One worker's answer to one data object."""

    worker_id: str
    annotation_data: AnnotationData


class Source(msgspec.Struct, frozen=True):
    """Where the data object is; text tasks have `content` in its place, which keypoint jobs never have."""

    s3_uri: str = msgspec.field(name="s3Uri", default="")


class BatchEntry(msgspec.Struct, frozen=True, rename="camel"):
    """One data object and its answers."""

    dataset_object_id: str
    data_object: Source = Source()
    annotations: list[WorkerAnnotation] = []


class AnnotationReference(msgspec.Struct, frozen=True, kw_only=True):
    """The label of an annotation too large for the response: where the annotation is."""

    dataset_object_id: str
    annotation_s3_uri: str
    version: str = VERSION


def read_batch(payload: bytes) -> list[BatchEntry]:
    """Read a consolidation-request file.

    Raises:
        BatchError: not such a file. Without ids no result can be given, so the batch fails and Ground Truth retries.
    """
    try:
        return msgspec.json.decode(payload, type=list[BatchEntry])
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise BatchError(f"not a consolidation request: {error}") from error


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
