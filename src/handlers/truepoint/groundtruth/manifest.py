"""The manifest: one data object per line, before and after labelling."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from truepoint.json_text import BYTE_ORDER_MARK, JsonError, decode
from truepoint.keys import split_s3_uri
from truepoint.pose.instance import InstanceError, parse_instances, pixels, type_name

PRE_LABEL_KEYS = ("annotations", "initial_values")
LONGEST_LINE = 8 * 1024 * 1024
"""Bytes. Ground Truth takes input lines of 100,000 characters; the label it adds is bounded by Lambda's 6 MB answer."""

LINES_AT_ONCE = 100
"""Lines that are worked on together: arrays of fewer images cost more an image, those of more hardly less."""
BYTES_AT_ONCE = 1024 * 1024
"""Bytes of those lines, which bounds memory: as values they take up to thirty times as much."""


class DataObject(msgspec.Struct, frozen=True):
    """The content of a manifest line for one image.

    `error` is empty, or says why the image (`image_s3_uri` is empty) or its pre-labels cannot be used.
    `pre_labels_s3_uri` names a JSON object with the pre-labels, for those that Ground Truth's limit of 20,000
    characters per attribute keeps out of the manifest; empty if there is none. `copy_s3_uri` names a smaller copy of
    the image, whose original has `width` and `height` upright pixels; empty, 0 and 0 if there is none.
    """

    image_s3_uri: str
    pre_labels: list[Any]
    annotation_issues: list[Any]
    error: str
    pre_labels_s3_uri: str = ""
    copy_s3_uri: str = ""
    width: int = 0
    height: int = 0

    @property
    def image_name(self) -> str:
        """Return the last part of the image's key."""
        return file_name(self.image_s3_uri)


def file_name(s3_uri: str) -> str:
    """Return the last path segment of an S3 URI or URL, without query and fragment, percent-decoded only for URLs."""
    path = s3_uri
    if not s3_uri.startswith("s3://"):
        from urllib.parse import unquote  # noqa: PLC0415 - a tenth of pre_annotation's start, and hardly ever needed

        path = unquote(re.split(r"[?#]", s3_uri, maxsplit=1)[0])
    return path.rsplit("/", 1)[-1]


def read_data_object(line: Any) -> DataObject:
    """Read one manifest line, already parsed. Never raises: what is wrong is in `error`."""
    if not isinstance(line, dict):
        return DataObject("", [], [], f"the manifest line must be an object, it is {type_name(line)}")
    source = line.get("source-ref")
    if not isinstance(source, str):
        actual = "it has a source, but only images are labelled" if "source" in line else "it has none"
        return DataObject("", [], [], f"the manifest line must have a source-ref with the image's S3 URI, {actual}")
    try:
        split_s3_uri(source)
        source.encode()
    except ValueError as error:
        return DataObject("", [], [], f"source-ref cannot be used: {error}")
    pre_labels, problem = _list_of(next((line[key] for key in PRE_LABEL_KEYS if line.get(key)), []))
    if not problem:
        try:
            parse_instances(pre_labels)
        except InstanceError as error:
            problem = str(error)
    issues, _ = _list_of(line.get("annotation_issues") or [])
    error_text = f"the pre-labels cannot be used: {problem}" if problem else ""
    reference, unusable = _reference(line, "annotations_ref")
    copy, no_copy = _reference(line, "image_copy_ref")
    width, height = pixels(line.get("image_width")), pixels(line.get("image_height"))
    if copy and not (width and height):
        copy, no_copy = "", "image_copy_ref cannot be used: image_width and image_height must say the original's size"
    return DataObject(
        source,
        [] if problem else pre_labels,
        issues,
        unusable or error_text or no_copy,
        reference,
        copy,
        (width or 0) if copy else 0,
        (height or 0) if copy else 0,
    )


def _reference(line: dict[str, Any], name: str) -> tuple[str, str]:
    """Return an attribute's S3 URI, or an empty text, and its problem, if any."""
    reference = line.get(name) or ""
    try:
        if reference:
            split_s3_uri(reference if isinstance(reference, str) else type_name(reference))
            reference.encode()
    except ValueError as error:
        return "", f"{name} cannot be used: {error}"
    return reference, ""


def _list_of(value: Any) -> tuple[list[Any], str]:
    """Return a list that is given as such or as JSON text, and its problem, if any."""
    try:
        # Python reads surrogates that stand alone, numbers and depths that no JSON of ours may have.
        value = decode(value if isinstance(value, str) else msgspec.json.encode(value))
    except (JsonError, msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError) as error:
        return [], f"not JSON: {error}"
    if value is None:
        return [], ""
    if not isinstance(value, list):
        return [], f"expected a list, got {type_name(value)}"
    return value, ""


class Line(msgspec.Struct, frozen=True):
    """A line of a manifest file.

    `number` counts from 0 over lines that are not blank; `text` is empty if too long; `offset` bytes of the stream are
    before it.
    """

    number: int
    text: bytes
    length: int
    offset: int = 0


def read_lines(chunks: Iterable[bytes], longest: int = LONGEST_LINE, *, first: int = 0) -> Iterator[Line]:
    """Divide a stream into lines (LF or CRLF; the last may have none), one at a time. Skip blank lines.

    For a line longer than `longest` bytes, only its length is kept. `first` is the number of the first line.
    """
    number, held, length, offset = first, bytearray(), 0, 0

    def finished() -> Line | None:
        text = bytes(held).strip().removeprefix(BYTE_ORDER_MARK) if length <= longest else b""
        return Line(number, text, length, offset) if text or length > longest else None

    for chunk in chunks:
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            length += end - start
            if length <= longest:
                held += chunk[start:end]
            if line := finished():
                yield line
                number += 1
            held.clear()
            offset += length + 1
            length = 0
            start = end + 1
        length += len(chunk) - start
        if length <= longest:
            held += chunk[start:]
        else:
            held.clear()
    if line := finished():
        yield line


def batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Return lines in batches to be worked on together, at least one line each."""
    batch: list[Line] = []
    size = 0
    for line in lines:
        if batch and (len(batch) >= LINES_AT_ONCE or size + len(line.text) > BYTES_AT_ONCE):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line.text)
    if batch:
        yield batch


def whole_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Divide a stream in which every line ends with LF into lines, with their ends."""
    held = b""
    for chunk in chunks:
        *lines, held = (held + chunk).split(b"\n")
        yield from (line + b"\n" for line in lines)
