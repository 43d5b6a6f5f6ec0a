"""A batch: the data objects, with their workers' answers, that one invocation of post_annotation consolidates."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from truepoint.groundtruth.annotation import VERSION, Annotation
from truepoint.groundtruth.answer import AnswerError
from truepoint.json_text import BYTE_ORDER_MARK, DEEPEST, JsonError, decode, is_deeper

LARGEST_RESPONSE = 5_500_000
"""Maximum size of the labels in a response, in bytes. Lambda's limit for a synchronous response is 6,291,556. The
difference is room for references to moved annotations."""
ENVELOPE = 300
"""Size of a response's entry without its label, in bytes: the object's id and the names of members."""
MOST_GROWTH = 8
"""Maximum ratio of `sent_size` to a value's size as MessagePack: one byte stands for at most `false,`. Most batches are
so far from the limit that this bound suffices, and MessagePack takes a third of the time of JSON."""
_ASCII = bytes(range(0x80))

CONTENT_LEVEL = 6
"""Level of nesting, from 1, at which an answer begins that is an object rather than text: a list of entries, each with
a list of annotations, each with `annotationData`, which holds the answer in `content`."""
UNKNOWN_WORKER = "unknown"
"""Id used for the worker of an answer without a usable worker id."""

_UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
_TOKENS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\Z)|[\[{\]}]', re.DOTALL)
"""Strings and brackets. The last string may lack its end."""
_NOT_A_NUMBER = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|NaN|-?Infinity', re.DOTALL)
"""A token that Python's encoder writes and JSON lacks. Strings match too, so that such letters in a string are
skipped."""
_REQUEST_KEY = re.compile(r"(?P<output>(?:.*/)?)(?P<job>[^/]+)/annotations/consolidated-annotation/.+", re.DOTALL)


class BatchError(ValueError):
    """A payload that does not follow Ground Truth's format."""


class AnnotationData(msgspec.Struct, frozen=True):
    """An answer, either inline (`content`: JSON text) or by reference (`s3_uri`)."""

    content: str | None = None
    s3_uri: str | None = msgspec.field(name="s3Uri", default=None)


class WorkerAnnotation(NamedTuple):
    """One worker's answer to one data object, or the error that says why it cannot be read."""

    worker_id: str
    annotation_data: AnnotationData | AnswerError


class Source(msgspec.Struct, frozen=True):
    """The data object's location. Text tasks have `content` instead, which keypoint jobs never use."""

    s3_uri: str = msgspec.field(name="s3Uri", default="")


class BatchEntry(NamedTuple):
    """One data object and its answers."""

    dataset_object_id: str
    data_object: Source
    annotations: list[WorkerAnnotation]


class _Entry(msgspec.Struct, frozen=True, rename="camel"):
    """An entry of which only the id is validated."""

    dataset_object_id: str | int
    data_object: msgspec.Raw = msgspec.Raw(b"{}")
    annotations: msgspec.Raw = msgspec.Raw(b"[]")


class _Worker(msgspec.Struct, frozen=True, rename="camel"):
    worker_id: str


class _Annotation(_Worker, frozen=True):
    annotation_data: AnnotationData


class _RawData(msgspec.Struct, frozen=True):
    content: msgspec.Raw = msgspec.Raw(b"null")
    s3_uri: str | None = msgspec.field(name="s3Uri", default=None)


class _RawAnnotation(_Worker, frozen=True):
    """An annotation whose content is not parsed, because it may be an object rather than text."""

    annotation_data: _RawData


class _WholeEntry(msgspec.Struct, frozen=True, rename="camel"):
    """An entry that is validated as a whole."""

    dataset_object_id: str | int
    data_object: Source = Source()
    annotations: list[_Annotation] = []


class AnnotationReference(msgspec.Struct, frozen=True, kw_only=True):
    """The label by reference of an annotation that is too large for the response."""

    dataset_object_id: str
    annotation_s3_uri: str
    version: str = VERSION


def read_batch(payload: bytes) -> list[BatchEntry]:
    """Read a consolidation-request file. An error in one entry or answer does not affect the others.

    An entry without an id is left out, because no result can be given for it. The exception to this is half of a
    surrogate pair outside of the answers' own JSON texts: then the whole request is unreadable.

    Raises:
        BatchError: the payload is not a consolidation request, or no entry has an id. The batch then fails and Ground
            Truth retries it.
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
    """Return the entries of a request, unparsed.

    Accept a byte order mark, replace answers that are nested too deep, and accept NaN as Python's encoder writes it.
    """
    with suppress(*_UNREADABLE):
        return msgspec.json.decode(payload, type=list[msgspec.Raw])
    text = pruned(payload, CONTENT_LEVEL, CONTENT_LEVEL + DEEPEST)
    try:
        return decode(text, list[msgspec.Raw], CONTENT_LEVEL + DEEPEST, most_memory=None)  # type: ignore[no-any-return]
    except JsonError as error:
        return _lenient(text, error)


def pruned(text: bytes, level: int, deepest: int) -> bytes:
    """Return the text with every array or object at `level` replaced if it is nested deeper than `deepest` levels.

    The outermost level is 1. The replacement is a string that contains JSON nested too deep, so that the reader of the
    value refuses it for that reason.
    """
    if not is_deeper(text, deepest):
        return text
    pieces, kept_to, depth, start, too_deep = [], 0, 0, 0, False
    for token in _TOKENS.finditer(text):
        match token[0]:
            case b"[" | b"{":
                depth += 1
                if depth == level:
                    start, too_deep = token.start(), False
                too_deep |= depth > deepest
            case b"]" | b"}":
                if depth == level and too_deep:
                    pieces += [text[kept_to:start], msgspec.json.encode("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1))]
                    kept_to = token.end()
                depth -= 1
    return b"".join([*pieces, text[kept_to:]])


def _lenient(text: bytes, error: JsonError) -> list[msgspec.Raw]:
    """Return the entries of a request with NaN or Infinity, which Python's encoder writes, replaced by null.

    The entries stay unparsed, because their values could exceed the available memory.
    """
    plain = text.removeprefix(BYTE_ORDER_MARK)
    try:
        return msgspec.json.decode(_without_nan(plain), type=list[msgspec.Raw])
    except _UNREADABLE:
        raise BatchError(f"expected a consolidation request, got something else: {error}") from error


def _without_nan(text: bytes) -> bytes:
    pieces, start = bytearray(), 0  # not a list, which could take fifty times the text's memory
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
        annotation = msgspec.json.decode(text, type=_RawAnnotation)
        data = annotation.annotation_data
        return WorkerAnnotation(annotation.worker_id, AnnotationData(_content(bytes(data.content)), data.s3_uri))
    except JsonError as error:
        problem = AnswerError(f"the answer: expected JSON, got something else: {error}")
    except _UNREADABLE as error:
        problem = AnswerError(f"the answer cannot be read: {error}")
    try:
        return WorkerAnnotation(msgspec.json.decode(text, type=_Worker).worker_id, problem)
    except _UNREADABLE:
        return WorkerAnnotation(UNKNOWN_WORKER, problem)


def _content(text: bytes) -> str | None:
    """Return an answer's JSON text: the content of a string, any other value as it is; None for `null`.

    Raises:
        JsonError: the string is malformed.
        UnicodeDecodeError: the value is not UTF-8.
    """
    if text.startswith(b'"'):
        return str(decode(text, str, most_memory=None))
    return None if text == b"null" else text.decode()


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


Label = Annotation | AnnotationReference


def consolidation_response(labels: Iterable[Label], attribute: str) -> list[dict[str, Any]]:
    """Return Ground Truth's post-annotation response, in builtin types, for labels of the job's attribute."""
    return [
        {
            "datasetObjectId": label.dataset_object_id,
            "consolidatedAnnotation": {"content": {attribute: _builtins(label)}},
        }
        for label in labels
    ]


def _builtins(label: Label) -> dict[str, Any]:
    """Return a label as parsed JSON. Its instances, the largest part, are parsed JSON already and are not copied."""
    if isinstance(label, AnnotationReference):
        return msgspec.to_builtins(label)  # type: ignore[no-any-return]
    workers = [msgspec.structs.replace(worker, annotations=[]) for worker in label.workers]
    rest = msgspec.structs.replace(label, original_annotations=[], updated_annotations=[], workers=workers)
    value: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(rest))
    for worker, answer in zip(label.workers, value["workers"], strict=True):
        if worker.annotations:
            answer["annotations"] = worker.annotations
    instances = {name: getattr(label, name) for name in ("original_annotations", "updated_annotations")}
    return value | instances


def fit(
    annotations: Iterable[Annotation], move: Callable[[str, bytes], str], limit: int = LARGEST_RESPONSE
) -> list[Label]:
    """Return the labels of a batch, and move large annotations so that the labels fit into a response.

    Whenever the labels so far exceed `limit`, the largest one is stored elsewhere and replaced by a reference. Exact
    sizes are only computed once an upper bound exceeds the limit.

    Args:
        annotations: the annotations of a batch.
        move: stores an annotation's JSON text for an object id, and returns its S3 URI.
        limit: maximum size of all labels that are not references, in bytes.
    """
    labels: list[Label] = []
    sizes: list[int] = []
    bound = 0
    for annotation in annotations:
        labels.append(annotation)
        if bound <= limit:
            bound += largest_size(annotation) + ENVELOPE
            if bound <= limit:
                continue
        sizes += [sent_size(msgspec.json.encode(label)) + ENVELOPE for label in labels[len(sizes) :]]
        while sum(sizes) > limit and max(sizes) > 0:
            largest = sizes.index(max(sizes))
            object_id = labels[largest].dataset_object_id
            uri = move(object_id, msgspec.json.encode(labels[largest]))
            labels[largest], sizes[largest] = AnnotationReference(dataset_object_id=object_id, annotation_s3_uri=uri), 0
    return labels


def largest_size(value: Any) -> int:
    """Return an upper bound of `sent_size` of a value's JSON text, in less time."""
    try:
        return MOST_GROWTH * len(msgspec.msgpack.encode(value))
    except OverflowError:  # MessagePack has no integers of more than 64 bits
        return sent_size(msgspec.json.encode(value))


def sent_size(text: bytes) -> int:
    """Return an upper bound of a JSON text's size as Lambda sends it, in bytes.

    Lambda's runtime encodes with Python's `json`, which writes a space after each comma and colon and `1e16` as
    `1e+16`. Up to Python 3.11 it writes a non-ASCII character as an escape sequence of up to three times the length in
    UTF-8, and DEL as one of six bytes.
    """
    added = len(text) - len(text.translate(None, b",:e"))
    if b"\x7f" in text:
        added += 5 * text.count(b"\x7f")
    return len(text) + added + (0 if text.isascii() else 2 * len(text.translate(None, _ASCII)))
