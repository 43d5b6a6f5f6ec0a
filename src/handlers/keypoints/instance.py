"""An instance: one labelled subject of an image, and its keypoints. The shape is docs/formats.md's."""

from __future__ import annotations

import math
from typing import Annotated, Any

import msgspec

Coordinate = Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]

NOT_LABELED, OCCLUDED, VISIBLE = 0, 1, 2
"""COCO's v."""

MOST_INSTANCES = 1000
"""In one image; a hostile answer must not cost more than an honest one could."""


class InstanceError(ValueError):
    """A list of instances that cannot be used; says where, expected and actual."""


class Keypoint(msgspec.Struct, frozen=True, omit_defaults=True):
    """A named location: x, y in image pixels; the original component sends no visibility and means visible."""

    label: Label
    x: Coordinate
    y: Coordinate
    visibility: Annotated[int, msgspec.Meta(ge=1, le=2)] = VISIBLE


class Instance(msgspec.Struct, frozen=True, omit_defaults=True):
    """One labelled subject. `box` is x, y, width, height of a drawn box, independent of the keypoints."""

    annotations: tuple[Keypoint, ...]
    name: str = ""
    id: Annotated[str, msgspec.Meta(max_length=128)] | None = None
    box: tuple[Coordinate, Coordinate, Coordinate, Coordinate] | None = None

    @property
    def by_label(self) -> dict[str, Keypoint]:
        """The labelled keypoints by name."""
        return {k.label: k for k in self.annotations}


def parse_instances(value: Any) -> list[Instance]:
    """Read a list of instances, already parsed from JSON.

    A keypoint with `visibility` 0 is not labelled and is left out.

    Raises:
        InstanceError: not such a list, a number that is not finite, or a keypoint named twice in one instance.
    """
    if not isinstance(value, list):
        raise InstanceError(f"expected a list of instances, got {type_name(value)}")
    if len(value) > MOST_INSTANCES:
        raise InstanceError(f"expected at most {MOST_INSTANCES} instances, got {len(value)}")
    try:
        instances = msgspec.convert(_without_unlabeled(value), list[Instance])
    except msgspec.ValidationError as error:
        raise InstanceError(f"not a list of instances: {error}") from error
    for position, instance in enumerate(instances):
        seen: set[str] = set()
        for keypoint in instance.annotations:
            if keypoint.label in seen:
                raise InstanceError(f"instance {position} has the keypoint {keypoint.label!r} twice")
            seen.add(keypoint.label)
    return instances


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
    """Whether both lists hold the same instances in any order; keypoints may be `tolerance` pixels apart."""
    if len(first) != len(second):
        return False
    rest = list(second)
    for instance in first:
        match = next((other for other in rest if _same(instance, other, tolerance)), None)
        if match is None:
            return False
        rest.remove(match)
    return True


def _same(a: Instance, b: Instance, tolerance: float) -> bool:
    if a.name != b.name or (a.box is None) != (b.box is None):
        return False
    if a.box and b.box and math.dist(a.box, b.box) > tolerance:
        return False
    mine, theirs = a.by_label, b.by_label
    return mine.keys() == theirs.keys() and all(
        k.visibility == theirs[label].visibility
        and math.hypot(k.x - theirs[label].x, k.y - theirs[label].y) <= tolerance
        for label, k in mine.items()
    )


def type_name(value: Any) -> str:
    """What a person calls the JSON type of `value`."""
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number")
