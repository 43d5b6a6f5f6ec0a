"""Checks of Ground Truth's limits before any call. Each check lists all violations with expected and actual values.

Lengths, ranges and patterns of the CreateLabelingJob request come from botocore's service model. The constants below
are limits that only AWS's documentation states, and limits of Truepoint.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, Shape, StructureShape

MAX_OBJECTS = 100_000
"""Maximum number of data objects in an input manifest (AWS)."""
MAX_LINE_CHARACTERS = 100_000
"""Maximum length of a line of an input manifest, in characters (AWS)."""
MAX_ATTRIBUTE_CHARACTERS = 20_000
"""Maximum length of the JSON text of an attribute in an input manifest, in characters (AWS)."""
MAX_TASK_SECONDS = 28_800
"""Maximum time for one task, in seconds: AWS's limit for custom tasks, eight hours."""
MAX_AVAILABILITY_SECONDS = 2_592_000
"""Maximum time for which tasks are offered, in seconds: AWS's limit for a private workforce, thirty days."""

UNICODE_CATEGORIES = {"L": "a", "N": "0", "Z": " "}
"""Unicode categories in AWS's pattern for tags (letters, numbers, separators), each with a character that replaces its
members when the pattern is matched."""

MAX_REFERENCED_BYTES = 2_000_000
"""Maximum size of an image's pre-labels in a separate object, in bytes. An answer contains the pre-labels and the
labels, and the portal accepts answers of up to 5 MB."""

RESERVED_LABELS = ("source", "source-ref", "annotations")
"""Names that a label attribute cannot have: Ground Truth uses the first two for a line's input, Truepoint uses the last
for pre-labels."""


class JobRefusedError(ValueError):
    """A job that violates limits of Ground Truth or of Truepoint. `violations` lists all of them."""

    def __init__(self, job: str, violations: Iterable[str]) -> None:
        self.violations = tuple(violations)
        lines = "".join(f"\n  - {violation}" for violation in self.violations)
        super().__init__(f"job {job!r} exceeds limits of Ground Truth; nothing was created:{lines}")


def request_violations(request: Mapping[str, Any], *, workteam_needed: bool = True) -> list[str]:
    """Return the violations of a CreateLabelingJob request; empty if there are none.

    Args:
        request: the call's keyword arguments.
        workteam_needed: whether a workteam ARN is required; False for a job outside Ground Truth.
    """
    optional = () if workteam_needed else ("HumanTaskConfig.WorkteamArn",)
    violations = [v for path, v in _model_violations(_request_shape(), request, "") if path not in optional]
    name, label = str(request.get("LabelingJobName", "")), str(request.get("LabelAttributeName", ""))
    if name != name.lower():
        violations.append(
            f"LabelingJobName: expected lower case ({name.lower()!r}), got {name!r}; "
            "Ground Truth lower-cases it in ARNs but not in S3 keys"
        )
    if label in RESERVED_LABELS or label.endswith(("-metadata", "-ref")):
        violations.append(
            f"LabelAttributeName: expected no reserved name ({', '.join(RESERVED_LABELS)}, …-metadata, …-ref), "
            f"got {label!r}"
        )
    task = request.get("HumanTaskConfig", {})
    if ":workteam/public-crowd/" in str(task.get("WorkteamArn", "")):
        violations.append(
            "HumanTaskConfig.WorkteamArn: expected a private or a vendor team, got the public workforce, "
            "Mechanical Turk, which closed on 30 September 2026 (docs/migrating.md)"
        )
    for key, most in (
        ("TaskTimeLimitInSeconds", MAX_TASK_SECONDS),
        ("TaskAvailabilityLifetimeInSeconds", MAX_AVAILABILITY_SECONDS),
    ):
        actual = task.get(key)
        if isinstance(actual, int) and actual > most:
            violations.append(f"HumanTaskConfig.{key}: expected at most {most:,}, got {actual:,}")
    return violations


def line_violations(attributes: Mapping[str, str], text: str) -> Iterator[str]:
    """Yield the violations of one line of an input manifest.

    Args:
        attributes: the JSON text of each of the line's attributes.
        text: the line itself, without line end.
    """
    if len(text) > MAX_LINE_CHARACTERS:
        yield f"expected at most {MAX_LINE_CHARACTERS:,} characters, got {len(text):,}"
    for name, value in attributes.items():
        if name.startswith("$"):
            yield f"expected attribute names that do not begin with '$', got {name!r}"
        if len(value) > MAX_ATTRIBUTE_CHARACTERS:
            most = f"{MAX_ATTRIBUTE_CHARACTERS:,}"
            yield f"attribute {name!r}: expected at most {most} characters, got {len(value):,}"


def manifest_violations(count: int, attributes: Collection[str], label: str) -> Iterator[str]:
    """Yield the violations of an input manifest as a whole.

    Args:
        count: its number of data objects.
        attributes: the names of all attributes in it.
        label: the job's label attribute.
    """
    if not 1 <= count <= MAX_OBJECTS:
        yield f"the manifest: expected 1 to {MAX_OBJECTS:,} data objects, got {count:,}"
    for name in (label, f"{label}-metadata"):
        if name in attributes:
            yield (
                f"LabelAttributeName: expected a name that no line of the manifest has, got {label!r}: Ground Truth "
                f"treats lines with the attribute {name!r} as labelled. Choose another label attribute"
            )


@cache
def _request_shape() -> Shape:
    model = botocore.session.get_session().get_service_model("sagemaker")
    return model.shape_for("CreateLabelingJobRequest")


def _model_violations(shape: Shape, value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield the path and the text of each violation of the service model.

    Required members, minima, maxima and patterns are checked.
    """
    if isinstance(shape, StructureShape):
        for name in shape.required_members:
            if value.get(name) is None:
                yield _below(path, name), f"{_below(path, name)}: expected a value, got none"
        for name, member in value.items():
            if name not in shape.members:
                yield _below(path, name), f"{_below(path, name)}: expected no such member"
            elif member is not None:
                yield from _model_violations(shape.members[name], member, _below(path, name))
    elif isinstance(shape, ListShape):
        yield from ((path, v) for v in _range_violations(shape, len(value), path, " items"))
        for index, member in enumerate(value):
            yield from _model_violations(shape.member, member, f"{path}[{index}]")
    elif isinstance(value, str):
        yield from ((path, v) for v in _range_violations(shape, len(value), path, " characters"))
        pattern = shape.metadata.get("pattern")
        if pattern and not _fits(pattern, value):
            yield path, f"{path}: expected the pattern {pattern}, got {value!r}"
    else:
        yield from ((path, v) for v in _range_violations(shape, value, path, ""))


def _fits(pattern: str, value: str) -> bool:
    """Return whether a value matches an AWS pattern.

    The pattern may name Unicode categories, which Python's `re` does not support. So one character replaces each
    category in the pattern and all members of the category in the value.
    """
    for category, stand_in in UNICODE_CATEGORIES.items():
        if (named := rf"\p{{{category}}}") in pattern:
            pattern = pattern.replace(named, stand_in)
            value = "".join(stand_in if unicodedata.category(c).startswith(category) else c for c in value)
    return re.fullmatch(pattern, value) is not None


def _range_violations(shape: Shape, actual: int, path: str, unit: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and actual < least:
        yield f"{path}: expected at least {least:,}{unit}, got {actual:,}"
    if most is not None and actual > most:
        yield f"{path}: expected at most {most:,}{unit}, got {actual:,}"


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
