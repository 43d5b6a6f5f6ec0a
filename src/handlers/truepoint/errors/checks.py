"""Checks for labels that look wrong without any reference. They warn and never forbid.

src/ui/lib/checks.js has the same rules, levels and order of findings; the cases in tests/cases test both. Only this
module has `unknown_keypoints`, because the element cannot show keypoints that the skeleton lacks. Sources: the limb
factor and the thresholds of duplicates are those of quality reviews of COCO people (Ronchi and Perona 2017) and of
SLEAP.
"""

from __future__ import annotations

import math
from itertools import combinations
from typing import Literal

import msgspec

from truepoint.errors.swap_rules import distance, swapped_sides
from truepoint.pose.anatomy import Anatomy, Points
from truepoint.pose.instance import Instance
from truepoint.pose.similarity import area

LIMB_FACTOR = 3.0
"""Ratio by which a limb's length may differ from the template's proportion. Perspective explains smaller
differences."""
LEAST_LIMBS = 4
"""Minimum number of edges whose median length is used as the reference."""
COINCIDENT = 0.1
"""Distance below which two keypoints coincide, in units of sigma s. The limit is at least one pixel."""

Level = Literal["warning", "info"]
Action = Literal["swap", "delete", "move", "place", "rename", "look"]


class Fix(msgspec.Struct, frozen=True, gc=False):
    """A proposed correction: exchange, delete, move, place or rename keypoints, or `look` if a person must decide."""

    action: Action
    keypoints: tuple[str, ...] = ()


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One probable error. `instance` is the index in the list of instances."""

    check: str
    level: Level
    instance: int
    keypoints: tuple[str, ...] = ()
    message: str
    fix: Fix


def check_instance(
    anatomy: Anatomy, instance: Instance, place: int = 0, size: tuple[int, int] | None = None
) -> list[Finding]:
    """Return the findings of one instance.

    Args:
        anatomy: the job's skeleton.
        instance: the instance.
        place: index of the instance in its image.
        size: width and height of the image in pixels, if known.
    """
    points = anatomy.points(instance)
    unknown = tuple(k.label for k in instance.annotations if k.label not in anatomy.index)
    findings: list[Finding] = []

    def add(check: str, level: Level, keypoints: tuple[str, ...], message: str, fix: Fix) -> None:
        findings.append(
            Finding(check=check, level=level, instance=place, keypoints=keypoints, message=message, fix=fix)
        )

    if unknown:
        known_not = f"The skeleton does not have: {', '.join(unknown)}"
        add("unknown_keypoints", "warning", unknown, known_not, Fix("rename", unknown))
    if not any(points):
        add("empty_instance", "warning", (), "No keypoint placed", Fix("delete"))
        return findings
    if missing := anatomy.label(i for i, k in enumerate(points) if k is None):
        text = f"Neither placed nor marked: {', '.join(missing)}"
        add("missing_keypoints", "warning", missing, text, Fix("place", missing))
    if size and (outside := anatomy.label(outside_image(points, size))):
        add("out_of_image", "warning", outside, f"Outside the image: {', '.join(outside)}", Fix("move", outside))
    for pair in coincident(anatomy, points, math.sqrt(area(instance)[0])):
        names = anatomy.label(pair)
        add("coincident_keypoints", "warning", names, f"At the same position: {', '.join(names)}", Fix("move", names))
    if swap := swapped_sides(anatomy, instance):
        names = anatomy.label(swap.indexes)
        what = "the whole body" if swap.whole else ", ".join(names)
        add("swapped_sides", "warning", names, f"Left and right look swapped: {what}", Fix("swap", names))
    for (a, b), long in odd_limbs(anatomy, points):
        names = anatomy.label((a, b))
        text = f"Very {'long' if long else 'short'}: {names[0]} to {names[1]}"
        add("limb_length", "warning" if long else "info", names, text, Fix("move", names))
    return findings


def outside_image(points: Points, size: tuple[int, int]) -> tuple[int, ...]:
    """Return the keypoints outside an image of this width and height. The image's edge is inside."""
    return tuple(i for i, k in enumerate(points) if k and (k.x < 0 or k.y < 0 or k.x > size[0] or k.y > size[1]))


def coincident(anatomy: Anatomy, points: Points, s: float) -> list[tuple[int, int]]:
    """Return the pairs of keypoints that coincide. `s` is the square root of the subject's area, in pixels."""
    coinciding = []
    for (i, p), (j, q) in combinations([(i, k) for i, k in enumerate(points) if k], 2):
        if distance(p, q) < max(1.0, COINCIDENT * min(anatomy.sigmas[i], anatomy.sigmas[j]) * s):
            coinciding.append((i, j))
    return coinciding


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
