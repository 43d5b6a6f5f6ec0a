"""Taxonomy: what kind of error a label is, against a reference.

Families and thresholds of Ronchi and Perona, "Benchmarking and Error Diagnosis in Multi-Instance Pose Estimation" (ICCV
2017) and of their coco-analyze; missing, extra and visibility are ours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from truepoint.pose.pose import OksComparer, Place, Pose

GOOD = 0.85
NEAR = 0.5

Kind = Literal["good", "jitter", "inversion", "swap", "miss", "missing", "extra", "visibility"]
"""Where a labelled keypoint of the reference is: near enough (good), near (jitter), on the other side of the same body
(inversion), on another body (swap), nowhere (miss) or not labelled (missing). Beside these: labelled where the
reference has nothing (extra), and labelled as visible or occluded against the reference (visibility)."""
KINDS: tuple[Kind, ...] = ("good", "jitter", "inversion", "swap", "miss", "missing", "extra", "visibility")


def classify(candidate: Pose, reference: Pose, others: Sequence[Pose], ruler: OksComparer) -> list[tuple[str, Kind]]:
    """Every error of a candidate, and what is good, by keypoint; a visibility error comes beside the place's kind.

    `others` are the references of the other subjects in the image.
    """
    found: list[tuple[str, Kind]] = []
    for label, place in reference.places.items():
        mine = candidate.places.get(label)
        if mine is None:
            found.append((label, "missing"))
            continue
        found.append((label, _kind(label, mine, reference, others, ruler)))
        if mine[2] != place[2]:
            found.append((label, "visibility"))
    found += [(label, "extra") for label in candidate.places if label not in reference.places]
    return found


def _kind(label: str, place: Place, reference: Pose, others: Sequence[Pose], ruler: OksComparer) -> Kind:
    inverse = ruler.inverse(label)
    mirror = ruler.pairs.get(label)

    def similarity(body: Pose, name: str | None) -> float:
        there = body.places.get(name) if name else None
        if there is None:
            return 0.0
        square = (place[0] - there[0]) ** 2 + (place[1] - there[1]) ** 2
        return math.exp(-square * inverse / (2 * reference.area))

    same, inverted = similarity(reference, label), similarity(reference, mirror)
    if same > GOOD:
        return "good"
    elsewhere = max((similarity(body, name) for body in others for name in (label, mirror)), default=0.0)
    best = max(same, inverted, elsewhere)
    if best < NEAR:
        return "miss"
    if same == best:
        return "jitter"
    return "inversion" if inverted == best else "swap"
