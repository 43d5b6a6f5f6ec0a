"""A batch: the data objects, with their workers' answers, that Ground Truth hands to post_annotation at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from truepoint.groundtruth.annotation import VERSION, Annotation
from truepoint.groundtruth.answer import AnswerError
from truepoint.json_text import BYTE_ORDER_MARK, DEEPEST, JsonError, decode, pruned

LARGEST_RESPONSE = 5_500_000
"""Bytes. Lambda answers a synchronous call with 6,291,556 at most; the rest is room for references to what is moved."""
ENVELOPE = 300
"""Bytes of a response around each label: the object's id and names of members."""
_ASCII = bytes(range(0x80))

CONTENT_LEVEL = 6
"""Level of nesting at which an answer's object begins if it is not text: a list of objects, each with a list of
objects, each with an object."""
UNKNOWN_WORKER = "unknown"
"""Stands for the worker of an answer without a usable worker id."""

_UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
_NOT_A_NUMBER = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|NaN|-?Infinity', re.DOTALL)
"""What Python writes and JSON does not have; or a string, which may have the same letters."""
_REQUEST_KEY = re.compile(r"(?P<output>(?:.*/)?)(?P<job>[^/]+)/annotations/consolidated-annotation/.+", re.DOTALL)


class BatchError(ValueError):
    """A payload that is not Ground Truth's; says expected and actual."""


class AnnotationData(msgspec.Struct, frozen=True):
    """An answer, in place (JSON text or an object) or by reference.

    An answer in place is not parsed here, so that an invalid answer does not prevent reading the others.
    """

    content: msgspec.Raw = msgspec.Raw(b"null")
    s3_uri: str | None = msgspec.field(name="s3Uri", default=None)

    @property
    def in_place(self) -> str | bytes | None:
        """The answer's JSON text, None if it is not here.

        Raises:
            AnswerError: it is no JSON.
        """
        text = bytes(self.content)
        if text == b"null":
            return None
        if not text.startswith(b'"'):
            return text
        try:
            return str(decode(text, str, most_memory=None))
        except JsonError as error:
            raise AnswerError(f"the answer: expected JSON, got something else: {error}") from error


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


class _WholeEntry(msgspec.Struct, frozen=True, rename="camel"):
    """An entry in which nothing is wrong."""

    dataset_object_id: str | int
    data_object: Source = Source()
    annotations: list[_Annotation] = []


class AnnotationReference(msgspec.Struct, frozen=True, kw_only=True):
    """The label of an annotation too large for the response: where the annotation is."""

    dataset_object_id: str
    annotation_s3_uri: str
    version: str = VERSION


def read_batch(payload: bytes) -> list[BatchEntry]:
    """Read a consolidation-request file. An error in one entry or answer does not affect the others.

    An entry without an id is left out, because no result can be given for it.

    Raises:
        BatchError: not such a file, or no entry has an id. Then the batch fails and Ground Truth retries.
    """
    try:
        whole = msgspec.json.decode(payload, type=list[_WholeEntry])
        return [
            BatchEntry(
                str(entry.dataset_object_id),
                entry.data_object,
                [WorkerAnnotation(one.worker_id, one.annotation_data) for one in entry.annotations],
            )
            for entry in whole
        ]
    except _UNREADABLE:
        read = [_entry(entry) for entry in _entries(payload)]
    usable = [entry for entry in read if isinstance(entry, BatchEntry)]
    if read and not usable:
        raise BatchError(f"expected entries with a datasetObjectId, got none; the first: {read[0]}")
    return usable


def _entries(payload: bytes) -> list[msgspec.Raw]:
    """Return the entries of a request.

    Where the decoder refuses it, it begins with a byte order mark, is nested too deep, or is JSON only to Python.
    """
    with suppress(*_UNREADABLE):
        return msgspec.json.decode(payload, type=list[msgspec.Raw])
    text = pruned(payload, CONTENT_LEVEL, CONTENT_LEVEL + DEEPEST)
    try:
        return decode(text, list[msgspec.Raw], CONTENT_LEVEL + DEEPEST, most_memory=None)  # type: ignore[no-any-return]
    except JsonError as error:
        return _lenient(text, error)


def _lenient(text: bytes, error: JsonError) -> list[msgspec.Raw]:
    """Return the entries of a request that is JSON only to Python, which writes NaN, and here null.

    The entries stay unparsed: their values could take more memory than there is.
    """
    plain = text.removeprefix(BYTE_ORDER_MARK)
    try:
        return msgspec.json.decode(_without_nan(plain), type=list[msgspec.Raw])
    except _UNREADABLE:  # not to Python either
        raise BatchError(f"expected a consolidation request, got something else: {error}") from error


def _without_nan(text: bytes) -> bytes:
    pieces, start = bytearray(), 0  # a list of pieces could take fifty times the text's memory
    for token in _NOT_A_NUMBER.finditer(text):
        if not token[0].startswith(b'"'):
            pieces += text[start : token.start()]
            pieces += b"null"
            start = token.end()
    pieces += text[start:]
    return bytes(pieces)


def _entry(text: msgspec.Raw) -> BatchEntry | Exception:
    try:
        entry = msgspec.json.decode(text, type=_Entry)
    except _UNREADABLE as error:
        return error
    object_id = str(entry.dataset_object_id)
    try:
        source = msgspec.json.decode(entry.data_object, type=Source)
        annotations = [_annotation(a) for a in msgspec.json.decode(entry.annotations, type=list[msgspec.Raw])]
    except _UNREADABLE as error:
        problem = AnswerError(f"the entry of the consolidation request cannot be read: {error}")
        return BatchEntry(object_id, Source(), [WorkerAnnotation(UNKNOWN_WORKER, problem)])
    return BatchEntry(object_id, source, annotations)


def _annotation(text: msgspec.Raw) -> WorkerAnnotation:
    try:
        annotation = msgspec.json.decode(text, type=_Annotation)
        return WorkerAnnotation(annotation.worker_id, annotation.annotation_data)
    except _UNREADABLE as error:
        problem = AnswerError(f"the answer cannot be read: {error}")
    try:
        return WorkerAnnotation(msgspec.json.decode(text, type=_Worker).worker_id, problem)
    except _UNREADABLE:
        return WorkerAnnotation(UNKNOWN_WORKER, problem)


def job_of(request_key: str) -> tuple[str, str]:
    """Return the name and the folder of the job that a consolidation request's key belongs to.

    The folder ends with a slash.

    Raises:
        BatchError: the key does not follow Ground Truth's layout.
    """
    match = _REQUEST_KEY.fullmatch(request_key)
    if not match:
        raise BatchError(f"expected …/<job>/annotations/consolidated-annotation/…, got {request_key[:300]!r}")
    return match["job"], f"{match['output']}{match['job']}/"


def consolidation_response(labels: Iterable[tuple[str, bytes]], attribute: str) -> list[dict[str, Any]]:
    """Return Ground Truth's post-annotation response, in builtin types, of object ids and JSON texts of labels."""
    return [
        {
            "datasetObjectId": object_id,
            "consolidatedAnnotation": {"content": {attribute: msgspec.json.decode(label)}},
        }
        for object_id, label in labels
    ]


def fit(
    annotations: Iterable[Annotation], move: Callable[[str, bytes], str], limit: int = LARGEST_RESPONSE
) -> list[tuple[str, bytes]]:
    """Return object ids and labels as JSON text, of at most `limit` bytes in all unless references take more.

    Whenever the labels so far are too large together, the largest goes by reference. Annotations are held as text and
    one at a time: the values of a batch of large ones would not fit into memory.

    Args:
        annotations: those of a batch.
        move: stores the annotation's JSON text for an object id and gives its S3 URI.
        limit: bytes.
    """
    labels: list[tuple[str, bytes]] = []
    sizes: list[int] = []
    for annotation in annotations:
        labels.append((annotation.dataset_object_id, msgspec.json.encode(annotation)))
        sizes.append(sent_size(labels[-1][1]) + ENVELOPE)
        while sum(sizes) > limit and max(sizes) > 0:
            place = sizes.index(max(sizes))
            object_id, text = labels[place]
            reference = AnnotationReference(dataset_object_id=object_id, annotation_s3_uri=move(object_id, text))
            labels[place], sizes[place] = (object_id, msgspec.json.encode(reference)), 0
    return labels


def sent_size(text: bytes) -> int:
    """Return how many bytes a JSON text has at most as Lambda sends it.

    Lambda's runtime uses Python's `json`, which puts a space behind each comma and colon, writes `1e16` as `1e+16` and
    up to Python 3.11 a character beyond ASCII as an escape sequence, three times its length in UTF-8, and DEL as one of
    six bytes.
    """
    added = text.count(b",") + text.count(b":") + text.count(b"e")
    if b"\x7f" in text:
        added += 5 * text.count(b"\x7f")
    return len(text) + added + (0 if text.isascii() else 2 * len(text.translate(None, _ASCII)))
