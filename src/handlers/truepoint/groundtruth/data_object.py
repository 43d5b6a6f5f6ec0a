"""A data object: the content of a manifest line for one image, before labelling."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from truepoint.json_text import JsonError, decode
from truepoint.keys import split_s3_uri
from truepoint.pose.instance import InstanceError, parse_instances, pixels, type_name

PRE_LABEL_KEYS = ("annotations", "initial_values")
"""Members of a line that may hold pre-labels; the first non-empty one is used."""


class DataObject(msgspec.Struct, frozen=True):
    """The content of a manifest line for one image.

    `error` is empty, or says why the image or its pre-labels cannot be used; in the former case `image_s3_uri` is
    empty. `pre_labels_s3_uri` names a JSON object with pre-labels that exceed Ground Truth's limit of 20,000 characters
    per attribute; empty if there is none. `copy_s3_uri` names a smaller copy of the image; empty if there is none.
    `width` and `height` are the size of the upright original in pixels; 0 and 0 if the line does not state both.
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
        """The last segment of the image's key."""
        return file_name(self.image_s3_uri)


def file_name(s3_uri: str) -> str:
    """Return the last path segment of an S3 URI or a URL.

    For a URL, query and fragment are removed and the segment is percent-decoded.
    """
    path = s3_uri
    if not s3_uri.startswith("s3://"):
        # This import would take a tenth of pre_annotation's start-up time, and is rarely needed.
        from urllib.parse import unquote  # noqa: PLC0415

        path = unquote(re.split(r"[?#]", s3_uri, maxsplit=1)[0])
    return path.rsplit("/", 1)[-1]


def read_data_object(line: Any) -> DataObject:
    """Read one parsed manifest line. Never raise: `error` of the result describes a problem."""
    if not isinstance(line, dict):
        return DataObject("", [], [], f"expected the manifest line to be an object, got {type_name(line)}")
    source = line.get("source-ref")
    if not isinstance(source, str):
        actual = "got a source, but only images can be labelled" if "source" in line else "got none"
        return DataObject("", [], [], f"expected a source-ref with the image's S3 URI, {actual}")
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
    width, height = pixels(line.get("image_width")) or 0, pixels(line.get("image_height")) or 0
    if not (width and height):
        width = height = 0
    if copy and not width:
        copy, no_copy = (
            "",
            "image_copy_ref cannot be used: expected the original's size in image_width and image_height",
        )
    return DataObject(
        source,
        [] if problem else pre_labels,
        issues,
        unusable or error_text or no_copy,
        reference,
        copy,
        width,
        height,
    )


def _reference(line: dict[str, Any], name: str) -> tuple[str, str]:
    """Return the S3 URI in the member `name` ("" if absent or unusable), and a problem ("" if there is none)."""
    reference = line.get(name) or ""
    try:
        if reference:
            split_s3_uri(reference if isinstance(reference, str) else type_name(reference))
            reference.encode()
    except ValueError as error:
        return "", f"{name} cannot be used: {error}"
    return reference, ""


def _list_of(value: Any) -> tuple[list[Any], str]:
    """Return a list given as such or as JSON text, and a problem ("" if there is none)."""
    try:
        # The Lambda runtime parses events with Python's json, which accepts lone surrogates, NaN and deep nesting. So a
        # parsed value is encoded, and decoded again within our limits.
        value = decode(value if isinstance(value, str) else msgspec.json.encode(value))
    except (JsonError, msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError) as error:
        return [], f"not JSON: {error}"
    if value is None:
        return [], ""
    if not isinstance(value, list):
        return [], f"expected a list, got {type_name(value)}"
    return value, ""
