"""Checks for labels that look wrong without any reference. They warn and never forbid.

src/ui/lib/later/checks.js has the same rules; the cases in tests/cases test both. The limb factor is that of quality
reviews of COCO people (Ronchi and Perona 2017).
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from truepoint.pose.anatomy import Anatomy, Points
from truepoint.pose.instance import distance

LIMB_FACTOR = 3.0
"""Ratio by which a limb's length may differ from the template's proportion. Perspective explains smaller
differences."""
LEAST_LIMBS = 4
"""Minimum number of edges whose median length is used as the reference."""
Action = Literal["swap", "delete", "move", "place", "rename", "look"]


class Fix(msgspec.Struct, frozen=True, gc=False):
    """A proposed correction: exchange, delete, move, place or rename keypoints, or `look` if a person must decide."""

    action: Action
    keypoints: tuple[str, ...] = ()


def outside_image(points: Points, size: tuple[int, int]) -> tuple[int, ...]:
    """Return the keypoints outside an image of this width and height. The image's edge is inside."""
    return tuple(i for i, k in enumerate(points) if k and (k.x < 0 or k.y < 0 or k.x > size[0] or k.y > size[1]))


def odd_limbs(anatomy: Anatomy, points: Points) -> list[tuple[tuple[int, int], bool]]:
    """Return edges out of proportion with the template, and whether they are too long.

    The reference scale is the median over the instance's edges, which one misplaced keypoint does not shift.
    """
    ratios: list[tuple[tuple[int, int], float]] = []
    for a, b in anatomy.edges:
        p, q = points[a], points[b]
        drawn = math.dist(anatomy.template[a], anatomy.template[b])
        if p and q and drawn > 0:
            ratios.append(((a, b), max(distance(p, q), 1e-6) / drawn))
    if len(ratios) < LEAST_LIMBS:
        return []
    ordered = sorted(ratio for _, ratio in ratios)
    half = len(ordered) // 2
    median = ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
    return [
        (edge, ratio > median) for edge, ratio in ratios if ratio > LIMB_FACTOR * median or ratio < median / LIMB_FACTOR
    ]
