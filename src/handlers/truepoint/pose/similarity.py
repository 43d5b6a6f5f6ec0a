"""How alike two instances are: object keypoint similarity (OKS), as COCO defines it and in its symmetric form.

Sources: COCO keypoint evaluation, https://cocodataset.org/#keypoints-eval, and the code behind it, pycocotools'
COCOeval.computeOks; the area rules follow xtcocotools and MMPose; PCK and NME as MMPose computes them.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence

from truepoint.pose.instance import Instance
from truepoint.pose.skeleton import DEFAULT_SIGMA

BOX_TO_AREA = 0.53
"""Segment area over box area of COCO people; xtcocotools, MMPose and ultralytics use the same ratio."""
THINNEST_BOX = 0.05
"""A hull's shorter side counts as at least this share of its longer one: a straight limb has no area."""
SMALLEST_SIDE = 2.0
"""Pixels."""
LEAST_BOX_SIDE = 1e-3
"""Pixels. A drawn box that is narrower is none: areas divide, and that of a narrow enough one is 0."""
EXTENT_DIGITS = 6
"""Decimal places, in pixels, of a rectangle that is made from keypoints."""
LONE_KEYPOINT_SIDE = 32.0
"""Pixels. One keypoint has no extent; COCO calls an object of 32 x 32 pixels small."""
HONEST_PAIR = 0.80
"""Expected similarity of two workers whose labels scatter as sigma says: with d^2 / (8 sigma^2 s^2) exponential of
mean t, E[exp(-X)] = 1 / (1 + t), and t = 1/4 for a pair. Agreement is read against it, not against 1."""
HONEST_TO_TRUTH = 8 / 9
"""The same for one worker and the truth: t = 1/8."""


def extent(instance: Instance) -> tuple[tuple[float, float, float, float], str] | None:
    """Return x, y, width, height of the subject and their source: `box` if drawn, else `hull` or, around one place,
    `default`. None for an instance with neither a drawn box nor a keypoint.

    It always has an area, by the rules that `area` follows: `area` is `BOX_TO_AREA` of it. Numbers that are
    computed are rounded to `EXTENT_DIGITS`, so that they have no noise that the keypoints do not have.
    """
    if instance.box and min(instance.box[2:]) >= LEAST_BOX_SIDE:
        return instance.box, "box"
    hull = instance.hull
    if not hull:
        return None
    x, y, width, height = hull
    longer = max(width, height)
    least = max(SMALLEST_SIDE, THINNEST_BOX * longer) if longer else LONE_KEYPOINT_SIDE
    wide, high = max(width, least), max(height, least)
    sides = x - (wide - width) / 2, y - (high - height) / 2, wide, high
    left, top, wide, high = (round(side, EXTENT_DIGITS) for side in sides)
    return (left, top, wide, high), "hull" if longer else "default"


def area(instance: Instance, lone_area: float | None = None) -> tuple[float, str]:
    """The subject's area in square pixels, and its source: `box`, `hull`, or for less than two points `job` if
    `lone_area`, the job's usual area, is given and `default` if not."""
    if instance.box and min(instance.box[2:]) >= LEAST_BOX_SIDE:
        return BOX_TO_AREA * instance.box[2] * instance.box[3], "box"
    hull = instance.hull
    longer = max(hull[2:]) if hull else 0.0
    if not hull or longer == 0:
        return (lone_area, "job") if lone_area else (BOX_TO_AREA * LONE_KEYPOINT_SIDE**2, "default")
    floor = max(SMALLEST_SIDE, THINNEST_BOX * longer)
    return BOX_TO_AREA * max(hull[2], floor) * max(hull[3], floor), "hull"


def coco_oks(
    reference: Sequence[float],
    candidate: Sequence[float],
    *,
    box: Sequence[float],
    area: float,
    sigmas: Sequence[float],
) -> float:
    """OKS exactly as COCO's code computes it, its treatment of a reference without keypoints included.

    Args:
        reference, candidate: x, y, v for each keypoint in order. A candidate's v is not looked at, as in COCO: a
            keypoint that it lacks is at 0, 0.
        box: the reference's x, y, width, height; used only if no keypoint of it is labelled. Then distances are to
            that box, expanded by its own size on each side.
        area: the reference's, in square pixels.
        sigmas: one a keypoint.
    """
    labeled = any(v > 0 for v in reference[2::3])
    x0, x1 = box[0] - box[2], box[0] + 2 * box[2]
    y0, y1 = box[1] - box[3], box[1] + 2 * box[3]
    total, count = 0.0, 0
    for i, sigma in enumerate(sigmas):
        x, y = candidate[3 * i], candidate[3 * i + 1]
        if labeled:
            if not reference[3 * i + 2] > 0:
                continue
            dx, dy = x - reference[3 * i], y - reference[3 * i + 1]
        else:
            dx, dy = max(0.0, x0 - x) + max(0.0, x - x1), max(0.0, y0 - y) + max(0.0, y - y1)
        total += math.exp(-(dx * dx + dy * dy) / (2 * sigma) ** 2 / (area + sys.float_info.epsilon) / 2)
        count += 1
    return total / count


def keypoint_similarities(reference: Instance, candidate: Instance, sigmas: Mapping[str, float]) -> dict[str, float]:
    """COCO's similarity of each labelled keypoint of the reference; 0 where the candidate lacks it.

    COCO's code takes a lacking keypoint to be at 0, 0, which is a place like any other to it.
    """
    scale = 2 * area(reference)[0]
    theirs = candidate.by_label
    found: dict[str, float] = {}
    for p in reference.annotations:
        q = theirs.get(p.label)
        k = 2 * sigmas.get(p.label, DEFAULT_SIGMA)
        found[p.label] = math.exp(-((p.x - q.x) ** 2 + (p.y - q.y) ** 2) / (scale * k * k)) if q else 0.0
    return found


def oks(reference: Instance, candidate: Instance, sigmas: Mapping[str, float]) -> float | None:
    """OKS of a candidate with a reference, whose keypoints and area count; None of a reference without keypoints."""
    found = keypoint_similarities(reference, candidate, sigmas)
    return sum(found.values()) / len(found) if found else None


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


def coverage(a: Instance, b: Instance) -> float:
    """Keypoints that both have labelled over those that either has; 1 if neither has any."""
    mine, theirs = a.by_label.keys(), b.by_label.keys()
    return len(mine & theirs) / len(mine | theirs) if mine or theirs else 1.0


def distances(reference: Instance, candidate: Instance) -> dict[str, float]:
    """Pixels between the two versions of each keypoint that both have labelled."""
    theirs = candidate.by_label
    return {k.label: math.dist((k.x, k.y), (q.x, q.y)) for k in reference.annotations if (q := theirs.get(k.label))}


def longer_side(instance: Instance) -> float:
    """PCK's length: the longer side of the drawn box, else of the hull, and never below `SMALLEST_SIDE`."""
    box = instance.box or instance.hull or (0, 0, 0, 0)
    return max(box[2], box[3], SMALLEST_SIDE)


def pck(reference: Instance, candidate: Instance, share: float = 0.1) -> float | None:
    """Share of the reference's keypoints that the candidate has closer than `share` of the longer side."""
    if not reference.annotations:
        return None
    limit = share * longer_side(reference)
    return sum(d < limit for d in distances(reference, candidate).values()) / len(reference.annotations)


def nme(reference: Instance, candidate: Instance) -> float | None:
    """Normalised mean error: mean distance over the square root of the area, of the keypoints both have."""
    found = distances(reference, candidate)
    return sum(found.values()) / len(found) / math.sqrt(area(reference)[0]) if found else None
