"""How alike two instances are: object keypoint similarity (OKS), as COCO defines it and in its symmetric form.

Source: COCO keypoint evaluation, https://cocodataset.org/#keypoints-eval; the area rules follow xtcocotools and MMPose.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from keypoints.instance import Instance
from keypoints.skeleton import DEFAULT_SIGMA

BOX_TO_AREA = 0.53
"""Segment area over box area of COCO people; xtcocotools, MMPose and ultralytics use the same ratio."""
THINNEST_BOX = 0.05
"""A hull's shorter side counts as at least this share of its longer one: a straight limb has no area."""
SMALLEST_SIDE = 2.0
"""Pixels."""
LONE_KEYPOINT_SIDE = 32.0
"""Pixels. One keypoint has no extent; COCO calls an object of 32 x 32 pixels small."""


def hull_box(instance: Instance) -> tuple[float, float, float, float] | None:
    """x, y, width, height around the labelled keypoints; None without any."""
    if not instance.annotations:
        return None
    xs = [k.x for k in instance.annotations]
    ys = [k.y for k in instance.annotations]
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


def area(instance: Instance) -> tuple[float, str]:
    """The subject's area in square pixels, and its source: `box`, `hull`, or `default` for less than two points."""
    if instance.box and instance.box[2] > 0 and instance.box[3] > 0:
        return BOX_TO_AREA * instance.box[2] * instance.box[3], "box"
    hull = hull_box(instance)
    longer = max(hull[2:]) if hull else 0.0
    if not hull or longer == 0:
        return BOX_TO_AREA * LONE_KEYPOINT_SIDE**2, "default"
    floor = max(SMALLEST_SIDE, THINNEST_BOX * longer)
    return BOX_TO_AREA * max(hull[2], floor) * max(hull[3], floor), "hull"


def symmetric_oks(a: Instance, b: Instance, sigmas: Mapping[str, float]) -> float:
    """Similarity of two instances, 0 to 1, over the keypoints both have labelled; 0 if there are none.

    The area is the mean of both, so neither is the reference. `sigmas` maps names to COCO's sigma.
    """
    mine, theirs = a.by_label, b.by_label
    shared = mine.keys() & theirs.keys()
    if not shared:
        return 0.0
    scale = area(a)[0] + area(b)[0]  # 2 s^2 with s^2 the mean of both
    total = 0.0
    for label in sorted(shared):  # floating sums depend on order
        p, q = mine[label], theirs[label]
        k = 2 * sigmas.get(label, DEFAULT_SIGMA)
        total += math.exp(-((p.x - q.x) ** 2 + (p.y - q.y) ** 2) / (scale * k * k))
    return total / len(shared)
