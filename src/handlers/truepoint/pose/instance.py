"""An instance: one labelled subject of an image, and its keypoints. The shape is docs/formats.md's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any

import msgspec

FARTHEST = 1e6
Coordinate = Annotated[float, msgspec.Meta(ge=-FARTHEST, le=FARTHEST)]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]

LONGEST_ID = 128
"""Maximum number of characters in an instance's id."""

NOT_LABELED, OCCLUDED, VISIBLE = 0, 1, 2
"""COCO's v."""

MOST_INSTANCES = 1000
"""In one image; a hostile answer must not cost more than an honest one could."""
MOST_KEYPOINTS = 1000
"""Maximum number of keypoints of an instance and of a skeleton."""
MOST_KEYPOINTS_IN_IMAGE = 100_000
"""Maximum number of keypoints of an image: 750 people with 133 each. It bounds an image's time to some seconds."""
LARGEST_SIDE = 1_000_000
"""Largest side of an image, in pixels. It bounds coordinates."""
MOST_PLACES_COMPARED = 5_000_000
"""Maximum number of coordinates compared to tell whether two lists of instances are the same; they take half a second.
A thousand equal instances in reverse order need a million, unless they share nearly all of their coordinates."""

Pixels = Annotated[int, msgspec.Meta(ge=1, le=LARGEST_SIDE)]
"""Width or height of an image."""


Coordinates = tuple[float, ...]
"""A point or a box."""


def pixels(value: Any) -> int | None:
    """Return the width or height of an image, or None if it is not one."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST_SIDE else None


class InstanceError(ValueError):
    """A list of instances that cannot be used; says where, expected and actual."""


# gc=False, here and elsewhere: what such a struct holds cannot lead back to it, and to look at them all costs 7 %.
class Keypoint(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A named location: x, y in image pixels; the original component sends no visibility and means visible."""

    label: Label
    x: Coordinate
    y: Coordinate
    visibility: Annotated[int, msgspec.Meta(ge=1, le=2)] = VISIBLE


class Instance(msgspec.Struct, frozen=True, omit_defaults=True, dict=True):
    """One labelled subject. `box` is x, y, width, height of a drawn box, independent of the keypoints."""

    annotations: tuple[Keypoint, ...]
    name: str = ""
    id: Annotated[str, msgspec.Meta(max_length=LONGEST_ID)] | None = None
    box: tuple[Coordinate, Coordinate, Coordinate, Coordinate] | None = None

    @cached_property
    def by_label(self) -> dict[str, Keypoint]:
        """The labelled keypoints by name."""
        return {k.label: k for k in self.annotations}

    @cached_property
    def hull(self) -> tuple[float, float, float, float] | None:
        """x, y, width, height around the labelled keypoints; None without any."""
        if not self.annotations:
            return None
        xs = [k.x for k in self.annotations]
        ys = [k.y for k in self.annotations]
        left, top = min(xs), min(ys)
        return left, top, max(xs) - left, max(ys) - top


def parse_instances(value: Any) -> list[Instance]:
    """Read a list of instances, already parsed from JSON.

    A keypoint with `visibility` 0 is not labelled and is left out.

    Raises:
        InstanceError: not such a list, too long a one, a number that is not finite, or a keypoint named twice in one
            instance.
    """
    if not isinstance(value, list):
        raise InstanceError(f"expected a list of instances, got {type_name(value)}")
    if len(value) > MOST_INSTANCES:
        raise InstanceError(f"expected at most {MOST_INSTANCES} instances, got {len(value)}")
    try:
        instances = _converted(value)
    except msgspec.ValidationError as error:
        raise InstanceError(f"expected a list of instances, got something else: {error}") from error
    total = sum(len(instance.annotations) for instance in instances)
    if total > MOST_KEYPOINTS_IN_IMAGE:
        raise InstanceError(f"expected at most {MOST_KEYPOINTS_IN_IMAGE} keypoints in all instances, got {total}")
    for position, instance in enumerate(instances):
        if len(instance.annotations) > MOST_KEYPOINTS:
            raise InstanceError(
                f"instance {position}: expected at most {MOST_KEYPOINTS} keypoints, got {len(instance.annotations)}"
            )
        labels = [k.label for k in instance.annotations]
        if len(set(labels)) < len(labels):
            twice = next(label for place, label in enumerate(labels) if label in labels[:place])
            raise InstanceError(f"instance {position}: expected each keypoint once, got {twice!r} twice")
    return instances


def _converted(value: list[Any]) -> list[Instance]:
    try:
        return msgspec.convert(value, list[Instance])
    except msgspec.ValidationError:  # as of a keypoint that is not labelled
        return msgspec.convert(_without_unlabeled(value), list[Instance])


def _without_unlabeled(value: list[Any]) -> list[Any]:
    def labeled(keypoint: Any) -> bool:
        return not (isinstance(keypoint, dict) and keypoint.get("visibility") == NOT_LABELED)

    return [
        item | {"annotations": [k for k in item["annotations"] if labeled(k)]}
        if isinstance(item, dict) and isinstance(item.get("annotations"), list)
        else item
        for item in value
    ]


def same_instances(first: list[Instance], second: list[Instance], tolerance: float) -> bool:
    """Return whether both lists hold the same instances in any order; keypoints may be `tolerance` pixels apart.

    Lists that would need more than `MOST_PLACES_COMPARED` comparisons count as different.
    """
    if len(first) != len(second):
        return False
    # Only those that are alike in all but place need be compared.
    rest: dict[Any, list[Sequence[Coordinates]]] = {}
    for instance in second:
        kind, places = _taken_apart(instance)
        rest.setdefault(kind, []).append(places)
    compared = 0
    for instance in first:
        kind, places = _taken_apart(instance)
        others = rest.get(kind, [])
        for n, other in enumerate(others):
            near = _near(places, other, tolerance)
            compared += near + 1
            if near == len(places):
                del others[n]
                break
            if compared > MOST_PLACES_COMPARED:
                return False
        else:
            return False
    return True


def _taken_apart(instance: Instance) -> tuple[Any, Sequence[Coordinates]]:
    """Return the fields that must be equal, and the positions that may differ, in the order of labels; the box last."""
    keypoints = sorted((k.label, k.visibility, k.x, k.y) for k in instance.annotations)
    places = [(x, y) for _, _, x, y in keypoints] + ([instance.box] if instance.box else [])
    return (instance.name, instance.box is None, tuple(k[:2] for k in keypoints)), places


def _near(places: Sequence[Coordinates], others: Sequence[Coordinates], tolerance: float) -> int:
    """Return how many places, counted from the first, are within the tolerance of the others."""
    for n, (place, other) in enumerate(zip(places, others, strict=True)):
        if math.dist(place, other) > tolerance:
            return n
    return len(places)


def coordinate(value: float) -> float:
    """Return the nearest number that can be a coordinate: means of those at the limit are rounded beyond it."""
    return max(-FARTHEST, min(FARTHEST, value))


def type_name(value: Any) -> str:
    """Return the name of a value's JSON type, for messages."""
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number")
