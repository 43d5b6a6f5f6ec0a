"""An instance: one labelled subject of an image, and its keypoints. docs/formats.md specifies the JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Any

import msgspec

FARTHEST = 1e6
"""Largest absolute coordinate, in pixels. It equals `LARGEST_SIDE`."""
Coordinate = Annotated[float, msgspec.Meta(ge=-FARTHEST, le=FARTHEST)]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]

LONGEST_ID = 128
"""Maximum number of characters in an instance's id."""

NOT_LABELED, OCCLUDED, VISIBLE = 0, 1, 2
"""Values of COCO's visibility flag v."""

MOST_INSTANCES = 1000
"""Maximum number of instances of one image, which bounds the time and memory of a hostile answer."""
MOST_KEYPOINTS = 1000
"""Maximum number of keypoints of an instance and of a skeleton."""
MOST_KEYPOINTS_IN_IMAGE = 100_000
"""Maximum number of keypoints of an image: 750 people with 133 each. It bounds the time per image to a few seconds."""
LARGEST_SIDE = 1_000_000
"""Largest width or height of an image, in pixels."""
MOST_POINTS_COMPARED = 5_000_000
"""Maximum number of point comparisons to decide whether two lists of instances are the same; they take half a second.
A thousand equal instances in reverse order need a million, unless they share nearly all of their coordinates."""

Pixels = Annotated[int, msgspec.Meta(ge=1, le=LARGEST_SIDE)]
"""Width or height of an image."""


Coordinates = tuple[float, ...]
"""A point or a box."""


def pixels(value: Any) -> int | None:
    """Return the value if it is a valid width or height of an image, otherwise None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST_SIDE else None


class InstanceError(ValueError):
    """A list of instances that cannot be used. The message says where, what was expected and what was found."""


# gc=False, here and elsewhere: such a struct cannot be part of a reference cycle, and tracking all of them in the
# garbage collector costs 7 % of the time.
class Keypoint(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A named location, x and y in image pixels.

    The original component sends no visibility, which means visible.
    """

    label: Label
    x: Coordinate
    y: Coordinate
    visibility: Annotated[int, msgspec.Meta(ge=1, le=2)] = VISIBLE


def distance(p: Keypoint, q: Keypoint) -> float:
    """Return the distance of two keypoints in pixels."""
    return math.hypot(p.x - q.x, p.y - q.y)


class Instance(msgspec.Struct, frozen=True, omit_defaults=True, dict=True):
    """One labelled subject.

    `box` is (x, y, width, height) of a box that the worker drew; it is independent of the keypoints.
    """

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
        """The bounding rectangle (x, y, width, height) of the labelled keypoints; None without keypoints."""
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
        InstanceError: the value is not a list of instances, is too long, or holds a number that is not finite or an
            instance with a keypoint named twice.
    """
    if not isinstance(value, list):
        raise InstanceError(f"expected a list of instances, got {type_name(value)}")
    if len(value) > MOST_INSTANCES:
        raise InstanceError(f"expected at most {MOST_INSTANCES} instances, got {len(value)}")
    try:
        instances = _converted(value)
    except msgspec.ValidationError as error:
        raise InstanceError(f"expected a list of instances, got something else: {error}") from error
    total = sum([len(instance.annotations) for instance in instances])
    if total > MOST_KEYPOINTS_IN_IMAGE:
        raise InstanceError(f"expected at most {MOST_KEYPOINTS_IN_IMAGE} keypoints in all instances, got {total}")
    for position, instance in enumerate(instances):
        count = len(instance.annotations)
        if count > MOST_KEYPOINTS:
            raise InstanceError(f"instance {position}: expected at most {MOST_KEYPOINTS} keypoints, got {count}")
        if len({k.label for k in instance.annotations}) < count:
            labels = [k.label for k in instance.annotations]
            twice = next(label for index, label in enumerate(labels) if label in labels[:index])
            raise InstanceError(f"instance {position}: expected each keypoint once, got {twice!r} twice")
    return instances


def _converted(value: list[Any]) -> list[Instance]:
    try:
        return msgspec.convert(value, list[Instance])
    except msgspec.ValidationError:  # a keypoint with visibility 0 is one cause
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
    """Return whether both lists hold the same instances in any order; points may be `tolerance` pixels apart.

    Lists that would need more than `MOST_POINTS_COMPARED` comparisons count as different.
    """
    if len(first) != len(second):
        return False
    # Points are compared only between instances whose other fields are equal.
    rest: dict[Any, list[Sequence[Coordinates]]] = {}
    for instance in second:
        fields, points = _fields_and_points(instance)
        rest.setdefault(fields, []).append(points)
    compared = 0
    for instance in first:
        fields, points = _fields_and_points(instance)
        others = rest.get(fields, [])
        for n, other in enumerate(others):
            near = _count_near(points, other, tolerance)
            compared += near + 1
            if near == len(points):
                del others[n]
                break
            if compared > MOST_POINTS_COMPARED:
                return False
        else:
            return False
    return True


def _fields_and_points(instance: Instance) -> tuple[Any, Sequence[Coordinates]]:
    """Return the fields that must be equal, and the points in the order of labels, the box last."""
    keypoints = sorted((k.label, k.visibility, k.x, k.y) for k in instance.annotations)
    points = [(x, y) for _, _, x, y in keypoints] + ([instance.box] if instance.box else [])
    return (instance.name, instance.box is None, tuple(k[:2] for k in keypoints)), points


def _count_near(points: Sequence[Coordinates], others: Sequence[Coordinates], tolerance: float) -> int:
    """Return the number of leading points that are within `tolerance` pixels of their counterparts in `others`."""
    for n, (point, other) in enumerate(zip(points, others, strict=True)):
        if math.dist(point, other) > tolerance:
            return n
    return len(points)


def coordinate(value: float) -> float:
    """Return the value limited to the range of coordinates, which a computed mean or side length may exceed."""
    return max(-FARTHEST, min(FARTHEST, value))


def type_name(value: Any) -> str:
    """Return the name of a value's JSON type, for messages."""
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number")
